//! Later rows that change earlier lines: edits, unsends, reactions, deliveries, reads.

use std::collections::HashMap;

use serde_json::Value;

use super::super::content;
use super::super::line::{Line, Message};
use super::{Entry, platform_state, quote};
use crate::store::log::LogRow;
use crate::web::text::Texts;
use crate::wire::Timestamp;

/// How far the person's device and eyes are.
#[derive(Default)]
struct Progress {
    delivered: Option<Timestamp>,
    delivered_mids: Vec<String>,
    read: Option<Timestamp>,
    // Instagram names the message instead of a time: everything up to it is read.
    read_mids: Vec<String>,
}

/// Folds them in. `rows` are the rows that the entries were made of, in the same order.
pub(super) fn fold(entries: &mut [Entry], rows: &[LogRow], folds: &[LogRow], t: &Texts) {
    let places: HashMap<String, usize> =
        entries.iter().enumerate().filter_map(|(index, entry)| entry.mid.clone().map(|mid| (mid, index))).collect();
    let mut progress = Progress::default();
    for row in folds {
        let item: Value = serde_json::from_str(&row.payload).unwrap_or_default();
        let message = row.mid.as_ref().and_then(|mid| places.get(mid)).and_then(|index| entries.get_mut(*index)).and_then(message_of);
        match (row.kind.as_str(), message) {
            ("edit", Some(message)) => edit(message, &item),
            ("unsend", Some(message)) => message.removed = true,
            ("reaction", Some(message)) => react(message, &item),
            ("delivery", _) => {
                progress.delivered = progress.delivered.max(watermark(&item, "/delivery/watermark"));
                let mids = item.pointer("/delivery/mids").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                progress.delivered_mids.extend(mids.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            ("read", _) => {
                progress.read = progress.read.max(watermark(&item, "/read/watermark"));
                progress.read_mids.extend(item.pointer("/read/mid").and_then(Value::as_str).map(str::to_owned));
            }
            _ => {}
        }
    }
    states(entries, rows, &progress, t);
    quote(entries);
}

fn message_of(entry: &mut Entry) -> Option<&mut Message> {
    match &mut entry.line {
        Line::Message(message) => Some(message),
        _ => None,
    }
}

fn edit(message: &mut Message, item: &Value) {
    if let Some(text) = item.pointer("/message_edit/text").and_then(Value::as_str) {
        message.text = Some(content::pieces(text));
        message.edited = true;
    }
}

fn react(message: &mut Message, item: &Value) {
    // One person, one reaction.
    message.reactions.clear();
    let text = |key: &str| item.pointer(key).and_then(Value::as_str).map(str::to_owned);
    if text("/reaction/action").as_deref() != Some("unreact") {
        message.reactions.extend(text("/reaction/emoji").or_else(|| text("/reaction/reaction")));
    }
}

/// Milliseconds, written as a number or as text.
fn watermark(item: &Value, pointer: &str) -> Option<Timestamp> {
    let value = item.pointer(pointer)?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).map(Timestamp::from_millis)
}

fn states(entries: &mut [Entry], rows: &[LogRow], progress: &Progress, t: &Texts) {
    let read_to = rows.iter().rposition(|row| row.mid.as_ref().is_some_and(|mid| progress.read_mids.contains(mid)));
    for (index, (entry, row)) in entries.iter_mut().zip(rows).enumerate() {
        if row.kind != "echo" {
            continue;
        }
        let Some(message) = message_of(entry) else { continue };
        let read = progress.read.is_some_and(|until| row.happened_at <= until) || read_to.is_some_and(|to| index <= to);
        let delivered = progress.delivered.is_some_and(|until| row.happened_at <= until)
            || row.mid.as_ref().is_some_and(|mid| progress.delivered_mids.contains(mid));
        let class = if read {
            "read"
        } else if delivered {
            "delivered"
        } else {
            "sent"
        };
        message.state = Some(platform_state(class, t));
    }
}
