//! Every page, light and dark, as axe-core judges it (WCAG 2.2 AA, the size of targets among it, and its own best practices).

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde::Deserialize;

use super::Desk;
use crate::harness::browser::Browser;

/// What axe-core has against a page.
#[derive(Debug, Deserialize)]
struct Violation {
    id: String,
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    html: String,
    #[serde(rename = "failureSummary")]
    summary: Option<String>,
}

/// axe-core, from npm.
fn axe() -> &'static str {
    static AXE: OnceLock<String> = OnceLock::new();
    AXE.get_or_init(installed)
}

/// It stays installed for the next run.
fn installed() -> String {
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("axe");
    let file = home.join("node_modules/axe-core/axe.min.js");
    if !file.is_file() {
        std::fs::create_dir_all(&home).expect("a folder");
        for name in ["package.json", "package-lock.json", ".npmrc"] {
            std::fs::copy(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/axe").join(name), home.join(name)).expect("copied");
        }
        let npm = Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(&home).status();
        assert!(npm.expect("npm is there: script/bootstrap test").success(), "npm could not install axe-core");
    }
    std::fs::read_to_string(file).expect("axe-core")
}

async fn judge(browser: &Browser, axe: &str, what: &str) {
    let _: serde_json::Value = browser.runs(&format!("{axe}; return null")).await;
    let found: Vec<Violation> = browser
        .runs_to_its_end(
            "const done = arguments[arguments.length - 1];
             axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}}).then((found) => done(found.violations), (error) => done([{id: String(error), nodes: []}]));",
        )
        .await;
    let said: Vec<String> = found
        .iter()
        .flat_map(|one| {
            one.nodes.iter().map(|node| format!("{}: {:.300}\n  {}", one.id, node.html, node.summary.as_deref().unwrap_or_default()))
        })
        .collect();
    assert!(found.is_empty(), "{what}:\n{}", said.join("\n"));
}

async fn everything(mailbox: &str, pages: &[&str]) {
    let axe = axe();
    let desk = Desk::set(&format!("axe-{mailbox}"), mailbox).await;
    for theme in ["light", "dark"] {
        desk.goes("/settings/me").await;
        desk.browser
            .runs::<()>(&format!("document.getElementById('theme').value = '{theme}'; document.querySelector('.me button').click()"))
            .await;
        desk.browser.shows(&format!("html[data-theme={theme}] .kept"), |found| found.len() == 1).await;
        for (width, height) in [(1400, 900), (390, 844)] {
            desk.browser.resizes(width, height).await;
            for page in pages {
                desk.goes(page).await;
                judge(&desk.browser, axe, &format!("{page} {theme} {width}")).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_the_pages_of_an_agent() {
    let pages = [
        "/inbox?view=open",
        "/inbox?view=closed",
        "/inbox?view=open&unanswered=1&language=de",
        "/inbox/100200300/7421893398374821?view=needs",
        "/inbox/100200300/8820114477120934?view=mine",
        "/inbox/100200300/9917263540081726?view=open",
        "/inbox/search?q=parcel",
        "/inbox/search?q=before:soon",
        "/settings/me",
        "/settings/views",
        "/settings/teams",
        "/settings/tags",
        "/settings/replies",
        "/settings/fields",
        "/inbox/no/such",
    ];
    everything("anna@harbour.example", &pages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_in_dialogs_and_on_the_pages_of_an_admin() {
    let axe = axe();
    everything(
        "admin@harbour.example",
        &["/inbox?view=open", "/settings/views", "/settings/teams", "/settings/tags", "/settings/replies", "/settings/fields"],
    )
    .await;
    let desk = Desk::set("axe-dialogs", "anna@harbour.example").await;
    desk.browser.types("?").await;
    judge(&desk.browser, axe, "the shortcuts").await;
    desk.browser.types_with_control('k').await;
    desk.browser.focuses("#command-text").await;
    judge(&desk.browser, axe, "the command bar").await;
    desk.goes("/login").await;
    desk.browser.runs::<()>("document.querySelector('form[action=\"/logout\"] button').click()").await;
    desk.browser.shows("#email", |found| found.len() == 1).await;
    judge(&desk.browser, axe, "the login").await;
}
