//! Filters as people see them: a form to choose them, and a chip for each that is chosen, which takes it away.

use super::super::address::ListState;
use super::super::filters::WindowIs;
use crate::access::UserId;
use crate::store::accounts::PageHead;
use crate::store::inbox::Holder;
use crate::store::inbox::conversation::{AppKind, AppName};
use crate::store::tags::Tag;
use crate::store::teams::Team;
use crate::web::text::{Texts, fill};
use crate::web::when::Clock;
use crate::wire::Object;

/// A filter that is chosen.
pub struct ChipView {
    /// The list without it.
    pub href: String,
    /// What it says.
    pub label: String,
}

/// A select of the form.
pub struct Select {
    /// The field.
    pub name: &'static str,
    /// What it is about.
    pub label: &'static str,
    /// What to choose from.
    pub options: Vec<Choice>,
}

/// Something to choose.
pub struct Choice {
    /// The field's value.
    pub value: String,
    /// What it is called.
    pub label: String,
    /// It is chosen.
    pub chosen: bool,
}

/// What there is to filter by.
pub struct Known<'a> {
    /// The Pages of the reader.
    pub pages: &'a [PageHead],
    /// The apps.
    pub apps: &'a [AppName],
    /// Who answers on these Pages.
    pub colleagues: &'a [(UserId, String)],
    /// The teams.
    pub teams: &'a [Team],
    /// The tags.
    pub tags: &'a [Tag],
    /// The reader's clock.
    pub clock: &'a Clock,
    /// The texts.
    pub t: &'static Texts,
}

impl Known<'_> {
    /// The selects of the form.
    pub fn selects(&self, list: &ListState) -> Vec<Select> {
        let t = self.t;
        let chosen = list.filters.pairs();
        let select = |name: &'static str, label, options: Vec<(String, String)>| {
            let is = |value: &str| chosen.iter().any(|(key, it)| *key == name && it == value);
            let options = options.into_iter().map(|(value, label)| Choice { chosen: is(&value), value, label }).collect();
            Select { name, label, options }
        };
        let mut selects = vec![
            select("owner", t.filter_owner, self.holders()),
            select("assignee", t.filter_assignee, self.assignees()),
            select("team", t.desk.filter_team, if self.teams.is_empty() { Vec::new() } else { self.teams() }),
            select(
                "tag",
                t.filter_tag,
                self.tags.iter().filter(|tag| !tag.archived).map(|tag| (tag.tag.0.to_string(), tag.name.clone())).collect(),
            ),
            select(
                "window",
                t.filter_window,
                WindowIs::ALL.iter().map(|window| (window.as_str().to_owned(), self.window(*window).to_owned())).collect(),
            ),
        ];
        if self.pages.iter().any(|page| page.object == Object::Instagram) {
            let channels = [Object::Page, Object::Instagram].into_iter();
            selects.push(select(
                "channel",
                t.filter_channel,
                channels.map(|it| (it.platform().to_owned(), self.channel(it).to_owned())).collect(),
            ));
        }
        selects.retain(|select| !select.options.is_empty());
        selects
    }

    /// The chips.
    pub fn chips(&self, list: &ListState) -> Vec<ChipView> {
        let chip = |(name, value): (&'static str, String)| ChipView {
            href: ListState { filters: list.filters.without(name), ..list.top() }.href(),
            label: self.chip(name, &value, list),
        };
        list.filters.pairs().into_iter().filter(|(name, _)| *name != "page" || self.pages.len() > 1).map(chip).collect()
    }

    fn chip(&self, name: &str, value: &str, list: &ListState) -> String {
        let t = self.t;
        let said = |label: &str, value: &str| format!("{label}: {value}");
        let of = |label: &str, options: Vec<(String, String)>| {
            let name = options.into_iter().find(|(key, _)| key == value).map_or_else(|| value.to_owned(), |(_, name)| name);
            said(label, &name)
        };
        let filters = &list.filters;
        match name {
            "page" => of(t.page_filter, self.pages.iter().map(|page| (page.page.to_string(), page.name.clone())).collect()),
            "owner" => of(t.filter_owner, self.holders()),
            "assignee" => of(t.filter_assignee, self.assignees()),
            "team" => of(t.desk.filter_team, self.teams()),
            "tag" => of(t.filter_tag, self.tags.iter().map(|tag| (tag.tag.0.to_string(), tag.name.clone())).collect()),
            "unread" => t.filter_unread.to_owned(),
            "unanswered" => t.filter_unanswered.to_owned(),
            "window" => said(t.filter_window, filters.window.map_or("", |window| self.window(window))),
            "channel" => said(t.filter_channel, filters.channel.map_or("", |channel| self.channel(channel))),
            "language" => said(t.filter_language, value),
            "since" => fill(t.filter_since_day, &[("day", &self.day(filters.since))]),
            _ => fill(t.filter_until_day, &[("day", &self.day(filters.until))]),
        }
    }

    fn day(&self, day: Option<jiff::civil::Date>) -> String {
        day.and_then(|day| self.clock.midnight(day)).map(|at| self.clock.day(at)).unwrap_or_default()
    }

    fn holders(&self) -> Vec<(String, String)> {
        let t = self.t;
        let app = |app: &AppName| (app.app.to_string(), app.name.clone());
        let words = [(Holder::People, t.owner_inbox), (Holder::Nobody, t.owner_idle), (Holder::Elsewhere, t.owner_external)];
        let words = words.into_iter().map(|(holder, label)| (holder.as_str().to_owned(), label.to_owned()));
        words.chain(self.apps.iter().filter(|app| app.kind != AppKind::Inbox && app.is_on(self.pages)).map(app)).collect()
    }

    fn assignees(&self) -> Vec<(String, String)> {
        let t = self.t;
        let words = [("me".to_owned(), t.filter_me.to_owned()), ("nobody".to_owned(), t.owner_idle.to_owned())].into_iter();
        words.chain(self.colleagues.iter().map(|(user, name)| (user.0.to_string(), name.clone()))).collect()
    }

    fn teams(&self) -> Vec<(String, String)> {
        let f = self.t.desk;
        let words = [("mine".to_owned(), f.filter_my_teams.to_owned()), ("none".to_owned(), f.filter_no_team.to_owned())].into_iter();
        words.chain(self.teams.iter().map(|team| (team.team.0.to_string(), team.name.clone()))).collect()
    }

    const fn window(&self, window: WindowIs) -> &'static str {
        match window {
            WindowIs::Open => self.t.filter_window_open,
            WindowIs::Ending => self.t.filter_window_ending,
            WindowIs::Human => self.t.filter_window_human,
            WindowIs::Closed => self.t.filter_window_closed,
        }
    }

    const fn channel(&self, channel: Object) -> &'static str {
        match channel {
            Object::Page => self.t.channel_messenger,
            Object::Instagram => self.t.channel_instagram,
        }
    }
}
