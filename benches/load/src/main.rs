//! Measures the real `baton serve` on a durable PostgreSQL, beside baselines in the same run on the same machine: see `docs/benchmarks.md`,
//! and `script/bench`, which builds and starts it.
//!
//! This process only starts, waits and reads `/proc`. The load, the receiving apps and the baselines are processes of their own (the same
//! program again), so that what each of them costs is told apart.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement may fail, and prints"
)]

mod bare;
mod baton;
mod browser;
#[path = "../../../tests/it/harness/chromedriver.rs"]
mod chromedriver;
mod chromium;
mod cluster;
mod delivery;
mod footprint;
mod growth;
mod helper;
mod inbox;
mod intake;
mod latency;
#[path = "../../../tests/it/harness/leash.rs"]
mod leash;
mod live;
mod load;
mod machine;
mod node;
mod pgbench;
mod receive;
mod report;
mod requests;
mod seed;
mod watch;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Runs of everything that is compared; the median counts.
    pub rounds: usize,
    /// Seconds of one run.
    pub seconds: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("as-load") => load::main(),
        Some("as-bare") => bare::main(),
        Some("as-receivers") => receive::main(),
        Some("as-watchers") => watch::main(),
        _ => orchestrate(&arguments),
    }
}

fn orchestrate(arguments: &[String]) {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let named: Vec<&str> = arguments.iter().map(String::as_str).filter(|argument| !argument.starts_with("--")).collect();
    let scale = if quick { Scale { rounds: 1, seconds: 4.0 } } else { Scale { rounds: 3, seconds: 10.0 } };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::select! {
            () = measure(&named, scale, quick) => {}
            // Whatever was started ends with what this drops.
            _ = tokio::signal::ctrl_c() => eprintln!("interrupted"),
        }
    });
}

async fn measure(named: &[&str], scale: Scale, quick: bool) {
    let wanted = |section: &str| named.is_empty() || named.contains(&"all") || named.contains(&section);
    let mut report = report::Report::new(quick);
    let cluster = cluster::Cluster::start().await;
    report.machine(&cluster.text("postgres", "select 'PostgreSQL ' || current_setting('server_version')").await);
    seed::empty(&cluster).await;
    seed::spread(&cluster).await;
    if wanted("intake") {
        report.section("intake", &intake::measure(&cluster, scale).await);
    }
    if wanted("latency") {
        report.section("latency", &latency::measure(&cluster, scale).await);
    }
    if wanted("delivery") {
        report.section("delivery", &delivery::measure(&cluster, scale).await);
    }
    if wanted("live") {
        report.section("live", &live::measure(&cluster, scale).await);
    }
    if wanted("browser") {
        report.section("browser", &browser::measure(&cluster, scale).await);
    }
    if wanted("growth") {
        report.section("growth", &growth::measure(&cluster, scale, quick).await);
    }
    if wanted("inbox") {
        report.section("inbox", &inbox::measure(&cluster, scale, quick).await);
    }
    // The last, because it tells how much memory all of the others have taken.
    if wanted("footprint") {
        report.section("footprint", &footprint::measure(&cluster, scale).await);
    }
}
