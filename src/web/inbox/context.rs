//! The side of a conversation: who the customer is, what the bot learned, who held it.

use askama::Template;

use super::metadata::Told;
use super::scene::Scene;
use super::steps::{self, Step};
use super::tagging::Tagging;
use crate::store::log::LogRow;
use crate::web::assets::Assets;
use crate::web::text::Texts;
use crate::wire::Object;

/// The side.
#[derive(Template)]
#[template(path = "context.html")]
pub struct Context {
    t: &'static Texts,
    assets: &'static Assets,
    known_name: Option<String>,
    id_kind: &'static str,
    person: String,
    first_seen: String,
    page_name: String,
    handover: Option<Told>,
    history: Vec<Step>,
    tagging: Tagging,
}

impl Context {
    /// The side of a conversation with these newest rows of its history.
    pub fn new(scene: &Scene, history: &[LogRow], tagging: Tagging) -> Self {
        let conversation = &scene.conversation;
        let handover = Told::read(conversation.handover_note.as_deref(), scene.t());
        Self {
            tagging,
            t: scene.t(),
            assets: Assets::get(),
            known_name: conversation.name.display(),
            id_kind: if conversation.object == Object::Instagram { "IGSID" } else { "PSID" },
            person: conversation.person.to_string(),
            first_seen: scene.clock.moment(conversation.first_seen).full,
            page_name: conversation.page_name.clone(),
            handover: (!handover.is_empty()).then_some(handover),
            history: history.iter().filter_map(|row| steps::step(row, &scene.names, &scene.clock)).collect(),
        }
    }
}
