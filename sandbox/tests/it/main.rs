//! The sandbox over real HTTP: a platform on a free port, apps that receive its webhooks, people who write.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod attachments;
mod chat;
mod control;
mod faults;
mod graph;
mod program;
mod receiver;
mod scene;
mod webhooks;
mod window;
