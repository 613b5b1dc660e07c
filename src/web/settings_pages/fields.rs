//! The page of fields: everybody reads it, admins keep it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::authority::PostedByAdmin;
use super::frame::{Frame, Section};
use crate::store::fields::{FIELDS, Field, FieldChange, FieldId};
use crate::store::label::{LABEL_CHARS, Label};
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::language::Lang;
use crate::web::login::see;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};

#[derive(Template)]
#[template(path = "settings_fields.html")]
struct FieldsPage {
    lang: Lang,
    t: &'static Texts,
    assets: &'static Assets,
    frame: Frame,
    problem: Option<String>,
    written: String,
    fields: Vec<Field>,
    archived: Vec<Field>,
    longest: usize,
}

/// GET /settings/fields
pub async fn page(web: State, agent: Agent) -> Result<HttpResponse, WebError> {
    show(&web, &agent, StatusCode::OK, None, String::new()).await
}

/// POST /settings/fields: a new field.
pub async fn create(web: State, posted: PostedByAdmin) -> Result<HttpResponse, WebError> {
    let written = posted.fields.get("name").to_owned();
    let change = match Label::parse(&written) {
        Some(name) => Ok(web.store.create_field(&name).await?),
        None => Err(()),
    };
    answer(&web, &posted.agent, change, written).await
}

/// POST /settings/fields/{field}: another name, into the archive, out of it.
pub async fn change(web: State, field: web::Path<i64>, posted: PostedByAdmin) -> Result<HttpResponse, WebError> {
    let field = FieldId(*field);
    let written = posted.fields.get("name").to_owned();
    let change = match (posted.fields.get("action"), Label::parse(&written)) {
        ("save", Some(name)) => Ok(web.store.rename_field(field, &name).await?),
        ("save", None) => Err(()),
        ("archive", _) => Ok(web.store.archive_field(field, true).await?),
        ("restore", _) => Ok(web.store.archive_field(field, false).await?),
        _ => return Err(WebError::Malformed("action")),
    };
    answer(&web, &posted.agent, change, String::new()).await
}

async fn answer(web: &State, agent: &Agent, change: Result<FieldChange, ()>, written: String) -> Result<HttpResponse, WebError> {
    let f = agent.lang.texts().desk;
    let problem = match change {
        Ok(FieldChange::Done) => return Ok(see(Section::Fields.href())),
        Ok(FieldChange::Missing) => return Err(WebError::NotFound),
        Ok(FieldChange::NameTaken) => f.fields_taken.to_owned(),
        Ok(FieldChange::TooMany) => fill(f.fields_many, &[("count", &FIELDS.to_string())]),
        Err(()) => fill(f.fields_unfit, &[("limit", &LABEL_CHARS.to_string())]),
    };
    show(web, agent, StatusCode::UNPROCESSABLE_ENTITY, Some(problem), written).await
}

async fn show(web: &State, agent: &Agent, status: StatusCode, problem: Option<String>, written: String) -> Result<HttpResponse, WebError> {
    let (archived, fields) = web.store.fields().await?.into_iter().partition(|field| field.archived);
    let page = FieldsPage {
        lang: agent.lang,
        t: agent.lang.texts(),
        assets: Assets::get(),
        frame: Frame::new(agent, Section::Fields),
        problem,
        written,
        fields,
        archived,
        longest: LABEL_CHARS,
    };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.render()?))
}
