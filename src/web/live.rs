//! The live stream: which conversations changed, and up to which position. Browsers fetch the rest as fragments.

mod changes;
mod conversations;
mod cursor;
mod feed;

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Bytes, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::Deserialize;

use super::State;
use super::error::WebError;
use super::presence::Conversation;
use super::session::Agent;
use crate::wire::{PageId, PersonId};
use changes::Watcher;

pub use feed::Feed;

/// Changes are gathered this long, so that a busy Page costs a browser four fetches a second.
const GATHER: Duration = Duration::from_millis(250);

/// A sign of life, so that the browser notices a dead connection, and how often the login is looked at.
const BEAT: Duration = Duration::from_secs(5);

/// What a browser shows.
#[derive(Debug, Deserialize)]
pub struct Shown {
    /// The conversation: its Page and its person, with a slash between.
    open: Option<String>,
}

impl Shown {
    fn conversation(&self) -> Option<Conversation> {
        let (page, person) = self.open.as_deref()?.split_once('/')?;
        Some((PageId::parse(page).ok()?, PersonId::parse(person).ok()?))
    }
}

/// GET /live
pub async fn stream(web: State, request: HttpRequest, shown: Query<Shown>, agent: Agent) -> Result<HttpResponse, WebError> {
    let resumed = request.headers().get("last-event-id").and_then(|value| value.to_str().ok()).map(cursor::parse);
    let watcher = Watcher::open(web, agent, resumed, shown.conversation()).await?;
    let events = stream::unfold(Some(watcher), |watcher| async move {
        let mut watcher = watcher?;
        let (text, goes_on) = watcher.next().await;
        Some((Ok::<_, actix_web::Error>(Bytes::from(text)), goes_on.then_some(watcher)))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Proxies that gather answers would hold the events back.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(stream_box(events)))
}

/// Pinned, because the body of a response must not move.
fn stream_box<S: stream::Stream + 'static>(events: S) -> std::pin::Pin<Box<S>> {
    Box::pin(events)
}
