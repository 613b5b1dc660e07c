//! Notes among agents, and drafts of everything. Neither ever becomes a message: the forms, their addresses and their handlers are others.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::composer::{Draft, Written};
use super::files;
use super::form::{Form, tidied, words};
use super::pages::by_script;
use super::visible::PostedTo;
use crate::ledger::Act;
use crate::store::drafts::{DraftKind, Edition};
use crate::web::State;
use crate::web::error::WebError;
use crate::web::text::fill;

/// Longest note, in characters.
const NOTE_CHARS: usize = 4000;

/// Longest draft that is kept, in characters: more than any message or note can have.
const DRAFT_CHARS: usize = 10_000;

/// POST …/note
pub async fn note(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    let written = Written::posted(&fields);
    if written.text.is_empty() {
        return form.done().await;
    }
    let t = agent.lang.texts();
    if written.text.chars().count() > NOTE_CHARS {
        let problem = fill(t.problem_note_long, &[("limit", &NOTE_CHARS.to_string())]);
        return form.back(StatusCode::UNPROCESSABLE_ENTITY, Some(problem), Draft::of_note(written)).await;
    }
    let (page, person) = (form.conversation.page.clone(), form.conversation.person.clone());
    let note = Act::Note { text: written.text.clone(), form: written.keyed().map(str::to_owned) };
    match web.ledger.act(page, person, Some(agent.user), note).await {
        Ok(_) => {
            if written.keyed().is_some() {
                tidied(web.store.spend_draft(form.place(DraftKind::Note), &written.edition).await);
            }
            form.done().await
        }
        Err(error) => {
            let (status, problem) = words(error, &form.scene().await?)?;
            form.back(status, Some(problem), Draft::of_note(written)).await
        }
    }
}

/// POST …/draft: keeps what is being written.
pub async fn draft(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, mut fields } = posted;
    let picked = fields.take_files();
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    let kind = DraftKind::parse(fields.get("kind")).ok_or(WebError::Malformed("kind"))?;
    let Written { edition, .. } = Written::posted(&fields);
    let text = fields.get("text").replace("\r\n", "\n");
    if edition.key.is_empty() {
        return Err(WebError::Malformed("key"));
    }
    if text.chars().count() > DRAFT_CHARS {
        return Err(WebError::TooLarge);
    }
    let kept = web.store.save_draft(form.place(kind), &edition, &text).await?;
    if !picked.is_empty()
        && let Err(problem) = files::take(&web, &form.scene().await?, &agent, picked).await?
    {
        return form.back(StatusCode::UNPROCESSABLE_ENTITY, Some(problem), Draft::default()).await;
    }
    if by_script(&request) {
        return Ok(if kept { HttpResponse::NoContent() } else { HttpResponse::Conflict() }.finish());
    }
    if kept {
        return form.done().await;
    }
    let written = Written { text, edition: Edition::default() };
    let returned = match kind {
        DraftKind::Reply => Draft { reply: Some(written), ..Draft::default() },
        DraftKind::Note => Draft::of_note(written),
    };
    form.back(StatusCode::CONFLICT, Some(agent.lang.texts().desk.draft_newer.to_owned()), returned).await
}
