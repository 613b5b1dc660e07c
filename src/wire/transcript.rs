//! JSON text to JSON text: compact, in ASCII, with the platform's escapes, without building values in between.

/// Deepest nesting written; what is deeper is for [`super::literal`] to judge.
const MAX_DEPTH: usize = 64;

/// Longest whole number that certainly fits an integer, in digits.
const MAX_DIGITS: usize = 18;

/// Writes JSON as [`super::ascii::escaped`] writes the value it stands for. The text must be JSON. False: it holds a number or a depth that
/// needs a closer look, and what was written is to be thrown away.
pub(super) fn transcribe(json: &str, out: &mut Vec<u8>) -> bool {
    let bytes = json.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b'"' => {
                out.push(b'"');
                at = string(json, at, out);
            }
            b'-' | b'0'..=b'9' => match whole_number(&bytes[at - 1..]) {
                Some(number) => {
                    out.extend_from_slice(number);
                    at += number.len() - 1;
                }
                None => return false,
            },
            _ => {
                depth = match byte {
                    b'{' | b'[' => depth + 1,
                    b'}' | b']' => depth.saturating_sub(1),
                    _ => depth,
                };
                out.push(byte);
            }
        }
        if depth > MAX_DEPTH {
            return false;
        }
    }
    true
}

/// The number at the beginning, if it is a whole one that stands as it would be written.
fn whole_number(bytes: &[u8]) -> Option<&[u8]> {
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let digits = bytes.iter().skip(sign).take_while(|byte| byte.is_ascii_digit()).count();
    let ends = !matches!(bytes.get(sign + digits), Some(b'.' | b'e' | b'E'));
    let padded = bytes.get(sign) == Some(&b'0') && (digits > 1 || sign > 0);
    (ends && !padded && (1..=MAX_DIGITS).contains(&digits)).then(|| &bytes[..sign + digits])
}

/// Writes the rest of a string whose opening quote has been written; where to read on.
fn string(json: &str, mut at: usize, out: &mut Vec<u8>) -> usize {
    let bytes = json.as_bytes();
    loop {
        let plain = bytes[at..].iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | b'/' | 0x80..)).count();
        out.extend_from_slice(&bytes[at..at + plain]);
        at += plain;
        match bytes.get(at) {
            None => return at,
            Some(b'"') => {
                out.push(b'"');
                return at + 1;
            }
            Some(b'/') => {
                out.extend_from_slice(br"\/");
                at += 1;
            }
            Some(b'\\') => at = escape(bytes, at + 1, out),
            Some(_) => {
                let Some(character) = json[at..].chars().next() else { return at };
                character.encode_utf16(&mut [0; 2]).iter().for_each(|&unit| write_unit(unit, out));
                at += character.len_utf8();
            }
        }
    }
}

/// Writes an escape whose backslash was read; where to read on.
fn escape(bytes: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    match bytes.get(at) {
        Some(b'u') => {}
        Some(&simple) => {
            out.extend_from_slice(&[b'\\', simple]);
            return at + 1;
        }
        None => return at,
    }
    let Some(unit) = hex4(bytes, at + 1) else { return at + 1 };
    let low = hex4(bytes, at + 7).filter(|_| bytes.get(at + 5..at + 7) == Some(br"\u"));
    match (unit, low) {
        (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
            write_unit(unit, out);
            write_unit(low, out);
            return at + 11;
        }
        // Half a pair, and what PostgreSQL cannot store.
        (0xd800..0xe000 | 0, _) => write_unit(0xfffd, out),
        (0x80.., _) => write_unit(unit, out),
        (_, _) => write_ascii(unit, out),
    }
    at + 5
}

/// Writes an ASCII character that stood there as an escape, the way JSON usually has it.
fn write_ascii(unit: u16, out: &mut Vec<u8>) {
    let character = u8::try_from(unit).unwrap_or(b'?');
    match character {
        b'"' | b'\\' | b'/' => out.extend_from_slice(&[b'\\', character]),
        0x08 => out.extend_from_slice(br"\b"),
        b'\t' => out.extend_from_slice(br"\t"),
        b'\n' => out.extend_from_slice(br"\n"),
        0x0c => out.extend_from_slice(br"\f"),
        b'\r' => out.extend_from_slice(br"\r"),
        0..0x20 => write_unit(unit, out),
        _ => out.push(character),
    }
}

fn write_unit(unit: u16, out: &mut Vec<u8>) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    out.extend_from_slice(br"\u");
    out.extend([12, 8, 4, 0].map(|shift| DIGITS[usize::from(unit >> shift & 15)]));
}

fn hex4(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | u16::try_from(char::from(digit).to_digit(16)?).ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::wire::{ascii, literal};

    fn transcribed(text: &str) -> Option<String> {
        let mut out = Vec::new();
        transcribe(text, &mut out).then(|| String::from_utf8(out).unwrap())
    }

    // Vectors: python3 -c 'import json,sys; print(json.dumps(json.loads(sys.argv[1]),separators=(",",":")).replace("/","\\/"))' <text>
    #[test]
    fn it_writes_what_another_program_writes() {
        for (text, expected) in [
            (r#" { "a" : [ 1 , -2, true, null ] } "#, r#"{"a":[1,-2,true,null]}"#),
            (r#"{"url":"https://a.example/?b=c"}"#, r#"{"url":"https:\/\/a.example\/?b=c"}"#),
            (r#""\/ \u002f \u0041 \u000A \u0022 \u005C \u001F \b""#, r#""\/ \/ A \n \" \\ \u001f \b""#),
            (r#""äöå \u00E4 \uD83D\uDE0A 😊""#, r#""\u00e4\u00f6\u00e5 \u00e4 \ud83d\ude0a \ud83d\ude0a""#),
            (r#""say \"no\" \\ to\tthis""#, r#""say \"no\" \\ to\tthis""#),
        ] {
            assert_eq!(transcribed(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn half_a_pair_becomes_the_replacement_character() {
        for text in [r#""\ud83d""#, r#""\udc00""#, r#""\ud83dx""#, r#""\ud83d\u0041""#, r#""\u0000""#] {
            assert!(transcribed(text).unwrap().starts_with(r#""\ufffd"#), "{text}");
        }
    }

    #[test]
    fn numbers_that_change_when_they_are_read_are_left_to_others() {
        for text in ["1.0", "1e3", "-0", "12345678901234567890", "[0.5]"] {
            assert_eq!(transcribed(text), None, "{text}");
        }
        assert_eq!(transcribed(&"[".repeat(1000)), None);
        for text in ["0", "7", "-7", "1700000000000", "123456789012345678"] {
            assert_eq!(transcribed(text).as_deref(), Some(text));
        }
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\\\\/\"\u{0}-\u{1f}a-f]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_it_writes_is_what_the_long_way_writes(value in json_value(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            for text in [&text, &String::from_utf8(ascii::escaped(&value)).unwrap()] {
                if let Some(written) = transcribed(text) {
                    prop_assert_eq!(written.into_bytes(), ascii::escaped(&literal::read(text).unwrap()));
                }
            }
        }
    }
}
