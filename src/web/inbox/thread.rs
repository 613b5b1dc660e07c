//! One conversation as a pane.

use askama::Template;

use super::address::{ListState, path};
use super::composer::{Composer, Draft, Kept};
use super::context::{Context, Known};
use super::line::LineView;
use super::moves::{self, Move, Target};
use super::names;
use super::owner::{self, Holder};
use super::scene::Scene;
use super::snooze::Snooze;
use super::tagging::Tagging;
use super::timeline::Timeline;
use crate::store::draft_files::Beside;
use crate::store::inbox::conversation::Conversation;
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};
use crate::wire::Object;

/// Lines after one that is looked for, so that it stands among others.
const BEYOND: i64 = 20;

/// The conversation, its composer and its side.
#[derive(Template)]
#[template(path = "thread.html")]
pub struct Thread {
    t: &'static Texts,
    assets: &'static Assets,
    csrf: String,
    view: String,
    snooze: Snooze,
    snoozed: Option<String>,
    action_url: String,
    list_url: String,
    hue: u8,
    initials: String,
    /// What the customer is called.
    pub name: String,
    page_name: String,
    channel_name: &'static str,
    moves: Vec<Move>,
    targets: Vec<Target>,
    holder: Holder,
    /// Which team has it.
    team: Option<String>,
    problem: Option<String>,
    position: i64,
    older: Option<String>,
    newest: Option<String>,
    start: Option<String>,
    lines: Vec<LineView>,
    /// Who else is here.
    presence: String,
    composer: Composer,
    context: Context,
    /// Where scripts fetch this pane.
    pub fragment_url: String,
    /// `page/person`, as the live stream names it.
    pub key: String,
}

/// How a conversation is asked for.
pub struct Reading<'a> {
    /// Who reads.
    pub agent: &'a Agent,
    /// The list beside it.
    pub list: &'a ListState,
    /// The timeline before this position.
    pub before: Option<i64>,
    /// The timeline around this line, which is marked.
    pub at: Option<i64>,
    /// What went wrong with the last form.
    pub problem: Option<String>,
    /// What was written in it.
    pub draft: Draft,
}

impl Thread {
    /// Reads and lays out a conversation.
    pub async fn load(web: &State, conversation: Conversation, reading: Reading<'_>) -> Result<Self, WebError> {
        let Reading { agent, list, before, at, problem, mut draft } = reading;
        let fields = std::mem::take(&mut draft.fields);
        let mut scene = Scene::load(web, agent, conversation).await?;
        let (page, person) = (scene.conversation.page.clone(), scene.conversation.person.clone());
        let before = match (before, at) {
            (None, Some(at)) => web.store.lines_beyond(&page, &person, at, BEYOND).await?,
            (before, _) => before,
        };
        let timeline = Timeline::load(web, &mut scene, before, at).await?;
        let colleagues = if scene.inbox_owns() { web.store.colleagues(&page).await? } else { Vec::new() };
        let teams = if scene.inbox_owns() { web.store.teams_on(&page).await? } else { Vec::new() };
        let known = Known::load(web, &mut scene).await?;
        let drafts = web.store.drafts(agent.user, &page, &person).await?;
        let files = web.store.draft_files(Beside { user: agent.user, page: &page, person: &person }).await?;
        let saved = Kept { drafts, files, queued: web.store.newest_send(&page, &person).await? };
        let tagging = Tagging::load(web, &scene, agent, list).await?;
        let t = scene.t();
        let conversation = &scene.conversation;
        let name = names::person(&conversation.name, &person, conversation.object, t);
        let address = list.conversation(&page, &person);
        let start = timeline.lines.first().map(|_| fill(t.start, &[("time", &scene.clock.moment(conversation.first_seen).full)]));
        Ok(Self {
            t,
            assets: Assets::get(),
            csrf: agent.csrf.clone(),
            view: list.query(),
            snooze: Snooze::new(&scene, agent, list),
            snoozed: conversation.snoozed_until.map(|until| fill(t.snooze_until, &[("time", &scene.clock.until(until))])),
            action_url: path(&page, &person),
            list_url: list.href(),
            hue: names::hue(person.as_str()),
            initials: names::initials(conversation.name.display().as_deref()),
            page_name: conversation.page_name.clone(),
            channel_name: if conversation.object == Object::Instagram { t.channel_instagram } else { t.channel_messenger },
            moves: moves::moves(&scene),
            targets: moves::targets(&scene, &colleagues, &teams),
            holder: owner::holder(
                &scene.control,
                scene.rules.at_deadline,
                conversation.closed_at.is_some(),
                conversation.assignee.as_ref(),
                scene.inbox(),
                &scene.names,
                &scene.clock,
            ),
            team: conversation.team.as_ref().map(|team| fill(t.desk.team_named, &[("team", &team.name)])),
            problem,
            position: conversation.last_position,
            older: timeline.older.map(|position| format!("{address}&before={position}")),
            newest: before.map(|_| address.clone()),
            start,
            lines: timeline.lines,
            presence: web.board.words(&(page.clone(), person.clone()), agent.user, t),
            composer: Composer::new(&scene, agent, list, &name, draft, saved),
            context: Context::new(&scene, known, tagging, list, &agent.csrf, &fields),
            fragment_url: fragment_url(&address, before, at),
            key: format!("{page}/{person}"),
            name,
        })
    }
}

/// The same part of the conversation, fetched by scripts.
fn fragment_url(address: &str, before: Option<i64>, at: Option<i64>) -> String {
    let given = |name: &str, value: Option<i64>| value.map(|value| format!("&{name}={value}")).unwrap_or_default();
    format!("{address}{}{}&fragment=thread", given("before", before), given("at", at))
}
