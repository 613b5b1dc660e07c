//! What the fuzz targets check. Each takes any bytes and panics where a promise is broken.
//!
//! The targets under `fuzz_targets/` hand libFuzzer's bytes to these functions; a test of Baton replays the corpus through the same ones, so that
//! they are compiled and hold without any fuzzer.

pub mod batch;
pub mod call;
mod json;
pub mod script;
pub mod secrets;
pub mod webhook;

/// A target: its name, which is that of its program and its corpus, and what it checks.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 5] =
    [("batch", batch::check), ("call", call::check), ("script", script::check), ("secrets", secrets::check), ("webhook", webhook::check)];
