//! The page of tags: everybody reads it, admins keep it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::authority::PostedByAdmin;
use super::frame::{Frame, Section};
use crate::store::label::{LABEL_CHARS, Label};
use crate::store::tags::{Colour, Tag, TagChange, TagId};
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::language::Lang;
use crate::web::login::see;
use crate::web::posted::Fields;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};

#[derive(Template)]
#[template(path = "settings_tags.html")]
struct TagsPage {
    lang: Lang,
    t: &'static Texts,
    assets: &'static Assets,
    frame: Frame,
    problem: Option<String>,
    written: Written,
    new_colours: Vec<Swatch>,
    tags: Vec<TagRow>,
    archived: Vec<TagRow>,
    longest: usize,
}

/// What a form said that was not taken.
#[derive(Default)]
struct Written {
    /// The tag it was about; none: a new one.
    tag: Option<TagId>,
    name: String,
    colour: Colour,
}

struct TagRow {
    id: i64,
    name: String,
    colour: &'static str,
    /// What its form shows, which differs from the tag when it was sent back.
    written: String,
    colours: Vec<Swatch>,
    /// Its form was sent back.
    open: bool,
}

/// A colour to choose.
struct Swatch {
    name: &'static str,
    label: &'static str,
    chosen: bool,
}

/// GET /settings/tags
pub async fn page(web: State, agent: Agent) -> Result<HttpResponse, WebError> {
    show(&web, &agent, StatusCode::OK, None, Written::default()).await
}

/// POST /settings/tags: a new tag.
pub async fn create(web: State, posted: PostedByAdmin) -> Result<HttpResponse, WebError> {
    let written = read(&posted.fields, None)?;
    let t = posted.agent.lang.texts();
    let Some(name) = Label::parse(&written.name) else { return back(&web, &posted.agent, unfit(t), written).await };
    match web.store.create_tag(&name, written.colour).await? {
        TagChange::NameTaken => back(&web, &posted.agent, taken(t, &name), written).await,
        TagChange::Done | TagChange::Missing => Ok(see(Section::Tags.href())),
    }
}

/// POST /settings/tags/{tag}: another name or colour, into the archive, out of it.
pub async fn change(web: State, tag: web::Path<i64>, posted: PostedByAdmin) -> Result<HttpResponse, WebError> {
    let tag = TagId(*tag);
    let t = posted.agent.lang.texts();
    let written = read(&posted.fields, Some(tag))?;
    let name = Label::parse(&written.name);
    let change = match (posted.fields.get("action"), &name) {
        ("save", Some(name)) => web.store.change_tag(tag, name, written.colour).await?,
        ("save", None) => return back(&web, &posted.agent, unfit(t), written).await,
        ("archive", _) => web.store.archive_tag(tag, true).await?,
        ("restore", _) => web.store.archive_tag(tag, false).await?,
        _ => return Err(WebError::Malformed("action")),
    };
    match change {
        TagChange::Done => Ok(see(Section::Tags.href())),
        TagChange::Missing => Err(WebError::NotFound),
        TagChange::NameTaken => {
            let problem = name.map_or_else(|| t.tags_taken_by_another.to_owned(), |name| taken(t, &name));
            back(&web, &posted.agent, problem, written).await
        }
    }
}

fn read(fields: &Fields, tag: Option<TagId>) -> Result<Written, WebError> {
    let colour = fields.find("colour").map(|name| Colour::parse(name).ok_or(WebError::Malformed("colour"))).transpose()?;
    Ok(Written { tag, name: fields.get("name").to_owned(), colour: colour.unwrap_or_default() })
}

fn unfit(t: &'static Texts) -> String {
    fill(t.tags_unfit, &[("limit", &LABEL_CHARS.to_string())])
}

fn taken(t: &'static Texts, name: &Label) -> String {
    fill(t.tags_taken, &[("name", name.as_str())])
}

async fn back(web: &State, agent: &Agent, problem: String, written: Written) -> Result<HttpResponse, WebError> {
    show(web, agent, StatusCode::UNPROCESSABLE_ENTITY, Some(problem), written).await
}

async fn show(web: &State, agent: &Agent, status: StatusCode, problem: Option<String>, written: Written) -> Result<HttpResponse, WebError> {
    let t = agent.lang.texts();
    let (archived, tags): (Vec<Tag>, Vec<Tag>) = web.store.tags().await?.into_iter().partition(|tag| tag.archived);
    let rows = |tags: Vec<Tag>| tags.into_iter().map(|tag| row(tag, &written, t)).collect();
    let (tags, archived) = (rows(tags), rows(archived));
    let new_colours = swatches(if written.tag.is_none() { written.colour } else { Colour::default() }, t);
    let page = TagsPage {
        lang: agent.lang,
        t,
        assets: Assets::get(),
        frame: Frame::new(agent, Section::Tags),
        problem,
        written,
        new_colours,
        tags,
        archived,
        longest: LABEL_CHARS,
    };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.render()?))
}

fn row(tag: Tag, written: &Written, t: &'static Texts) -> TagRow {
    let open = written.tag == Some(tag.tag);
    TagRow {
        id: tag.tag.0,
        colour: tag.colour.as_str(),
        written: if open { written.name.clone() } else { tag.name.clone() },
        name: tag.name,
        colours: swatches(if open { written.colour } else { tag.colour }, t),
        open,
    }
}

fn swatches(chosen: Colour, t: &'static Texts) -> Vec<Swatch> {
    let label = |colour| match colour {
        Colour::Red => t.colour_red,
        Colour::Orange => t.colour_orange,
        Colour::Yellow => t.colour_yellow,
        Colour::Green => t.colour_green,
        Colour::Teal => t.colour_teal,
        Colour::Blue => t.colour_blue,
        Colour::Violet => t.colour_violet,
        Colour::Grey => t.colour_grey,
    };
    let swatch = |colour: Colour| Swatch { name: colour.as_str(), label: label(colour), chosen: colour == chosen };
    Colour::ALL.into_iter().map(swatch).collect()
}
