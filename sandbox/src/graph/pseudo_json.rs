//! JSON as Meta's own samples write it: also with single quotes, or with bare words (`{id:123,name:x}`).

use serde_json::{Map, Value};

/// Nesting that is followed; deeper input is not JSON to us.
const DEPTH: usize = 32;

/// Reads strict JSON, or else the samples' dialect. `None` if it is neither.
pub fn parse(text: &str) -> Option<Value> {
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    let mut reader = Reader { rest: text.trim() };
    let value = reader.value(DEPTH)?;
    reader.rest.trim().is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn eat(&mut self, token: char) -> bool {
        self.rest = self.rest.trim_start();
        let found = self.rest.starts_with(token);
        if found {
            self.rest = &self.rest[token.len_utf8()..];
        }
        found
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        if self.eat('{') {
            return self.object(depth);
        }
        if self.eat('[') {
            return self.array(depth);
        }
        if self.rest.starts_with(['\'', '"']) {
            return self.quoted().map(Value::String);
        }
        let word = self.bare()?;
        Some(serde_json::from_str(&word).unwrap_or(Value::String(word)))
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut map = Map::new();
        while !self.eat('}') {
            if !map.is_empty() && !self.eat(',') {
                return None;
            }
            self.rest = self.rest.trim_start();
            let key = if self.rest.starts_with(['\'', '"']) { self.quoted()? } else { self.bare()? };
            if !self.eat(':') {
                return None;
            }
            map.insert(key, self.value(depth)?);
        }
        Some(Value::Object(map))
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        let mut list = Vec::new();
        while !self.eat(']') {
            if !list.is_empty() && !self.eat(',') {
                return None;
            }
            list.push(self.value(depth)?);
        }
        Some(Value::Array(list))
    }

    fn quoted(&mut self) -> Option<String> {
        let mut characters = self.rest.char_indices();
        let (_, quote) = characters.next()?;
        let mut text = String::new();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => text.push(match characters.next()?.1 {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                }),
                character if character == quote => {
                    self.rest = &self.rest[at + character.len_utf8()..];
                    return Some(text);
                }
                character => text.push(character),
            }
        }
        None
    }

    fn bare(&mut self) -> Option<String> {
        let end = self.rest.find([',', ':', '}', ']', '{', '[']).unwrap_or(self.rest.len());
        let word = self.rest[..end].trim();
        self.rest = &self.rest[end..];
        (!word.is_empty()).then(|| word.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use serde_json::json;

    #[test]
    fn the_samples_of_the_documentation_are_read() {
        // Encodings 1 to 4 as they are printed in the Send API reference and on the Conversation Routing page.
        let expected = Some(json!({"id": "1254477777772919"}));
        assert_eq!(parse(r#"{"id":"1254477777772919"}"#), expected);
        assert_eq!(parse("{'id':'1254477777772919'}"), expected);
        assert_eq!(parse("{id:1254477777772919}"), Some(json!({"id": 1_254_477_777_772_919_i64})));
        assert_eq!(parse("{'text': 'it\\'s, {well}', 'on': true}"), Some(json!({"text": "it's, {well}", "on": true})));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["{", "{id", "{id:}", "{'a':1 'b':2}", "[1,", "{'a'", "", &"[".repeat(100)] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
