//! The rows of a list.

use super::super::content;
use super::super::names::{self, Names};
use super::super::owner::{self, Chip};
use super::ListState;
use crate::access::UserId;
use crate::control::{Owner, STANDARD_MS};
use crate::store::inbox::{LEASE_ENDS_MS, Row, Sort, UNREAD_CAP, View, WINDOW_ENDS_MS};
use crate::web::text::fill;
use crate::web::when::{Clock, Moment};
use crate::wire::{PageId, PersonId, Timestamp};

/// Tags that a row shows; the others are a number.
const TAGS: usize = 2;

/// The countdown is urgent below this, in milliseconds.
const URGENT_MS: i64 = 3_600_000;

/// A row.
pub struct RowView {
    /// Its id in the page.
    pub id: String,
    /// `page/person`.
    pub key: String,
    /// The conversation.
    pub href: String,
    /// It is shown beside the list.
    pub current: bool,
    /// The customer.
    pub name: String,
    /// Letters of the name.
    pub initials: String,
    /// Its colour.
    pub hue: u8,
    /// The newest message of the customer has no answer.
    pub unanswered: bool,
    /// Messages that the reader has not seen.
    pub unread: Option<Unread>,
    /// The age.
    pub at: Moment,
    /// Who spoke last.
    pub prefix: Option<String>,
    /// What.
    pub preview: String,
    /// Who holds it.
    pub owner: Option<Chip>,
    /// The Page, where there are several.
    pub page_name: Option<String>,
    /// The icon of the channel.
    pub channel: &'static str,
    /// What ends soon.
    pub window: Option<Countdown>,
    /// A send went wrong.
    pub trouble: Option<&'static str>,
    /// Who has it.
    pub assignee: Option<Badge>,
    /// The team that has it.
    pub team: Option<Badge>,
    /// The first tags.
    pub tags: Vec<TagDot>,
    /// The other tags.
    pub more_tags: Option<Unread>,
    /// Until when it is put aside.
    pub snoozed: Option<String>,
}

/// A number with its words.
pub struct Unread {
    /// The number.
    pub count: String,
    /// The words.
    pub label: String,
}

/// A tag as a dot.
pub struct TagDot {
    /// Its colour.
    pub colour: &'static str,
    /// Its name.
    pub name: String,
}

/// What ends soon.
pub struct Countdown {
    /// `urgent`, or nothing.
    pub class: &'static str,
    /// How long.
    pub label: String,
    /// What it is.
    pub why: &'static str,
}

/// An agent or a team.
pub struct Badge {
    /// Letters of the name.
    pub initials: String,
    /// Its colour.
    pub hue: u8,
    /// The words.
    pub label: String,
}

impl RowView {
    /// Whether there is nothing to say of it below the newest message.
    pub fn is_bare(&self) -> bool {
        let says_nothing = self.trouble.is_none() && self.snoozed.is_none() && self.owner.is_none() && self.window.is_none();
        let is_nobodys = self.assignee.is_none() && self.team.is_none();
        says_nothing && is_nobodys && self.page_name.is_none() && self.tags.is_empty()
    }
}

/// Who spoke last, and what.
pub fn last(row: &Row, names: &Names) -> (Option<String>, String) {
    let t = names.t;
    let Some(last) = &row.last else { return (None, String::new()) };
    let prefix = match (&last.user, &last.app) {
        (Some((user, _)), _) if *user == names.me => Some(t.row_you.to_owned()),
        (Some((_, name)), _) => Some(format!("{name}:")),
        (None, Some(app)) if last.kind == "echo" => Some(format!("{}:", names.app(app))),
        (None, None) if last.kind == "echo" => Some(format!("{}:", t.somebody)),
        _ => None,
    };
    let text = if last.scrubbed { t.message_removed.to_owned() } else { content::line(&last.kind, &last.payload, t) };
    (prefix, text.chars().take(160).collect())
}

/// Writes rows for one reader.
pub struct Writer<'a> {
    pub names: &'a Names,
    pub clock: &'a Clock,
    pub list: &'a ListState,
    pub current: Option<(&'a PageId, &'a PersonId)>,
    pub several: bool,
}

impl Writer<'_> {
    pub fn row(&self, row: &Row) -> RowView {
        let t = self.names.t;
        let (prefix, preview) = last(row, self.names);
        // In the queue the age is how long somebody has waited.
        let waits = self.list.view == View::Needs && self.list.view.sorted(self.list.sort) == Sort::Waiting;
        let at = if waits { row.sorted_by } else { row.last_at };
        RowView {
            id: format!("row-{}-{}", row.page, row.person),
            key: format!("{}/{}", row.page, row.person),
            href: self.list.conversation(&row.page, &row.person),
            current: self.current == Some((&row.page, &row.person)),
            name: names::person(&row.name, &row.person, row.object, t),
            initials: names::initials(row.name.display().as_deref()),
            hue: names::hue(row.person.as_str()),
            unanswered: row.unanswered && row.closed_at.is_none(),
            unread: (row.unread > 0).then(|| self.unread(row.unread)),
            tags: row.tags.iter().take(TAGS).map(|tag| TagDot { colour: tag.colour.as_str(), name: tag.name.clone() }).collect(),
            more_tags: self.more_tags(row),
            snoozed: row.snoozed_until.map(|until| fill(t.snooze_until, &[("time", &self.clock.until(until))])),
            at: self.clock.moment(at),
            prefix,
            preview,
            // In the queue and among one's own everything is with people: saying so on every row says nothing.
            owner: (!matches!(self.list.view, View::Needs | View::Mine)).then(|| owner::chip(&row.control, self.names, self.clock.now)),
            page_name: self.several.then(|| row.page_name.clone()),
            channel: row.object.platform(),
            window: self.countdown(row),
            trouble: row.trouble.as_deref().map(|state| if state == "failed" { t.row_failed } else { t.row_unknown }),
            assignee: row.assignee.as_ref().map(|(user, name)| self.badge(*user, name)),
            team: row.team.as_deref().map(|name| self.team(name)),
        }
    }

    fn team(&self, name: &str) -> Badge {
        Badge { initials: names::initials(Some(name)), hue: names::hue(name), label: fill(self.names.t.desk.team_named, &[("team", name)]) }
    }

    fn badge(&self, user: UserId, name: &str) -> Badge {
        Badge {
            initials: names::initials(Some(name)),
            hue: names::hue(&user.0.to_string()),
            label: fill(self.names.t.row_assigned, &[("name", name)]),
        }
    }

    fn unread(&self, count: i64) -> Unread {
        let shown = if count > UNREAD_CAP { format!("{UNREAD_CAP}+") } else { count.to_string() };
        Unread { label: fill(self.names.t.row_unread, &[("count", &shown)]), count: shown }
    }

    fn more_tags(&self, row: &Row) -> Option<Unread> {
        let hidden = row.tags.get(TAGS..).filter(|hidden| !hidden.is_empty())?;
        let names: Vec<&str> = hidden.iter().map(|tag| tag.name.as_str()).collect();
        Some(Unread { count: format!("+{}", hidden.len()), label: names.join(", ") })
    }

    /// The window, or an agent's lease where that ends first.
    fn countdown(&self, row: &Row) -> Option<Countdown> {
        let t = self.names.t;
        if row.closed_at.is_some() {
            return None;
        }
        let left = |end: Timestamp| end.since(self.clock.now);
        let window = row.last_person_act.map(|act| left(act.plus_millis(STANDARD_MS))).filter(|left| *left < WINDOW_ENDS_MS);
        let lease = match &row.control.owner {
            Owner::App { until, .. } if row.assignee.is_some() => Some(left(*until)).filter(|left| *left < LEASE_ENDS_MS),
            _ => None,
        };
        let ends = [(window, t.row_window), (lease, t.row_lease)].into_iter();
        let (left, why) = ends.filter_map(|(left, why)| Some((left.filter(|left| *left > 0)?, why))).min_by_key(|(left, _)| *left)?;
        Some(Countdown { class: if left < URGENT_MS { "urgent" } else { "" }, label: self.clock.left(left), why })
    }
}
