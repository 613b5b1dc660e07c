//! When two events are the same event: the platform may deliver everything more than once.

use sha2::{Digest, Sha256};

use super::event::{Channel, Event, Incoming};
use super::ids::MessageId;
use super::item;
use super::json::Fields;
use super::kind::Kind;
use super::literal;

/// Collects the fields of a key, each with its length so that none runs into the next.
struct Key(Sha256);

impl Key {
    fn add(&mut self, field: &str) {
        self.0.update((field.len() as u64).to_be_bytes());
        self.0.update(field.as_bytes());
    }

    fn finish(self) -> [u8; 16] {
        let digest: [u8; 32] = self.0.finalize().into();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        key
    }
}

/// The key of the echo of this message: what a send's answer and its echo have in common, whichever comes first.
#[must_use]
pub fn echo_key(mid: &MessageId) -> [u8; 16] {
    let mut key = Key(Sha256::new());
    key.add(Kind::Echo.as_str());
    key.add(mid.as_str());
    key.finish()
}

impl Incoming {
    /// What two deliveries of one event have in common, and two events on a Page have not: kind and mid; with `num_edit` for edits; sender,
    /// action and time for reactions; kind and content for what has no mid. Never the channel. 16 bytes of SHA-256.
    ///
    /// `None` when nothing in it tells two such events apart, so that it never counts as a duplicate.
    #[must_use]
    pub fn duplicate_key(&self) -> Option<[u8; 16]> {
        let mut key = Key(Sha256::new());
        key.add(self.kind().as_str());
        match &self.event {
            Event::Message { mid: Some(mid), .. }
            | Event::Echo { mid: Some(mid), .. }
            | Event::Unsend { mid }
            | Event::Postback { mid: Some(mid), .. } => key.add(mid.as_str()),
            Event::Edit { mid, num_edit, .. } => {
                key.add(mid.as_str());
                key.add(&num_edit.to_string());
            }
            Event::Reaction { mid: Some(mid), action, .. } => {
                key.add(mid.as_str());
                key.add(self.person.as_ref().map_or("", |person| person.as_str()));
                key.add(action);
                key.add(&self.own_time()?.to_string());
            }
            _ => self.add_content(&mut key)?,
        }
        Some(key.finish())
    }

    /// Person, time and everything that the item says beside its frame, with the keys of objects in order.
    fn add_content(&self, key: &mut Key) -> Option<()> {
        let item = Fields::read(&self.raw)?;
        let dated = matches!(&self.event, Event::Read { watermark, mid } if watermark.is_some() || mid.is_some())
            || matches!(&self.event, Event::Delivery { watermark: Some(_), .. });
        key.add(self.person.as_ref().map_or("", |person| person.as_str()));
        if self.channel == Channel::Changes {
            key.add(&self.at.millis().to_string());
        } else if !dated {
            key.add(&self.own_time()?.to_string());
        }
        let mut content: Vec<_> =
            item.iter().filter(|(name, _)| !matches!(*name, "sender" | "recipient" | "timestamp" | "hop_context")).collect();
        content.sort_unstable();
        for (name, value) in content {
            key.add(name);
            key.add(&canonical(value));
        }
        Some(())
    }

    /// The time that the item itself names, in milliseconds.
    fn own_time(&self) -> Option<i64> {
        let item = Fields::read(&self.raw)?;
        item.get("timestamp").and_then(item::time).map(super::ids::Timestamp::millis)
    }
}

/// The value with the keys of its objects in order and without white space; as it is where it cannot be read.
fn canonical(text: &str) -> String {
    let Ok(mut value) = literal::read(text) else { return text.to_owned() };
    value.sort_all_objects();
    value.to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::wire::{Timestamp, webhook};

    #[test]
    fn an_echo_of_the_platform_has_the_key_of_the_echo_that_baton_makes() {
        let body = br#"{"object":"page","entry":[{"id":"1","time":1,"messaging":[{"sender":{"id":"1"},"recipient":{"id":"2"},"timestamp":3,
            "message":{"is_echo":true,"mid":"m_x","text":"hi"}}]}]}"#;
        let batch = webhook::parse(body, Timestamp::from_millis(0)).unwrap();
        let incoming = batch.items.into_iter().next().unwrap().unwrap();
        assert_eq!(incoming.duplicate_key(), Some(echo_key(&MessageId::parse("m_x").unwrap())));
    }
}
