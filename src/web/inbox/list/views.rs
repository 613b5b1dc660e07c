//! The views: those of every day, and the others behind one button until something is in them.

use super::super::address::ListState;
use super::super::badges;
use super::super::filters::Filters;
use crate::store::inbox::{Counts, Sort, View};
use crate::web::text::{Texts, fill};

/// A view to go to.
pub struct ViewLink {
    /// Its address.
    pub href: String,
    /// Its name in addresses.
    pub name: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// It is shown.
    pub current: bool,
    /// There is something in it.
    pub any: bool,
    /// How much.
    pub count: String,
}

/// An order to choose.
pub struct SortLink {
    /// The list in this order.
    pub href: String,
    /// What it is called.
    pub label: &'static str,
    /// It is shown so.
    pub current: bool,
}

/// The views that are always in sight, and the others.
pub fn views(list: &ListState, counts: &Counts, saved_is_shown: bool, t: &'static Texts) -> (Vec<ViewLink>, Vec<ViewLink>) {
    let link = |view: View| {
        let count = counts.of(view);
        // The Page stays; what else was wanted was wanted of another list.
        let filters = Filters { page: list.filters.page.clone(), ..Filters::default() };
        ViewLink {
            href: ListState { view, filters, ..ListState::default() }.href(),
            name: view.as_str(),
            icon: icon(view),
            label: label(view, t),
            // One place at a time is where somebody is.
            current: view == list.view && !saved_is_shown,
            any: count > 0,
            count: badges::shown(count),
        }
    };
    let (first, others): (Vec<_>, Vec<_>) =
        View::ALL.into_iter().map(|view| (view, link(view))).partition(|(view, link)| in_sight(*view, link));
    let links = |all: Vec<(View, ViewLink)>| all.into_iter().map(|(_, link)| link).collect();
    (links(first), links(others))
}

/// Whether a view stands among those of every day: always, or because something needs a look there.
const fn in_sight(view: View, link: &ViewLink) -> bool {
    match view {
        View::Needs | View::Mine | View::Unassigned | View::Customer | View::Open => true,
        View::Ending | View::Failed | View::Snoozed => link.any || link.current,
        View::Bot | View::Elsewhere | View::Closed => link.current,
    }
}

/// The orders of a view, if there are several.
pub fn sorts(list: &ListState, t: &'static Texts) -> Vec<SortLink> {
    let shown = list.view.sorted(list.sort);
    let link = |sort: &Sort| SortLink {
        href: ListState { sort: Some(*sort), ..list.top() }.href(),
        label: sort_label(list.view, *sort, t),
        current: *sort == shown,
    };
    let sorts = list.view.sorts();
    if sorts.len() > 1 { sorts.iter().map(link).collect() } else { Vec::new() }
}

const fn icon(view: View) -> &'static str {
    match view {
        View::Needs => "hand",
        View::Mine => "person",
        View::Unassigned => "people",
        View::Customer => "back",
        View::Bot => "bot",
        View::Elsewhere => "outside",
        View::Open => "open",
        View::Ending | View::Snoozed => "clock",
        View::Failed => "warn",
        View::Closed => "check",
    }
}

/// What a view is called.
pub const fn label(view: View, t: &'static Texts) -> &'static str {
    match view {
        View::Needs => t.view_needs,
        View::Mine => t.view_mine,
        View::Unassigned => t.view_unassigned,
        View::Customer => t.view_customer,
        View::Bot => t.view_bot,
        View::Elsewhere => t.view_elsewhere,
        View::Open => t.view_open,
        View::Ending => t.view_ending,
        View::Failed => t.view_failed,
        View::Snoozed => t.view_snoozed,
        View::Closed => t.view_closed,
    }
}

/// What an order of a view is called.
pub const fn sort_label(view: View, sort: Sort, t: &'static Texts) -> &'static str {
    match (view, sort) {
        (View::Closed, _) => t.sort_closed,
        (View::Snoozed, _) => t.sort_snoozed,
        (View::Ending, _) | (_, Sort::Ending) => t.sort_ending,
        (_, Sort::Waiting) => t.sort_waiting,
        (_, Sort::Newest) => t.sort_activity,
    }
}

/// What an empty view says, and what follows.
pub fn nothing(view: View, counts: &Counts, t: &'static Texts) -> (&'static str, String) {
    let running = counts.of(View::Bot);
    let (nothing, next) = match view {
        View::Needs => (t.none_needs, t.none_needs_next),
        View::Mine => (t.none_mine, t.none_mine_next),
        View::Unassigned => (t.none_unassigned, t.none_unassigned_next),
        View::Customer => (t.none_customer, t.none_customer_next),
        View::Bot => (t.none_bot, t.none_bot_next),
        View::Elsewhere => (t.none_elsewhere, t.none_elsewhere_next),
        View::Open => (t.none_open, t.none_open_next),
        View::Ending => (t.none_ending, t.none_ending_next),
        View::Failed => (t.none_failed, t.none_failed_next),
        View::Snoozed => (t.none_snoozed, t.none_snoozed_next),
        View::Closed => (t.none_closed, t.none_closed_next),
    };
    if running > 0 && matches!(view, View::Needs | View::Unassigned) {
        return (nothing, fill(t.none_running, &[("count", &badges::shown(running))]));
    }
    (nothing, next.to_owned())
}
