//! Saved replies beside a text in progress: the list, with everything filled in that is known, and putting one in without script.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::composer::{Choice, Draft, Written};
use super::files;
use super::form::Form;
use super::scene::Scene;
use super::visible::{PostedTo, Visible};
use crate::store::saved_replies::SavedReply;
use crate::web::State;
use crate::web::error::WebError;
use crate::web::session::Agent;

/// A reply as the script gets it.
#[derive(Serialize)]
struct Ready {
    id: i64,
    title: String,
    shortcut: String,
    category: String,
    text: String,
    /// How many files go with it.
    files: usize,
}

/// GET …/replies: all that this agent may use here.
pub async fn list(web: State, visible: Visible) -> Result<HttpResponse, WebError> {
    let Visible { agent, conversation } = visible;
    let scene = Scene::load(&web, &agent, conversation).await?;
    let ready = |reply: SavedReply| Ready {
        id: reply.id.0,
        files: reply.files.len(),
        text: fill_in(&reply.text.body, |name| value(name, &scene, &agent)),
        title: reply.text.title,
        shortcut: reply.text.shortcut,
        category: reply.text.category,
    };
    let replies: Vec<Ready> = web.store.saved_replies(agent.user).await?.into_iter().map(ready).collect();
    Ok(HttpResponse::Ok().json(replies))
}

/// POST …/insert: puts a reply behind the text; without one, asks which.
pub async fn insert(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, mut fields } = posted;
    let mut picked = fields.take_files();
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    let replies = web.store.saved_replies(agent.user).await?;
    let mut written = Written::posted(&fields);
    let seen = fields.get("seen").parse().ok();
    let chosen = fields.find("saved").and_then(|id| id.parse::<i64>().ok());
    let Some(id) = chosen else {
        let choices = replies.into_iter().map(|reply| Choice { id: reply.id.0, title: reply.text.title }).collect();
        return form.back(StatusCode::OK, None, Draft { reply: Some(written), seen, choices: Some(choices), ..Draft::default() }).await;
    };
    let reply = replies.into_iter().find(|reply| reply.id.0 == id).ok_or(WebError::NotFound)?;
    let scene = form.scene().await?;
    let text = fill_in(&reply.text.body, |name| value(name, &scene, &agent));
    written.text = if written.text.is_empty() { text } else { format!("{}\n{text}", written.text) };
    let (of_reply, room) = files::of_reply(&web, &agent, reply.id).await?;
    picked.extend(of_reply);
    let problem = files::take(&web, &scene, &agent, picked).await?.err();
    drop(room);
    form.back(StatusCode::OK, problem, Draft { reply: Some(written), seen, ..Draft::default() }).await
}

/// What a variable stands for here, if that is known.
fn value(name: &str, scene: &Scene, agent: &Agent) -> Option<String> {
    let first = |name: &str| name.split_whitespace().next().map(str::to_owned);
    let customer = &scene.conversation.name;
    match name {
        "customer_name" => customer.display(),
        "customer_first_name" => customer.first.clone().filter(|name| !name.trim().is_empty()).or_else(|| first(&customer.display()?)),
        "agent_name" => Some(agent.name.clone()),
        "agent_first_name" => first(&agent.name),
        "page_name" => Some(scene.conversation.page_name.clone()),
        _ => None,
    }
}

/// Fills variables in: `{name|fallback}` is the value, else the fallback; `{name}` without a value stays, for the agent to fill in.
fn fill_in(body: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(body.len() + 32);
    let mut rest = body;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let variable = after.split_once('}').map(|(inner, tail)| (inner, inner.split_once('|'), tail));
        match variable {
            Some((inner, parts, tail)) if is_name(parts.map_or(inner, |(name, _)| name)) => {
                let name = parts.map_or(inner, |(name, _)| name);
                match (value(name), parts) {
                    (Some(known), _) => filled.push_str(&known),
                    (None, Some((_, fallback))) => filled.push_str(fallback),
                    (None, None) => filled.push_str(&format!("{{{name}}}")),
                }
                rest = tail;
            }
            _ => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_once_and_what_is_missing_stays_or_falls_back() {
        let value = |name: &str| match name {
            "customer_first_name" => Some("{page_name}".to_owned()),
            "page_name" => Some("Harbour".to_owned()),
            _ => None,
        };
        for (body, expected) in [
            ("Hi {customer_first_name|there}!", "Hi {page_name}!"),
            ("{page_name}", "Harbour"),
            ("Hi {customer_name|there}, {order}", "Hi there, {order}"),
            ("{customer_name|}!", "!"),
            ("{ json: {\"a\": 1} } {", "{ json: {\"a\": 1} } {"),
            ("{Not A Name} {a{page_name}", "{Not A Name} {aHarbour"),
        ] {
            assert_eq!(fill_in(body, value), expected, "{body}");
        }
    }
}
