//! Reading the platform's JSON without losing a digit, a key order or the rest of a batch: values stay text until somebody needs them.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What one look at a text found.
pub(super) struct Scan {
    /// How deep arrays and objects are nested.
    pub deepest: usize,
    /// Whether there is a number that may be larger than any program reads.
    pub large_numbers: bool,
    /// Where the four digits of an escape begin that PostgreSQL cannot store: NUL, or half a surrogate pair.
    unstorable: Vec<usize>,
}

/// The digits of the largest number that programs read, in bytes; with an exponent it may be any.
const LONGEST_NUMBER: usize = 300;

/// Looks once over JSON text.
pub(super) fn scan(text: &str) -> Scan {
    let bytes = text.as_bytes();
    let mut found = Scan { deepest: 0, large_numbers: false, unstorable: Vec::new() };
    let (mut at, mut depth, mut quoted, mut digits) = (0, 0_usize, false, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if bytes.get(at) == Some(&b'u') => at = unicode_escape(bytes, at + 1, &mut found.unstorable),
            b'\\' => at += 1,
            b'{' | b'[' if !quoted => {
                depth += 1;
                found.deepest = found.deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            b'0'..=b'9' if !quoted => {
                digits += 1;
                found.large_numbers |= digits > LONGEST_NUMBER;
            }
            b'e' | b'E' if !quoted && digits > 0 => found.large_numbers = true,
            _ => digits = 0,
        }
    }
    found
}

/// Notes the escape whose digits begin at `at` if it cannot be stored, and says where to read on.
fn unicode_escape(bytes: &[u8], at: usize, unstorable: &mut Vec<usize>) -> usize {
    let high = match hex4(bytes, at) {
        None => return at,
        Some(unit) => unit,
    };
    let paired = (0xd800..0xdc00).contains(&high)
        && bytes.get(at + 4..at + 6) == Some(br"\u")
        && hex4(bytes, at + 6).is_some_and(|low| (0xdc00..0xe000).contains(&low));
    if paired {
        return at + 10;
    }
    if high == 0 || (0xd800..0xe000).contains(&high) {
        unstorable.push(at);
    }
    at + 4
}

fn hex4(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

impl Scan {
    /// The text with every unstorable escape replaced by the replacement character. Same length, nothing else changed.
    pub fn storable<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.unstorable.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = String::with_capacity(text.len());
        let mut rest = 0;
        for &at in &self.unstorable {
            clean.push_str(&text[rest..at]);
            clean.push_str("fffd");
            rest = at + 4;
        }
        clean.push_str(&text[rest..]);
        Cow::Owned(clean)
    }
}

/// An object's members in their order, each value still text.
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads an object; `None` for anything else.
    pub fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The value of a key; `null` counts as absent, and the last of several wins.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.get()).filter(|value| *value != "null")
    }

    /// All members.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.get()))
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Fields(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A key that is borrowed where it holds no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The elements of an array; `None` for anything else.
pub(super) fn elements(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

/// A string's content; `None` for anything else.
pub(super) fn string(text: &str) -> Option<String> {
    if text.starts_with('"') { serde_json::from_str(text).ok() } else { None }
}

/// A string's content, or a number with exactly the digits it was written with; `None` for anything else.
pub(super) fn string_or_number(text: &str) -> Option<String> {
    if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) { Some(text.to_owned()) } else { string(text) }
}

/// Whether it says yes: `true`, `"true"`, `1` or `"1"`.
pub(super) fn flag(text: &str) -> bool {
    matches!(text, "true" | "\"true\"" | "1" | "\"1\"")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn storable(text: &str) -> String {
        scan(text).storable(text).into_owned()
    }

    #[test]
    fn unstorable_escapes_become_the_replacement_character() {
        for (text, expected) in [
            (r#""plain é""#, r#""plain é""#),
            (r#""\u0000""#, r#""\ufffd""#),
            (r#""a\ud83db""#, r#""a\ufffdb""#),
            (r#""\udc00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ude0a""#, r#""\ud83d\ude0a""#),
            (r#""\uD83D\uDE0A \uDEAD""#, r#""\uD83D\uDE0A \ufffd""#),
            (r#""\\u0000""#, r#""\\u0000""#),
            (r#""\\\u0000""#, r#""\\\ufffd""#),
            (r#""\ud83d\ud83d\ude0a""#, r#""\ufffd\ud83d\ude0a""#),
            (r#""\u00"#, r#""\u00"#),
        ] {
            assert_eq!(storable(text), expected, "{text}");
        }
    }

    #[test]
    fn depth_counts_outside_strings_only() {
        assert_eq!(scan(r#"{"a":"[[[[","b":[{}]}"#).deepest, 3);
        assert_eq!(scan(r#"{"a":"\"[[["}"#).deepest, 1);
        assert_eq!(scan("]]]]").deepest, 0);
    }

    #[test]
    fn digits_survive() {
        let text = r#"{"a":123456789012345678901234567890,"b":"17841400008460056","c":null,"a2":true}"#;
        let fields = Fields::read(text).unwrap();
        assert_eq!(fields.get("a").and_then(string_or_number).as_deref(), Some("123456789012345678901234567890"));
        assert_eq!(fields.get("b").and_then(string_or_number).as_deref(), Some("17841400008460056"));
        assert_eq!(fields.get("c"), None);
        assert_eq!(fields.get("a2").and_then(string_or_number), None);
    }
}
