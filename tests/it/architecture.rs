//! Holds the house to its plan (docs/architecture.md, "The house"): who may use whom, and where the outside world may be named.

use std::fs;
use std::path::{Path, PathBuf};

/// A part of the house and what it may name of the others.
struct Part {
    name: &'static str,
    may_use: &'static [&'static str],
}

/// Everything that is a room of its own. `server`, `main` and what only they use may name all.
const PARTS: &[Part] = &[
    Part { name: "control", may_use: &["wire"] },
    Part { name: "wire", may_use: &["control"] },
    Part { name: "access", may_use: &["wire", "control"] },
    Part { name: "clock", may_use: &["wire"] },
    Part { name: "failpoint", may_use: &[] },
    Part { name: "crypto", may_use: &["wire"] },
    Part { name: "store", may_use: &["control", "wire", "access", "crypto", "clock"] },
    Part { name: "ledger", may_use: &["control", "wire", "access", "crypto", "store", "clock", "failpoint"] },
    Part { name: "platform", may_use: &["control", "wire", "access", "crypto", "store", "ledger", "clock", "failpoint"] },
    Part { name: "apps", may_use: &["control", "wire", "access", "crypto", "store", "ledger", "clock", "failpoint"] },
    Part { name: "web", may_use: &["control", "wire", "access", "crypto", "store", "ledger", "clock"] },
    Part { name: "bot", may_use: &["control", "wire", "access", "ledger", "clock", "failpoint"] },
];

/// Names of the outside world and the only places they may stand in.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("sqlx::", &["store"]),
    ("actix_web::", &["platform", "apps", "web", "server"]),
    ("reqwest::", &["platform"]),
    ("hyper::", &["apps"]),
    ("SystemTime::now", &["clock"]),
    ("OffsetDateTime::now_utc", &["clock"]),
    ("Timestamp::now", &[]),
    ("Zoned::now", &[]),
    ("rand::", &["crypto"]),
];

#[test]
fn each_part_uses_only_what_it_may() {
    let mut broken = Vec::new();
    for (part, file, line, text) in lines() {
        let Some(rule) = PARTS.iter().find(|rule| rule.name == part) else { continue };
        for used in named_parts(&text) {
            let known = PARTS.iter().any(|other| other.name == used);
            if used != part && (!known && used != "telemetry" || known && !rule.may_use.contains(&used.as_str())) && is_module(&used) {
                broken.push(format!("{}:{line}: {part} uses {used}: {}", file.display(), text.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "the house is crooked:\n{}", broken.join("\n"));
}

#[test]
fn the_outside_world_is_named_in_its_places_only() {
    let mut broken = Vec::new();
    for (part, file, line, text) in lines() {
        for (name, places) in OUTSIDE {
            if stands_alone(&text, name) && !places.contains(&part.as_str()) {
                broken.push(format!("{}:{line}: {name} in {part}: {}", file.display(), text.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "named in the wrong place:\n{}", broken.join("\n"));
}

#[test]
fn no_room_has_a_name_that_says_nothing() {
    let forbidden = ["utils", "util", "common", "helpers", "helper", "types", "manager", "misc", "data"];
    let broken: Vec<_> = sources()
        .into_iter()
        .filter(|file| file.iter().any(|part| forbidden.contains(&part.to_string_lossy().trim_end_matches(".rs"))))
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
}

/// `clock_timestamp()` may differ from row to row, so PostgreSQL asks no index for it but compares every row. `statement_timestamp()` stands still.
#[test]
fn no_query_compares_with_a_time_that_no_index_can_be_asked_for() {
    let ends = |text: &str| ["<", ">", "<=", ">="].iter().any(|sign| text.trim_end().ends_with(sign));
    let compares = |text: &str| text.rsplit("clock_timestamp()").skip(1).any(ends);
    assert!(compares("where check_at <= clock_timestamp() order by check_at"));
    assert!(!compares("update subscriptions set down_since = clock_timestamp(), seen_at = clock_timestamp() where page_id > $1"));
    let queries: Vec<_> = fs::read_dir(root().join(".sqlx")).expect(".sqlx").map(|file| file.expect("a file").path()).collect();
    assert!(queries.len() > 100, "{} queries", queries.len());
    let broken: Vec<_> = queries.iter().map(|file| fs::read_to_string(file).expect("a query")).filter(|text| compares(text)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_sandbox_shares_no_code_with_baton() {
    let manifest = fs::read_to_string(root().join("sandbox/Cargo.toml")).expect("sandbox/Cargo.toml");
    assert!(!manifest.contains("baton ="), "the sandbox depends on baton");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let depends = manifest.lines().any(|line| line.starts_with("sandbox =") || line.starts_with("sandbox."));
    assert!(!depends, "baton depends on the sandbox");
}

#[test]
fn the_rules_above_can_see_a_breach() {
    assert_eq!(named_parts("use crate::{store::Store, web};"), ["store", "web"]);
    assert_eq!(named_parts("    let x = crate::apps::graph::new();"), ["apps"]);
    assert!(stands_alone("use sqlx::PgPool;", "sqlx::"));
    assert!(!stands_alone("use my_sqlx::x;", "sqlx::"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&root().join("src"), &mut found);
    assert!(found.len() > 20, "the sources were not found");
    found
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// Every line of code outside comments and tests: (part, file, line number, text).
fn lines() -> Vec<(String, PathBuf, usize, String)> {
    let mut all = Vec::new();
    for file in sources() {
        let inside = file.strip_prefix(root().join("src")).expect("under src").to_path_buf();
        let part = inside.components().next().expect("a part").as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        if inside.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source");
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            if !line.trim_start().starts_with("//") {
                all.push((part.clone(), inside.clone(), number + 1, line.to_owned()));
            }
        }
    }
    all
}

/// The parts of the crate that a line names after `crate::`.
fn named_parts(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in line.split("crate::").skip(1) {
        let group = rest.strip_prefix('{').map(|inner| inner.split('}').next().unwrap_or(inner));
        let names: Vec<&str> = group.map_or_else(|| vec![rest], |inner| inner.split(',').collect());
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if !name.is_empty() {
                found.push(name);
            }
        }
    }
    found
}

fn is_module(name: &str) -> bool {
    root().join("src").join(name).is_dir() || root().join("src").join(format!("{name}.rs")).is_file()
}

fn stands_alone(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':'))
}
