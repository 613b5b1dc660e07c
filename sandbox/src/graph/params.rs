//! Parameters of a call: from the query, a form, JSON or multipart, each value possibly JSON inside a string.

use serde_json::{Map, Value};

use super::error::GraphError;
use super::pseudo_json;
use crate::world::Upload;

/// Parameters by name.
#[derive(Clone, Debug, Default)]
pub struct Params {
    values: Map<String, Value>,
    /// The file in `filedata`, if any.
    pub file: Option<Upload>,
}

impl Params {
    /// Parameters from a query string or a urlencoded body.
    pub fn from_urlencoded(text: &[u8]) -> Self {
        let mut params = Self::default();
        params.add_urlencoded(text);
        params
    }

    /// Adds those of a query string or a urlencoded body.
    pub fn add_urlencoded(&mut self, text: &[u8]) {
        for (name, value) in url::form_urlencoded::parse(text) {
            // Some SDKs write lists as `fields[0]=`.
            let name = name.split_once('[').map_or(&*name, |(name, _)| name);
            match self.values.get_mut(name) {
                Some(Value::String(known)) if name == "fields" => {
                    known.push(',');
                    known.push_str(&value);
                }
                _ => self.set(name, Value::String(value.into_owned())),
            }
        }
    }

    /// Adds those of a JSON object.
    pub fn add_object(&mut self, object: Map<String, Value>) {
        self.values.extend(object);
    }

    /// Sets one.
    pub fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// Takes one out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name)
    }

    /// All of them, for the journal.
    pub fn to_value(&self) -> Value {
        Value::Object(self.values.clone())
    }

    /// One as text: strings as they are, numbers and booleans written out.
    pub fn text(&self, name: &str) -> Option<String> {
        scalar(self.values.get(name)?)
    }

    /// One as a JSON value: what is a string is read as JSON if it can be.
    pub fn json(&self, name: &str) -> Option<Value> {
        match self.values.get(name)? {
            Value::String(text) => Some(pseudo_json::parse(text).unwrap_or_else(|| Value::String(text.clone()))),
            other => Some(other.clone()),
        }
    }

    /// One as a JSON object, if it is there.
    ///
    /// # Errors
    /// It is something else.
    pub fn object(&self, name: &str) -> Result<Option<Map<String, Value>>, GraphError> {
        match self.json(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(GraphError::parameter(&format!("param {name} must be an object."))),
        }
    }

    /// One as a list of texts: a JSON array, or a comma list with or without spaces.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        let list: Vec<String> = match self.json(name)? {
            Value::Array(items) => items.iter().filter_map(scalar).collect(),
            Value::String(text) => text.split(',').map(str::to_owned).collect(),
            other => scalar(&other).into_iter().collect(),
        };
        Some(list.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect())
    }
}

/// A string, number or boolean as text.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
