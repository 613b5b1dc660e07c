//! The page of a search.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Query as Asked;
use askama::Template;
use futures_util::future::join;
use serde::Deserialize;
use tokio::sync::SemaphorePermit;

use super::hits::{self, Piece};
use super::query::{LONGEST, Operator, Query};
use super::resolve::{Resolved, resolve};
use super::words;
use crate::store::inbox::conversation::AppKind;
use crate::store::log::timestamp;
use crate::store::preferences::Preferences;
use crate::store::search::find::{Found, Hit, Place};
use crate::store::search::people::{FoundPeople, FoundPerson};
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::inbox::address;
use crate::web::inbox::keys;
use crate::web::inbox::names::{self, Names};
use crate::web::inbox::pages::Me;
use crate::web::language::Lang;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};
use crate::web::when::{Clock, Moment};
use crate::wire::{Object, PageId, PersonId, Timestamp};

/// Lines of one page.
const LINES: usize = 40;

/// People that are shown.
const PEOPLE: i64 = 8;

/// How long a search may take in the store.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How long each half of it may wait for its turn: longer than the last of four searches waits that are asked for at once.
const TURN: Duration = Duration::from_millis(3300);

/// What an address asks for.
#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage<'a> {
    lang: Lang,
    t: &'static Texts,
    assets: &'static Assets,
    csrf: &'a str,
    me: Me,
    back: String,
    zone: &'a str,
    query: &'a str,
    longest: usize,
    preferences: &'a Preferences,
    keys: Vec<keys::Group>,
    asked: bool,
    help: Vec<(&'static str, &'static str, &'static str)>,
    problems: Vec<String>,
    people: Vec<PersonView>,
    /// What else there is to say about people.
    people_hint: Option<&'static str>,
    lines: Vec<LineView>,
    cut: Option<String>,
    next: Option<String>,
    first: Option<String>,
}

struct PersonView {
    href: String,
    name: Vec<Piece>,
    initials: String,
    hue: u8,
    id: Vec<Piece>,
    page_name: String,
    at: Moment,
}

struct LineView {
    href: String,
    name: String,
    initials: String,
    hue: u8,
    /// `people`, `bot`, `app`, `external`, `customer` or `note`.
    by: &'static str,
    author: String,
    text: Vec<Piece>,
    page_name: String,
    at: Moment,
}

/// What was found.
#[derive(Default)]
struct Results {
    /// `None`: there was no time to look for them all.
    people: Option<FoundPeople>,
    lines: Vec<Hit>,
    cut: Option<Timestamp>,
    more: Option<Place>,
}

/// GET /inbox/search
pub async fn page(web: State, agent: Agent, asked: Asked<Search>) -> Result<HttpResponse, WebError> {
    let typed: String = asked.q.replace('\0', "").chars().take(LONGEST).collect();
    let query = Query::parse(&typed);
    let resolved = resolve(&web, &agent, &query).await?;
    let after = place(&asked.after);
    let looked = !query.is_empty() && resolved.problems.is_empty();
    let t = agent.lang.texts();
    let mut problems = resolved.problems.clone();
    let found = if looked { find(&web, &resolved, after.as_ref()).await? } else { Some(Results::default()) };
    let status = if found.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    problems.extend(found.is_none().then(|| t.desk.found_busy.to_owned()));
    let looked = looked && found.is_some();
    let results = found.unwrap_or_default();
    let people_hint = match &results.people {
        None if looked && after.is_none() && resolved.people.is_some() => Some(t.desk.found_no_people),
        Some(FoundPeople { more: true, .. }) => Some(t.desk.found_more_people),
        _ => None,
    };
    let mut names = Names::new(resolved.apps, agent.user, t);
    let users: Vec<i64> = results.lines.iter().filter_map(|hit| hit.user).map(|user| user.0).collect();
    names.learn(web.store.user_names(&users).await?);
    let clock = Clock::new(timestamp(web.store.now().await?), agent.zone.clone(), t);
    let pages = resolved.pages;
    let page_name = |id: &PageId| {
        pages.iter().find(|page| page.page == *id).map_or_else(|| (id.to_string(), Object::Page), |page| (page.name.clone(), page.object))
    };
    let address = |place: Option<&Place>| href(&typed, place);
    let cut = results.cut.map(|since| fill(t.desk.found_cut, &[("time", &clock.moment(since).full)]));
    let page = SearchPage {
        lang: agent.lang,
        t,
        assets: Assets::get(),
        csrf: &agent.csrf,
        me: Me::new(&agent),
        back: address(after.as_ref()),
        zone: agent.zone.name(),
        query: &typed,
        longest: LONGEST,
        preferences: &agent.preferences,
        keys: keys::groups(t.desk),
        asked: looked,
        help: help(t),
        problems,
        people_hint,
        people: results
            .people
            .iter()
            .flat_map(|found| &found.people)
            .map(|person| person_view(person, &page_name(&person.page), &query, &clock, t))
            .collect(),
        lines: results.lines.iter().map(|hit| line_view(hit, &page_name(&hit.page), &query, &names, &clock)).collect(),
        cut,
        next: results.more.as_ref().map(|place| address(Some(place))),
        first: after.as_ref().map(|_| address(None)),
    };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.render()?))
}

/// Looks for people on the first page and for lines on every one, for both beside each other. `None`: others take so long that its turn did not come.
async fn find(web: &State, resolved: &Resolved, after: Option<&Place>) -> Result<Option<Results>, WebError> {
    let people = async {
        let Some(people) = resolved.people.as_ref().filter(|_| after.is_none()) else { return Ok(None) };
        let Some(_turn) = turn(web).await else { return Ok(None) };
        web.store.find_people(&resolved.wanted.pages, &people.terms, &people.patterns, PEOPLE, PATIENCE / 3).await
    };
    let limit = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let lines = async {
        let Some(_turn) = turn(web).await else { return Ok(None) };
        web.store.find_lines(&resolved.wanted, after, limit, PATIENCE).await.map(Some)
    };
    // Both come to their end: a statement that nobody waits for any more would leave its connection in the middle of it.
    let (people, lines) = join(people, lines).await;
    let (people, Some(Found { mut hits, cut })) = (people?, lines?) else { return Ok(None) };
    let more = hits.len() > LINES;
    hits.truncate(LINES);
    let last = hits.last().map(|hit| Place { at: hit.at, page: hit.page.to_string(), position: hit.position });
    let next = last.filter(|_| more).or_else(|| cut.map(|at| Place { at, page: String::new(), position: 0 }));
    Ok(Some(Results { people, lines: hits, cut: cut.filter(|_| !more), more: next }))
}

async fn turn(web: &State) -> Option<SemaphorePermit<'_>> {
    tokio::time::timeout(TURN, web.searches().0.acquire()).await.ok()?.ok()
}

fn help(t: &'static Texts) -> Vec<(&'static str, &'static str, &'static str)> {
    let f = t.desk;
    let explained = |operator| match operator {
        Operator::From => (f.example_from, f.help_from),
        Operator::Page => (f.example_page, f.help_page),
        Operator::Owner => (f.example_owner, f.help_owner),
        Operator::Tag => (f.example_tag, f.help_tag),
        Operator::Before => ("2026-06-30", f.help_before),
        Operator::After => ("2026-06-01", f.help_after),
    };
    Operator::ALL.into_iter().map(|operator| (operator.as_str(), explained(operator).0, explained(operator).1)).collect()
}

fn person_view(found: &FoundPerson, page: &(String, Object), query: &Query, clock: &Clock, t: &Texts) -> PersonView {
    let known = found.name.display();
    PersonView {
        href: address::path(&found.page, &found.person),
        name: hits::marked(&names::person(&found.name, &found.person, page.1, t), query),
        initials: names::initials(known.as_deref()),
        hue: names::hue(found.person.as_str()),
        id: hits::marked(found.person.as_str(), query),
        page_name: page.0.clone(),
        at: clock.moment(found.last_at),
    }
}

fn line_view(hit: &Hit, page: &(String, Object), query: &Query, names: &Names, clock: &Clock) -> LineView {
    let t = names.t;
    let by = match (hit.kind.as_str(), hit.app.as_ref().map(|app| names.kind(app))) {
        ("note", _) => "note",
        ("message" | "postback", _) => "customer",
        (_, Some(Some(AppKind::Inbox))) => "people",
        (_, Some(Some(AppKind::Bot))) => "bot",
        (_, Some(Some(AppKind::Webhook))) => "app",
        _ => "external",
    };
    let name = names::person(&hit.name, &hit.person, page.1, t);
    let author = match by {
        "customer" => name.clone(),
        "external" if hit.app.is_none() => t.role_elsewhere.to_owned(),
        "note" => fill(t.desk.found_note, &[("name", &names.actor(hit.app.as_ref(), hit.user))]),
        _ if hit.user == Some(names.me) => t.desk.found_you.to_owned(),
        _ => names.actor(hit.app.as_ref(), hit.user),
    };
    let text = words::text_of(if hit.edited { "edit" } else { &hit.kind }, &hit.payload).unwrap_or_default();
    LineView {
        href: line_address(&hit.page, &hit.person, hit.position),
        initials: names::initials(hit.name.display().as_deref()),
        hue: names::hue(hit.person.as_str()),
        by,
        author,
        text: hits::excerpt(&text, query),
        page_name: page.0.clone(),
        at: clock.moment(hit.at),
        name,
    }
}

/// Straight to a line of a conversation.
fn line_address(page: &PageId, person: &PersonId, position: i64) -> String {
    format!("{}?at={position}#p{position}", address::path(page, person))
}

fn href(typed: &str, after: Option<&Place>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", typed);
    if let Some(Place { at, page, position }) = after {
        query.append_pair("after", &format!("{}.{position}.{page}", at.millis()));
    }
    format!("/inbox/search?{}", query.finish())
}

/// Reads a place of [`href`]; anything else is the beginning.
fn place(text: &str) -> Option<Place> {
    let mut parts = text.splitn(3, '.');
    let at = parts.next()?.parse().ok().filter(|at| (0..=address::LAST_TIME).contains(at))?;
    let position = parts.next()?.parse().ok()?;
    let page = parts.next().filter(|page| !page.contains('\0'))?.to_owned();
    Some(Place { at: Timestamp::from_millis(at), page, position })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_comes_back_from_its_address(page in "[^\\p{Cc}\\s]{0,15}", position in 0_i64..i64::MAX, at in 0_i64..4_000_000_000_000) {
            let wanted = Place { at: Timestamp::from_millis(at), page, position };
            let address = href("x", Some(&wanted));
            let asked = url::form_urlencoded::parse(address.split_once('?').map(|(_, query)| query.as_bytes()).unwrap_or_default());
            let after = asked.into_owned().find(|(key, _)| key == "after").map(|(_, value)| value);
            prop_assert_eq!(place(&after.unwrap_or_default()), Some(wanted));
        }

        #[test]
        fn any_text_is_no_harm_as_a_place(text in ".{0,60}") {
            let _ = place(&text);
        }
    }
}
