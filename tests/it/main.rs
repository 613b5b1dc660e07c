//! Everything that needs the whole house: one binary, so that it links once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::too_many_lines, reason = "a test may fail")]
#![allow(clippy::large_futures, clippy::result_large_err, clippy::type_complexity, reason = "a test runs once, and its rows are read once")]

mod architecture;
mod cli;
mod delivery;
mod delivery_failures;
mod delivery_leases;
mod delivery_receiver;
mod delivery_world;
mod desk;
mod drill;
mod fuzz_corpus;
mod graph;
mod harness;
mod hostile;
mod inbox;
mod inbox_endings;
mod inbox_files;
mod inbox_head;
mod inbox_lists;
mod inbox_live;
mod inbox_news;
mod inbox_presence;
mod inbox_rows;
mod inbox_snooze;
mod inbox_states;
mod inbox_teams;
mod inbox_writing;
mod intake;
mod ledger;
mod login;
mod outbox;
mod platform;
mod platform_fake;
mod saved_replies;
mod saved_views;
mod short_way;
mod story;
mod two_processes;
mod web_gallery;
mod web_house;
mod web_settings;
mod wire_deliver;
mod wire_duplicates;
mod wire_params;
mod wire_send;
mod wire_webhooks;
