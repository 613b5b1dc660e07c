//! An agent's answer on its way to the ledger: checked, given its tag, and asked about once more when somebody else answered meanwhile.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use super::composer::{Answer, Draft, Guard, INSTAGRAM_BYTES, TEXT_CHARS, Written};
use super::endings;
use super::files;
use super::form::{Form, tidied, words};
use super::scene::Scene;
use super::timeline;
use super::visible::PostedTo;
use crate::control::Window;
use crate::ledger::{LedgerError, NewSend};
use crate::store::drafts::{DraftKind, Edition};
use crate::store::inbox::timeline::{PendingSend, again_key};
use crate::store::preferences::Reads;
use crate::web::State;
use crate::web::error::WebError;
use crate::web::posted::Fields;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};
use crate::wire::file::SentFile;
use crate::wire::{AttachmentId, Content, Done, InlineControl, Object, Send, Timestamp};

/// How many answers of others the question before sending shows.
const ANSWERS: i64 = 20;

/// What a form wants to happen once its message was sent.
fn then(fields: &Fields, now: Timestamp) -> Result<Option<Done>, WebError> {
    let text = fields.get("then");
    if text.is_empty() {
        return Ok(None);
    }
    endings::parse(text, now).map(Some).ok_or(WebError::Malformed("then"))
}

/// POST …/send: the text, and after it each file as a message of its own, for the platform takes either.
pub async fn send(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, mut fields } = posted;
    let picked = fields.take_files();
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    let scene = form.scene().await?;
    let written = Written::posted(&fields);
    let seen = fields.get("seen").parse::<i64>().ok();
    let then = then(&fields, scene.clock.now)?;
    let returned = |written: Written, seen| Draft { reply: Some(written), seen, then, ..Draft::default() };
    let mut sent = files::named(&web, &scene, &agent, &fields).await?;
    let picks = !picked.is_empty();
    match files::take(&web, &scene, &agent, picked).await? {
        // While they went up, the same form may have been sent once more, and its files with it: then these are left for the agent to look at.
        Ok(_) if picks && is_spent(&form, &written).await? => {}
        Ok(taken) => sent.extend(taken),
        Err(problem) => return form.back(StatusCode::UNPROCESSABLE_ENTITY, Some(problem), returned(written, seen)).await,
    }
    if picks && sent.is_empty() && written.text.is_empty() {
        return form.done().await;
    }
    if let Some(problem) = unfit(&written.text, !sent.is_empty(), scene.conversation.object, &scene) {
        return form.back(StatusCode::UNPROCESSABLE_ENTITY, Some(problem), returned(written, seen)).await;
    }
    let Some(inbox) = scene.inbox().cloned() else {
        return form.back(StatusCode::CONFLICT, Some(scene.t().why_no_inbox.to_owned()), returned(written, seen)).await;
    };
    let queued = fields.get("queued").parse::<i64>().ok();
    let last = seen.unwrap_or(scene.conversation.last_position);
    let had = scene.conversation.assignee.as_ref().map(|(user, _)| user.0);
    let done = then.map(|how| InlineControl::Done { how, seen: last, assignee: had });
    let next = if then.is_some() { form.next().await? } else { None };
    for Part { key, send } in parts(&scene, &written, &sent, done) {
        let new = NewSend {
            page: scene.conversation.page.clone(),
            app: inbox.clone(),
            user: Some(agent.user),
            send,
            epoch: None,
            idempotency_key: key,
            seen,
            queued,
            memory: None,
        };
        if let Err(error) = accept(&web, new, &agent).await {
            return refused(form, &scene, error, returned(written, seen)).await;
        }
        metrics::counter!("baton_inbox_sends_total").increment(1);
    }
    if agent.preferences.reads == Reads::ByAnswering {
        tidied(web.store.mark_read(agent.user, &scene.conversation.page, &scene.conversation.person, last, true).await);
    }
    if written.keyed().is_some() {
        tidied(web.store.spend_draft(form.place(DraftKind::Reply), &written.edition).await);
    }
    let ids: Vec<AttachmentId> = sent.into_iter().map(|file| file.id).collect();
    tidied(web.store.take_draft_files(form.beside(), &ids).await);
    form.left(next).await
}

/// Whether this form has been sent before.
async fn is_spent(form: &Form<'_>, written: &Written) -> Result<bool, WebError> {
    let (page, person) = (&form.conversation.page, &form.conversation.person);
    let spent = form.web.store.drafts(form.agent.user, page, person).await?.reply.spent;
    Ok(spent.is_some_and(|spent| written.keyed() == Some(spent.key.as_str())))
}

/// One message of a form.
struct Part {
    key: Option<String>,
    send: Send,
}

/// The messages of a form, each with a key of its own: whatever of it was accepted before is not accepted again. What shall happen then happens after the
/// last.
fn parts(scene: &Scene, written: &Written, files: &[SentFile], done: Option<InlineControl>) -> Vec<Part> {
    let text = (!written.text.is_empty()).then(|| Part { key: written.keyed().map(str::to_owned), send: reply(scene, &written.text) });
    let files = files
        .iter()
        .map(|file| Part { key: written.keyed().map(|key| format!("{key}.{}", file.id)), send: to_customer(scene, message_of(file)) });
    let mut parts: Vec<Part> = text.into_iter().chain(files).collect();
    if let Some(last) = parts.last_mut() {
        last.send.thread_control = done;
    }
    parts
}

/// A file as a message.
fn message_of(file: &SentFile) -> Map<String, Value> {
    let attachment = json!({ "type": file.kind.as_str(), "payload": { "attachment_id": file.id.as_str() } });
    Map::from_iter([("attachment".to_owned(), attachment)])
}

/// What the ledger did not take goes back to its author, with the reason.
async fn refused(form: Form<'_>, scene: &Scene, error: LedgerError, draft: Draft) -> Result<HttpResponse, WebError> {
    match error {
        LedgerError::SomebodyAnswered { position } => {
            let guard = guard(form.web, scene, draft.seen.unwrap_or_default(), form.queued).await?;
            // Somebody's answer that is still on its way has no position: what was seen stays seen.
            let seen = draft.seen.max(Some(position));
            form.back(StatusCode::CONFLICT, None, Draft { guard: Some(guard), seen, ..draft }).await
        }
        LedgerError::KeyReused => {
            let fresh = draft.reply.map(|written| Written { edition: Edition::default(), ..written });
            form.back(StatusCode::CONFLICT, Some(scene.t().problem_key.to_owned()), Draft { reply: fresh, seen: None, ..draft }).await
        }
        error => {
            let (status, problem) = words(error, scene)?;
            form.back(status, Some(problem), draft).await
        }
    }
}

/// POST …/again: another attempt at what was not sent. The old one stays as it is.
pub async fn again(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    let scene = form.scene().await?;
    let (page, person) = (&scene.conversation.page, &scene.conversation.person);
    let id = fields.get("send").parse::<i64>().map_err(|_| WebError::Malformed("send"))?;
    let failed = web.store.send_to(page, person, id).await?.ok_or(WebError::NotFound)?;
    let (Some(inbox), Content::Message { message, .. }) = (scene.inbox().cloned(), failed.send.content) else {
        return form.back(StatusCode::CONFLICT, Some(scene.t().why_no_inbox.to_owned()), Draft::default()).await;
    };
    if failed.app != inbox || !matches!(failed.state.as_str(), "failed" | "superseded" | "unknown") {
        // It went out meanwhile, or was never the inbox's: nothing to do, and the page says so.
        return form.done().await;
    }
    let new = NewSend {
        page: page.clone(),
        app: inbox,
        user: Some(agent.user),
        send: Send { extra: failed.send.extra, ..to_customer(&scene, message) },
        epoch: None,
        idempotency_key: Some(again_key(id)),
        seen: fields.get("seen").parse::<i64>().ok(),
        queued: None,
        memory: None,
    };
    match accept(&web, new, &agent).await {
        Ok(()) => form.done().await,
        Err(LedgerError::SomebodyAnswered { .. }) => {
            let problem = scene.t().again_answered.to_owned();
            form.back(StatusCode::CONFLICT, Some(problem), Draft::default()).await
        }
        Err(error) => {
            let (status, problem) = words(error, &scene)?;
            form.back(status, Some(problem), Draft::default()).await
        }
    }
}

/// Asks the ledger. An agent's own earlier message that came in since they last looked is no reason to ask back.
async fn accept(web: &State, mut new: NewSend, agent: &Agent) -> Result<(), LedgerError> {
    loop {
        let answered = match web.ledger.accept(new.clone()).await {
            Err(LedgerError::SomebodyAnswered { position }) => position,
            other => return other.map(|_| ()),
        };
        let since = new.seen.unwrap_or_default();
        let rows = web.store.timeline_from(&new.page, &new.send.person, since + 1, ANSWERS).await?;
        let by_others = |row: &crate::store::log::LogRow| row.kind == "echo" && row.user != Some(agent.user);
        if answered <= since || rows.iter().any(by_others) {
            return Err(LedgerError::SomebodyAnswered { position: answered });
        }
        new.seen = Some(rows.last().map_or(answered, |row| row.position.min(answered)));
    }
}

/// Why a text cannot be a message.
fn unfit(text: &str, has_files: bool, object: Object, scene: &Scene) -> Option<String> {
    let t = scene.t();
    let (count, limit, problem) = match object {
        Object::Instagram => (text.len(), INSTAGRAM_BYTES, t.problem_bytes),
        Object::Page => (text.chars().count(), TEXT_CHARS, t.problem_long),
    };
    if text.is_empty() {
        return (!has_files).then(|| t.problem_empty.to_owned());
    }
    // The limit itself is already too long on Messenger: the reference says "under".
    let over = if object == Object::Page { count >= limit } else { count > limit };
    over.then(|| fill(problem, &[("count", &count.to_string()), ("limit", &limit.to_string())]))
}

fn reply(scene: &Scene, text: &str) -> Send {
    to_customer(scene, Map::from_iter([("text".to_owned(), Value::from(text))]))
}

/// A message of an agent as the platform wants it: within a day a response, later the work of a person.
fn to_customer(scene: &Scene, message: Map<String, Value>) -> Send {
    let human = matches!(scene.window(), Window::HumanAgent { .. });
    Send {
        person: scene.conversation.person.clone(),
        content: Content::Message { message, metadata: None },
        messaging_type: Some(if human { "MESSAGE_TAG" } else { "RESPONSE" }.to_owned()),
        tag: human.then(|| "HUMAN_AGENT".to_owned()),
        extra: Map::new(),
        thread_control: None,
    }
}

/// What others wrote meanwhile, as a question.
async fn guard(web: &State, scene: &Scene, seen: i64, queued: i64) -> Result<Guard, WebError> {
    let (page, person) = (&scene.conversation.page, &scene.conversation.person);
    let rows = web.store.answers_of_others(page, person, scene.names.me, seen, ANSWERS).await?;
    let waiting = web.store.pending_sends(page, person, Timestamp::from_millis(0), None).await?;
    let mut on_its_way: Vec<PendingSend> = waiting
        .into_iter()
        .filter(|send| send.send_id > queued && send.user != Some(scene.names.me) && matches!(send.state.as_str(), "accepted" | "sending"))
        .collect();
    let users = rows.iter().filter_map(|row| row.user).chain(on_its_way.iter().filter_map(|send| send.user));
    let ids: Vec<i64> = users.map(|user| user.0).collect();
    let mut names = super::names::Names::new(web.store.app_names().await?, scene.names.me, scene.t());
    names.learn(web.store.user_names(&ids).await?);
    let mut answers: Vec<Answer> = rows.iter().map(|row| timeline::answer(row, &names)).map(|(who, text)| Answer { who, text }).collect();
    let last = rows.last().map(|row| row.at);
    let t = scene.t();
    let title = match (on_its_way.last(), answers.last(), last) {
        (Some(send), ..) => fill(t.guard_title_too, &[("name", &names.actor(Some(&send.app), send.user))]),
        (None, Some(answer), Some(at)) => since(&answer.who, scene.clock.now.since(at), t),
        _ => t.guard_title_somebody.to_owned(),
    };
    answers.extend(
        on_its_way
            .drain(..)
            .map(|send| Answer { who: names.actor(Some(&send.app), send.user), text: send.send.text().unwrap_or(t.part_file).to_owned() }),
    );
    Ok(Guard { title, answers })
}

fn since(name: &str, millis: i64, t: &Texts) -> String {
    let seconds = (millis / 1000).max(1);
    if seconds < 120 {
        return fill(t.guard_title, &[("name", name), ("seconds", &seconds.to_string())]);
    }
    fill(t.guard_title_minutes, &[("name", name), ("minutes", &(seconds / 60).to_string())])
}
