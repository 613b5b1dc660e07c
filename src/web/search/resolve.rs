//! From what was typed to what the store looks for: names become ids, days become moments, and what cannot be read is said.

use super::query::{Operator, Phrase, Query};
use super::words::{may_go_on, short_term, spaced, words};
use crate::access::UserId;
use crate::store::StoreError;
use crate::store::accounts::PageHead;
use crate::store::inbox::conversation::{AppKind, AppName};
use crate::store::search::Author;
use crate::store::search::find::{Holder, Wanted};
use crate::web::State;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};
use crate::web::when::Zone;
use crate::wire::Timestamp;

/// Digits at the end of an id that are known by themselves: as many as the pages show of it.
const END: usize = 4;

/// What is looked for, and what could not be read of it.
pub struct Resolved {
    /// For lines.
    pub wanted: Wanted,
    /// For people, whom only words find: for each word what the index is asked, one of them.
    pub people: Option<People>,
    /// What could not be read, in words.
    pub problems: Vec<String>,
    /// The reader's Pages.
    pub pages: Vec<PageHead>,
    /// All apps.
    pub apps: Vec<AppName>,
}

/// What is looked for among people.
pub struct People {
    /// For each word its terms.
    pub terms: Vec<Vec<String>>,
    /// For each word what the words of a person look like.
    pub patterns: Vec<Vec<String>>,
}

/// What the names in a search may mean.
struct Known<'a> {
    pages: &'a [PageHead],
    /// Those on them.
    apps: Vec<&'a AppName>,
    users: Vec<(UserId, String)>,
    tags: Vec<(i64, String)>,
}

/// The term for the end of an id.
pub fn end_of_id(id: &str) -> Option<String> {
    let letters = id.chars().count();
    (letters >= END).then(|| format!("e:{}", id.chars().skip(letters - END).collect::<String>()))
}

/// Reads a search under somebody's permissions.
pub async fn resolve(web: &State, agent: &Agent, query: &Query) -> Result<Resolved, StoreError> {
    let pages = web.store.visible_pages(&agent.scope).await?;
    let apps = web.store.app_names().await?;
    let known = Known {
        apps: apps.iter().filter(|app| app.is_on(&pages)).collect(),
        pages: &pages,
        users: if query.names_users() { web.store.all_users().await? } else { Vec::new() },
        tags: if query.names(Operator::Tag) {
            web.store.tags().await?.into_iter().map(|tag| (tag.tag.0, tag.name)).collect()
        } else {
            Vec::new()
        },
    };
    let t = agent.lang.texts();
    let (mut wanted, mut problems) = (wanted(query), Vec::new());
    wanted.pages = pages.iter().map(|page| page.page.clone()).collect();
    for (operator, value) in &query.narrowed {
        let narrowed = narrow(&mut wanted, *operator, value, &known, agent);
        problems.extend(narrowed.err().map(|problem| fill(problem(t), &[("operator", operator.as_str()), ("value", value)])));
    }
    Ok(Resolved { wanted, people: people(query), problems, pages, apps })
}

impl Query {
    fn names(&self, operator: Operator) -> bool {
        self.narrowed.iter().any(|(one, _)| *one == operator)
    }

    fn names_users(&self) -> bool {
        self.names(Operator::From) || self.names(Operator::Owner)
    }
}

fn wanted(query: &Query) -> Wanted {
    Wanted {
        terms: query.phrases.iter().flat_map(Phrase::terms).collect(),
        patterns: query.phrases.iter().map(Phrase::pattern).collect(),
        ..Wanted::default()
    }
}

/// People have no author, owner or day: only words and Pages find them.
fn people(query: &Query) -> Option<People> {
    let only_words = query.narrowed.iter().all(|(operator, _)| *operator == Operator::Page);
    if query.phrases.is_empty() || !only_words {
        return None;
    }
    // Beside a longer word a short one may be the beginning of another; alone it would find nearly everybody.
    let long = query.phrases.iter().any(|phrase| phrase.goes_on);
    let terms = query.phrases.iter().map(|phrase| match phrase.words.as_slice() {
        [only] if long && !may_go_on(only) => vec![short_term(only)],
        // The end of an id, where that is all there is of it.
        [only] => phrase.terms().chain(end_of_id(only)).collect(),
        _ => phrase.terms().last().into_iter().collect(),
    });
    let patterns = query.phrases.iter().map(|phrase| match phrase.words.as_slice() {
        [only] if long && !may_go_on(only) => vec![format!("% {only}%")],
        [only] => vec![phrase.pattern(), format!("%{only} ")],
        _ => vec![phrase.pattern()],
    });
    Some(People { terms: terms.collect(), patterns: patterns.collect() })
}

/// The text of a problem.
type Problem = fn(&'static Texts) -> &'static str;

fn narrow(wanted: &mut Wanted, operator: Operator, value: &str, known: &Known<'_>, agent: &Agent) -> Result<(), Problem> {
    match operator {
        Operator::Before | Operator::After => {
            let day = day(value, &agent.zone, crate::clock::now()).ok_or::<Problem>(|t| t.desk.problem_day)?;
            if operator == Operator::Before {
                wanted.until = Some(wanted.until.map_or(day, |until| until.min(day)));
            } else {
                wanted.from = wanted.from.max(Some(day));
            }
            return Ok(());
        }
        Operator::Page => {
            let fits = |page: &PageHead| page.page.as_str() == value || called(&page.name, value);
            let meant: Vec<_> = known.pages.iter().filter(|page| fits(page)).map(|page| page.page.clone()).collect();
            wanted.pages.retain(|page| meant.contains(page));
            return if meant.is_empty() { Err(|t| t.desk.problem_page) } else { Ok(()) };
        }
        Operator::From => wanted.authors.push(authors(value, known, agent)),
        Operator::Owner => wanted.holders.push(holders(value, known, agent)),
        Operator::Tag => wanted.tags.push(known.tags.iter().filter(|(_, name)| called(name, value)).map(|(tag, _)| *tag).collect()),
    }
    let unknown = |found: Option<bool>| found.unwrap_or(true);
    match operator {
        Operator::From if unknown(wanted.authors.last().map(Vec::is_empty)) => Err(|t| t.desk.problem_author),
        Operator::Owner if unknown(wanted.holders.last().map(Vec::is_empty)) => Err(|t| t.desk.problem_owner),
        Operator::Tag if unknown(wanted.tags.last().map(Vec::is_empty)) => Err(|t| t.desk.problem_tag),
        _ => Ok(()),
    }
}

fn authors(value: &str, known: &Known<'_>, agent: &Agent) -> Vec<Author> {
    match value.to_lowercase().as_str() {
        "me" | "ich" => vec![Author::User(agent.user)],
        "customer" | "kunde" => vec![Author::Customer],
        "bot" => bots(known).map(Author::App).collect(),
        _ => {
            let users = known.users.iter().filter(|(_, name)| called(name, value)).map(|(user, _)| Author::User(*user));
            users.chain(apps(known, value).map(Author::App)).collect()
        }
    }
}

fn holders(value: &str, known: &Known<'_>, agent: &Agent) -> Vec<Holder> {
    match value.to_lowercase().as_str() {
        "me" | "ich" => vec![Holder::User(agent.user)],
        "nobody" | "niemand" => vec![Holder::Nobody],
        "outside" | "außerhalb" => vec![Holder::Outside],
        "bot" => bots(known).map(Holder::App).collect(),
        "people" | "menschen" | "team" => {
            known.apps.iter().filter(|app| app.kind == AppKind::Inbox).map(|app| Holder::App(app.app.clone())).collect()
        }
        _ => {
            let users = known.users.iter().filter(|(_, name)| called(name, value)).map(|(user, _)| Holder::User(*user));
            users.chain(apps(known, value).map(Holder::App)).collect()
        }
    }
}

fn bots<'a>(known: &'a Known<'_>) -> impl Iterator<Item = crate::wire::AppId> + 'a {
    known.apps.iter().filter(|app| app.kind != AppKind::Inbox).map(|app| app.app.clone())
}

fn apps<'a>(known: &'a Known<'_>, value: &'a str) -> impl Iterator<Item = crate::wire::AppId> + 'a {
    known.apps.iter().filter(move |app| app.app.as_str() == value || called(&app.name, value)).map(|app| app.app.clone())
}

/// Whether the words of a name begin like those of the value, next to each other.
fn called(name: &str, value: &str) -> bool {
    let value = spaced(&words(value));
    value.trim() != "" && spaced(&words(name)).contains(value.trim_end())
}

/// The beginning of a day where the reader is: `2026-05-31`, `31.5.2026`, or a word for it.
fn day(value: &str, zone: &Zone, now: Timestamp) -> Option<Timestamp> {
    let relative = match value.to_lowercase().as_str() {
        "today" | "heute" => Some(0),
        "yesterday" | "gestern" => Some(1),
        _ => None,
    };
    if let Some(days) = relative {
        return zone.day_before(now, days);
    }
    let numbers = |separator| value.split(separator).map(|part| part.parse::<u16>().ok()).collect::<Option<Vec<_>>>();
    let (year, month, day) = match (numbers('-').as_deref(), numbers('.').as_deref()) {
        (Some([year, month, day]), _) | (_, Some([day, month, year])) => (*year, *month, *day),
        _ => return None,
    };
    zone.beginning_of(year, month, day).filter(|_| (2000..=9998).contains(&year))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_are_read_where_the_reader_is() {
        let now = Timestamp::from_millis(1_780_401_800_000);
        let utc = Zone::default();
        assert_eq!(day("2026-06-02", &utc, now), Some(Timestamp::from_millis(1_780_358_400_000)));
        assert_eq!(day("2.6.2026", &utc, now), day("2026-06-02", &utc, now));
        assert_eq!(day("Yesterday", &utc, now), day("2026-06-01", &utc, now));
        for bad in ["31.13.2026", "2026-02-30", "", "soon", "1.2", "99999-1-1", "0-0-0", "-1-2-3"] {
            assert_eq!(day(bad, &utc, now), None, "{bad}");
        }
    }

    #[test]
    fn names_are_known_by_the_beginning_of_their_words() {
        for (value, fits) in [("anna", true), ("berg", true), ("Anna B", true), ("nna", false), ("Anna C", false), ("…", false)] {
            assert_eq!(called("Anna Berg", value), fits, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_day_is_too_odd_to_be_read(value in ".{0,20}") {
            let _ = day(&value, &Zone::default(), Timestamp::from_millis(1_780_401_800_000));
        }
    }
}
