//! JSON as another reader, `serde_json`, sees it: what Baton's own readers and writers are held against.

use serde_json::Value;

/// The value of JSON text. `None` where it holds a number that no float can, which is valid JSON all the same.
pub fn read(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok()
}

/// Fails unless this is JSON.
pub fn is_valid(text: &[u8]) {
    let read = serde_json::from_slice::<serde::de::IgnoredAny>(text);
    assert!(read.is_ok(), "not JSON: {}", String::from_utf8_lossy(text));
}

/// Fails if a value holds what PostgreSQL cannot keep in text. (Half a surrogate pair would not have been read at all.)
pub fn is_storable(value: &Value) {
    let storable = |text: &str| assert!(!text.contains('\0'), "NUL in {text:?}");
    match value {
        Value::String(text) => storable(text),
        Value::Array(elements) => elements.iter().for_each(is_storable),
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            storable(key);
            is_storable(value);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether Baton kept a value as it was. Whole numbers beyond 64 bits may have become text with the same digits, and NUL the replacement
/// character.
pub fn same(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::Number(number), Value::String(digits)) => close(number.as_f64(), digits.parse().ok()),
        (Value::String(theirs), Value::String(ours)) => theirs.replace('\0', "\u{fffd}") == *ours,
        (Value::Array(theirs), Value::Array(ours)) => {
            theirs.len() == ours.len() && theirs.iter().zip(ours).all(|(theirs, ours)| same(theirs, ours))
        }
        (Value::Object(theirs), Value::Object(ours)) => {
            // Keys that differ by NUL alone fall together.
            let nul = theirs.keys().any(|key| key.contains('\0'));
            nul || theirs.len() == ours.len() && theirs.iter().all(|(key, theirs)| ours.get(key).is_some_and(|ours| same(theirs, ours)))
        }
        (Value::Number(theirs), Value::Number(ours)) => theirs == ours || close(theirs.as_f64(), ours.as_f64()),
        _ => theirs == ours,
    }
}

/// Whether two floats are the same number: `serde_json` reads some with an error in the last digit.
fn close(theirs: Option<f64>, ours: Option<f64>) -> bool {
    let (Some(theirs), Some(ours)) = (theirs, ours) else { return false };
    (theirs - ours).abs() <= theirs.abs() * 1e-12
}
