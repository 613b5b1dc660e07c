//! A call of the Graph API in every encoding of its body, and what is made of it.
//!
//! The bytes are written like a request: a line with path and query, a line with the content type, and the body.

use std::sync::LazyLock;

use baton::apps::graph::path::Path;
use baton::apps::graph::{Decoded, decode};
use baton::wire::params::MAX_VALUES;
use baton::wire::send::Content;
use baton::wire::upload::put_attachment_id;
use baton::wire::webhook::parse;
use baton::wire::{
    AppId, AttachmentId, BatchCall, ControlCall, Event, GraphError, MessageId, Object, PageId, Params, Send, Timestamp, Upload, echo_key,
    local_echo, parse_send,
};
use serde_json::{Value, json};

use super::json::{is_storable, is_valid, read, same};

/// Names that calls ask for.
const NAMES: [&str; 12] = [
    "recipient",
    "message",
    "fields",
    "batch",
    "access_token",
    "target_app_id",
    "metadata",
    "duration",
    "thread_control",
    "tag",
    "sender_action",
    "include_headers",
];

const EDGES: [&str; 6] = [
    "pass_thread_control",
    "take_thread_control",
    "request_thread_control",
    "release_thread_control",
    "extend_thread_control",
    "decline_thread_control",
];

/// Runs what is async and never waits.
static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));

/// Any bytes: path and query, content type, body.
pub fn check(input: &[u8]) {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (address, content_type) = (text(), text());
    let body = lines.next().unwrap_or_default();
    let (path, query) = address.split_once('?').unwrap_or((&address, ""));
    match Path::read(path) {
        Ok(path) => assert!(!path.place.label().is_empty()),
        Err(error) => refused(&error),
    }
    let content_type = Some(content_type.as_str()).filter(|name| !name.is_empty());
    let decoded = decoded(content_type, body);
    let again = self::decoded(content_type, body);
    match (&decoded, &again) {
        (Ok(one), Ok(two)) => assert_eq!((&one.params, &one.files), (&two.params, &two.files), "the same body says the same"),
        (Err(one), Err(two)) => assert_eq!(one, two, "the same body is refused for the same reason"),
        (one, two) => panic!("{one:?}, and then {two:?}"),
    }
    match (Params::from_form(query.as_bytes()), decoded) {
        (Ok(mut params), Ok(body_of_call)) => {
            as_json_says(content_type, body, &body_of_call.params);
            params.merge(body_of_call.params);
            call(&params, !body_of_call.files.is_empty());
        }
        (Err(error), _) | (_, Err(error)) => refused(&error),
    }
}

fn decoded(content_type: Option<&str>, body: &[u8]) -> Result<Decoded, GraphError> {
    RUNTIME.block_on(decode(content_type, body.to_vec().into()))
}

/// What is wrong with a call is told in the platform's envelope, and is the caller's doing.
fn refused(error: &GraphError) {
    assert_eq!((error.code, error.status), (100, 400), "{error:?}");
    is_valid(error.envelope("trace").to_string().as_bytes());
}

/// A body that is declared as JSON holds what another reader finds in it.
fn as_json_says(content_type: Option<&str>, body: &[u8], params: &Params) {
    let declared = content_type.is_some_and(|name| name.trim() == "application/json");
    let Some(theirs @ Value::Object(_)) = read(body).filter(|_| declared) else { return };
    let ours = Value::Object(params.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect());
    assert!(same(&theirs, &ours), "{theirs} is read as {ours}");
}

fn call(params: &Params, has_file: bool) {
    // Query and body have each a limit of their own.
    assert!(params.values() <= 2 * MAX_VALUES);
    for (name, value) in params.iter() {
        assert!(!name.contains('\0'), "{name:?}");
        is_storable(value);
    }
    for name in NAMES {
        told(params.text(name));
        told(params.object(name));
        told(params.list(name));
        told(params.number(name));
        told(params.app(name));
        let _ = params.flag(name);
    }
    told(params.recipient());
    told(params.bare_recipient());
    told(params.metadata());
    told(BatchCall::parse(params));
    let _ = params.method();
    let app = AppId::parse("222").expect("an id");
    for edge in EDGES {
        told(ControlCall::parse(edge, params, app.clone()));
    }
    if let Some(upload) = told(Upload::parse(params, has_file)) {
        is_valid(Value::Object(upload.request(PageId::parse("1").expect("an id"), Object::Page, None).body).to_string().as_bytes());
        let mut with_id = params.clone();
        put_attachment_id(&mut with_id, &AttachmentId::parse("1857777774821032").expect("an id")).expect("an upload has an attachment");
    }
    for object in [Object::Page, Object::Instagram] {
        if let Some(send) = told(parse_send(params, object)) {
            sent(&send, object);
        }
    }
}

fn told<T>(result: Result<T, GraphError>) -> Option<T> {
    result.inspect_err(refused).ok()
}

/// A send that was accepted: kept in the outbox, called upstream, echoed.
fn sent(send: &Send, object: Object) {
    let kept = serde_json::to_string(send).expect("it can be kept");
    assert_eq!(&serde_json::from_str::<Send>(&kept).expect("it can be read again"), send);
    let upstream = send.upstream_body("baton.token");
    is_storable(&upstream);
    assert_eq!(upstream["recipient"]["id"], send.person.as_str());
    let _ = (send.buttons(), send.is_reusable(), send.text());
    let Content::Message { metadata, .. } = &send.content else { return };
    let (page, app, mid) =
        (PageId::parse("1").expect("a Page"), AppId::parse("222").expect("an app"), MessageId::parse("m_1").expect("a mid"));
    let echo = local_echo(&page, &send.person, Timestamp::from_millis(1_700_000_000_000), &app, &mid, send);
    let body = format!(r#"{{"object":"{}","entry":[{{"id":"1","time":1,"messaging":[{echo}]}}]}}"#, object.as_str());
    let item = parse(body.as_bytes(), Timestamp::from_millis(0)).expect("a webhook").items.remove(0).expect("an event");
    let text = send.text().map(str::to_owned);
    assert_eq!(item.event, Event::Echo { mid: Some(mid.clone()), app: Some(app), metadata: metadata.clone(), text }, "{echo}");
    assert_eq!(item.duplicate_key(), Some(echo_key(&mid)));
    assert_eq!(item.person.as_ref(), Some(&send.person).filter(|person| person.as_str() != page.as_str()), "{}", json!(send));
}
