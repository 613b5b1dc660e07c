//! `baton doctor`: looks at everything that must be right, and says what to do about what is not.

use std::path::Path;

use secrecy::ExposeSecret;
use serde::Serialize;
use url::{Host, Url};

use super::{CliError, Database, Output};
use crate::apps::http;
use crate::clock;
use crate::config::{ConfigError, Global, Keys, Settings};
use crate::crypto::seal::Sealer;
use crate::store::Store;
use crate::store::admin::AppListing;

/// The most that this machine's clock may differ from the database's, in milliseconds.
const MOST_SKEW: i64 = 2_000;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: String,
    ok: bool,
    finding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn good(check: impl Into<String>, finding: impl Into<String>) -> Self {
        Self { check: check.into(), ok: true, finding: finding.into(), remedy: None }
    }

    fn bad(check: impl Into<String>, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check: check.into(), ok: false, finding: finding.into(), remedy: Some(remedy.into()) }
    }

    fn of<T>(check: &str, good: &str, result: Result<T, ConfigError>) -> Self {
        match result {
            Ok(_) => Self::good(check, good),
            Err(error) => Self { check: check.into(), ok: false, finding: error.to_string(), remedy: None },
        }
    }
}

/// Looks.
pub async fn run(global: &Global, settings: &Settings) -> Result<(), CliError> {
    let mut findings = look_at_settings(global, settings);
    match Database::find(global).await {
        Ok(database) => {
            findings.push(Finding::good("database", "it answers, and its schema is up to date"));
            let looked = look_at_store(global, settings, database.store(), &mut findings).await;
            database.close().await?;
            looked?;
        }
        Err(error) => {
            findings.push(Finding::bad("database", error.to_string(), "set DATABASE_URL, or start Baton on this data folder once"))
        }
    }
    tell(global, &findings)
}

fn tell(global: &Global, findings: &[Finding]) -> Result<(), CliError> {
    let line = |finding: &Finding| {
        let mark = if finding.ok { "ok  " } else { "FAIL" };
        let remedy = finding.remedy.as_ref().map(|remedy| format!("\n       {remedy}")).unwrap_or_default();
        format!("{mark}   {}: {}{remedy}", finding.check, finding.finding)
    };
    Output::new(global.json).tell(&findings, findings.iter().map(line).collect::<Vec<_>>().join("\n"))?;
    match findings.iter().filter(|finding| !finding.ok).count() {
        0 => Ok(()),
        failed => Err(CliError::Unwell(failed)),
    }
}

fn look_at_settings(global: &Global, settings: &Settings) -> Vec<Finding> {
    let Settings { listening, platform, .. } = settings;
    let public = match &listening.public_url {
        Some(url) if url.scheme() == "https" => Finding::good("public address", format!("{url}: cookies travel encrypted only")),
        Some(url) if is_local(url) => Finding::good("public address", format!("{url}: for this machine only")),
        Some(url) => Finding::bad(
            "public address",
            format!("{url} is not encrypted"),
            "put a proxy with https in front, and set BATON_PUBLIC_URL to it",
        ),
        None => Finding::good("public address", "not set: the listening address counts, for this machine only"),
    };
    vec![
        Finding::of("keys", "there, and strong", Keys::find(global, listening)),
        Finding::of("platform app", "its id is set", platform.app_id()),
        Finding::of("platform secret", "set", platform.app_secrets()),
        Finding::of("verify token", "set", platform.verify_token()),
        public,
        data_dir(&global.data_dir),
    ]
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn data_dir(path: &Path) -> Finding {
    match path.metadata() {
        Ok(found) if found.is_dir() => Finding::good("data folder", path.display().to_string()),
        Ok(_) => Finding::bad("data folder", format!("{} is no folder", path.display()), "set BATON_DATA_DIR to a folder"),
        Err(error) => {
            Finding::bad("data folder", format!("{}: {error}", path.display()), "it is made when Baton starts; is BATON_DATA_DIR right?")
        }
    }
}

async fn look_at_store(global: &Global, settings: &Settings, store: &Store, findings: &mut Vec<Finding>) -> Result<(), CliError> {
    let skew = store.database_clock().await?.since(clock::now());
    findings.push(if skew.abs() <= MOST_SKEW {
        Finding::good("clock", format!("{skew} ms from the database's"))
    } else {
        Finding::bad("clock", format!("{skew} ms from the database's"), "keep both by NTP: signatures and logins depend on the time")
    });
    if let Ok(key) = crate::config::sealing_key(global) {
        look_at_secrets(&Sealer::new(key.expose_secret()), store, findings).await?;
    }
    let pages = store.page_listings(None).await?;
    if pages.is_empty() {
        findings.push(Finding::bad("Pages", "there is none", "`baton page add --page ID --name NAME --token-stdin`"));
    }
    for page in pages.iter().filter(|page| !page.subscribed) {
        let remedy = "`baton serve` subscribes within seconds once the Page has a token that the platform takes; its log says why not";
        let finding = "the platform does not send what happens on it";
        findings.push(Finding { ok: true, ..Finding::bad(format!("Page {}", page.page_id), finding, remedy) });
    }
    for page in pages.iter().filter(|page| page.default_app.is_none()) {
        let remedy = format!("`baton page set --page {} --default-app APP`, unless every app may answer", page.page_id);
        findings.push(Finding { ok: true, ..Finding::bad(format!("Page {}", page.page_id), "no app answers first", remedy) });
    }
    let apps = store.app_listings(None).await?;
    if let Ok(outbound) =
        http::Outbound::new(http::Settings { allowed_networks: settings.apps.callback_allow.clone(), ..http::Settings::default() })
    {
        for app in &apps {
            findings.extend(look_at_callback(&outbound, app).await);
        }
    }
    findings.extend(apps.iter().filter_map(health));
    Ok(())
}

async fn look_at_secrets(sealer: &Sealer, store: &Store, findings: &mut Vec<Finding>) -> Result<(), CliError> {
    let key = "BATON_SEALING_KEY is not the key it was sealed with: set the former one, or give the secret again";
    for (page, sealed) in store.sealed_page_tokens().await? {
        let check = format!("token of Page {page}");
        findings.push(match sealed.map(|sealed| sealer.open(&format!("pages.token.{page}"), &sealed)) {
            None => Finding::bad(check, "missing: nothing can be sent", format!("`baton page set --page {page} --token-stdin`")),
            Some(Err(error)) => Finding::bad(check, error.to_string(), key),
            Some(Ok(_)) => Finding::good(check, "there"),
        });
    }
    for (app, sealed) in store.sealed_app_secrets().await? {
        if let Err(error) = sealer.open(&format!("apps.secret.{app}"), &sealed) {
            findings.push(Finding::bad(format!("secret of app {app}"), error.to_string(), key));
        }
    }
    Ok(())
}

async fn look_at_callback(outbound: &http::Outbound, app: &AppListing) -> Option<Finding> {
    let text = app.callback_url.as_ref()?;
    let check = format!("callback of {} ({})", app.name, app.app_id);
    let Ok(url) = Url::parse(text) else {
        return Some(Finding::bad(check, format!("`{text}` is no address"), "`baton app set --callback-url URL`"));
    };
    if !outbound.may_call(&url) {
        return Some(Finding::bad(
            check,
            format!("{url} is not on the public internet"),
            "for development, allow its network with BATON_CALLBACK_ALLOW",
        ));
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let known = tokio::net::lookup_host((host.as_str(), port)).await.is_ok_and(|mut found| found.next().is_some());
    Some(if known {
        Finding::good(check, url.to_string())
    } else {
        Finding::bad(check, format!("the name {host} is not known"), "correct it with `baton app set --callback-url URL`")
    })
}

fn health(app: &AppListing) -> Option<Finding> {
    let check = format!("deliveries to {} ({})", app.name, app.app_id);
    match (&app.disabled, app.down) {
        (Some(reason), _) => {
            let remedy = format!("`baton app enable --page {} --app {}` once it answers again", app.page_id, app.app_id);
            Some(Finding { ok: true, ..Finding::bad(check, format!("switched off ({reason})"), remedy) })
        }
        (None, true) => Some(Finding::bad(check, "it does not take them", "see whether the app runs and answers 200 within 5 s")),
        (None, false) => None,
    }
}
