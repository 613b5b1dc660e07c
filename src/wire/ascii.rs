//! JSON in ASCII only, escaped as the platform escapes it: `\u` with lower-case hex, in surrogate pairs, and `\/`.
//!
//! Some clients hash the body they parsed and escaped again, some join chunks as text: only these bytes suit them all.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::value::Value;

/// Compact JSON with the platform's escapes.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain = 0;
        for (at, character) in fragment.char_indices() {
            if character.is_ascii() && character != '/' {
                continue;
            }
            writer.write_all(&fragment.as_bytes()[plain..at])?;
            plain = at + character.len_utf8();
            if character == '/' {
                writer.write_all(br"\/")?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }
}

/// The value as the platform would write it.
#[must_use]
pub fn escaped(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    write_escaped(value, &mut bytes);
    bytes
}

/// The same at the end of what is there already.
pub fn write_escaped(value: &Value, bytes: &mut Vec<u8>) {
    // Neither can fail: a vector takes every byte, and the keys of a value are strings.
    let _ = value.serialize(&mut Serializer::with_formatter(bytes, Escaping));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    // Vectors: python3 -c 'import json,sys; print(json.dumps(json.loads(sys.argv[1]),separators=(",",":")).replace("/","\\/"))' <text>
    #[test]
    fn escapes_as_another_program_does() {
        for (value, expected) in [
            (json!("äöå"), r#""\u00e4\u00f6\u00e5""#),
            (json!({"text": "https://a.example/?b=c&d=<e>"}), r#"{"text":"https:\/\/a.example\/?b=c&d=<e>"}"#),
            (json!("😊❤️"), r#""\ud83d\ude0a\u2764\ufe0f""#),
            (json!("a\"b\\c\n\r\t\u{8}\u{c}\u{1}"), r#""a\"b\\c\n\r\t\b\f\u0001""#),
            (json!("\u{7f}\u{80}\u{2028}\u{fffd}\u{10ffff}"), "\"\u{7f}\\u0080\\u2028\\ufffd\\udbff\\udfff\""),
            (json!({"ключ/é": [1, -2, 2.5, true, null, "/"]}), r#"{"\u043a\u043b\u044e\u0447\/\u00e9":[1,-2,2.5,true,null,"\/"]}"#),
            (json!(18_446_744_073_709_551_615_u64), "18446744073709551615"),
        ] {
            assert_eq!(String::from_utf8(escaped(&value)).unwrap(), expected);
        }
    }
}
