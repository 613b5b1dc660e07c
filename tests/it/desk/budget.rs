//! What the first visit of the inbox costs, and where it goes.

use serde::Deserialize;

use super::Desk;

const ALL: u64 = 60 * 1024;
const SCRIPTS: u64 = 25 * 1024;

/// Something that the browser loaded.
#[derive(Debug, Deserialize)]
struct Loaded {
    url: String,
    over_the_wire: u64,
    body: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_load_is_small_and_comes_from_here() {
    let desk = Desk::set("budget", "anna@harbour.example").await;
    let fresh = "const done = arguments[arguments.length - 1]; setTimeout(() => done(performance.getEntries()
        .filter((entry) => ['navigation', 'resource'].includes(entry.entryType) && !new URL(entry.name).pathname.startsWith('/live'))
        .map((entry) => ({url: entry.name, over_the_wire: entry.transferSize, body: entry.encodedBodySize}))), 500)";
    // With nothing in the cache: the address of every asset is another one for the browser.
    desk.browser.forgets().await;
    desk.goes(&format!("/inbox/{}/7421893398374821?view=open", desk.house.page.id)).await;
    let loaded: Vec<Loaded> = desk.browser.runs_to_its_end(fresh).await;
    let once = |url: &str| !url.contains("fragment=");
    let all: u64 = loaded.iter().filter(|it| once(&it.url)).map(|it| it.over_the_wire).sum();
    let scripts: u64 = loaded.iter().filter(|it| it.url.ends_with(".js")).map(|it| it.body).sum();
    assert!(loaded.iter().filter(|it| it.url.ends_with(".js")).count() > 5 && scripts > 1000, "{loaded:#?}");
    assert!(all <= ALL, "{all} bytes: {loaded:#?}");
    assert!(scripts <= SCRIPTS, "{scripts} bytes: {loaded:#?}");
    for it in &loaded {
        assert!(it.url.starts_with(&desk.house.base), "{} is somewhere else", it.url);
    }
    assert_eq!(desk.browser.complaints().await, Vec::<String>::new());
    let said = format!("first load {all} bytes, scripts {scripts} bytes\n");
    std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).expect("standard error");
}

#[tokio::test]
async fn pages_and_assets_are_compressed_and_assets_are_kept() {
    let house = crate::web_house::WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    let mut anna = house.browser("anna@example.org").await;
    let page = anna.get("/inbox").await;
    let style = page.attribute("link[rel=stylesheet]", "href").expect("a style sheet");
    let ask = async |path: &str, site: &str| {
        // Who is logged in is sent on by the login.
        let cookie = if path == "/login" { String::new() } else { anna.cookie_header() };
        let request = anna.client.get(format!("{}{path}", house.base)).header("cookie", cookie);
        request.header("accept-encoding", "gzip").header("sec-fetch-site", site).send().await.expect("an answer")
    };
    for path in ["/inbox", "/settings/me", "/inbox/search", "/login", &style] {
        assert_eq!(ask(path, "same-origin").await.headers()["content-encoding"], "gzip", "{path}");
    }
    assert_eq!(ask(&style, "same-origin").await.headers()["cache-control"], "public, max-age=31536000, immutable");
    // Another site must not learn from the size of an answer what it holds.
    assert!(!ask("/inbox/search?q=x", "cross-site").await.headers().contains_key("content-encoding"));
    let policy = page.headers["content-security-policy"].to_str().expect("text").to_owned();
    assert!(!policy.contains("unsafe") && !policy.contains("https:") && policy.contains("img-src 'self'"), "{policy}");
    let manifest = page.attribute("link[rel=manifest]", "href").expect("a manifest");
    let manifest = anna.get(&manifest).await;
    assert_eq!((manifest.status, manifest.headers["content-type"].to_str().expect("text")), (200, "application/manifest+json"));
}
