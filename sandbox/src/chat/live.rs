//! Which conversations change, as server-sent events.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use futures_util::stream;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::platform::Platform;
use crate::world::ThreadKey;

/// A silent stream says so this often, so that both ends notice a break.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// `GET /live`: `change` with `{page_id, psid}`, or `all` after changes were missed.
pub async fn stream(platform: Data<Platform>) -> HttpResponse {
    let hello = Bytes::from_static(b"retry: 1000\n\n");
    let events = stream::unfold((Some(hello), platform.live()), async |(hello, mut changes)| {
        let chunk = match hello {
            Some(hello) => hello,
            None => next(&mut changes).await?,
        };
        Some((Ok::<_, actix_web::Error>(chunk), (None, changes)))
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(Box::pin(events))
}

async fn next(changes: &mut Receiver<ThreadKey>) -> Option<Bytes> {
    match timeout(HEARTBEAT, changes.recv()).await {
        Err(_) => Some(Bytes::from_static(b": still here\n\n")),
        Ok(Ok(key)) => Some(Bytes::from(format!("event: change\ndata: {}\n\n", json!(key)))),
        Ok(Err(RecvError::Lagged(_))) => Some(Bytes::from_static(b"event: all\ndata: {}\n\n")),
        Ok(Err(RecvError::Closed)) => None,
    }
}
