//! What is new while somebody looks at something else: a line each, with the way there.

use actix_web::HttpResponse;
use actix_web::web::Query;
use askama::Template;
use serde::Deserialize;

use super::address::ListState;
use super::list::last_line;
use super::names::{self, Names};
use crate::store::inbox::{Asked, Filter, Row, Sort, View};
use crate::store::log::timestamp;
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};
use crate::wire::{PageId, Timestamp};

/// Most lines of an answer.
const LINES: usize = 3;

/// News are not told of what is older than this, in milliseconds: then the list is what somebody reads.
const OLDEST_MS: i64 = 60_000;

/// Since when somebody has heard nothing.
#[derive(Deserialize)]
pub struct Since {
    /// The server's time of the last answer, in milliseconds.
    since: i64,
    /// The conversation they look at, as the page names it.
    #[serde(default)]
    open: String,
}

/// The lines.
#[derive(Template)]
#[template(path = "news.html")]
struct News {
    t: &'static Texts,
    assets: &'static Assets,
    now: i64,
    lines: Vec<Line>,
}

struct Line {
    id: String,
    href: String,
    initials: String,
    hue: u8,
    what: String,
    words: String,
}

/// GET /inbox/news: who has written to the reader, and who needs a person, since a moment.
pub async fn news(web: State, agent: Agent, asked: Query<Since>) -> Result<HttpResponse, WebError> {
    let t = agent.lang.texts();
    let now = timestamp(web.store.now().await?);
    let since = Timestamp::from_millis(asked.since).max(now.plus_millis(-OLDEST_MS));
    let pages: Vec<PageId> = web.store.visible_pages(&agent.scope).await?.into_iter().map(|page| page.page).collect();
    let names = Names::new(web.store.app_names().await?, agent.user, t);
    let mut lines: Vec<Line> = Vec::new();
    for view in [View::Mine, View::Needs] {
        let list = ListState { view, ..ListState::default() };
        let filter = Filter::default();
        let asked_for =
            Asked { view, sort: Sort::Newest, pages: &pages, me: agent.user, filter: &filter, after: None, limit: 2 * LINES, now };
        for row in web.store.list(&asked_for).await?.rows {
            let key = format!("{}/{}", row.page, row.person);
            let what = what(&row, view, since, t).filter(|_| key != asked.open && lines.len() < LINES);
            let Some(what) = what else { continue };
            let name = names::person(&row.name, &row.person, row.object, t);
            lines.push(Line {
                id: format!("news-{}-{}", row.page, row.person),
                href: list.conversation(&row.page, &row.person),
                initials: names::initials(row.name.display().as_deref()),
                hue: names::hue(row.person.as_str()),
                what: fill(what, &[("name", &name)]),
                words: last_line(&row, &names),
            });
        }
    }
    let page = News { t, assets: Assets::get(), now: now.millis(), lines };
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.render()?))
}

/// What is new about a conversation.
fn what(row: &Row, view: View, since: Timestamp, t: &'static Texts) -> Option<&'static str> {
    let written = row.last_at > since && row.last.as_ref().is_some_and(|last| matches!(last.kind.as_str(), "message" | "postback"));
    match view {
        View::Needs if row.owner_since > since => Some(t.desk.news_needs),
        _ if written => Some(t.desk.news_wrote),
        _ => None,
    }
}
