//! The body of a webhook, split into its items. One bad item never costs the others.

use super::event::{Channel, Incoming};
use super::ids::{Object, PageId, Timestamp};
use super::item::{self, Frame};
use super::json::{Fields, elements, scan, string, string_or_number};

/// Deepest nesting that is taken. The parsers of readers give up at 128.
pub const MAX_DEPTH: usize = 100;

/// Most items that are taken. The platform puts at most 1000 into one webhook (protocol page, section 2.3), and each costs some hundred bytes
/// of memory, however few it is written with.
pub const MAX_ITEMS: usize = 10_000;

/// Longest `hop_context` that is put beside the items of its entry, in bytes: every item gets a copy.
const MAX_HOP_CONTEXT: usize = 16 * 1024;

/// What one webhook told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Which of the two objects it came for.
    pub object: Object,
    /// Its items in their order, over all entries and channels.
    pub items: Vec<Result<Incoming, BadItem>>,
}

/// An item that cannot be kept as an event, to be set aside as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadItem {
    /// The Page, where that much could be read.
    pub page: Option<PageId>,
    /// The item or the whole entry, as text that PostgreSQL can store.
    pub raw: String,
    /// What is wrong, for the admin.
    pub why: &'static str,
}

/// A body that is not a webhook at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAWebhook {
    /// Not a JSON object.
    #[error("the body is not a JSON object")]
    NotJson,
    /// A webhook of another product, such as `whatsapp_business_account`. The platform's sample answers 404.
    #[error("the object {0:?} is neither page nor instagram")]
    OtherObject(String),
    /// The bare `{"field", "value"}` that the dashboard's test button sends.
    #[error("a sample of the dashboard for the field {0:?}")]
    Sample(String),
    /// No `entry` array.
    #[error("there is no entry array")]
    NoEntries,
    /// More than [`MAX_ITEMS`].
    #[error("there are more than {MAX_ITEMS} items")]
    TooManyItems,
}

/// Splits a webhook into its items. `received_at` is the time of items for which neither they nor their entry name one.
///
/// # Errors
/// [`NotAWebhook`] when there is nothing to split.
pub fn parse(body: &[u8], received_at: Timestamp) -> Result<Batch, NotAWebhook> {
    let text = String::from_utf8_lossy(body);
    let found = scan(&text);
    let text = found.storable(&text);
    let top = Fields::read(&text).ok_or(NotAWebhook::NotJson)?;
    let object = object(&top)?;
    let entries = top.get("entry").and_then(elements).ok_or(NotAWebhook::NoEntries)?;
    let mut batch =
        Reading { object, received_at, check_depth: found.deepest > MAX_DEPTH, check_numbers: found.large_numbers, items: Vec::new() };
    for entry in entries {
        batch.entry(entry.get());
        if batch.is_overfull() {
            return Err(NotAWebhook::TooManyItems);
        }
    }
    Ok(Batch { object, items: batch.items })
}

fn object(top: &Fields<'_>) -> Result<Object, NotAWebhook> {
    let name = top.get("object").and_then(string);
    match (name.as_deref().and_then(Object::parse), name, top.get("field").and_then(string)) {
        (Some(object), ..) => Ok(object),
        (None, Some(name), _) => Err(NotAWebhook::OtherObject(name)),
        (None, None, Some(field)) if top.get("value").is_some() => Err(NotAWebhook::Sample(field)),
        (None, None, _) => Err(NotAWebhook::OtherObject(String::new())),
    }
}

/// A webhook half read.
struct Reading {
    object: Object,
    received_at: Timestamp,
    check_depth: bool,
    check_numbers: bool,
    items: Vec<Result<Incoming, BadItem>>,
}

impl Reading {
    fn is_overfull(&self) -> bool {
        self.items.len() > MAX_ITEMS
    }

    fn bad(&mut self, page: Option<&PageId>, raw: &str, why: &'static str) {
        self.items.push(Err(BadItem { page: page.cloned(), raw: raw.to_owned(), why }));
    }

    fn entry(&mut self, text: &str) {
        let Some(entry) = Fields::read(text) else { return self.bad(None, text, "the entry is not an object") };
        let page = entry.get("id").and_then(string_or_number).and_then(|id| PageId::parse(id).ok());
        let Some(page) = page else { return self.bad(None, text, "the entry has no id") };
        let entry_time = entry.get("time").and_then(item::time).unwrap_or(self.received_at);
        // Within an item it lies one level deeper.
        let fits = |context: &&str| context.len() <= MAX_HOP_CONTEXT && (!self.check_depth || scan(context).deepest < MAX_DEPTH);
        let hop_context = entry.get("hop_context").filter(fits);
        let mut channels = 0;
        for (key, value) in entry.iter() {
            let channel = match key {
                "messaging" => Channel::Messaging,
                "standby" => Channel::Standby,
                "changes" => Channel::Changes,
                _ => continue,
            };
            channels += 1;
            let frame = Frame { object: self.object, page: &page, channel, entry_time, hop_context };
            self.channel(&frame, value);
        }
        if channels == 0 {
            self.bad(Some(&page), text, "the entry has no events");
        }
    }

    fn channel(&mut self, frame: &Frame<'_>, text: &str) {
        if self.is_overfull() {
            return;
        }
        let Some(items) = elements(text) else { return self.bad(Some(frame.page), text, "the channel is not an array") };
        for item in items {
            let text = item.get();
            if self.is_overfull() {
                return;
            } else if self.check_depth && scan(text).deepest > MAX_DEPTH {
                self.bad(Some(frame.page), text, "the item is nested too deeply");
            } else if let Some(incoming) = item::read(frame, text) {
                if self.check_numbers && serde_json::from_str::<serde_json::Value>(&incoming.raw).is_err() {
                    self.bad(Some(frame.page), text, "a number of the item cannot be read");
                } else {
                    self.items.push(Ok(incoming));
                }
            } else {
                self.bad(Some(frame.page), text, "the item is not an object");
            }
        }
    }
}
