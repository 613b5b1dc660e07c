//! The calls of a batch, and its answer.

use baton::apps::graph::path::Path;
use baton::wire::batch::render_batch;
use baton::wire::{BatchAnswer, BatchCall, GraphError, Params};
use serde_json::{Value, json};

use super::json::{is_storable, is_valid, read};

/// Most calls that the platform takes in one batch (protocol page, section 0.3).
const MOST: usize = 50;

/// Any bytes: the parameter `batch`.
pub fn check(input: &[u8]) {
    let mut params = Params::default();
    params.insert("batch", String::from_utf8_lossy(input).replace('\0', "\u{fffd}").into());
    let parsed = BatchCall::parse(&params);
    assert_eq!(parsed, BatchCall::parse(&params), "the same batch says the same");
    let batch = match parsed {
        Ok(Some(batch)) => batch,
        Ok(None) => panic!("there is a batch"),
        Err(error) => return refused(&error),
    };
    assert!(batch.items.len() <= MOST);
    let answers: Vec<_> = batch.items.iter().map(|item| Some(answer(item.as_ref()))).collect();
    for shown in [true, false] {
        let rendered = render_batch(&answers, shown).to_string();
        let rendered = read(rendered.as_bytes()).expect("JSON");
        let rendered = rendered.as_array().expect("a list");
        assert_eq!(rendered.len(), batch.items.len());
        for one in rendered {
            is_valid(one["body"].as_str().expect("the body is text").as_bytes());
            assert_eq!(one.get("headers").is_some(), shown);
        }
    }
}

fn answer(item: Result<&baton::wire::BatchItem, &GraphError>) -> BatchAnswer {
    let read = item.map_err(Clone::clone).and_then(|item| {
        assert!(matches!(item.method.as_str(), "GET" | "POST" | "PUT" | "DELETE"), "{}", item.method);
        assert!(!item.path.starts_with('/') && !item.path.contains(['?', '#']), "{}", item.path);
        assert!(item.depends_on.iter().chain(&item.attached_files).all(|name| !name.is_empty() && name.trim() == name));
        let path = Path::read(&item.path)?;
        let params = item.params()?;
        params.iter().for_each(|(_, value)| is_storable(value));
        Ok(json!({ "version": path.version, "place": path.place.label(), "values": params.values() }))
    });
    let (code, body) = match read {
        Ok(body) => (200, body),
        Err(error) => {
            refused(&error);
            (error.status, error.envelope("trace"))
        }
    };
    BatchAnswer { code, headers: vec![("Content-Type".to_owned(), "application/json".to_owned())], body: Value::clone(&body) }
}

fn refused(error: &GraphError) {
    assert_eq!((error.code, error.status), (100, 400), "{error:?}");
}
