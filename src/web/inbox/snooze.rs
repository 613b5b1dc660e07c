//! Putting a conversation aside: until later today, tomorrow, next week, or a day of one's own choice, in the agent's time zone.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::address::{Asked, ListState, path};
use super::composer::Draft;
use super::form::{Form, words};
use super::pages::by_script;
use super::scene::Scene;
use super::visible::PostedTo;
use crate::ledger::Act;
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::login::see;
use crate::web::posted::Fields;
use crate::web::session::Agent;
use crate::web::text::Texts;
use crate::web::when::{Clock, Later};
use crate::wire::Timestamp;

/// The longest snooze, in milliseconds: a year.
const LONGEST_MS: i64 = 366 * 24 * 3_600_000;

/// The button and its sheet.
#[derive(Template)]
#[template(path = "snooze.html")]
pub struct Snooze {
    t: &'static Texts,
    assets: &'static Assets,
    csrf: String,
    view: String,
    action_url: String,
    open: bool,
    snoozed: bool,
    choices: Vec<Choice>,
    today: String,
    day: String,
}

/// A time to choose: the field `snooze` of a form.
pub struct Choice {
    /// The field's value.
    pub value: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// When that is.
    pub time: String,
    /// The same for programs.
    pub machine: String,
}

impl Snooze {
    /// The button of a conversation.
    pub fn new(scene: &Scene, agent: &Agent, list: &ListState) -> Self {
        let conversation = &scene.conversation;
        Self {
            t: scene.t(),
            assets: Assets::get(),
            csrf: agent.csrf.clone(),
            view: list.query(),
            action_url: path(&conversation.page, &conversation.person),
            open: conversation.closed_at.is_none(),
            snoozed: conversation.snoozed_until.is_some(),
            choices: choices(&scene.clock, scene.t()),
            today: scene.clock.date(0),
            day: scene.clock.date(1),
        }
    }
}

/// The times to choose from, for any form with a field `snooze`.
pub fn choices(clock: &Clock, t: &'static Texts) -> Vec<Choice> {
    let named = [
        ("later", t.snooze_later, Later::Today),
        ("tomorrow", t.snooze_tomorrow, Later::Tomorrow),
        ("week", t.snooze_week, Later::NextWeek),
    ];
    let choice = |(value, label, later)| {
        let at = clock.later(later)?;
        Some(Choice { value, label, time: clock.until(at), machine: clock.moment(at).machine })
    };
    named.into_iter().filter_map(choice).collect()
}

/// The moment that a form with the field `snooze` chooses (with `day` and `time` for a time of one's own). `None`: it is not to come, or too
/// far away.
pub fn chosen(fields: &Fields, clock: &Clock) -> Option<Timestamp> {
    let at = match fields.get("snooze") {
        "later" => clock.later(Later::Today)?,
        "tomorrow" => clock.later(Later::Tomorrow)?,
        "week" => clock.later(Later::NextWeek)?,
        "at" => clock.read(fields.get("day"), fields.find("time").unwrap_or("09:00"))?,
        _ => return None,
    };
    let ahead = at.since(clock.now);
    (ahead > 0 && ahead <= LONGEST_MS).then_some(at)
}

/// POST …/snooze
pub async fn submit(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    let scene = form.scene().await?;
    let ends = fields.get("snooze") == "end";
    let act = match (ends, chosen(&fields, &scene.clock)) {
        (true, _) => Act::Wake,
        (false, Some(until)) => Act::Snooze { until },
        (false, None) => {
            return form.back(StatusCode::UNPROCESSABLE_ENTITY, Some(scene.t().snooze_unfit.to_owned()), Draft::default()).await;
        }
    };
    let (page, person) = (form.conversation.page.clone(), form.conversation.person.clone());
    match web.ledger.act(page, person, Some(agent.user), act).await {
        Ok(_) if !ends && !by_script(&request) => {
            web.badges().forget(agent.user);
            Ok(see(&Asked::posted(fields.get("view"), false).list().href()))
        }
        Ok(_) => form.done().await,
        Err(error) => {
            let (status, problem) = words(error, &scene)?;
            form.back(status, Some(problem), Draft::default()).await
        }
    }
}
