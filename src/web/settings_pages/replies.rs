//! The page of saved replies: everybody's, which admins keep, and one's own.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::frame::{Frame, Section};
use crate::access::{Role, UserId};
use crate::store::saved_replies::{MOST, ReplyId, ReplyText, SavedReply};
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::language::Lang;
use crate::web::login::see;
use crate::web::posted::{Fields, Posted};
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};

/// Longest title, shortcut, category and text, in characters.
const LONGEST: [usize; 4] = [80, 30, 40, 2000];

#[derive(Template)]
#[template(path = "settings_replies.html")]
struct RepliesPage {
    lang: Lang,
    t: &'static Texts,
    assets: &'static Assets,
    frame: Frame,
    problem: Option<String>,
    new: Sheet,
    own: Vec<Sheet>,
    shared: Vec<Sheet>,
    longest: [usize; 4],
}

/// A form about one reply.
struct Sheet {
    /// Part of the ids on the page.
    id: String,
    address: String,
    text: ReplyText,
    shared: bool,
    /// The reader may change it.
    mine: bool,
    /// It was sent back.
    open: bool,
}

/// What a form said that was not taken.
struct Returned {
    problem: String,
    id: Option<ReplyId>,
    shared: bool,
    text: ReplyText,
}

/// GET /settings/replies
pub async fn page(web: State, agent: Agent) -> Result<HttpResponse, WebError> {
    show(&web, &agent, None).await
}

/// POST /settings/replies: a new one.
pub async fn create(web: State, posted: Posted) -> Result<HttpResponse, WebError> {
    let Posted { agent, fields } = posted;
    let (owner, text) = (owner(&agent, &fields)?, read(&fields));
    let t = agent.lang.texts();
    let problem = match unfit(&text, t) {
        Some(problem) => problem,
        None if web.store.create_reply(owner, &text).await? => return Ok(see(Section::Replies.href())),
        None => fill(t.replies_many, &[("limit", &MOST.to_string())]),
    };
    show(&web, &agent, Some(Returned { problem, id: None, shared: owner.is_none(), text })).await
}

/// POST /settings/replies/{reply}: other words, or away with it.
pub async fn change(web: State, reply: web::Path<i64>, posted: Posted) -> Result<HttpResponse, WebError> {
    let Posted { agent, fields } = posted;
    let id = ReplyId(*reply);
    let owner = owner(&agent, &fields)?;
    let text = read(&fields);
    let done = match fields.get("action") {
        "save" => match unfit(&text, agent.lang.texts()) {
            Some(problem) => return show(&web, &agent, Some(Returned { problem, id: Some(id), shared: owner.is_none(), text })).await,
            None => web.store.change_reply(id, owner, &text).await?,
        },
        "delete" => web.store.delete_reply(id, owner).await?,
        _ => return Err(WebError::Malformed("action")),
    };
    if done { Ok(see(Section::Replies.href())) } else { Err(WebError::NotFound) }
}

/// Whose reply a form is about. Everybody's are the admins'.
fn owner(agent: &Agent, fields: &Fields) -> Result<Option<UserId>, WebError> {
    match (fields.get("whose"), agent.role) {
        ("shared", Role::Admin) => Ok(None),
        ("shared", Role::Agent) => Err(WebError::NotFound),
        _ => Ok(Some(agent.user)),
    }
}

fn read(fields: &Fields) -> ReplyText {
    let line = |name| fields.get(name).split_whitespace().collect::<Vec<_>>().join(" ");
    ReplyText {
        title: line("title"),
        shortcut: line("shortcut").trim_start_matches('/').to_lowercase(),
        category: line("category"),
        body: fields.get("body").replace("\r\n", "\n").trim().to_owned(),
    }
}

/// Why a reply cannot be saved.
fn unfit(text: &ReplyText, t: &'static Texts) -> Option<String> {
    let [title, shortcut, category, body] = LONGEST;
    let long = |text: &str, limit| text.chars().count() > limit;
    if text.title.is_empty() || text.body.is_empty() {
        return Some(t.replies_empty.to_owned());
    }
    if !text.shortcut.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_')) {
        return Some(t.replies_shortcut_unfit.to_owned());
    }
    let over = long(&text.title, title) || long(&text.shortcut, shortcut) || long(&text.category, category) || long(&text.body, body);
    over.then(|| fill(t.replies_long, &[("limit", &body.to_string())]))
}

async fn show(web: &State, agent: &Agent, returned: Option<Returned>) -> Result<HttpResponse, WebError> {
    let status = if returned.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (problem, written) = returned.map_or((None, None), |it| (Some(it.problem), Some((it.id, it.shared, it.text))));
    let new = match &written {
        Some((None, shared, text)) => Some((*shared, text.clone())),
        _ => None,
    };
    let new_open = new.is_some();
    let (shared, text) = new.unwrap_or((agent.role == Role::Admin, ReplyText::default()));
    let new = Sheet { id: "new".to_owned(), address: Section::Replies.href().to_owned(), text, shared, mine: true, open: new_open };
    let sheet = |reply: SavedReply| {
        let back = written.as_ref().filter(|(id, ..)| *id == Some(reply.id)).map(|(.., text)| text.clone());
        Sheet {
            id: reply.id.0.to_string(),
            address: format!("{}/{}", Section::Replies.href(), reply.id.0),
            open: back.is_some(),
            text: back.unwrap_or(reply.text),
            shared: reply.owner.is_none(),
            mine: reply.owner.is_some() || agent.role == Role::Admin,
        }
    };
    let (shared, own) = web.store.saved_replies(agent.user).await?.into_iter().map(sheet).partition(|sheet| sheet.shared);
    let page = RepliesPage {
        lang: agent.lang,
        t: agent.lang.texts(),
        assets: Assets::get(),
        frame: Frame::new(agent, Section::Replies),
        problem,
        new,
        own,
        shared,
        longest: LONGEST,
    };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.render()?))
}
