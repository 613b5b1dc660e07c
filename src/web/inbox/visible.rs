//! A conversation that an agent may see. There is no other way to one from an address.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use crate::store::inbox::conversation::Conversation;
use crate::web::State;
use crate::web::error::WebError;
use crate::web::posted::{Fields, Posted};
use crate::web::session::{self, Agent};
use crate::wire::{PageId, PersonId};

/// A conversation in the address, and somebody who may see it. What does not exist and what is not theirs look the same.
pub struct Visible {
    /// Who.
    pub agent: Agent,
    /// What.
    pub conversation: Conversation,
}

/// The same, with a form about it.
pub struct PostedTo {
    /// Who.
    pub agent: Agent,
    /// What.
    pub conversation: Conversation,
    /// What the form says.
    pub fields: Fields,
}

async fn find(web: &State, agent: &Agent, request: &HttpRequest) -> Result<Conversation, WebError> {
    let path = web::Path::<(String, String)>::extract(request).await.map_err(|_| WebError::NotFound)?;
    let page = PageId::parse(&path.0).map_err(|_| WebError::NotFound)?;
    let person = PersonId::parse(&path.1).map_err(|_| WebError::NotFound)?;
    if !agent.scope.allows(&page) {
        return Err(WebError::NotFound);
    }
    web.store.conversation(&page, &person).await?.ok_or(WebError::NotFound)
}

impl FromRequest for Visible {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, WebError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let web = session::state(&request)?;
            let agent = Agent::of(&web, &request).await?;
            let conversation = find(&web, &agent, &request).await?;
            Ok(Self { agent, conversation })
        })
    }
}

impl FromRequest for PostedTo {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, WebError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let posted = Posted::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let Posted { agent, fields } = posted.await?;
            let conversation = find(&session::state(&request)?, &agent, &request).await?;
            Ok(Self { agent, conversation, fields })
        })
    }
}
