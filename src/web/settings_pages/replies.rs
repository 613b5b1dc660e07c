//! The page of saved replies: everybody's, which admins keep, and one's own.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::frame::{Frame, Section};
use crate::access::{Role, UserId};
use crate::store::saved_replies::{MOST, REPLY_FILES, ReplyContent, ReplyFile, ReplyId, ReplyText, SavedReply};
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::inbox::files::unfit_words;
use crate::web::language::Lang;
use crate::web::login::see;
use crate::web::parts::PickedFile;
use crate::web::posted::{Fields, Posted};
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};
use crate::wire::Object;
use crate::wire::file::{file_name, inspect};

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
    files: Vec<FileLine>,
    shared: bool,
    /// The reader may change it.
    mine: bool,
    /// It was sent back.
    open: bool,
}

/// A file of a reply.
struct FileLine {
    id: i64,
    name: String,
    /// What the box says that takes it away.
    remove: String,
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
    let Posted { agent, mut fields } = posted;
    let (owner, text) = (owner(&agent, &fields)?, read(&fields));
    let t = agent.lang.texts();
    let back = |problem, text| Returned { problem, id: None, shared: owner.is_none(), text };
    let files = match picked(&mut fields, t) {
        Ok(files) => files,
        Err(problem) => return show(&web, &agent, Some(back(problem, text))).await,
    };
    if let Some(problem) = unfit(&text, t) {
        return show(&web, &agent, Some(back(problem, text))).await;
    }
    let Some(id) = web.store.create_reply(owner, &text).await? else {
        return show(&web, &agent, Some(back(fill(t.replies_many, &[("limit", &MOST.to_string())]), text))).await;
    };
    match add(&web, id, owner, files, t).await? {
        None => Ok(see(Section::Replies.href())),
        Some(problem) => show(&web, &agent, Some(Returned { id: Some(id), ..back(problem, text) })).await,
    }
}

/// POST /settings/replies/{reply}: other words, or away with it.
pub async fn change(web: State, reply: web::Path<i64>, posted: Posted) -> Result<HttpResponse, WebError> {
    let Posted { agent, mut fields } = posted;
    let id = ReplyId(*reply);
    let owner = owner(&agent, &fields)?;
    let done = match fields.get("action") {
        "save" => return save(&web, &agent, id, owner, &mut fields).await,
        "delete" => web.store.delete_reply(id, owner).await?,
        _ => return Err(WebError::Malformed("action")),
    };
    if done { Ok(see(Section::Replies.href())) } else { Err(WebError::NotFound) }
}

async fn save(web: &State, agent: &Agent, id: ReplyId, owner: Option<UserId>, fields: &mut Fields) -> Result<HttpResponse, WebError> {
    let t = agent.lang.texts();
    let text = read(fields);
    let back = |problem, text| Returned { problem, id: Some(id), shared: owner.is_none(), text };
    let files = match picked(fields, t) {
        Ok(files) => files,
        Err(problem) => return show(web, agent, Some(back(problem, text))).await,
    };
    if let Some(problem) = unfit(&text, t) {
        return show(web, agent, Some(back(problem, text))).await;
    }
    if !web.store.change_reply(id, owner, &text).await? {
        return Err(WebError::NotFound);
    }
    let without: Vec<i64> = fields.all("without").filter_map(|file| file.parse().ok()).collect();
    web.store.remove_reply_files(id, owner, &without).await?;
    match add(web, id, owner, files, t).await? {
        None => Ok(see(Section::Replies.href())),
        Some(problem) => show(web, agent, Some(back(problem, text))).await,
    }
}

/// The files of a form, looked into; what a Page makes of them is found out when they are used there.
fn picked(fields: &mut Fields, t: &Texts) -> Result<Vec<ReplyContent>, String> {
    let read = |file: PickedFile| {
        let name = file_name(&file.name);
        match inspect(&name, &file.content, Object::Page) {
            Ok(_) => Ok(ReplyContent { name, content: file.content }),
            Err(unfit) => Err(unfit_words(unfit, &name, t)),
        }
    };
    fields.take_files().into_iter().map(read).collect()
}

/// Adds files to a reply; says so when there are too many.
async fn add(web: &State, id: ReplyId, owner: Option<UserId>, files: Vec<ReplyContent>, t: &Texts) -> Result<Option<String>, WebError> {
    for file in files {
        if !web.store.add_reply_file(id, owner, &file).await? {
            return Ok(Some(fill(t.desk.replies_files_many, &[("count", &REPLY_FILES.to_string())])));
        }
    }
    Ok(None)
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
    let address = Section::Replies.href().to_owned();
    let new = Sheet { id: "new".to_owned(), address, text, files: Vec::new(), shared, mine: true, open: new_open };
    let t = agent.lang.texts();
    let line = |file: ReplyFile| FileLine { id: file.id, remove: fill(t.desk.files_remove, &[("name", &file.name)]), name: file.name };
    let sheet = |reply: SavedReply| {
        let back = written.as_ref().filter(|(id, ..)| *id == Some(reply.id)).map(|(.., text)| text.clone());
        Sheet {
            id: reply.id.0.to_string(),
            address: format!("{}/{}", Section::Replies.href(), reply.id.0),
            open: back.is_some(),
            text: back.unwrap_or(reply.text),
            files: reply.files.into_iter().map(line).collect(),
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
