//! Who is viewing a conversation and who is typing in it. Browsers give a sign every 15 seconds and when it changes; signs go round all processes,
//! are kept in memory alone, and count for 40 seconds.

mod board;

use actix_web::HttpResponse;

use super::State;
use super::error::WebError;
use super::inbox::visible::PostedTo;

pub use board::{Board, Conversation, Doing, Sign};

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
    let name = agent.name.chars().take(NAME_CHARS).collect();
    let sign = Sign { page: conversation.page, person: conversation.person, user: agent.user, name, doing };
    web.store.tell_presence(&serde_json::to_string(&sign).map_err(|error| WebError::Internal(error.to_string()))?).await?;
    Ok(HttpResponse::NoContent().finish())
}
