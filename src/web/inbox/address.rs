//! The addresses of lists and conversations. Every state of the inbox is one.

use serde::Deserialize;

use super::filters::Filters;
use crate::store::inbox::{Place, Sort, View};
use crate::wire::{PageId, PersonId, Timestamp};

/// What an address asks for besides its path. What cannot be read counts as not asked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    view: String,
    sort: String,
    pub(super) page: String,
    pub(super) owner: String,
    pub(super) assignee: String,
    pub(super) team: String,
    pub(super) tag: String,
    pub(super) unread: String,
    pub(super) unanswered: String,
    pub(super) window: String,
    pub(super) language: String,
    pub(super) channel: String,
    pub(super) since: String,
    pub(super) until: String,
    /// The list after this row.
    after: String,
    /// The timeline before this position.
    pub before: Option<i64>,
    /// The timeline around this line, which is marked.
    #[serde(default)]
    pub at: Option<i64>,
    /// Only a part of the page, for scripts.
    pub fragment: Option<Fragment>,
}

/// A part of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fragment {
    /// Views with counts, and rows.
    List,
    /// The conversation: head, timeline, composer, side.
    Thread,
}

/// Which list is shown: it stays beside a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListState {
    /// The list.
    pub view: View,
    /// Its order, if not the usual one.
    pub sort: Option<Sort>,
    /// What is wanted of it.
    pub filters: Filters,
    /// After this row.
    pub after: Option<Place>,
}

impl Asked {
    /// What a form beside a list asks for, by the list's [query](ListState::query) or the name of a view; with `fragment`, scripts get only
    /// the conversation back.
    pub fn posted(list: &str, fragment: bool) -> Self {
        let asked = if list.contains('=') {
            actix_web::web::Query::<Self>::from_query(list).map(actix_web::web::Query::into_inner).unwrap_or_default()
        } else {
            Self { view: list.to_owned(), ..Self::default() }
        };
        Self { fragment: fragment.then_some(Fragment::Thread), before: None, ..asked }
    }

    /// The list that is asked for.
    pub fn list(&self) -> ListState {
        let sort = Sort::ALL.into_iter().find(|sort| sort.as_str() == self.sort);
        ListState { view: view(&self.view), sort, filters: Filters::read(self), after: place(&self.after) }
    }
}

/// Reads a view's name; the first view for anything else.
pub fn view(name: &str) -> View {
    View::ALL.into_iter().find(|view| view.as_str() == name).unwrap_or_default()
}

impl ListState {
    /// The same list from its top.
    pub fn top(&self) -> Self {
        Self { after: None, ..self.clone() }
    }

    /// The same list as it is kept under a name: from its top, with an order only if that is not the usual one.
    pub fn kept(&self) -> Self {
        let sort = self.sort.map(|sort| self.view.sorted(Some(sort))).filter(|sort| *sort != self.view.sorted(None));
        Self { sort, ..self.top() }
    }

    /// Reads a list that is to be kept. `None`: it is not what [`query`](Self::query) writes, so it would be another list than was asked for.
    pub fn parse(query: &str) -> Option<Self> {
        Some(Asked::posted(query, false).list()).filter(|list| list.query() == query)
    }

    /// The address of the list.
    pub fn href(&self) -> String {
        format!("/inbox?{}", self.query())
    }

    /// The address of a conversation beside this list.
    pub fn conversation(&self, page: &PageId, person: &PersonId) -> String {
        format!("{}?{}", path(page, person), self.query())
    }

    /// The list as a query.
    pub fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("view", self.view.as_str());
        if let Some(sort) = self.sort {
            query.append_pair("sort", sort.as_str());
        }
        query.extend_pairs(self.filters.pairs());
        if let Some(after) = &self.after {
            query.append_pair("after", &format!("{}.{}.{}", after.at.millis(), encode(after.page.as_str()), encode(after.person.as_str())));
        }
        query.finish()
    }
}

/// The path of a conversation.
pub fn path(page: &PageId, person: &PersonId) -> String {
    format!("/inbox/{}/{}", encode(page.as_str()), encode(person.as_str()))
}

/// Percent-encodes everything but letters, digits and `*-_`, so that the result stands in a path and holds no full stop.
fn encode(text: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    encoded.replace('+', "%20").replace('.', "%2E")
}

/// The last millisecond of the year 9999. PostgreSQL refuses times far outside of these bounds, and no row lies there.
pub const LAST_TIME: i64 = 253_402_300_799_999;

fn place(text: &str) -> Option<Place> {
    let mut parts = text.splitn(3, '.');
    let at = parts.next()?.parse().ok().filter(|at| (0..=LAST_TIME).contains(at))?;
    let page = PageId::parse(decode(parts.next()?)).ok()?;
    let person = PersonId::parse(decode(parts.next()?)).ok()?;
    Some(Place { at: Timestamp::from_millis(at), page, person })
}

fn decode(text: &str) -> String {
    // The whole text as the name of a form field: percent signs are decoded, and there is no `=` or `&` left in it.
    url::form_urlencoded::parse(text.as_bytes()).map(|(name, _)| name.into_owned()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_list_comes_back_from_its_address(page in "[^\\p{Cc}\\s]{1,15}", person in "[^\\p{Cc}\\s]{1,30}", at in 0_i64..4_000_000_000_000) {
            let (page, person) = (PageId::parse(&page).unwrap(), PersonId::parse(&person).unwrap());
            let state = ListState {
                view: View::Closed,
                sort: Some(Sort::Waiting),
                filters: Filters { page: Some(page.clone()), unread: true, ..Filters::default() },
                after: Some(Place { at: Timestamp::from_millis(at), page: page.clone(), person: person.clone() }),
            };
            let url = url::Url::parse("http://localhost").unwrap().join(&state.href()).unwrap();
            let asked = Asked::posted(url.query().unwrap_or_default(), false);
            prop_assert_eq!(asked.list(), state);
            prop_assert_eq!(path(&page, &person).matches('/').count(), 3);
        }

        #[test]
        fn what_is_kept_is_written_as_it_is_read(view in 0..View::ALL.len(), sort in proptest::option::of(0..Sort::ALL.len()), tag in 1_i64..9) {
            let filters = Filters { tag: Some(crate::store::tags::TagId(tag)), unread: true, ..Filters::default() };
            let list = ListState { view: View::ALL[view], sort: sort.map(|sort| Sort::ALL[sort]), filters, after: None };
            let kept = list.kept();
            prop_assert_eq!(kept.view.sorted(kept.sort), list.view.sorted(list.sort));
            prop_assert_eq!(ListState::parse(&kept.query()), Some(kept.clone()));
            prop_assert_eq!(kept.kept(), kept);
        }

        #[test]
        fn any_text_is_read_without_harm(text in ".{0,80}") {
            let asked = Asked {
                view: text.clone(), sort: text.clone(), page: text.clone(), owner: text.clone(), assignee: text.clone(), tag: text.clone(),
                team: text.clone(), window: text.clone(), language: text.clone(), since: text.clone(), after: text, ..Asked::default()
            };
            let list = asked.list();
            prop_assert_eq!(ListState::parse(&list.query()), Some(list));
        }
    }
}
