//! The parameters of a call, however the client wrapped them: query, JSON, form with JSON or pseudo-JSON values, PHP brackets, multipart.

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::error::GraphError;
use super::ids::{AppId, Metadata, PersonId};
use super::literal::{self, without_nul};

pub use super::literal::MAX_VALUES;

/// The parameters of a call by name. A later source wins over an earlier one: the body over the query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params(Map<String, Value>);

/// Deepest `a[b][c]…` that is taken.
const MAX_BRACKETS: usize = 20;

impl Params {
    /// Reads a call's query and its body in whatever encoding. Multipart bodies are decoded by the HTTP face: see [`Params::from_pairs`].
    ///
    /// # Errors
    /// 100 when the body cannot be read.
    pub fn read(query: &str, content_type: Option<&str>, body: &[u8]) -> Result<Self, GraphError> {
        let mut params = Self::from_form(query.as_bytes())?;
        params.merge(Self::from_body(content_type, body)?);
        Ok(params)
    }

    /// Reads a body that is not multipart. What begins with a brace is JSON whatever its type says: `curl -d` calls it a form. Some libraries send
    /// a form and call it JSON.
    ///
    /// # Errors
    /// 100 when it cannot be read.
    pub fn from_body(content_type: Option<&str>, body: &[u8]) -> Result<Self, GraphError> {
        let body = body.trim_ascii();
        let declared_json = content_type.is_some_and(|name| name.to_ascii_lowercase().contains("json"));
        match body.first() {
            None => Ok(Self::default()),
            Some(b'{') => Self::from_json(body).or_else(|error| if declared_json { Err(error) } else { Self::from_form(body) }),
            Some(first) if declared_json && (matches!(first, b'[' | b'"') || !body.contains(&b'=')) => {
                Err(GraphError::parameter("The request body must be a JSON object"))
            }
            Some(_) => Self::from_form(body),
        }
    }

    /// Reads a JSON object. Whole numbers beyond 64 bits become strings, so that no id loses a digit.
    ///
    /// # Errors
    /// 100 when it is not one.
    pub fn from_json(body: &[u8]) -> Result<Self, GraphError> {
        let wrong = |why: &str| GraphError::parameter(&format!("The request body is not valid JSON: {why}"));
        let text = std::str::from_utf8(body).map_err(|_| wrong("it is not UTF-8"))?;
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| wrong(&error.to_string()))?;
        match literal::read_of_stranger(text).map_err(|error| wrong(&error.to_string()))? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(GraphError::parameter("The request body must be a JSON object")),
        }
    }

    /// Reads `a=b&c=d`, as a query or as a body.
    ///
    /// # Errors
    /// 100 when brackets are nested beyond reason.
    pub fn from_form(encoded: &[u8]) -> Result<Self, GraphError> {
        Self::from_pairs(form_urlencoded::parse(encoded))
    }

    /// Names and values of a form, also of the text fields of a multipart body. `a[b][0]=c` builds objects and arrays as PHP does.
    ///
    /// # Errors
    /// 100 when brackets are nested beyond reason, or when there are more parameters than anybody needs.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (impl AsRef<str>, impl Into<String>)>) -> Result<Self, GraphError> {
        let mut members = Map::new();
        let mut left = MAX_VALUES;
        for (name, value) in pairs {
            let value = Value::String(without_nul(value.into()));
            let keys = path(name.as_ref());
            let made = keys.as_ref().map_or(1, Vec::len);
            left = left.checked_sub(made).ok_or_else(|| GraphError::parameter("There are too many parameters"))?;
            match keys {
                None => _ = members.insert(without_nul(name.as_ref().to_owned()), value),
                Some(keys) if keys.len() <= MAX_BRACKETS => put(&mut members, &keys, value),
                Some(_) => return Err(GraphError::parameter("A parameter's name has too many brackets")),
            }
        }
        // Lists are told from objects at the end, when all their keys are known. A plain form has none.
        Ok(Self(members.into_iter().map(|(name, value)| (name, listed(value))).collect()))
    }

    /// Takes over the parameters of a later source, which win. What is null there was not given.
    pub fn merge(&mut self, later: Self) {
        self.0.extend(later.0.into_iter().filter(|(_, value)| !value.is_null()));
    }

    /// Sets one parameter.
    pub fn insert(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Takes a parameter out, for tokens that should travel no further.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.shift_remove(name)
    }

    /// A parameter as it came; `null` counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// All parameters, in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many values it holds, those inside of others counted: what it costs in memory.
    #[must_use]
    pub fn values(&self) -> usize {
        self.0.values().map(values).sum()
    }

    /// `method=delete` and the like, which some clients POST: the method meant, upper case.
    #[must_use]
    pub fn method(&self) -> Option<String> {
        let method = self.get("method")?.as_str()?.trim().to_ascii_uppercase();
        matches!(method.as_str(), "GET" | "POST" | "DELETE").then_some(method)
    }

    /// A text, also where it came as a number or a boolean.
    ///
    /// # Errors
    /// 100 for an object or a list.
    pub fn text(&self, name: &str) -> Result<Option<String>, GraphError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => scalar(value).map(Some).ok_or_else(|| GraphError::parameter(&format!("Param {name} must be a string"))),
        }
    }

    /// An object, also where it came as JSON or pseudo-JSON text. Empty text counts as absent.
    ///
    /// # Errors
    /// 100 for everything else.
    pub fn object(&self, name: &str) -> Result<Option<Map<String, Value>>, GraphError> {
        let wrong = |why: &str| GraphError::parameter(&format!("Param {name} must be a JSON object{why}"));
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(value) => match decoded(value).map_err(|error| wrong(&format!(": {error}")))? {
                Value::Object(members) => Ok(Some(members)),
                Value::Null => Ok(None),
                _ => Err(wrong("")),
            },
        }
    }

    /// A list of names: `a,b`, `a, b{c,d}`, `["a","b"]`, `fields[0]=a`. Absent and empty are both empty.
    ///
    /// # Errors
    /// 100 when it is neither a list nor text.
    pub fn list(&self, name: &str) -> Result<Vec<String>, GraphError> {
        let wrong = || GraphError::parameter(&format!("Param {name} must be an array or a comma-separated list"));
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) if !text.trim_start().starts_with('[') => Ok(split(text)),
            Some(value) => match decoded(value).map_err(|_| wrong())? {
                Value::Array(elements) => {
                    let names: Option<Vec<String>> = elements.iter().map(scalar).collect();
                    Ok(names.ok_or_else(wrong)?.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect())
                }
                single => Ok(split(&scalar(&single).ok_or_else(wrong)?)),
            },
        }
    }

    /// Text that must be there.
    ///
    /// # Errors
    /// 100 when it is missing, blank or no text.
    pub fn required(&self, name: &str) -> Result<String, GraphError> {
        let text = self.text(name)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| GraphError::parameter(&format!("The parameter {name} is required")))
    }

    /// A whole number, also as text.
    ///
    /// # Errors
    /// 100 for everything else.
    pub fn number(&self, name: &str) -> Result<Option<i64>, GraphError> {
        let wrong = || GraphError::parameter(&format!("Param {name} must be a whole number"));
        match self.text(name).map_err(|_| wrong())? {
            Some(text) if !text.trim().is_empty() => text.trim().parse().map(Some).map_err(|_| wrong()),
            _ => Ok(None),
        }
    }

    /// Yes or no: `true`, `1`, `"true"`. Anything else is no; absent is `None`.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(yes)
    }

    /// An app's id, number or text. Empty counts as absent.
    ///
    /// # Errors
    /// 100 when it cannot be one.
    pub fn app(&self, name: &str) -> Result<Option<AppId>, GraphError> {
        match self.text(name)? {
            Some(id) if !id.trim().is_empty() => {
                AppId::parse(id).map(Some).map_err(|_| GraphError::parameter(&format!("Param {name} must be a valid app ID")))
            }
            _ => Ok(None),
        }
    }

    /// What an app hands on with a change of control. Empty counts as absent.
    ///
    /// # Errors
    /// 100 when it is no text or longer than [`Metadata::MAX_CHARS`].
    pub fn metadata(&self) -> Result<Option<Metadata>, GraphError> {
        match self.text("metadata")? {
            Some(text) if !text.is_empty() => Metadata::parse(text).map(Some).map_err(|_| {
                GraphError::parameter(&format!("Length of param metadata must be less than or equal to {}", Metadata::MAX_CHARS))
            }),
            _ => Ok(None),
        }
    }

    /// The person of `recipient`, which must be an object with an `id`.
    ///
    /// # Errors
    /// 100 when it is missing or names somebody by anything but an id.
    pub fn recipient(&self) -> Result<PersonId, GraphError> {
        let recipient = self.object("recipient")?.ok_or_else(|| GraphError::parameter("The parameter recipient is required"))?;
        let Some(id) = recipient.get("id").filter(|id| !id.is_null()) else {
            return Err(GraphError::parameter(match recipient.keys().find(|key| OTHER_RECIPIENTS.contains(&key.as_str())) {
                Some(_) => "Only recipients with an id are supported",
                None => "The parameter recipient[id] is required",
            }));
        };
        scalar(id).and_then(|id| PersonId::parse(id).ok()).ok_or_else(invalid_id)
    }

    /// The person of `GET thread_owner`, where `recipient` is a bare id; an object is taken as well.
    ///
    /// # Errors
    /// 100 when it is missing or no id.
    pub fn bare_recipient(&self) -> Result<PersonId, GraphError> {
        match self.get("recipient") {
            Some(Value::String(text)) if text.trim_start().starts_with('{') => self.recipient(),
            Some(Value::Object(_)) | None => self.recipient(),
            Some(value) => scalar(value).and_then(|id| PersonId::parse(id).ok()).ok_or_else(invalid_id),
        }
    }
}

/// Recipients that the platform knows beside an id (protocol page, section 3.1).
const OTHER_RECIPIENTS: [&str; 7] =
    ["user_ref", "comment_id", "post_id", "phone_number", "notification_messages_token", "one_time_notif_token", "login_id"];

fn invalid_id() -> GraphError {
    GraphError::parameter("Param recipient[id] must be a valid ID string (e.g., \"123\")")
}

/// A value and those inside of it. What is read here is bounded in depth.
fn values(value: &Value) -> usize {
    1 + match value {
        Value::Array(elements) => elements.iter().map(values).sum(),
        Value::Object(members) => members.values().map(values).sum(),
        _ => 0,
    }
}

/// Text of a value that has no parts.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a value says yes.
pub(super) fn yes(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_i64() == Some(1),
        Value::String(text) => matches!(text.trim(), "1" | "true" | "True" | "TRUE"),
        _ => false,
    }
}

/// The value itself, or what its text spells if that looks like an object or a list.
pub(crate) fn decoded(value: &Value) -> Result<Value, String> {
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            literal::read_of_stranger(text).map_err(|error| error.to_string())
        }
        other => Ok(other.clone()),
    }
}

/// Splits at commas outside braces and brackets, trims, and drops what is empty.
fn split(text: &str) -> Vec<String> {
    let mut depth = 0_i32;
    let names = text.split(|part: char| {
        match part {
            '{' | '(' => depth += 1,
            '}' | ')' => depth -= 1,
            _ => {}
        }
        part == ',' && depth <= 0
    });
    names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The keys of `a[b][0]`; `None` for a plain name.
fn path(name: &str) -> Option<Vec<&str>> {
    let (first, rest) = name.split_once('[')?;
    let inner = rest.strip_suffix(']').filter(|_| !first.is_empty())?;
    Some(std::iter::once(first).chain(inner.split("][")).collect())
}

fn put(members: &mut Map<String, Value>, keys: &[&str], value: Value) {
    let [key, rest @ ..] = keys else { return };
    let key = if key.is_empty() { members.len().to_string() } else { without_nul((*key).to_owned()) };
    if rest.is_empty() {
        members.insert(key, value);
        return;
    }
    let inner = members.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !inner.is_object() {
        *inner = Value::Object(Map::new());
    }
    if let Value::Object(inner) = inner {
        put(inner, rest, value);
    }
}

/// The value with every object whose keys count up from 0 made a list.
fn listed(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let counts = !members.is_empty() && members.keys().enumerate().all(|(index, key)| key.parse() == Ok(index));
    let members = members.into_iter().map(|(key, value)| (key, listed(value)));
    if counts { Value::Array(members.map(|(_, value)| value).collect()) } else { Value::Object(members.collect()) }
}
