//! What is wanted of a list, as addresses say it: each filter is one word, and can be taken away again by itself.

use jiff::civil::Date;

use super::address::Asked;
use crate::access::UserId;
use crate::control::{EXTENDED_MS, STANDARD_MS};
use crate::store::inbox::{Filter, Holder, Span, TeamIs, WINDOW_ENDS_MS};
use crate::store::tags::TagId;
use crate::store::teams::TeamId;
use crate::web::when::Clock;
use crate::wire::{AppId, Object, PageId};

/// Longest name of a language.
const LANGUAGE: usize = 8;

/// An agent to whom conversations are assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignee {
    /// The reader.
    Me,
    /// Nobody.
    Nobody,
    /// Somebody.
    User(UserId),
}

/// How the messaging window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowIs {
    /// Anything may be sent.
    Open,
    /// The same, but soon no longer.
    Ending,
    /// A person may answer.
    Human,
    /// The customer must write first.
    Closed,
}

/// What is wanted of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Only this Page.
    pub page: Option<PageId>,
    /// Held by.
    pub owner: Option<Holder>,
    /// Assigned to.
    pub assignee: Option<Assignee>,
    /// Its team.
    pub team: Option<TeamIs>,
    /// Carries this tag.
    pub tag: Option<TagId>,
    /// Not seen by the reader.
    pub unread: bool,
    /// Not answered.
    pub unanswered: bool,
    /// The messaging window.
    pub window: Option<WindowIs>,
    /// The language of the customer's profile.
    pub language: Option<String>,
    /// Messenger or Instagram.
    pub channel: Option<Object>,
    /// The newest message on this day or later.
    pub since: Option<Date>,
    /// The newest message on this day or earlier.
    pub until: Option<Date>,
}

impl WindowIs {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Ending, Self::Human, Self::Closed];

    /// The name in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ending => "ending",
            Self::Human => "human",
            Self::Closed => "closed",
        }
    }
}

impl Filters {
    /// What an address asks for.
    pub fn read(asked: &Asked) -> Self {
        let language = asked.language.trim().to_lowercase();
        Self {
            page: PageId::parse(&asked.page).ok(),
            owner: match asked.owner.as_str() {
                "people" => Some(Holder::People),
                "nobody" => Some(Holder::Nobody),
                "elsewhere" => Some(Holder::Elsewhere),
                app => AppId::parse(app).ok().map(Holder::App),
            },
            assignee: match asked.assignee.as_str() {
                "me" => Some(Assignee::Me),
                "nobody" => Some(Assignee::Nobody),
                id => id.parse().ok().map(|id| Assignee::User(UserId(id))),
            },
            team: match asked.team.as_str() {
                "none" => Some(TeamIs::Nobodys),
                "mine" => Some(TeamIs::Mine),
                id => id.parse().ok().filter(|id| *id > 0).map(|id| TeamIs::Team(TeamId(id))),
            },
            tag: asked.tag.parse().ok().map(TagId),
            unread: asked.unread == "1",
            unanswered: asked.unanswered == "1",
            window: WindowIs::ALL.into_iter().find(|window| window.as_str() == asked.window),
            language: (1..=LANGUAGE).contains(&language.len()).then_some(language).filter(|it| it.bytes().all(|b| b.is_ascii_alphabetic())),
            channel: [Object::Page, Object::Instagram].into_iter().find(|channel| channel.platform() == asked.channel),
            since: asked.since.parse().ok().filter(sane),
            until: asked.until.parse().ok().filter(sane),
        }
    }

    /// The filters as names and values of a query.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        let mut say = |name, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
        say("page", self.page.as_ref().map(ToString::to_string));
        say("owner", self.owner.as_ref().map(|owner| owner.as_str().to_owned()));
        say("assignee", self.assignee.map(Assignee::value));
        say("team", self.team.map(team_name));
        say("tag", self.tag.map(|tag| tag.0.to_string()));
        say("unread", self.unread.then(|| "1".to_owned()));
        say("unanswered", self.unanswered.then(|| "1".to_owned()));
        say("window", self.window.map(|window| window.as_str().to_owned()));
        say("language", self.language.clone());
        say("channel", self.channel.map(|channel| channel.platform().to_owned()));
        say("since", self.since.map(|day| day.to_string()));
        say("until", self.until.map(|day| day.to_string()));
        pairs
    }

    /// The same without one of them.
    pub fn without(&self, name: &str) -> Self {
        let mut rest = self.clone();
        match name {
            "page" => rest.page = None,
            "owner" => rest.owner = None,
            "assignee" => rest.assignee = None,
            "team" => rest.team = None,
            "tag" => rest.tag = None,
            "unread" => rest.unread = false,
            "unanswered" => rest.unanswered = false,
            "window" => rest.window = None,
            "language" => rest.language = None,
            "channel" => rest.channel = None,
            "since" => rest.since = None,
            _ => rest.until = None,
        }
        rest
    }

    /// What the store is asked. The Page and the channel are in the choice of Pages.
    pub fn asked(&self, me: UserId, clock: &Clock) -> Filter {
        let ago = |millis: i64| Some(clock.now.plus_millis(-millis));
        let acted = |from, until| Some(Span { from, until });
        let person_acted = match self.window {
            Some(WindowIs::Open) => acted(ago(STANDARD_MS), None),
            Some(WindowIs::Ending) => acted(ago(STANDARD_MS), ago(STANDARD_MS - WINDOW_ENDS_MS)),
            Some(WindowIs::Human) => acted(ago(EXTENDED_MS), ago(STANDARD_MS)),
            Some(WindowIs::Closed) | None => None,
        };
        Filter {
            holder: self.owner.clone(),
            assignee: self.assignee.map(|assignee| match assignee {
                Assignee::Me => Some(me),
                Assignee::Nobody => None,
                Assignee::User(user) => Some(user),
            }),
            team: self.team,
            tag: self.tag,
            unread: self.unread,
            unanswered: self.unanswered,
            person_acted,
            silent_since: (self.window == Some(WindowIs::Closed)).then(|| clock.now.plus_millis(-EXTENDED_MS)),
            language: self.language.clone(),
            written: Span {
                from: self.since.and_then(|day| clock.midnight(day)),
                until: self.until.and_then(|day| clock.midnight(day.tomorrow().ok()?)),
            },
        }
    }
}

/// Days that PostgreSQL and people both know.
fn sane(day: &Date) -> bool {
    (1970..=9998).contains(&day.year())
}

impl Assignee {
    fn value(self) -> String {
        match self {
            Self::Me => "me".to_owned(),
            Self::Nobody => "nobody".to_owned(),
            Self::User(user) => user.0.to_string(),
        }
    }
}

/// A choice of teams in addresses.
fn team_name(team: TeamIs) -> String {
    match team {
        TeamIs::Nobodys => "none".to_owned(),
        TeamIs::Mine => "mine".to_owned(),
        TeamIs::Team(team) => team.0.to_string(),
    }
}
