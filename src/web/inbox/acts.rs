//! What agents do: answer, take notes, move control. Each is one command to the ledger; what it refuses comes back as words beside the text.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};

use super::address::Asked;
use super::composer::{Answer, Draft, Guard, INSTAGRAM_BYTES, TEXT_CHARS};
use super::moves;
use super::pages::{Returned, by_script, show};
use super::scene::Scene;
use super::timeline;
use super::visible::PostedTo;
use crate::access::UserId;
use crate::control::{Command, Window};
use crate::ledger::{Act, LedgerError, NewSend, Order};
use crate::store::inbox_conversation::Conversation;
use crate::web::State;
use crate::web::error::WebError;
use crate::web::login::see;
use crate::web::posted::Fields;
use crate::web::session::Agent;
use crate::web::text::fill;
use crate::wire::{AppId, Content, Metadata, Object, Send};

/// Longest note, in characters.
const NOTE_CHARS: usize = 4000;

/// How many answers of others the question before sending shows.
const ANSWERS: i64 = 20;

/// A form about a conversation on its way.
struct Form<'a> {
    web: &'a State,
    agent: &'a Agent,
    asked: Asked,
    conversation: Conversation,
}

impl<'a> Form<'a> {
    fn new(web: &'a State, request: &HttpRequest, agent: &'a Agent, conversation: Conversation, fields: &Fields) -> Self {
        Self { web, agent, asked: Asked::posted(fields.get("view"), by_script(request)), conversation }
    }

    /// It was done: back to the conversation, or for scripts its new state.
    async fn done(self) -> Result<HttpResponse, WebError> {
        self.web.badges().forget(self.agent.user);
        if self.asked.fragment.is_none() {
            return Ok(see(&self.asked.list().conversation(&self.conversation.page, &self.conversation.person)));
        }
        self.back(StatusCode::OK, None, Draft::default()).await
    }

    /// The conversation as it is now, with the words and what had been written.
    async fn back(self, status: StatusCode, problem: Option<String>, draft: Draft) -> Result<HttpResponse, WebError> {
        let (page, person) = (&self.conversation.page, &self.conversation.person);
        let now = self.web.store.conversation(page, person).await?.ok_or(WebError::NotFound)?;
        let list = self.asked.list();
        show(self.web, self.agent, now, &list, &self.asked, Returned { status, problem, draft }).await
    }

    async fn scene(&self) -> Result<Scene, WebError> {
        Scene::load(self.web, self.agent, self.conversation.clone()).await
    }
}

/// POST …/send
pub async fn send(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let act = Form::new(&web, &request, &agent, conversation, &fields);
    let scene = act.scene().await?;
    let text = fields.get("text").replace("\r\n", "\n").trim().to_owned();
    let key = Some(fields.get("key")).filter(|key| (8..=64).contains(&key.len())).map(str::to_owned);
    let seen = fields.get("seen").parse::<i64>().ok();
    let draft = |key: Option<String>, seen| Draft { text: text.clone(), key, seen, ..Draft::default() };
    if let Some(problem) = unfit(&text, scene.conversation.object, &scene) {
        return act.back(StatusCode::UNPROCESSABLE_ENTITY, Some(problem), draft(key, seen)).await;
    }
    let Some(inbox) = scene.inbox().cloned() else {
        return act.back(StatusCode::CONFLICT, Some(scene.t().why_no_inbox.to_owned()), draft(key, seen)).await;
    };
    let new = NewSend {
        page: scene.conversation.page.clone(),
        app: inbox,
        user: Some(agent.user),
        send: reply(&scene, &text),
        epoch: None,
        idempotency_key: key.clone(),
        seen,
        memory: None,
    };
    match accept(&web, new, &agent).await {
        Ok(()) => {
            metrics::counter!("baton_inbox_sends_total").increment(1);
            act.done().await
        }
        Err(LedgerError::SomebodyAnswered { position }) => {
            let guard = guard(&web, &scene, seen.unwrap_or_default()).await?;
            let draft = Draft { guard: Some(guard), ..draft(key, Some(position)) };
            act.back(StatusCode::CONFLICT, None, draft).await
        }
        Err(LedgerError::KeyReused) => {
            let problem = scene.t().problem_key.to_owned();
            act.back(StatusCode::CONFLICT, Some(problem), draft(None, None)).await
        }
        Err(error) => {
            let (status, problem) = words(error, &scene)?;
            act.back(status, Some(problem), draft(key, seen)).await
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
fn unfit(text: &str, object: Object, scene: &Scene) -> Option<String> {
    let t = scene.t();
    let (count, limit, problem) = match object {
        Object::Instagram => (text.len(), INSTAGRAM_BYTES, t.problem_bytes),
        Object::Page => (text.chars().count(), TEXT_CHARS, t.problem_long),
    };
    if text.is_empty() {
        return Some(t.problem_empty.to_owned());
    }
    // The limit itself is already too long on Messenger: the reference says "under".
    let over = if object == Object::Page { count >= limit } else { count > limit };
    over.then(|| fill(problem, &[("count", &count.to_string()), ("limit", &limit.to_string())]))
}

/// A reply as the platform wants it: within a day a response, later the work of a person.
fn reply(scene: &Scene, text: &str) -> Send {
    let human = matches!(scene.window(), Window::HumanAgent { .. });
    let message = Map::from_iter([("text".to_owned(), Value::from(text))]);
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
async fn guard(web: &State, scene: &Scene, seen: i64) -> Result<Guard, WebError> {
    let (page, person) = (&scene.conversation.page, &scene.conversation.person);
    let rows = web.store.timeline_from(page, person, seen + 1, ANSWERS).await?;
    let ids: Vec<i64> = rows.iter().filter_map(|row| row.user).map(|user| user.0).collect();
    let mut names = super::names::Names::new(web.store.app_names().await?, scene.names.me, scene.t());
    names.learn(web.store.user_names(&ids).await?);
    let answers = timeline::answers_since(&rows, seen, &names);
    let title = match answers.last() {
        Some((name, _)) => fill(scene.t().guard_title, &[("name", name)]),
        None => scene.t().guard_title_somebody.to_owned(),
    };
    Ok(Guard { title, answers: answers.into_iter().map(|(who, text)| Answer { who, text }).collect() })
}

/// POST …/note
pub async fn note(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let act = Form::new(&web, &request, &agent, conversation, &fields);
    let text = fields.get("text").replace("\r\n", "\n").trim().to_owned();
    if text.is_empty() {
        return act.done().await;
    }
    let t = agent.lang.texts();
    let draft = |text| Draft { note: text, ..Draft::default() };
    if text.chars().count() > NOTE_CHARS {
        let problem = fill(t.problem_note_long, &[("limit", &NOTE_CHARS.to_string())]);
        return act.back(StatusCode::UNPROCESSABLE_ENTITY, Some(problem), draft(text)).await;
    }
    let (page, person) = (act.conversation.page.clone(), act.conversation.person.clone());
    match web.ledger.act(page, person, Some(agent.user), Act::Note { text: text.clone() }).await {
        Ok(_) => act.done().await,
        Err(error) => {
            let (status, problem) = words(error, &act.scene().await?)?;
            act.back(status, Some(problem), draft(text)).await
        }
    }
}

/// What a control form wants.
enum Wanted {
    Command(Command),
    Act(Act),
}

/// POST …/control
pub async fn control(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let act = Form::new(&web, &request, &agent, conversation, &fields);
    let scene = act.scene().await?;
    let wanted = match wanted(&fields, &scene, &agent)? {
        Ok(wanted) => wanted,
        Err(problem) => return act.back(StatusCode::CONFLICT, Some(problem), Draft::default()).await,
    };
    if let Wanted::Act(Act::Assign { to: Some(to) }) = &wanted {
        only_colleagues(&web, &scene, *to).await?;
    }
    let closing = matches!(wanted, Wanted::Act(Act::Close));
    match carry_out(&web, &agent, &scene, wanted).await {
        Ok(()) if closing && !by_script(&request) => {
            web.badges().forget(agent.user);
            Ok(see(&Asked::posted(fields.get("view"), false).list().href()))
        }
        Ok(()) => act.done().await,
        Err(error) => {
            let (status, problem) = words(error, &scene)?;
            act.back(status, Some(problem), Draft::default()).await
        }
    }
}

/// Reads the form. The inner error is a refusal that is known already.
fn wanted(fields: &Fields, scene: &Scene, agent: &Agent) -> Result<Result<Wanted, String>, WebError> {
    let Some(app) = scene.inbox().cloned() else { return Ok(Err(scene.t().why_no_inbox.to_owned())) };
    let metadata = fields.find("note").map(Metadata::parse).transpose().map_err(|_| WebError::Malformed("note"))?;
    let to = fields.find("to").map(str::parse::<i64>).transpose().map_err(|_| WebError::Malformed("to"))?;
    let target = fields.find("target").map(AppId::parse).transpose().map_err(|_| WebError::Malformed("target"))?;
    Ok(Ok(match (fields.get("action"), target, to) {
        ("take", ..) => match moves::take_command(scene, &app) {
            Ok(command) => Wanted::Command(command),
            Err(refusal) => return Ok(Err(fill(scene.t().problem_refused, &[("why", &moves::why_not(scene, refusal))]))),
        },
        ("request", ..) => Wanted::Command(Command::Request { app, metadata }),
        ("release", ..) => Wanted::Command(Command::Release { app, metadata }),
        ("close", ..) => Wanted::Act(Act::Close),
        ("reopen", ..) => Wanted::Act(Act::Reopen),
        ("assign", ..) => Wanted::Act(Act::Assign { to: Some(to.map_or(agent.user, UserId)) }),
        ("", Some(target), _) => Wanted::Command(Command::Pass { app, target: Some(target), metadata }),
        ("", None, Some(0)) => Wanted::Act(Act::Assign { to: None }),
        ("", None, Some(to)) => Wanted::Act(Act::Assign { to: Some(UserId(to)) }),
        _ => return Err(WebError::Malformed("action")),
    }))
}

/// A conversation can only be given to somebody who may see it.
async fn only_colleagues(web: &State, scene: &Scene, to: UserId) -> Result<(), WebError> {
    let colleagues = web.store.colleagues(&scene.conversation.page).await?;
    if colleagues.iter().any(|(user, _)| *user == to) { Ok(()) } else { Err(WebError::Malformed("to")) }
}

async fn carry_out(web: &State, agent: &Agent, scene: &Scene, wanted: Wanted) -> Result<(), LedgerError> {
    let (page, person, user) = (scene.conversation.page.clone(), scene.conversation.person.clone(), Some(agent.user));
    match wanted {
        Wanted::Command(command) => web.ledger.order(Order { page, person, command, user }).await.map(|_| ()),
        Wanted::Act(act) => web.ledger.act(page, person, user, act).await.map(|_| ()),
    }
}

/// A refusal of the ledger in the reader's words, with the status of the answer.
fn words(error: LedgerError, scene: &Scene) -> Result<(StatusCode, String), WebError> {
    let t = scene.t();
    Ok(match error {
        LedgerError::Refused(refusal) => (StatusCode::CONFLICT, fill(t.problem_refused, &[("why", &moves::why_not(scene, refusal))])),
        LedgerError::Platform(error) => (StatusCode::CONFLICT, fill(t.problem_platform, &[("message", &error.message)])),
        LedgerError::Unavailable(why) => {
            tracing::warn!(%why, "an agent's command could not be carried out");
            (StatusCode::SERVICE_UNAVAILABLE, t.problem_busy.to_owned())
        }
        other => return Err(other.into()),
    })
}
