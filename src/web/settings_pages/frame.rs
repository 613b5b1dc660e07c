//! The frame around every page of settings: the way back, and the other pages.

use crate::access::Role;
use crate::web::session::Agent;
use crate::web::text::Texts;

/// A page of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What is one's own.
    Me,
    /// Tags.
    Tags,
    /// Teams.
    Teams,
    /// Saved views.
    Views,
    /// Saved replies.
    Replies,
    /// What agents write down about people.
    Fields,
}

impl Section {
    /// The pages, in the order in which they are listed.
    const ALL: [Self; 6] = [Self::Me, Self::Views, Self::Teams, Self::Tags, Self::Replies, Self::Fields];

    /// Where `/settings` leads.
    pub const FIRST: Self = Self::Me;

    /// Its address.
    pub const fn href(self) -> &'static str {
        match self {
            Self::Me => "/settings/me",
            Self::Teams => "/settings/teams",
            Self::Tags => "/settings/tags",
            Self::Views => "/settings/views",
            Self::Replies => "/settings/replies",
            Self::Fields => "/settings/fields",
        }
    }

    const fn title(self, t: &'static Texts) -> &'static str {
        match self {
            Self::Me => t.desk.preferences,
            Self::Teams => t.desk.teams_section,
            Self::Tags => t.settings_tags,
            Self::Views => t.desk.views_section,
            Self::Replies => t.replies_heading,
            Self::Fields => t.desk.fields_section,
        }
    }

    const fn icon(self) -> &'static str {
        match self {
            Self::Me => "person",
            Self::Teams => "people",
            Self::Tags => "tag",
            Self::Views => "bookmark",
            Self::Replies => "quick",
            Self::Fields => "info",
        }
    }
}

/// What `settings.html` needs of every page. A page's template has the fields `lang`, `t`, `assets` and `frame`.
pub struct Frame {
    /// Every form carries it.
    pub csrf: String,
    /// Light or dark.
    pub theme: &'static str,
    /// The reader may change what is everybody's.
    pub admin: bool,
    /// The name of the page.
    pub title: &'static str,
    /// The pages to go to.
    pub links: Vec<Link>,
}

/// A page of settings to go to.
pub struct Link {
    /// Its address.
    pub href: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// Its name.
    pub label: &'static str,
    /// It is the one that is shown.
    pub current: bool,
}

impl Frame {
    /// The frame of a page for its reader.
    pub fn new(agent: &Agent, section: Section) -> Self {
        let t = agent.lang.texts();
        let link = |one: Section| Link { href: one.href(), icon: one.icon(), label: one.title(t), current: one == section };
        Self {
            csrf: agent.csrf.clone(),
            theme: agent.preferences.theme.as_str(),
            admin: agent.role == Role::Admin,
            title: section.title(t),
            links: Section::ALL.into_iter().map(link).collect(),
        }
    }
}
