//! Drills: what may happen to Baton in production is done to it here, and the evidence afterwards must show that every promise held.
//!
//! `script/test` runs each in a few rounds; `script/drill` runs all of them in full and prints what they showed as a table. The dice begin at
//! a fixed number, or at `BATON_DRILL_SEED`.

mod database;
mod failover;
mod frozen;
mod history;
mod kill;
mod pair;
mod platform;
mod points;
mod private_cluster;
mod proxy;
mod rolling;
mod stop;
mod zoo;

use std::io::Write;

/// Where the dice begin, so that a run can be had again.
fn seed() -> u64 {
    const SEED: u64 = 0x0ba7_0115;
    std::env::var("BATON_DRILL_SEED").map_or(SEED, |seed| seed.parse().expect("BATON_DRILL_SEED is a number"))
}

/// How many rounds: `few` in `script/test`, `full` in `script/drill`.
fn rounds(few: usize, full: usize) -> usize {
    if in_full() { full } else { few }
}

/// Whether this is `script/drill`, which gives each drill the machine to itself. Among the tests they run beside others, on machines of any pace.
fn in_full() -> bool {
    std::env::var("BATON_DRILL").is_ok_and(|wanted| wanted == "full")
}

/// Puts a line into the table of `script/drill`: what was done how often, what had to hold, what was seen.
fn show(drill: &str, rounds: usize, goal: &str, seen: &str) {
    let Ok(table) = std::env::var("BATON_DRILL_TABLE") else { return };
    let mut table = std::fs::OpenOptions::new().append(true).create(true).open(table).expect("the table is a file");
    writeln!(table, "| {drill} | {rounds} | {goal} | {seen} |").expect("the table is written");
}
