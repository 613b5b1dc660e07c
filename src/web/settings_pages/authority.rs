//! Forms that only admins may send.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::access::Role;
use crate::web::error::WebError;
use crate::web::posted::{Fields, Posted};
use crate::web::session::Agent;

/// A form that an admin sent. Nobody else is shown one, and to nobody else the address exists.
pub struct PostedByAdmin {
    /// Who sent it.
    pub agent: Agent,
    /// What it says.
    pub fields: Fields,
}

impl FromRequest for PostedByAdmin {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, WebError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let posted = Posted::from_request(request, payload);
        Box::pin(async move {
            let Posted { agent, fields } = posted.await?;
            if agent.role == Role::Admin { Ok(Self { agent, fields }) } else { Err(WebError::NotFound) }
        })
    }
}
