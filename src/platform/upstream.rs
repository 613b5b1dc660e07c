//! Makes the calls that the face towards apps asks for.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Client;
use super::client::{Meaning, Outcome};
use crate::wire::upstream::{UpstreamCall, UpstreamError};

/// How many calls for apps may be under way at once.
const AT_ONCE: usize = 64;

/// Makes calls until `stop`, or until nobody can ask any longer.
pub async fn serve(client: Client, mut calls: mpsc::Receiver<UpstreamCall>, stop: CancellationToken) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut under_way = JoinSet::new();
    loop {
        let call = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = under_way.join_next() => continue,
            call = calls.recv() => match call {
                Some(call) => call,
                None => break,
            },
        };
        // Whoever waited has gone; a write that nobody hears of is better not made.
        if call.answer.is_closed() {
            continue;
        }
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
        let client = client.clone();
        under_way.spawn(async move {
            let _permit = permit;
            let answer = answer(client.call(&call.request).await);
            // Nobody waits any longer: their time was up.
            let _ = call.answer.send(answer);
        });
    }
    while under_way.join_next().await.is_some() {}
}

/// What an outcome means to an app. A dead token of the Page is no fault of the app, whose own token is fine.
fn answer(outcome: Outcome) -> Result<serde_json::Value, UpstreamError> {
    match outcome {
        Outcome::Answered(value) => Ok(value),
        Outcome::Refused(refused) if refused.meaning() == Meaning::TokenDead => Err(UpstreamError::Unavailable),
        Outcome::Refused(refused) => Err(UpstreamError::Refused(refused.error)),
        Outcome::NotWritten(_) | Outcome::Unknown(_) => Err(UpstreamError::Unavailable),
    }
}
