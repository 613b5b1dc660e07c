//! The views and the rows of one of them.

use askama::Template;

use super::address::ListState;
use super::badges;
use super::content;
use super::names::{self, Names};
use super::owner::{self, Chip};
use crate::access::UserId;
use crate::control::STANDARD_MS;
use crate::store::accounts::PageHead;
use crate::store::inbox::{Counts, Place, Row, View};
use crate::store::log::timestamp;
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};
use crate::web::when::{Clock, Moment};
use crate::wire::{Object, PageId, PersonId};

/// Rows of one page of a list.
const ROWS: usize = 50;

/// The countdown shows below this, in milliseconds.
const COUNTDOWN_MS: i64 = 6 * 3_600_000;

/// The countdown is urgent below this, in milliseconds.
const URGENT_MS: i64 = 3_600_000;

/// The pane of the list.
#[derive(Template)]
#[template(path = "list.html")]
pub struct List {
    t: &'static Texts,
    assets: &'static Assets,
    /// The name of the view.
    pub view: &'static str,
    views: Vec<ViewLink>,
    title: &'static str,
    sort: &'static str,
    nothing: &'static str,
    nothing_next: &'static str,
    rows: Vec<RowView>,
    first: Option<String>,
    next: Option<String>,
    /// This list, fetched anew.
    pub refresh: String,
    /// The Pages to choose from.
    pub pages: Vec<PageChoice>,
    /// Where scripts fetch this pane.
    pub fragment_url: String,
}

struct ViewLink {
    href: String,
    name: &'static str,
    icon: &'static str,
    label: &'static str,
    current: bool,
    any: bool,
    count: String,
}

/// A Page in the filter.
pub struct PageChoice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The list shows only it.
    pub chosen: bool,
}

struct RowView {
    id: String,
    key: String,
    href: String,
    current: bool,
    name: String,
    initials: String,
    hue: u8,
    unanswered: bool,
    at: Moment,
    prefix: Option<String>,
    preview: String,
    owner: Option<Chip>,
    page_name: Option<String>,
    channel: &'static str,
    window: Option<Countdown>,
    trouble: Option<&'static str>,
    assignee: Option<Badge>,
}

struct Countdown {
    class: &'static str,
    label: String,
    why: &'static str,
}

struct Badge {
    initials: String,
    hue: u8,
    label: String,
}

impl List {
    /// Reads a list under somebody's permissions. `current` is the conversation beside it.
    pub async fn load(web: &State, agent: &Agent, list: &ListState, current: Option<(&PageId, &PersonId)>) -> Result<Self, WebError> {
        let t = agent.lang.texts();
        let visible = web.store.visible_pages(&agent.scope).await?;
        let all: Vec<PageId> = visible.iter().map(|page| page.page.clone()).collect();
        let chosen: Vec<PageId> = match &list.page {
            Some(page) => all.into_iter().filter(|known| known == page).collect(),
            None => all,
        };
        let counts = web.badges().counts(&web.store, &chosen, agent.user).await?;
        let limit = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
        let mut rows = web.store.list(list.view, &chosen, agent.user, list.after.as_ref(), limit).await?;
        let more = rows.len() > ROWS;
        rows.truncate(ROWS);
        let next = rows.last().filter(|_| more).map(|last| ListState {
            after: Some(Place { at: last.sorted_by, page: last.page.clone(), person: last.person.clone() }),
            ..list.clone()
        });
        let names = Names::new(web.store.app_names().await?, agent.user, t);
        let clock = Clock::new(timestamp(web.store.now().await?), agent.zone.clone(), t);
        let writer = Writer { names: &names, clock: &clock, list, current, several: visible.len() > 1 && list.page.is_none() };
        let (nothing, nothing_next) = nothing(list.view, t);
        Ok(Self {
            t,
            assets: Assets::get(),
            view: list.view.as_str(),
            views: views(list, &counts, t),
            title: label(list.view, t),
            sort: sort(list.view, t),
            nothing,
            nothing_next,
            rows: rows.iter().map(|row| writer.row(row)).collect(),
            first: list.after.as_ref().map(|_| list.top().href()),
            next: next.map(|next| next.href()),
            refresh: list.href(),
            pages: choices(&visible, list),
            fragment_url: fragment_url(list, current),
        })
    }
}

impl List {
    /// The first conversation of the list that is another one: what comes next.
    pub fn another(&self, page: &PageId, person: &PersonId) -> Option<&str> {
        let key = format!("{page}/{person}");
        self.rows.iter().find(|row| row.key != key).map(|row| row.href.as_str())
    }
}

fn fragment_url(list: &ListState, current: Option<(&PageId, &PersonId)>) -> String {
    match current {
        Some((page, person)) => format!("{}&fragment=list", list.conversation(page, person)),
        None => format!("{}&fragment=list", list.href()),
    }
}

fn choices(visible: &[PageHead], list: &ListState) -> Vec<PageChoice> {
    let choice =
        |page: &PageHead| PageChoice { id: page.page.to_string(), name: page.name.clone(), chosen: list.page.as_ref() == Some(&page.page) };
    visible.iter().map(choice).collect()
}

fn views(list: &ListState, counts: &Counts, t: &'static Texts) -> Vec<ViewLink> {
    let link = |view: View| {
        let count = badges::of(counts, view);
        ViewLink {
            href: ListState { view, ..list.top() }.href(),
            name: view.as_str(),
            icon: match view {
                View::Needs => "hand",
                View::Mine => "person",
                View::Bot => "bot",
                View::Open => "open",
                View::Closed => "check",
            },
            label: label(view, t),
            current: view == list.view,
            any: count > 0,
            count: badges::shown(count),
        }
    };
    View::ALL.into_iter().map(link).collect()
}

const fn label(view: View, t: &'static Texts) -> &'static str {
    match view {
        View::Needs => t.view_needs,
        View::Mine => t.view_mine,
        View::Bot => t.view_bot,
        View::Open => t.view_open,
        View::Closed => t.view_closed,
    }
}

const fn sort(view: View, t: &'static Texts) -> &'static str {
    match view {
        View::Needs => t.sort_waiting,
        View::Closed => t.sort_closed,
        View::Mine | View::Bot | View::Open => t.sort_activity,
    }
}

const fn nothing(view: View, t: &'static Texts) -> (&'static str, &'static str) {
    match view {
        View::Needs => (t.none_needs, t.none_needs_next),
        View::Mine => (t.none_mine, t.none_mine_next),
        View::Bot => (t.none_bot, t.none_bot_next),
        View::Open => (t.none_open, t.none_open_next),
        View::Closed => (t.none_closed, t.none_closed_next),
    }
}

/// Writes rows for one reader.
struct Writer<'a> {
    names: &'a Names,
    clock: &'a Clock,
    list: &'a ListState,
    current: Option<(&'a PageId, &'a PersonId)>,
    several: bool,
}

impl Writer<'_> {
    fn row(&self, row: &Row) -> RowView {
        let t = self.names.t;
        let (prefix, preview) = self.last(row);
        // In the queue the age is how long somebody has waited.
        let at = if self.list.view == View::Needs { row.sorted_by } else { row.last_at };
        RowView {
            id: format!("row-{}-{}", row.page, row.person),
            key: format!("{}/{}", row.page, row.person),
            href: self.list.conversation(&row.page, &row.person),
            current: self.current == Some((&row.page, &row.person)),
            name: names::person(&row.name, &row.person, row.object, t),
            initials: names::initials(row.name.display().as_deref()),
            hue: names::hue(row.person.as_str()),
            unanswered: row.unanswered && row.closed_at.is_none(),
            at: self.clock.moment(at),
            prefix,
            preview,
            // In the queue and among one's own everything is with people: saying so on every row says nothing.
            owner: (!matches!(self.list.view, View::Needs | View::Mine)).then(|| owner::chip(&row.control, self.names, self.clock.now)),
            page_name: self.several.then(|| row.page_name.clone()),
            channel: if row.object == Object::Instagram { "instagram" } else { "messenger" },
            window: self.countdown(row),
            trouble: row.trouble.as_deref().map(|state| if state == "failed" { t.row_failed } else { t.row_unknown }),
            assignee: row.assignee.as_ref().map(|(user, name)| self.badge(*user, name)),
        }
    }

    fn badge(&self, user: UserId, name: &str) -> Badge {
        Badge {
            initials: names::initials(Some(name)),
            hue: names::hue(&user.0.to_string()),
            label: fill(self.names.t.row_assigned, &[("name", name)]),
        }
    }

    fn last(&self, row: &Row) -> (Option<String>, String) {
        let t = self.names.t;
        let Some(last) = &row.last else { return (None, String::new()) };
        let prefix = match (&last.user, &last.app) {
            (Some((user, _)), _) if *user == self.names.me => Some(t.row_you.to_owned()),
            (Some((_, name)), _) => Some(format!("{name}:")),
            (None, Some(app)) if last.kind == "echo" => Some(format!("{}:", self.names.app(app))),
            (None, None) if last.kind == "echo" => Some(format!("{}:", t.somebody)),
            _ => None,
        };
        let text = if last.scrubbed { t.message_removed.to_owned() } else { content::line(&last.kind, &last.payload, t) };
        (prefix, text.chars().take(160).collect())
    }

    fn countdown(&self, row: &Row) -> Option<Countdown> {
        let end = row.last_person_act?.plus_millis(STANDARD_MS);
        let left = end.since(self.clock.now);
        let shown = row.closed_at.is_none() && left > 0 && left < COUNTDOWN_MS;
        shown.then(|| Countdown {
            class: if left < URGENT_MS { "urgent" } else { "" },
            label: self.clock.left(left),
            why: self.names.t.row_window,
        })
    }
}
