//! Calls that are almost right: sound ones with something hostile put somewhere into them, in every encoding.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::house::{
    BOT, BOT_SECRET, BOT_TOKEN, FOLLOWER, House, INSTAGRAM_OTHER_TOKEN, INSTAGRAM_TOKEN, LATE, OTHER, OTHER_TOKEN, PAGE, PERSON, RIVAL,
    RIVAL_TOKEN, RIVALS_PERSON,
};

/// How parameters are written down.
#[derive(Debug, Clone, Copy)]
pub enum Encoding {
    Json,
    /// A form whose values are JSON, as the platform's own SDK writes it.
    Form,
    /// A form whose values are Python's idea of JSON.
    Quoted,
    /// A query with unquoted pseudo-JSON, as in the platform's samples.
    Query,
    Brackets,
    Multipart,
    /// JSON that says it is something else.
    Mislabelled,
    /// One item of a batch.
    Batch,
}

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: &'static str,
    path: String,
    pub token: &'static str,
    params: Map<String, Value>,
    pub encoding: Encoding,
    headers: Vec<(&'static str, String)>,
}

/// Calls as they should be, for a mutation to start from: method, edge, parameters.
fn sound() -> Vec<(&'static str, &'static str, Value)> {
    let person = json!({"id": PERSON});
    let generic = json!({"template_type": "generic", "elements": [{"title": "t", "subtitle": "s", "image_url": "https://x.example/i.png",
        "default_action": {"type": "web_url", "url": "https://x.example"},
        "buttons": [{"type": "postback", "title": "b", "payload": "p"}, {"type": "web_url", "title": "w", "url": "https://x.example"}]}]});
    let reply = json!({"content_type": "text", "title": "t", "payload": "p", "image_url": "https://x.example/i.png"});
    vec![
        (
            "POST",
            "messages",
            json!({"recipient": person, "messaging_type": "RESPONSE", "message": {"text": "hi", "metadata": "m", "quick_replies": [reply]}}),
        ),
        (
            "POST",
            "messages",
            json!({"recipient": person, "message": {"attachment": {"type": "template", "payload": generic}}, "tag": "HUMAN_AGENT"}),
        ),
        (
            "POST",
            "messages",
            json!({"recipient": person, "message": {"attachment": {"type": "image", "payload": {"url": "https://x.example/i.png", "is_reusable": true}}}}),
        ),
        ("POST", "messages", json!({"recipient": person, "sender_action": "react", "payload": {"message_id": "m", "reaction": "😊"}})),
        (
            "POST",
            "messages",
            json!({"recipient": person, "message": {"text": "bye"}, "reply_to": {"mid": "m"}, "persona_id": "1", "notification_type": "NO_PUSH",
            "thread_control": {"control_type": "pass", "app_id": OTHER}}),
        ),
        ("POST", "pass_thread_control", json!({"recipient": person, "target_app_id": OTHER, "metadata": "m"})),
        ("POST", "take_thread_control", json!({"recipient": person, "metadata": "m"})),
        ("POST", "request_thread_control", json!({"recipient": person, "metadata": "m"})),
        ("POST", "decline_thread_control", json!({"recipient": person, "target_app_id": OTHER})),
        ("POST", "release_thread_control", json!({"recipient": person})),
        ("POST", "extend_thread_control", json!({"recipient": person, "duration": 3600})),
        ("GET", "thread_owner", json!({"recipient": PERSON})),
        ("GET", "secondary_receivers", json!({"fields": "id,name"})),
        (
            "POST",
            "message_attachments",
            json!({"message": {"attachment": {"type": "image", "payload": {"url": "https://x.example/i.png"}}}}),
        ),
        (
            "POST",
            "messenger_profile",
            json!({"get_started": {"payload": "p"}, "greeting": [{"locale": "default", "text": "hi"}],
            "persistent_menu": [{"locale": "default", "call_to_actions": [{"type": "postback", "title": "t", "payload": "p"}]}]}),
        ),
        ("GET", "messenger_profile", json!({"fields": "greeting,get_started"})),
        ("DELETE", "messenger_profile", json!({"fields": ["greeting"]})),
        ("POST", "subscribed_apps", json!({"subscribed_fields": "messages,messaging_postbacks"})),
        ("GET", "subscribed_apps", json!({})),
        ("GET", "", json!({"fields": "id,name,messaging_feature_status"})),
        (
            "POST",
            "subscriptions",
            json!({"object": "page", "callback_url": "https://127.0.0.1/hook", "verify_token": "v", "fields": "messages"}),
        ),
        ("GET", "subscriptions", json!({})),
        ("POST", "no_such_edge", json!({"recipient": person})),
    ]
}

/// What strangers put where something else belongs.
fn hostile() -> impl Strategy<Value = Value> {
    let fixed = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!(-0.0),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("a\u{0}b"),
        json!("\u{fffd}\u{ffff}\u{202e}\u{200b}"),
        json!("😀".repeat(700)),
        json!("x".repeat(3000)),
        json!("x".repeat(20_000)),
        json!("9".repeat(400)),
        json!("99999999999999999999999999"),
        json!("1e999"),
        json!("NaN"),
        json!("{}"),
        json!("[]"),
        json!("{id:"),
        json!("{\"id\":{\"id\":{\"id\":1}}}"),
        json!("[[[[[[[[[["),
        json!("'; drop table log; --"),
        json!("<script>alert(1)</script>"),
        json!("../../../../etc/passwd"),
        json!("%00%ff%2e%2e%2f"),
        json!("\r\nx-injected: 1\r\n\r\n"),
        json!("{{7*7}}${7*7}"),
        json!("javascript:alert(1)"),
        json!("http://169.254.169.254/latest/meta-data"),
        json!("http://[::1]:5432/"),
        json!(RIVAL),
        json!(RIVALS_PERSON),
        json!(FOLLOWER),
        json!(LATE),
        json!(BOT),
        json!("263902037430900"),
        json!([]),
        json!({}),
        json!([[], {}, null]),
        json!({"id": RIVALS_PERSON}),
        json!({"id": null, "user_ref": "x"}),
        json!({"": ""}),
        json!({"__proto__": {"a": 1}, "constructor": 1}),
        json!((0..200).collect::<Vec<_>>()),
        json!((0..60).fold(json!(1), |inner, _| json!([inner]))),
        json!((0..60).fold(json!(1), |inner, _| json!({"a": inner}))),
    ];
    prop_oneof![3 => prop::sample::select(fixed), 1 => "\\PC{0,40}".prop_map(Value::from), 1 => any::<f64>().prop_map(|number| json!(number))]
}

/// What is done to the value at one place.
#[derive(Debug, Clone)]
enum Change {
    Replace(Value),
    Remove,
    Rename(String),
    Wrap,
    Beside(String, Value),
    Stringify,
}

fn change() -> impl Strategy<Value = Change> {
    let name = prop_oneof![
        Just(String::new()),
        Just("access_token".to_owned()),
        Just("appsecret_proof".to_owned()),
        Just("method".to_owned()),
        Just("batch".to_owned()),
        Just("ids".to_owned()),
        Just("sender_action".to_owned()),
        Just("a\u{0}b".to_owned()),
        Just("recipient[id]".to_owned()),
        Just("x".repeat(5000)),
        "\\PC{1,12}",
    ];
    prop_oneof![
        6 => hostile().prop_map(Change::Replace),
        1 => Just(Change::Remove),
        1 => name.clone().prop_map(Change::Rename),
        1 => Just(Change::Wrap),
        2 => (name, hostile()).prop_map(|(name, value)| Change::Beside(name, value)),
        1 => Just(Change::Stringify),
    ]
}

/// The addresses of every value inside.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| places(value, &format!("{here}/{key}"), found)),
        Value::Array(elements) => elements.iter().enumerate().for_each(|(index, value)| places(value, &format!("{here}/{index}"), found)),
        _ => {}
    }
}

fn apply(params: &mut Value, place: usize, change: &Change) {
    let mut found = Vec::new();
    places(params, "", &mut found);
    // The first is the whole.
    let Some(place) = found.get(1 + place % found.len().max(2)).or(found.last()).filter(|place| !place.is_empty()) else { return };
    let (parent, key) = place.rsplit_once('/').expect("a place inside");
    match change {
        Change::Remove | Change::Rename(_) => {
            if let Some(Value::Object(members)) = params.pointer_mut(parent)
                && let Some(value) = members.shift_remove(key)
                && let Change::Rename(name) = change
            {
                members.insert(name.clone(), value);
            }
        }
        Change::Beside(name, value) => {
            if let Some(Value::Object(members)) = params.pointer_mut(parent) {
                members.insert(name.clone(), value.clone());
            }
        }
        Change::Replace(new) => set(params, place, |_| new.clone()),
        Change::Wrap => set(params, place, |old| json!([old])),
        Change::Stringify => set(params, place, |old| json!(old.to_string())),
    }
}

fn set(params: &mut Value, place: &str, new: impl FnOnce(&Value) -> Value) {
    if let Some(value) = params.pointer_mut(place) {
        *value = new(value);
    }
}

/// Calls of strangers.
pub fn calls() -> impl Strategy<Value = Call> {
    let node = prop_oneof![
        6 => Just("me".to_owned()),
        2 => Just(PAGE.to_owned()),
        1 => Just(RIVAL.to_owned()),
        1 => Just(PERSON.to_owned()),
        1 => Just(BOT.to_owned()),
        1 => prop::sample::select(vec!["%00", "..", "%2e%2e%2f", "me%2fmessages", "%FF", "'", "0", "debug_token", "me;x=y"]).prop_map(str::to_owned),
        1 => "[!-~]{1,12}".prop_map(|text| url::form_urlencoded::byte_serialize(text.as_bytes()).collect()),
    ];
    let version = prop::sample::select(vec!["", "/v25.0", "/v2.6", "/v0.0", "/v99999.9", "/V3", "//"]);
    let token = prop::sample::select(vec![
        BOT_TOKEN,
        BOT_TOKEN,
        BOT_TOKEN,
        BOT_TOKEN,
        OTHER_TOKEN,
        INSTAGRAM_TOKEN,
        INSTAGRAM_OTHER_TOKEN,
        RIVAL_TOKEN,
        "APP",
        "wrong",
        "",
    ]);
    let encoding = prop::sample::select(vec![
        Encoding::Json,
        Encoding::Json,
        Encoding::Form,
        Encoding::Quoted,
        Encoding::Query,
        Encoding::Brackets,
        Encoding::Multipart,
        Encoding::Mislabelled,
        Encoding::Batch,
    ]);
    let header = prop::sample::select(vec![
        ("idempotency-key", String::new()),
        ("idempotency-key", "k".repeat(300)),
        ("idempotency-key", "same".to_owned()),
        ("x-baton-epoch", "-1".to_owned()),
        ("x-baton-epoch", "18446744073709551616".to_owned()),
        ("x-baton-epoch", "0".to_owned()),
        ("content-encoding", "gzip".to_owned()),
        ("x-forwarded-for", "127.0.0.1, \"".to_owned()),
        ("x-http-method-override", "DELETE".to_owned()),
        ("accept", "text/html".to_owned()),
        ("cookie", "baton=eyJhbGciOiJub25lIn0.e30.; =;;".to_owned()),
        ("range", "bytes=0-0,-1".to_owned()),
    ]);
    let method =
        prop::option::weighted(0.1, prop::sample::select(vec!["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD", "TRACE"]));
    let changes = prop::collection::vec((any::<usize>(), change()), 0..4);
    (prop::sample::select(sound()), node, version, token, encoding, prop::collection::vec(header, 0..2), method, changes).prop_map(
        |((usual, edge, mut params), node, version, token, encoding, headers, method, changes)| {
            for (place, change) in &changes {
                apply(&mut params, *place, change);
            }
            let params = params.as_object().cloned().unwrap_or_default();
            // An app that leaves is let go of by the sweeper later on, which is no call's doing.
            let method = method.filter(|method| *method != "DELETE" || edge != "subscribed_apps");
            Call { method: method.unwrap_or(usual), path: format!("{version}/{node}/{edge}"), token, params, encoding, headers }
        },
    )
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `a[b][0]=c`, as PHP writes it.
fn brackets(name: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| brackets(&format!("{name}[{key}]"), value, pairs)),
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, value)| brackets(&format!("{name}[{index}]"), value, pairs))
        }
        leaf => pairs.push((name.to_owned(), plain(leaf))),
    }
}

fn form(pairs: impl IntoIterator<Item = (String, String)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl Call {
    /// Query, content type and body.
    fn written(&self) -> (String, Option<&'static str>, String) {
        const FORM: &str = "application/x-www-form-urlencoded";
        let json = || Value::Object(self.params.clone()).to_string();
        let pairs = |write: fn(&Value) -> String| form(self.params.iter().map(|(name, value)| (name.clone(), write(value))));
        match self.encoding {
            Encoding::Json => (String::new(), Some("application/json"), json()),
            Encoding::Mislabelled => (String::new(), Some("text/plain; charset=utf-7"), json()),
            Encoding::Form => (String::new(), Some(FORM), pairs(plain)),
            Encoding::Quoted => (String::new(), Some(FORM), pairs(|value| plain(value).replace('"', "'").replace("true", "True"))),
            Encoding::Query => {
                // A query much longer than this is refused by HTTP itself.
                let query: String = pairs(|value| plain(value).replace('"', "")).chars().take(60_000).collect();
                (query, None, String::new())
            }
            Encoding::Brackets => {
                let mut flat = Vec::new();
                self.params.iter().for_each(|(name, value)| brackets(name, value, &mut flat));
                (String::new(), Some(FORM), form(flat))
            }
            Encoding::Multipart => {
                let part = |(name, value): (&String, &Value)| {
                    let name = name.replace(['"', '\r', '\n'], "_");
                    format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{}\r\n", plain(value))
                };
                let file =
                    "--b\r\ncontent-disposition: form-data; name=\"filedata\"; filename=\"../x\"\r\ncontent-type: a/b\r\n\r\n\u{0}\r\n";
                let file = if self.params.len().is_multiple_of(2) { file } else { "" };
                (
                    String::new(),
                    Some("multipart/form-data; boundary=b"),
                    self.params.iter().map(part).collect::<String>() + file + "--b--\r\n",
                )
            }
            Encoding::Batch => {
                let item = json!({"method": self.method, "relative_url": self.path, "body": pairs(plain)});
                (String::new(), Some("application/json"), json!({"batch": [item]}).to_string())
            }
        }
    }

    /// The request, as it goes out.
    pub fn request(&self, house: &House) -> reqwest::RequestBuilder {
        let (mut query, content_type, body) = self.written();
        let app_token = format!("{BOT}|{BOT_SECRET}");
        let token = if self.token == "APP" { app_token.as_str() } else { self.token };
        query.push('&');
        query.push_str(&form([("access_token".to_owned(), token.to_owned())]));
        let (method, path) = if matches!(self.encoding, Encoding::Batch) { ("POST", "/") } else { (self.method, self.path.as_str()) };
        let mut request = house.http.request(method.parse().expect("a method"), house.url(&format!("{path}?{query}"))).body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        self.headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
    }
}
