//! The pages: everybody side by side, one alone, and a conversation's inside for the script.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::pictures;
use super::view::{Button, Panel, Piece, ThreadView};
use super::words::Words;
use crate::platform::Platform;
use crate::world::{Account, ThreadKey, World};

/// Conversations side by side at most; the others are listed as links.
const SIDE_BY_SIDE: usize = 6;
/// Links to others at most.
const LISTED: usize = 60;

/// Only our own files run or style the page; pictures and sounds may come from anywhere, as they do in a messenger.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' http: https: data:; \
                      media-src 'self' http: https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    words: &'static Words,
    version: &'static str,
    panels: Vec<Panel>,
    others: Vec<Link>,
    pages: Vec<Link>,
    back: &'static str,
    still: bool,
    alone: bool,
}

#[derive(Template)]
#[template(path = "single.html")]
struct SinglePage {
    words: &'static Words,
    version: &'static str,
    panel: Panel,
    back: String,
    still: bool,
    alone: bool,
}

#[derive(Template)]
#[template(path = "thread.html")]
struct ThreadFragment {
    words: &'static Words,
    thread: ThreadView,
    back: String,
}

#[derive(Template)]
#[template(path = "missing.html")]
struct MissingPage {
    words: &'static Words,
    version: &'static str,
}

struct Link {
    id: String,
    name: String,
    page_id: String,
}

/// How a page is looked at.
#[derive(Deserialize)]
pub struct Look {
    #[serde(default)]
    still: u8,
    #[serde(default)]
    look: u8,
    back: Option<String>,
}

/// `GET /`
pub async fn overview(request: HttpRequest, query: Query<Look>, platform: Data<Platform>) -> HttpResponse {
    let platform = platform.into_inner();
    let (shown, others, pages) = platform.look(|world, _| {
        let (shown, others) = choose(world);
        let others = others.iter().take(LISTED).filter_map(|key| link(world, key)).collect();
        let page = |account: &Account| Link { id: account.id.clone(), name: account.name.clone(), page_id: account.page_id.clone() };
        (shown, others, world.accounts.values().map(page).collect())
    });
    let panels = platform.change(|world, now| {
        for key in &shown {
            world.read(key, now);
        }
        shown.iter().filter_map(|key| Panel::of(world, key, now)).collect()
    });
    let (words, version, still) = (Words::of(&request), pictures::version(), query.still == 1);
    html(StatusCode::OK, &OverviewPage { words, version, panels, others, pages, back: "/", still, alone: false })
}

/// Who is shown: the most recently active, in the order in which they came, so that nobody jumps around; and everybody else.
fn choose(world: &World) -> (Vec<ThreadKey>, Vec<ThreadKey>) {
    let key = |account: &str, psid: &str| ThreadKey { account: account.to_owned(), psid: psid.to_owned() };
    let everybody: Vec<ThreadKey> =
        world.accounts.values().flat_map(|account| account.people.all().iter().map(|person| key(&account.id, &person.psid))).collect();
    let last = |key: &ThreadKey| world.threads.get(key).and_then(|thread| thread.messages.last()).map_or(0, |message| message.at);
    let mut active: Vec<usize> = (0..everybody.len()).collect();
    active.sort_by_key(|at| std::cmp::Reverse(last(&everybody[*at])));
    active.truncate(SIDE_BY_SIDE);
    let (mut shown, mut others) = (Vec::new(), Vec::new());
    for (at, key) in everybody.into_iter().enumerate() {
        if active.contains(&at) { shown.push(key) } else { others.push(key) }
    }
    (shown, others)
}

fn link(world: &World, key: &ThreadKey) -> Option<Link> {
    let person = world.accounts.get(&key.account)?.person(&key.psid)?;
    Some(Link { id: key.psid.clone(), name: person.name.clone(), page_id: key.account.clone() })
}

/// `GET /chat/{page_id}/{psid}`
pub async fn single(request: HttpRequest, path: Path<(String, String)>, query: Query<Look>, platform: Data<Platform>) -> HttpResponse {
    let words = Words::of(&request);
    let version = pictures::version();
    let still = query.still == 1;
    match panel(platform, &path, true) {
        Some(panel) => {
            let back = format!("/chat/{}/{}", panel.page_id, panel.psid);
            html(StatusCode::OK, &SinglePage { words, version, panel, back, still, alone: true })
        }
        None => html(StatusCode::NOT_FOUND, &MissingPage { words, version }),
    }
}

/// `GET /chat/{page_id}/{psid}/thread`: a conversation's inside. With `look=1` the person has read it.
pub async fn thread(request: HttpRequest, path: Path<(String, String)>, query: Query<Look>, platform: Data<Platform>) -> HttpResponse {
    match panel(platform, &path, query.look == 1) {
        Some(panel) => {
            let back = query.back.clone().unwrap_or_else(|| "/".to_owned());
            html(StatusCode::OK, &ThreadFragment { words: Words::of(&request), thread: panel.thread, back })
        }
        None => HttpResponse::NotFound().finish(),
    }
}

fn panel(platform: Data<Platform>, (page_id, psid): &(String, String), read: bool) -> Option<Panel> {
    platform.into_inner().change(|world, now| {
        let key = world.find_thread(page_id, psid)?;
        if read {
            world.read(&key, now);
        }
        Panel::of(world, &key, now)
    })
}

fn html(status: StatusCode, page: &impl Template) -> HttpResponse {
    let Ok(body) = page.render() else { return HttpResponse::InternalServerError().finish() };
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Vary", "Accept-Language"))
        .body(body)
}
