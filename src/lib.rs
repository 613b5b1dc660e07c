//! Baton lets several apps share one Facebook Page or Instagram account: exactly one of them holds each conversation.
//!
//! A tour, in the order of a message: [`platform`] takes the platform's webhooks in; the [`ledger`] is the one door through which
//! everything passes that changes a conversation, and asks the pure rules in [`control`]; [`store`] is PostgreSQL;
//! [`apps`] delivers to the apps and answers their Graph calls; [`web`] is the inbox for people; [`bot`] is the built-in app.
//! [`wire`] holds the platform's JSON as types, [`access`] who may see what, [`crypto`] every secret.

pub mod access;
pub mod apps;
pub mod bot;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod crypto;
pub mod demo;
pub mod failpoint;
pub mod ledger;
pub mod platform;
pub mod postgres;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod web;
pub mod wire;
