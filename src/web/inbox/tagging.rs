//! Tags of a conversation, and whether its reader has seen it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::address::{Asked, ListState, path};
use super::form::Form;
use super::pages::by_script;
use super::scene::Scene;
use super::visible::PostedTo;
use crate::store::tags::{Tag, TagId};
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::login::see;
use crate::web::presence;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};

/// The tags of a conversation, and the form for more.
#[derive(Template)]
#[template(path = "tagging.html")]
pub struct Tagging {
    t: &'static Texts,
    assets: &'static Assets,
    csrf: String,
    view: String,
    action_url: String,
    tags: Vec<TagView>,
    offered: Vec<(i64, String)>,
}

struct TagView {
    id: i64,
    name: String,
    colour: &'static str,
    remove: String,
}

impl Tagging {
    /// Reads the tags of a conversation.
    pub async fn load(web: &State, scene: &Scene, agent: &Agent, list: &ListState) -> Result<Self, WebError> {
        let (page, person) = (&scene.conversation.page, &scene.conversation.person);
        let t = scene.t();
        let tags = web.store.conversation_tags(page, person).await?;
        let free = |tag: &Tag| !tag.archived && !tags.iter().any(|it| it.tag == tag.tag);
        let offered = web.store.tags().await?.into_iter().filter(free).map(|tag| (tag.tag.0, tag.name)).collect();
        let view = |tag: &Tag| TagView {
            id: tag.tag.0,
            name: tag.name.clone(),
            colour: tag.colour.as_str(),
            remove: fill(t.tagging_remove, &[("name", &tag.name)]),
        };
        Ok(Self {
            t,
            assets: Assets::get(),
            csrf: agent.csrf.clone(),
            view: list.query(),
            action_url: path(page, person),
            tags: tags.iter().map(view).collect(),
            offered,
        })
    }
}

/// POST …/tags: puts one on, or takes one off.
pub async fn submit(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let number = |name| fields.find(name).map(str::parse::<i64>).transpose().map_err(|_| WebError::Malformed("tag"));
    let (add, remove) = (number("add")?, number("remove")?);
    let (page, person) = (conversation.page.clone(), conversation.person.clone());
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    match (add, remove) {
        (_, Some(tag)) => web.store.take_tag_off(&page, &person, TagId(tag)).await?,
        (Some(tag), None) => {
            if !web.store.put_tag(&page, &person, TagId(tag), agent.user).await? {
                let gone = Some(agent.lang.texts().tagging_gone.to_owned());
                return form.back(StatusCode::CONFLICT, gone, super::composer::Draft::default()).await;
            }
        }
        // Nothing was chosen.
        (None, None) => return form.done().await,
    }
    presence::wrote(&web, &agent, &form.conversation).await;
    form.done().await
}

/// POST …/unread: the reader has not seen it after all. Back to the list, since looking at it again reads it.
pub async fn unread(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    web.store.mark_unread(agent.user, &conversation.page, &conversation.person).await?;
    if by_script(&request) {
        return Form::new(&web, &request, &agent, conversation, &fields).done().await;
    }
    Ok(see(&Asked::posted(fields.get("view"), false).list().href()))
}
