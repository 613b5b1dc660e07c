//! `fields=`: which members of an answer the client wants.

use serde_json::{Map, Value};

use crate::wire::{GraphError, Params};

/// What `fields` asks for, without the sub-selections in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields(Vec<String>);

impl Fields {
    /// Reads `fields`; where it is absent or empty, these.
    ///
    /// # Errors
    /// 100 when it is neither a list nor text.
    pub fn read(params: &Params, otherwise: &[&str]) -> Result<Self, GraphError> {
        let asked = params.list("fields")?;
        let names: Vec<String> = asked.iter().map(|name| plain(name).to_owned()).filter(|name| !name.is_empty()).collect();
        if names.is_empty() { Ok(Self(otherwise.iter().map(|name| (*name).to_owned()).collect())) } else { Ok(Self(names)) }
    }

    /// The names asked for, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The members asked for that there are, and the id, which is never left out.
    #[must_use]
    pub fn select(&self, mut all: Map<String, Value>) -> Value {
        let mut chosen = Map::new();
        for name in &self.0 {
            if let Some(value) = all.shift_remove(name).filter(|value| !value.is_null()) {
                chosen.insert(name.clone(), value);
            }
        }
        if let Some(id) = all.shift_remove("id") {
            chosen.insert("id".to_owned(), id);
        }
        Value::Object(chosen)
    }
}

/// `messages.limit(3){id}` → `messages`.
fn plain(name: &str) -> &str {
    name.split(['{', '(', '.']).next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn fields(query: &str) -> Vec<String> {
        let params = Params::from_form(query.as_bytes()).unwrap();
        Fields::read(&params, &["id", "name"]).unwrap().0
    }

    #[test]
    fn reads_every_spelling() {
        for query in [
            "fields=id,%20first_name",
            "fields=[\"id\",\"first_name\"]",
            "fields[0]=id&fields[1]=first_name",
            "fields=id{x,y},first_name.limit(2){z}",
        ] {
            assert_eq!(fields(query), ["id", "first_name"], "{query}");
        }
        assert_eq!(fields("fields="), ["id", "name"]);
        assert_eq!(fields(""), ["id", "name"]);
    }

    #[test]
    fn gives_what_was_asked_and_the_id() {
        let all = || json!({"id": "1", "name": "A", "locale": null, "secret": "s"}).as_object().unwrap().clone();
        let chosen = |names: &[&str]| Fields(names.iter().map(|name| (*name).to_owned()).collect()).select(all());
        assert_eq!(chosen(&["name"]), json!({"name": "A", "id": "1"}));
        assert_eq!(chosen(&["locale", "nothing"]), json!({"id": "1"}));
        assert_eq!(chosen(&["id", "id"]), json!({"id": "1"}));
    }
}
