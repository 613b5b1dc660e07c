//! What an app said when it handed a conversation on: readable facts where it is a flat JSON object, else its words as they are.

use serde_json::Value;

use crate::web::text::Texts;

/// Most facts shown of one handover.
const FACTS: usize = 20;

/// The metadata of a handover, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Its words, where it is no object.
    pub words: Option<String>,
    /// Its facts, where it is one.
    pub facts: Vec<Fact>,
}

/// One thing the app learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// What it says.
    pub value: String,
}

impl Told {
    /// Reads metadata.
    pub fn read(metadata: Option<&str>, t: &Texts) -> Self {
        let Some(text) = metadata.map(str::trim).filter(|text| !text.is_empty()) else { return Self::default() };
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(map)) => Self {
                words: None,
                facts: map
                    .iter()
                    .filter_map(|(key, value)| plain(value).map(|value| Fact { name: name(key, t), value }))
                    .take(FACTS)
                    .collect(),
            },
            Ok(Value::String(words)) => Self { words: Some(words), facts: Vec::new() },
            _ => Self { words: Some(text.to_owned()), facts: Vec::new() },
        }
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.words.is_none() && self.facts.is_empty()
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter_map(plain).collect();
            (!items.is_empty()).then(|| items.join(", "))
        }
        other => Some(other.to_string()),
    }
}

/// Known keys in the reader's language; others as words: `order_number` is `Order number`.
fn name(key: &str, t: &Texts) -> String {
    match key {
        "reason" => t.fact_reason.to_owned(),
        "name" => t.fact_name.to_owned(),
        "order_number" => t.fact_order_number.to_owned(),
        "topic" => t.fact_topic.to_owned(),
        "summary" => t.fact_summary.to_owned(),
        "language" => t.fact_language.to_owned(),
        "email" => t.fact_email.to_owned(),
        "phone" => t.fact_phone.to_owned(),
        other => {
            let words = other.replace(['_', '-'], " ");
            let mut letters = words.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::text::{DE, EN};

    fn told(metadata: &str, t: &Texts) -> (Option<String>, Vec<(String, String)>) {
        let told = Told::read(Some(metadata), t);
        (told.words, told.facts.into_iter().map(|fact| (fact.name, fact.value)).collect())
    }

    #[test]
    fn objects_become_facts_and_anything_else_stays_as_it_is() {
        let metadata = r#"{"reason":"asked for a person","order_number":4711,"items":["a","b"],"empty":"","none":null,"shoe-size":"42"}"#;
        let facts = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        assert_eq!(
            told(metadata, &EN),
            (None, facts(&[("Reason", "asked for a person"), ("Order number", "4711"), ("Items", "a, b"), ("Shoe size", "42")]))
        );
        assert_eq!(told(r#"{"reason":"x"}"#, &DE).1, facts(&[("Grund", "x")]));
        assert_eq!(told("escalate: angry", &EN), (Some("escalate: angry".into()), vec![]));
        assert_eq!(told("{broken", &EN), (Some("{broken".into()), vec![]));
        assert_eq!(told("  ", &EN), (None, vec![]));
    }
}
