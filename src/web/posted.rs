//! A form that a logged-in agent sent from one of our pages.

use std::future::Future;
use std::pin::Pin;

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use tokio::sync::OwnedSemaphorePermit;

use super::error::WebError;
use super::parts::{self, PickedFile};
use super::session::{self, Agent};

/// How long a form may take to arrive: whoever holds one back holds a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// The fields of a form, as the browser sent them, and its files where the address takes some.
pub struct Fields {
    pairs: Vec<(String, String)>,
    /// What was picked.
    files: Vec<PickedFile>,
    /// The room that the files take, given back with them.
    _room: Option<OwnedSemaphorePermit>,
}

impl Fields {
    /// NUL is left out: no field of ours has a use for it, and PostgreSQL takes none.
    pub(super) fn new(pairs: impl Iterator<Item = (String, String)>, files: Vec<PickedFile>, room: Option<OwnedSemaphorePermit>) -> Self {
        Self { pairs: pairs.map(|(name, value)| (name, value.replace('\0', ""))).collect(), files, _room: room }
    }

    /// Reads the body of a form without files.
    fn read(body: &[u8]) -> Self {
        Self::new(url::form_urlencoded::parse(body).into_owned(), Vec::new(), None)
    }

    /// The files, once.
    pub fn take_files(&mut self) -> Vec<PickedFile> {
        std::mem::take(&mut self.files)
    }

    /// All values of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A field's value; empty when it is missing.
    pub fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// A field's value, empty or not, if the form has the field.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A field's value, if it is there and not empty.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }
}

impl FromRequest for Fields {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, WebError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if let Some(files) = parts::expected(request) {
            return Box::pin(parts::read(files, request.clone(), payload.take()));
        }
        let body = Bytes::from_request(request, payload);
        Box::pin(async move {
            let body = tokio::time::timeout(PATIENCE, body).await.map_err(|_| WebError::TooSlow)?;
            Ok(Self::read(&body.map_err(|_| WebError::TooLarge)?))
        })
    }
}

/// A form with the authority of the login it was made for: the origin and the login's own token are right.
pub struct Posted {
    /// Who sent it.
    pub agent: Agent,
    /// What it says.
    pub fields: Fields,
}

impl FromRequest for Posted {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, WebError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let fields = Fields::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let web = session::state(&request)?;
            let agent = Agent::of(&web, &request).await?;
            let fields = fields.await?;
            if session::same_site(&request, &web.settings) && agent.owns(fields.get("csrf")) {
                Ok(Self { agent, fields })
            } else {
                Err(WebError::Forged)
            }
        })
    }
}
