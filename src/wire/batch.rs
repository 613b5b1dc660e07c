//! Graph batch requests: several calls in one, and their answers (protocol page, section 0.3).

use serde_json::{Map, Value, json};

use super::error::GraphError;
use super::params::{Params, decoded, scalar, yes};

/// Most calls of a batch.
const MAX_ITEMS: usize = 50;

/// A batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchCall {
    /// Its calls in order. A broken one fails alone.
    pub items: Vec<Result<BatchItem, GraphError>>,
    /// Whether the answers show their headers.
    pub include_headers: bool,
}

/// One call of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchItem {
    /// Upper case.
    pub method: String,
    /// Without host and leading slash, percent-encoded as it came.
    pub path: String,
    /// What follows the question mark.
    pub query: String,
    /// Form-encoded, or JSON where it begins with a brace.
    pub body: String,
    /// What other items call it.
    pub name: Option<String>,
    /// The items that must have succeeded before.
    pub depends_on: Vec<String>,
    /// Answer `null` in its place if it succeeds.
    pub omit_response_on_success: bool,
    /// Names of the files of the outer multipart body that it sends.
    pub attached_files: Vec<String>,
}

/// The answer to one call of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchAnswer {
    /// HTTP status.
    pub code: u16,
    /// HTTP headers.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: Value,
}

impl BatchCall {
    /// Reads `batch`, an array or its JSON text; `None` if there is none.
    ///
    /// # Errors
    /// 100 when it is no array, or has more than 50 items.
    pub fn parse(params: &Params) -> Result<Option<Self>, GraphError> {
        let Some(batch) = params.get("batch") else { return Ok(None) };
        let wrong = |why: &str| GraphError::parameter(&format!("Param batch must be a JSON array{why}"));
        let Value::Array(items) = decoded(batch).map_err(|error| wrong(&format!(": {error}")))? else { return Err(wrong("")) };
        if items.len() > MAX_ITEMS {
            return Err(GraphError::parameter(&format!("Too many requests in batch message. Maximum batch size is {MAX_ITEMS}")));
        }
        let items = items.iter().map(BatchItem::read).collect();
        Ok(Some(Self { items, include_headers: params.flag("include_headers").unwrap_or(true) }))
    }
}

impl BatchItem {
    fn read(value: &Value) -> Result<Self, GraphError> {
        let item = value.as_object().ok_or_else(|| GraphError::parameter("A batch item must be a JSON object"))?;
        let text = |key: &str| item.get(key).and_then(scalar).filter(|text| !text.trim().is_empty());
        let url = text("relative_url").ok_or_else(|| GraphError::parameter("The parameter relative_url of a batch item is required"))?;
        let (path, query) = relative(url.trim());
        let method = text("method").map_or_else(|| "GET".to_owned(), |method| method.trim().to_ascii_uppercase());
        if !matches!(method.as_str(), "GET" | "POST" | "DELETE" | "PUT") {
            return Err(GraphError::parameter("The method of a batch item must be one of {GET, POST, PUT, DELETE}"));
        }
        let body = match item.get("body") {
            Some(Value::Object(members)) => Value::Object(members.clone()).to_string(),
            Some(other) => scalar(other).unwrap_or_default(),
            None => String::new(),
        };
        Ok(Self {
            method,
            path,
            query,
            body,
            name: text("name"),
            depends_on: names(item, "depends_on"),
            omit_response_on_success: item.get("omit_response_on_success").is_some_and(yes),
            attached_files: names(item, "attached_files"),
        })
    }

    /// Its parameters: query and body.
    ///
    /// # Errors
    /// 100 when they cannot be read.
    pub fn params(&self) -> Result<Params, GraphError> {
        Params::read(&self.query, None, self.body.as_bytes())
    }
}

/// Path and query of an address, with or without slash or host.
fn relative(url: &str) -> (String, String) {
    let local = url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let local = local.split_once('#').map_or(local, |(before, _)| before);
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    (path.trim_start_matches('/').to_owned(), query.to_owned())
}

/// A list of names: an array or `a,b`.
fn names(item: &Map<String, Value>, key: &str) -> Vec<String> {
    let names: Vec<String> = match item.get(key) {
        Some(Value::Array(names)) => names.iter().filter_map(scalar).collect(),
        Some(other) => scalar(other).map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        None => Vec::new(),
    };
    names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// The answer to a batch: one object a call, its body as JSON text; `null` for what was to be omitted.
#[must_use]
pub fn render_batch(answers: &[Option<BatchAnswer>], include_headers: bool) -> Value {
    let rendered = answers.iter().map(|answer| {
        let Some(answer) = answer else { return Value::Null };
        let body = answer.body.to_string();
        if !include_headers {
            return json!({ "code": answer.code, "body": body });
        }
        let headers: Vec<Value> = answer.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        json!({ "code": answer.code, "headers": headers, "body": body })
    });
    Value::Array(rendered.collect())
}
