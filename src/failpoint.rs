//! Places at which a drill lets this process die, so that what a crash leaves behind right there can be looked at.
//!
//! `BATON_DIE_AT=ledger.committed:3` ends the process when it passes that place for the third time. Release builds know nothing of it.

#[cfg(debug_assertions)]
use std::sync::OnceLock;
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicU32, Ordering};

/// Where to die, and on which pass.
#[cfg(debug_assertions)]
#[derive(Debug)]
struct End {
    label: String,
    left: AtomicU32,
}

/// Passes a place. An abort runs nothing more of this process, like SIGKILL, but on the very instruction.
#[cfg(debug_assertions)]
pub fn pass(label: &'static str) {
    static END: OnceLock<Option<End>> = OnceLock::new();
    let end = END.get_or_init(|| std::env::var("BATON_DIE_AT").ok().and_then(|told| read(&told)));
    if let Some(end) = end.as_ref().filter(|end| end.label == label)
        && end.left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        tracing::error!(label, "dies here, as it was told");
        std::process::abort();
    }
}

/// Passes a place.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn pass(_: &'static str) {}

/// Reads `label:pass`.
#[cfg(debug_assertions)]
fn read(told: &str) -> Option<End> {
    let (label, pass) = told.rsplit_once(':')?;
    Some(End { label: label.to_owned(), left: AtomicU32::new(pass.parse().ok().filter(|pass| *pass > 0)?) })
}
