//! The side of a conversation: who the customer is, what is known of them, what the bot learned, who held it, what came before.

use askama::Template;
use serde_json::{Map, Value};

use super::address::{ListState, path};
use super::metadata::Told;
use super::names::Names;
use super::scene::Scene;
use super::steps::{self, Step};
use super::tagging::Tagging;
use crate::ledger::Act;
use crate::store::fields::{FieldId, Written};
use crate::store::inbox::past::Stretch;
use crate::store::log::LogRow;
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::text::{Texts, fill};
use crate::web::when::{Clock, Moment};
use crate::wire::Object;

/// How much of the history the side shows.
const HISTORY: i64 = 20;

/// Earlier stretches and notes that it shows.
const PAST: i64 = 10;

/// Letters of a note that it shows; the rest is in the timeline.
const NOTE_CHARS: usize = 200;

/// The side.
#[derive(Template)]
#[template(path = "context.html")]
pub struct Context {
    t: &'static Texts,
    assets: &'static Assets,
    csrf: String,
    view: String,
    action_url: String,
    known_name: Option<String>,
    id_kind: &'static str,
    person: String,
    first_seen: String,
    page_name: String,
    profile: Vec<(&'static str, String)>,
    fields: Vec<FieldView>,
    /// Something is written in one of them.
    written: bool,
    /// What was written into one of them has come back.
    returned: bool,
    longest: usize,
    handover: Option<Told>,
    history: Vec<Step>,
    tagging: Tagging,
    stretches: Vec<Earlier>,
    notes: Vec<Noted>,
}

/// What somebody wrote into a field, which is not kept.
pub struct Unsaved {
    /// The field.
    pub field: FieldId,
    /// What they wrote.
    pub text: String,
    /// What the field said, as far as they know.
    pub was: String,
    /// Why it is not kept, where that lies in this field.
    pub why: Option<String>,
}

/// A field.
struct FieldView {
    id: i64,
    name: String,
    /// What is kept.
    value: String,
    /// The same aloud.
    said: String,
    /// What stands in the form.
    shown: String,
    /// What its author knows that it said.
    was: String,
    /// They wrote what stands in the form.
    yours: bool,
    /// Why it is not kept.
    why: Option<String>,
}

impl FieldView {
    fn new(written: Written, unsaved: &[Unsaved], t: &'static Texts) -> Self {
        let Written { field, name, value } = written;
        let said = format!("{name}: {}", if value.is_empty() { t.desk.field_empty } else { &value });
        let kept = |value: &str| (value.to_owned(), value.to_owned(), false, None);
        let yours = unsaved.iter().find(|it| it.field == field).map(|it| (it.text.clone(), it.was.clone(), true, it.why.clone()));
        let (shown, was, yours, why) = yours.unwrap_or_else(|| kept(&value));
        Self { id: field.0, name, value, said, shown, was, yours, why }
    }
}

/// An earlier stretch.
struct Earlier {
    href: String,
    began: Moment,
    closed: Moment,
    by: String,
}

/// A note.
struct Noted {
    href: String,
    author: String,
    text: String,
    at: Moment,
}

/// What the side is made of.
pub struct Known {
    history: Vec<LogRow>,
    stretches: Vec<Stretch>,
    notes: Vec<LogRow>,
    fields: Vec<Written>,
    profile: Map<String, Value>,
}

impl Known {
    /// Reads it, and learns the names in it.
    pub async fn load(web: &State, scene: &mut Scene) -> Result<Self, WebError> {
        let (page, person) = (scene.conversation.page.clone(), scene.conversation.person.clone());
        let known = Self {
            history: web.store.control_history(&page, &person, HISTORY).await?,
            stretches: web.store.stretches(&page, &person, PAST).await?,
            notes: web.store.newest_notes(&page, &person, PAST).await?,
            fields: web.store.written_of(&page, &person).await?,
            profile: web.store.person(&page, &person).await?.map(|(profile, _)| profile.more).unwrap_or_default(),
        };
        let rows = known.history.iter().chain(&known.notes).filter_map(|row| row.user);
        let users = rows.chain(known.stretches.iter().filter_map(|stretch| stretch.by));
        let unknown: Vec<i64> = users.filter(|user| !scene.names.knows(*user)).map(|user| user.0).collect();
        if !unknown.is_empty() {
            scene.names.learn(web.store.user_names(&unknown).await?);
        }
        Ok(known)
    }
}

impl Context {
    /// The side of a conversation beside a list.
    pub fn new(scene: &Scene, known: Known, tagging: Tagging, list: &ListState, csrf: &str, unsaved: &[Unsaved]) -> Self {
        let conversation = &scene.conversation;
        let handover = Told::read(conversation.handover_note.as_deref(), scene.t());
        let address = list.conversation(&conversation.page, &conversation.person);
        let to = |position: i64| format!("{address}&at={position}#p{position}");
        Self {
            tagging,
            t: scene.t(),
            assets: Assets::get(),
            csrf: csrf.to_owned(),
            view: list.query(),
            action_url: path(&conversation.page, &conversation.person),
            known_name: conversation.name.display(),
            id_kind: if conversation.object == Object::Instagram { "IGSID" } else { "PSID" },
            person: conversation.person.to_string(),
            first_seen: scene.clock.moment(conversation.first_seen).full,
            page_name: conversation.page_name.clone(),
            profile: profile(&known.profile, scene.t()),
            written: known.fields.iter().any(|field| !field.value.is_empty()),
            longest: crate::store::fields::VALUE_CHARS,
            returned: !unsaved.is_empty(),
            fields: known.fields.into_iter().map(|written| FieldView::new(written, unsaved, scene.t())).collect(),
            handover: (!handover.is_empty()).then_some(handover),
            history: known.history.iter().filter_map(|row| steps::step(row, &scene.names, &scene.clock)).collect(),
            stretches: known.stretches.iter().map(|stretch| earlier(stretch, to(stretch.first), &scene.names, &scene.clock)).collect(),
            notes: known.notes.iter().filter_map(|row| noted(row, to(row.position), &scene.names, &scene.clock)).collect(),
        }
    }
}

fn earlier(stretch: &Stretch, href: String, names: &Names, clock: &Clock) -> Earlier {
    let by = fill(names.t.desk.past_closed, &[("name", &names.actor(None, stretch.by))]);
    Earlier { href, began: clock.moment(stretch.began), closed: clock.moment(stretch.closed), by }
}

fn noted(row: &LogRow, href: String, names: &Names, clock: &Clock) -> Option<Noted> {
    let Ok(Act::Note { text, .. }) = serde_json::from_str(&row.payload) else { return None };
    let mut shown: String = text.chars().take(NOTE_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    Some(Noted { href, author: names.actor(row.app.as_ref(), row.user), text: shown, at: clock.moment(row.at) })
}

/// What else the platform told, as far as it says something to people.
fn profile(more: &Map<String, Value>, t: &'static Texts) -> Vec<(&'static str, String)> {
    let text = |key: &str| match more.get(key)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let username = text("username").map(|name| (t.desk.profile_username, format!("@{name}")));
    let locale = text("locale").map(|locale| (t.desk.profile_locale, locale));
    let zone = text("timezone")
        .map(|zone| (t.desk.profile_zone, if zone.starts_with('-') { format!("UTC{zone}") } else { format!("UTC+{zone}") }));
    username.into_iter().chain(locale).chain(zone).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests")]
    use serde_json::json;

    use super::*;
    use crate::web::text::EN;

    #[test]
    fn only_what_the_platform_told_is_shown() {
        let Value::Object(more) = json!({"locale": "de_DE", "timezone": 2, "gender": null, "username": ""}) else { panic!("an object") };
        assert_eq!(profile(&more, &EN), [("Language", "de_DE".to_owned()), ("Time zone", "UTC+2".to_owned())]);
        assert_eq!(profile(&Map::new(), &EN), []);
    }
}
