//! The pages of the inbox, whole or in parts.

use actix_web::http::StatusCode;
use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::address::{Asked, Fragment, ListState};
use super::composer::Draft;
use super::keys;
use super::list::List;
use super::names;
use super::thread::{Reading, Thread};
use super::visible::Visible;
use crate::store::inbox::conversation::Conversation;
use crate::store::preferences::{Preferences, Reads};
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::language::Lang;
use crate::web::login::{inside, see, with_cookie};
use crate::web::posted::Posted;
use crate::web::session::Agent;
use crate::web::text::Texts;

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage<'a> {
    lang: Lang,
    t: &'static Texts,
    assets: &'static Assets,
    csrf: &'a str,
    me: Me,
    back: String,
    zone: &'a str,
    /// The time of the page, in milliseconds.
    now: i64,
    query: &'a str,
    preferences: &'a Preferences,
    keys: Vec<keys::Group>,
    list: List,
    thread: Option<Thread>,
}

/// The reader, in the corner.
pub struct Me {
    /// What colleagues call them.
    pub name: String,
    /// Their initials.
    pub initials: String,
    /// Their colour.
    pub hue: u8,
}

impl Me {
    /// Somebody who is logged in.
    pub fn new(agent: &Agent) -> Self {
        Self { name: agent.name.clone(), initials: names::initials(Some(&agent.name)), hue: names::hue(&agent.user.0.to_string()) }
    }
}

/// What went wrong with a form, and what was written in it.
pub struct Returned {
    /// The status of the answer.
    pub status: StatusCode,
    /// The words.
    pub problem: Option<String>,
    /// The draft.
    pub draft: Draft,
}

/// GET /inbox
pub async fn list(web: State, agent: Agent, asked: Query<Asked>) -> Result<HttpResponse, WebError> {
    let state = asked.list();
    let list = List::load(&web, &agent, &state, None).await?;
    if asked.fragment.is_some() {
        return html(StatusCode::OK, list.render()?);
    }
    whole(StatusCode::OK, &agent, state.href(), list, None)
}

/// GET /inbox/{page}/{person}
pub async fn conversation(web: State, request: HttpRequest, visible: Visible, asked: Query<Asked>) -> Result<HttpResponse, WebError> {
    let Visible { agent, conversation } = visible;
    if agent.preferences.reads == Reads::ByOpening && sees_the_newest(&request, &asked) {
        let (page, person, position) = (&conversation.page, &conversation.person, conversation.last_position);
        web.store.mark_read(agent.user, page, person, position, asked.fragment.is_none()).await?;
    }
    let state = asked.list();
    let fine = Returned { status: StatusCode::OK, problem: None, draft: Draft::default() };
    Box::pin(show(&web, &agent, conversation, &state, &asked, fine)).await
}

/// Whether somebody looks at the end of the conversation: not at the list beside it, not at older lines, and not with the page in the background.
fn sees_the_newest(request: &HttpRequest, asked: &Asked) -> bool {
    let hidden = request.headers().get("x-baton-fragment").is_some_and(|value| value == "unseen");
    asked.fragment != Some(Fragment::List) && asked.before.is_none() && asked.at.is_none() && !hidden
}

/// A conversation, whole or in parts, with what became of a form.
pub async fn show(
    web: &State,
    agent: &Agent,
    conversation: Conversation,
    state: &ListState,
    asked: &Asked,
    returned: Returned,
) -> Result<HttpResponse, WebError> {
    let (page, person) = (conversation.page.clone(), conversation.person.clone());
    if asked.fragment == Some(Fragment::List) {
        return html(StatusCode::OK, List::load(web, agent, state, Some((&page, &person))).await?.render()?);
    }
    let Returned { status, problem, draft } = returned;
    let reading = Reading { agent, list: state, before: asked.before, at: asked.at, problem, draft };
    let thread = Thread::load(web, conversation, reading).await?;
    if asked.fragment.is_some() {
        return html(status, thread.render()?);
    }
    let list = List::load(web, agent, state, Some((&page, &person))).await?;
    whole(status, agent, state.conversation(&page, &person), list, Some(thread))
}

/// POST /inbox/language
pub async fn language(web: State, posted: Posted) -> Result<HttpResponse, WebError> {
    let lang = Lang::parse(posted.fields.get("language")).ok_or(WebError::Malformed("language"))?;
    web.store.set_language(posted.agent.user, lang.code()).await?;
    Ok(with_cookie(see(inside(posted.fields.get("back"))), &lang.cookie(web.settings.secure())))
}

fn whole(status: StatusCode, agent: &Agent, back: String, list: List, thread: Option<Thread>) -> Result<HttpResponse, WebError> {
    let page = InboxPage {
        lang: agent.lang,
        t: agent.lang.texts(),
        assets: Assets::get(),
        csrf: &agent.csrf,
        me: Me::new(agent),
        back,
        zone: agent.zone.name(),
        now: crate::clock::now().millis(),
        query: "",
        preferences: &agent.preferences,
        keys: keys::groups(agent.lang.texts().desk),
        list,
        thread,
    };
    html(status, page.render()?)
}

fn html(status: StatusCode, body: String) -> Result<HttpResponse, WebError> {
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body))
}

/// Whether scripts asked, who want only the pane back.
pub fn by_script(request: &HttpRequest) -> bool {
    request.headers().contains_key("x-baton-fragment")
}
