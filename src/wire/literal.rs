//! Objects as clients really write them: JSON, single-quoted and unquoted pseudo-JSON (the platform's own samples), Python's `repr`.
//!
//! One grammar takes them all. It is total, bounded in depth, and keeps the digits of whole numbers that no integer holds by making them strings.

use serde_json::{Map, Number, Value};

/// Deepest nesting taken. What is built here is walked and printed by recursion elsewhere.
const MAX_DEPTH: usize = 100;

/// Deepest nesting taken from a client. What it sends stands some levels deeper in its echo, which is read again when it is delivered.
const MAX_DEPTH_OF_STRANGERS: usize = 90;

/// Most values taken from a client at once. Each costs some hundred bytes of memory, however few it is written with; fifty full templates hold
/// some ten thousand.
pub const MAX_VALUES: usize = 50_000;

/// What is wrong with a literal, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at position {at}")]
pub(super) struct Malformed {
    what: &'static str,
    at: usize,
}

/// Reads one value, which must be the whole text.
pub(super) fn read(text: &str) -> Result<Value, Malformed> {
    read_within(text, MAX_DEPTH, usize::MAX)
}

/// Reads what a stranger wrote: at most [`MAX_VALUES`] values, and less deep.
pub(super) fn read_of_stranger(text: &str) -> Result<Value, Malformed> {
    read_within(text, MAX_DEPTH_OF_STRANGERS, MAX_VALUES)
}

fn read_within(text: &str, deepest: usize, left: usize) -> Result<Value, Malformed> {
    let mut reader = Reader { text, at: 0, deepest, left };
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at == text.len() { Ok(value) } else { Err(reader.wrong("unexpected text")) }
}

/// A text as PostgreSQL can store it: NUL becomes the replacement character.
pub(super) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Deepest nesting taken.
    deepest: usize,
    /// Values that may still come.
    left: usize,
}

impl Reader<'_> {
    fn wrong(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// The next character that is not white space, taken if it is this one.
    fn takes(&mut self, wanted: char) -> bool {
        self.skip_space();
        let there = self.peek() == Some(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    fn value(&mut self, depth: usize) -> Result<Value, Malformed> {
        self.left = self.left.checked_sub(1).ok_or(self.wrong("too many values"))?;
        if self.takes('{') {
            return self.object(depth);
        }
        if self.takes('[') {
            return self.array(depth);
        }
        match self.quoted()? {
            Some(text) => Ok(Value::String(text)),
            None => self.bare(depth),
        }
    }

    /// Objects and arrays count, as in [`super::webhook::MAX_DEPTH`]; what the deepest of them holds does not.
    fn check_depth(&self, depth: usize) -> Result<(), Malformed> {
        if depth < self.deepest { Ok(()) } else { Err(self.wrong("nested too deeply")) }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Malformed> {
        self.check_depth(depth)?;
        let mut members = Map::new();
        while !self.takes('}') {
            let key = match self.quoted()? {
                Some(key) => key,
                None => self.until(&[':', ',', '{', '}', '[', ']'])?,
            };
            if !self.takes(':') {
                return Err(self.wrong("':' expected"));
            }
            let value = self.value(depth + 1)?;
            members.insert(key, value);
            if !self.takes(',') && self.peek() != Some('}') {
                return Err(self.wrong("',' or '}' expected"));
            }
        }
        Ok(Value::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Value, Malformed> {
        self.check_depth(depth)?;
        let mut elements = Vec::new();
        while !self.takes(']') {
            elements.push(self.value(depth + 1)?);
            if !self.takes(',') && self.peek() != Some(']') {
                return Err(self.wrong("',' or ']' expected"));
            }
        }
        Ok(Value::Array(elements))
    }

    /// A quoted string, also with Python's prefixes, if one begins here.
    fn quoted(&mut self) -> Result<Option<String>, Malformed> {
        self.skip_space();
        let rest = self.rest();
        let unprefixed = rest.strip_prefix(['u', 'b']).filter(|text| text.starts_with(['\'', '"'])).unwrap_or(rest);
        let Some(quote) = unprefixed.chars().next().filter(|first| matches!(first, '\'' | '"')) else { return Ok(None) };
        self.at = self.text.len() - unprefixed.len() + quote.len_utf8();
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(self.wrong("unfinished string")),
                Some('\\') => text.push(self.escape()?),
                Some(end) if end == quote => return Ok(Some(without_nul(text))),
                Some(other) => text.push(other),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Malformed> {
        Ok(match self.next().ok_or(self.wrong("unfinished string"))? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'x' => self.code_point(2)?,
            'u' => self.code_point(4)?,
            'U' => self.code_point(8)?,
            other => other,
        })
    }

    /// A code point of so many digits; a surrogate pair is one, half a pair the replacement character.
    fn code_point(&mut self, digits: usize) -> Result<char, Malformed> {
        let unit = self.hex(digits)?;
        let before = self.at;
        if (0xd800..0xdc00).contains(&unit) && self.rest().starts_with("\\u") {
            self.at += 2;
            match self.hex(4)? {
                low @ 0xdc00..0xe000 => {
                    return Ok(char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).unwrap_or('\u{fffd}'));
                }
                _ => self.at = before,
            }
        }
        Ok(char::from_u32(unit).unwrap_or('\u{fffd}'))
    }

    fn hex(&mut self, digits: usize) -> Result<u32, Malformed> {
        let text = self.rest().get(..digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = text.and_then(|text| u32::from_str_radix(text, 16).ok()).ok_or(self.wrong("bad escape"))?;
        self.at += digits;
        Ok(unit)
    }

    /// Unquoted text up to one of these, trimmed.
    fn until(&mut self, ends: &[char]) -> Result<String, Malformed> {
        let rest = self.rest();
        let length = rest.find(ends).unwrap_or(rest.len());
        let text = rest[..length].trim().to_owned();
        if text.is_empty() {
            return Err(self.wrong("value expected"));
        }
        self.at += length;
        Ok(without_nul(text))
    }

    /// An unquoted value: a word of JSON or Python, a number, else text.
    fn bare(&mut self, depth: usize) -> Result<Value, Malformed> {
        let ends: &[char] = if depth == 0 { &[] } else { &[',', '{', '}', '[', ']'] };
        let text = self.until(ends)?;
        Ok(match text.as_str() {
            "true" | "True" => Value::Bool(true),
            "false" | "False" => Value::Bool(false),
            "null" | "None" => Value::Null,
            _ => number(&text).unwrap_or(Value::String(text)),
        })
    }
}

/// A JSON number, if it keeps all its digits as one.
fn number(text: &str) -> Option<Value> {
    let whole = text.strip_prefix('-').unwrap_or(text);
    let padded = whole.len() > 1 && whole.starts_with('0') && !whole.starts_with("0.");
    if padded || !whole.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<u64>().map(Value::from).or_else(|_| text.parse::<i64>().map(Value::from)).ok();
    }
    text.parse().ok().and_then(Number::from_f64).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_dialect_of_the_clients() {
        for (text, expected) in [
            (r#"{"id":"123"}"#, json!({"id": "123"})),
            ("{'id':'<PSID>'}", json!({"id": "<PSID>"})),
            ("{id:123}", json!({"id": 123})),
            ("{ id : PSID , name:Jo Doe }", json!({"id": "PSID", "name": "Jo Doe"})),
            ("{id:12345678901234567890123}", json!({"id": "12345678901234567890123"})),
            (r#"{"id":18446744073709551615}"#, json!({"id": u64::MAX})),
            ("{u'text': u'it\\'s', 'ok': True, 'no': False, 'x': None}", json!({"text": "it's", "ok": true, "no": false, "x": null})),
            (r#"{'text': "it's"}"#, json!({"text": "it's"})),
            ("{'a': '\\u00e9\\ud83d\\ude0a\\xe9\\U0001f60a'}", json!({"a": "é😊é😊"})),
            (r#"["a", 'b', c, 1.5, -2]"#, json!(["a", "b", "c", 1.5, -2])),
            ("{url:https://x.example/a?b=c}", json!({"url": "https://x.example/a?b=c"})),
            (r#"{"a":[{},[],"\ud800","\u0000"]}"#, json!({"a": [{}, [], "\u{fffd}", "\u{fffd}"]})),
            ("{a:007}", json!({"a": "007"})),
            ("hello, world", json!("hello, world")),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_broken_is_refused() {
        for text in ["", "{", "{a}", "{a:}", "{a:1", "[1,,2]", "{'a':'b}", r#"{"a":"\u12"}"#, "{}x", "{a:1}}", "{:1}", "[1 {}]"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"[".repeat(1_000_000)).is_err());
        assert!(read(&"{a:".repeat(1_000_000)).is_err());
    }

    #[test]
    fn depth_counts_objects_and_arrays_only() {
        let nested = |depth: usize| format!("{}7{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert!(read(&nested(MAX_DEPTH + 1)).is_err());
        assert!(read_of_stranger(&nested(MAX_DEPTH_OF_STRANGERS)).is_ok());
        assert!(read_of_stranger(&nested(MAX_DEPTH_OF_STRANGERS + 1)).is_err());
    }

    #[test]
    fn strangers_may_not_write_values_without_end() {
        let list = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
        assert!(read_of_stranger(&list(MAX_VALUES - 1)).is_ok());
        assert!(read_of_stranger(&list(MAX_VALUES)).is_err());
        assert!(read_of_stranger(&format!("[{}]", vec!["{a:{b:{}}}"; MAX_VALUES / 2].join(","))).is_err());
        assert!(read(&list(MAX_VALUES)).is_ok(), "the platform may");
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "[^\0]*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec(("[^\0]*", inner), 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn all_json_is_read_as_serde_json_reads_it(value in json_value()) {
            prop_assert_eq!(read(&value.to_string()), Ok(value));
        }

        #[test]
        fn no_text_breaks_the_reader(text in any::<String>(), made in r#"[\[\]{}'":,\\uxU0-9a ]{0,40}"#) {
            let _ = read(&text);
            let _ = read(&made);
        }
    }
}
