//! The page of saved views. They are made beside the list that they keep, and renamed and deleted here.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::frame::{Frame, Section};
use crate::access::Role;
use crate::store::label::{LABEL_CHARS, Label};
use crate::store::saved_views::{MOST, SavedView, SavedViewId, SeenBy};
use crate::store::teams::TeamId;
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::inbox::address::ListState;
use crate::web::inbox::saved::{self, SaveForm};
use crate::web::language::Lang;
use crate::web::login::{inside, see};
use crate::web::posted::{Fields, Posted};
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};

#[derive(Template)]
#[template(path = "settings_views.html")]
struct ViewsPage {
    lang: Lang,
    t: &'static Texts,
    assets: &'static Assets,
    frame: Frame,
    problem: Option<String>,
    /// The form beside a list, sent back.
    saving: Option<SaveForm>,
    views: Vec<ViewRow>,
    longest: usize,
}

struct ViewRow {
    id: i64,
    name: String,
    seen_by: String,
    href: String,
    /// What its form shows, which differs from the name when it was sent back.
    written: String,
    /// The reader may change it.
    mine: bool,
    /// Its form was sent back.
    open: bool,
}

/// A form that was not taken.
struct Returned {
    problem: String,
    form: ReturnedForm,
}

enum ReturnedForm {
    New(SaveForm),
    Rename(SavedViewId, String),
}

/// GET /settings/views
pub async fn page(web: State, agent: Agent) -> Result<HttpResponse, WebError> {
    show(&web, &agent, None).await
}

/// POST /settings/views: a new one, from beside its list.
pub async fn create(web: State, posted: Posted) -> Result<HttpResponse, WebError> {
    let Posted { agent, fields } = posted;
    let list = ListState::parse(fields.get("list")).ok_or(WebError::Malformed("list"))?;
    let seen_by = wanted(&web, &agent, fields.get("whose")).await?;
    let f = agent.lang.texts().desk;
    let problem = match Label::parse(fields.get("name")) {
        None => unfit(f.views_unfit),
        Some(name) if web.store.save_view(agent.user, &name, &seen_by, &list.kept().query()).await? => {
            return Ok(see(inside(fields.get("back"))));
        }
        Some(_) => fill(f.views_many, &[("limit", &MOST.to_string())]),
    };
    let form = SaveForm::load(&web, &agent, &list, inside(fields.get("back")).to_owned()).await?;
    let form = ReturnedForm::New(form.written(fields.get("name"), fields.get("whose")));
    show(&web, &agent, Some(Returned { problem, form })).await
}

/// POST /settings/views/{view}: another name, or away with it.
pub async fn change(web: State, view: web::Path<i64>, posted: Posted) -> Result<HttpResponse, WebError> {
    let Posted { agent, fields } = posted;
    let (id, keeper) = (SavedViewId(*view), saved::keeper(&agent));
    let done = match fields.get("action") {
        "save" => match Label::parse(fields.get("name")) {
            Some(name) => web.store.rename_view(id, keeper, &name).await?,
            None => return back(&web, &agent, id, &fields).await,
        },
        "delete" => web.store.delete_view(id, keeper).await?,
        _ => return Err(WebError::Malformed("action")),
    };
    if done { Ok(see(Section::Views.href())) } else { Err(WebError::NotFound) }
}

async fn back(web: &State, agent: &Agent, id: SavedViewId, fields: &Fields) -> Result<HttpResponse, WebError> {
    let problem = unfit(agent.lang.texts().desk.views_unfit);
    let form = ReturnedForm::Rename(id, fields.get("name").to_owned());
    show(web, agent, Some(Returned { problem, form })).await
}

fn unfit(words: &str) -> String {
    fill(words, &[("limit", &LABEL_CHARS.to_string())])
}

/// For whom a view is saved: everybody's are the admins', a team's those of who is in it.
async fn wanted(web: &State, agent: &Agent, whose: &str) -> Result<SeenBy, WebError> {
    match (whose, agent.role) {
        ("me", _) => return Ok(SeenBy::Me),
        ("all", Role::Admin) => return Ok(SeenBy::All),
        ("all", Role::Agent) => return Err(WebError::NotFound),
        _ => (),
    }
    let id = TeamId(whose.parse().map_err(|_| WebError::Malformed("whose"))?);
    let mine = web.store.teams_of(agent.user).await?;
    mine.into_iter().find(|team| team.team == id).map(SeenBy::Team).ok_or(WebError::NotFound)
}

async fn show(web: &State, agent: &Agent, returned: Option<Returned>) -> Result<HttpResponse, WebError> {
    let t = agent.lang.texts();
    let status = if returned.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (problem, saving, renamed) = match returned {
        None => (None, None, None),
        Some(Returned { problem, form: ReturnedForm::New(form) }) => (Some(problem), Some(form), None),
        Some(Returned { problem, form: ReturnedForm::Rename(id, name) }) => (Some(problem), None, Some((id, name))),
    };
    let keeper = saved::keeper(agent);
    let row = |view: SavedView| {
        let written = renamed.as_ref().filter(|(id, _)| *id == view.id).map(|(_, name)| name.clone());
        ViewRow {
            id: view.id.0,
            seen_by: saved::seen_by(&view, t),
            href: saved::href(&view),
            mine: keeper.keeps(&view),
            open: written.is_some(),
            written: written.unwrap_or_else(|| view.name.clone()),
            name: view.name,
        }
    };
    let page = ViewsPage {
        lang: agent.lang,
        t,
        assets: Assets::get(),
        frame: Frame::new(agent, Section::Views),
        problem,
        saving,
        views: web.store.saved_views(agent.user, keeper.admin).await?.into_iter().map(row).collect(),
        longest: LABEL_CHARS,
    };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.render()?))
}
