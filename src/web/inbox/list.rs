//! The views, and the rows of one of them.

mod narrow;
mod rows;
mod views;

use askama::Template;

use super::address::ListState;
use super::filters::Filters;
use super::names::Names;
use super::saved::{self, SaveForm, SavedLink};
use crate::access::Role;
use crate::store::accounts::PageHead;
use crate::store::inbox::{Asked, Row};
use crate::store::log::timestamp;
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::session::Agent;
use crate::web::text::Texts;
use crate::web::when::Clock;
use crate::wire::{PageId, PersonId};

use narrow::{ChipView, Known, Select};
use rows::{RowView, Writer};
use views::{SortLink, ViewLink};

/// Rows of one page of a list.
const ROWS: usize = 50;

/// The pane of the list.
#[derive(Template)]
#[template(path = "list.html")]
pub struct List {
    t: &'static Texts,
    assets: &'static Assets,
    /// The name of the view.
    pub view: &'static str,
    views: Vec<ViewLink>,
    other_views: Vec<ViewLink>,
    saved: Vec<SavedLink>,
    saving: SaveForm,
    title: &'static str,
    sort: &'static str,
    sorts: Vec<SortLink>,
    sorted: Option<&'static str>,
    filters: Filters,
    selects: Vec<Select>,
    chips: Vec<ChipView>,
    bare: String,
    nothing: &'static str,
    nothing_next: String,
    rows: Vec<RowView>,
    ended_early: bool,
    first: Option<String>,
    next: Option<String>,
    /// This list, fetched anew.
    pub refresh: String,
    /// The Pages to choose from.
    pub pages: Vec<PageChoice>,
    /// The other filters, to stay when another Page is chosen.
    pub kept: Vec<(&'static str, String)>,
    /// Where scripts fetch this pane.
    pub fragment_url: String,
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

impl List {
    /// Reads a list under somebody's permissions. `current` is the conversation beside it.
    pub async fn load(web: &State, agent: &Agent, list: &ListState, current: Option<(&PageId, &PersonId)>) -> Result<Self, WebError> {
        let t = agent.lang.texts();
        let visible = web.store.visible_pages(&agent.scope).await?;
        let chosen = chosen(&visible, &list.filters, false);
        let clock = Clock::new(timestamp(web.store.now().await?), agent.zone.clone(), t);
        let counts = web.badges().counts(&web.store, &chosen, agent.user, clock.now).await?;
        let asked = Asked {
            view: list.view,
            sort: list.view.sorted(list.sort),
            pages: &self::chosen(&visible, &list.filters, true),
            me: agent.user,
            filter: &list.filters.asked(agent.user, &clock),
            after: list.after.as_ref(),
            limit: ROWS,
            now: clock.now,
        };
        let listing = web.store.list(&asked).await?;
        let (apps, tags) = (web.store.app_names().await?, web.store.tags().await?);
        let ids: Vec<PageId> = visible.iter().map(|page| page.page.clone()).collect();
        let colleagues = web.store.colleagues_on(&ids).await?;
        let teams = web.store.teams().await?;
        let known = Known { pages: &visible, apps: &apps, colleagues: &colleagues, teams: &teams, tags: &tags, clock: &clock, t };
        let (selects, chips) = (known.selects(list), known.chips(list));
        let names = Names::new(apps, agent.user, t);
        let writer = Writer { names: &names, clock: &clock, list, current, several: visible.len() > 1 && list.filters.page.is_none() };
        let saved = saved::links(web, agent, list).await?;
        let (views, other_views) = views::views(list, &counts, saved.iter().any(|view| view.current), t);
        let (nothing, nothing_next) = if visible.is_empty() {
            (t.none_pages, if agent.role == Role::Admin { t.none_pages_admin } else { t.none_pages_next }.to_owned())
        } else {
            views::nothing(list.view, &counts, t)
        };
        Ok(Self {
            t,
            assets: Assets::get(),
            view: list.view.as_str(),
            views,
            other_views,
            saved,
            saving: SaveForm::load(web, agent, list, here(list, current)).await?,
            title: views::label(list.view, t),
            sort: views::sort_label(list.view, asked.sort, t),
            sorts: views::sorts(list, t),
            sorted: list.sort.map(crate::store::inbox::Sort::as_str),
            filters: list.filters.clone(),
            selects,
            bare: ListState { view: list.view, sort: list.sort, ..ListState::default() }.href(),
            chips,
            nothing,
            nothing_next,
            rows: listing.rows.iter().map(|row| writer.row(row)).collect(),
            ended_early: listing.ended_early,
            first: list.after.as_ref().map(|_| list.top().href()),
            next: listing.next.map(|after| ListState { after: Some(after), ..list.clone() }.href()),
            refresh: list.href(),
            pages: choices(&visible, list),
            kept: list.filters.without("page").pairs(),
            fragment_url: format!("{}&fragment=list", here(list, current)),
        })
    }

    /// A day in the form of filters.
    fn day(day: Option<&jiff::civil::Date>) -> String {
        day.map(ToString::to_string).unwrap_or_default()
    }
}

/// The Pages of a list: all that the reader may see, or those of them that are wanted.
fn chosen(visible: &[PageHead], filters: &Filters, by_channel: bool) -> Vec<PageId> {
    let wanted = |page: &&PageHead| {
        filters.page.as_ref().is_none_or(|id| *id == page.page)
            && (!by_channel || filters.channel.is_none_or(|channel| channel == page.object))
    };
    visible.iter().filter(wanted).map(|page| page.page.clone()).collect()
}

/// The newest message of a conversation in one line.
pub fn last_line(row: &Row, names: &Names) -> String {
    rows::last(row, names).1
}

impl List {
    /// The conversation that follows one in the list; the first other one where none does.
    pub fn following(&self, page: &PageId, person: &PersonId) -> Option<&str> {
        let key = format!("{page}/{person}");
        let after = self.rows.iter().skip_while(|row| row.key != key).nth(1);
        after.or_else(|| self.rows.iter().find(|row| row.key != key)).map(|row| row.href.as_str())
    }
}

/// The address of the page with this list.
fn here(list: &ListState, current: Option<(&PageId, &PersonId)>) -> String {
    current.map_or_else(|| list.href(), |(page, person)| list.conversation(page, person))
}

fn choices(visible: &[PageHead], list: &ListState) -> Vec<PageChoice> {
    let choice = |page: &PageHead| PageChoice {
        id: page.page.to_string(),
        name: page.name.clone(),
        chosen: list.filters.page.as_ref() == Some(&page.page),
    };
    visible.iter().map(choice).collect()
}
