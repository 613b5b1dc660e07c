//! Who is viewing a conversation and who is typing in it. Browsers give a sign every 15 seconds and when it changes; signs go round all processes,
//! are kept in memory alone, and count for 40 seconds. That somebody has changed tags or fields goes the same way, so that open pages look again.

mod board;

use actix_web::HttpResponse;

use super::State;
use super::error::WebError;
use super::inbox::visible::PostedTo;
use super::session::Agent;
use crate::store::inbox::conversation;

pub use board::{Board, Conversation, Doing, Sign, Told};

/// Longest name in a sign, in characters.
const NAME_CHARS: usize = 80;

/// POST /inbox/{page}/{person}/presence
pub async fn tell(web: State, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let doing = match fields.get("doing") {
        "viewing" => Doing::Viewing,
        "typing" => Doing::Typing,
        "gone" => Doing::Gone,
        _ => return Err(WebError::Malformed("doing")),
    };
    spread(&web, &agent, &conversation, doing).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Tags or fields have changed. Open pages that do not hear of it see it within a minute.
pub async fn wrote(web: &State, agent: &Agent, conversation: &conversation::Conversation) {
    if let Err(error) = spread(web, agent, conversation, Doing::Wrote).await {
        tracing::info!(%error, "colleagues are not told that something was written down");
    }
}

async fn spread(web: &State, agent: &Agent, conversation: &conversation::Conversation, doing: Doing) -> Result<(), WebError> {
    let name = agent.name.chars().take(NAME_CHARS).collect();
    let sign = Sign { page: conversation.page.clone(), person: conversation.person.clone(), user: agent.user, name, doing };
    let sign = serde_json::to_string(&sign).map_err(|error| WebError::Internal(error.to_string()))?;
    Ok(web.store.tell_presence(&sign).await?)
}
