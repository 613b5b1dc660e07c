//! Every encoding that clients wrap parameters in (protocol page, section 0.3; thirty SDKs as recorded).

use baton::wire::{ControlCall, GraphError, Params};
use proptest::prelude::*;
use serde_json::{Value, json};

const JSON: Option<&str> = Some("application/json; charset=utf-8");
const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn body(content_type: Option<&str>, body: &str) -> Params {
    Params::read("", content_type, body.as_bytes()).unwrap()
}

#[test]
fn one_send_in_every_encoding() {
    let pairs =
        |recipient: &str, message: &str| format!("recipient={}&message={}&messaging_type=RESPONSE", encoded(recipient), encoded(message));
    let php =
        "recipient[id]=123&message[text]=hi&message[quick_replies][0][title]=A&message[quick_replies][1][title]=B&messaging_type=RESPONSE";
    let php_encoded = php.replace('[', "%5B").replace(']', "%5D");
    let replies = r#"[{"title":"A"},{"title":"B"}]"#;
    let json = format!(r#"{{"recipient":{{"id":"123"}},"message":{{"text":"hi","quick_replies":{replies}}},"messaging_type":"RESPONSE"}}"#);
    let message = format!(r#"{{"text":"hi","quick_replies":{replies}}}"#);
    let single = "{'text':'hi','quick_replies':[{'title':'A'},{'title':'B'}]}";
    let bare = "{text:hi,quick_replies:[{title:A},{title:B}]}";
    let python = "{u'text': u'hi', u'quick_replies': [{'title': 'A'}, {'title': 'B'}]}";
    let sources = [
        ("JSON", body(JSON, &json)),
        ("JSON called a form", body(FORM, &json)),
        ("JSON without a type", body(None, &json)),
        ("form called JSON", body(JSON, php)),
        ("form with JSON", body(FORM, &pairs(r#"{"id":"123"}"#, &message))),
        ("form with single quotes", body(FORM, &pairs("{'id':'123'}", single))),
        ("form without quotes", body(FORM, &pairs("{id:123}", bare))),
        ("form with Python's repr", body(FORM, &pairs("{'id': 123}", python))),
        ("PHP brackets", body(FORM, php)),
        ("PHP brackets, encoded, no type", body(None, &php_encoded)),
        ("query of a POST", Params::read(&pairs("{id:123}", &message), None, b"").unwrap()),
        ("query, empty form", Params::read(&pairs("{id:123}", &message), FORM, b"  ").unwrap()),
        (
            "multipart",
            Params::from_pairs([("recipient", r#"{"id":"123"}"#), ("message", message.as_str()), ("messaging_type", "RESPONSE")]).unwrap(),
        ),
    ];
    for (name, params) in sources {
        assert_eq!(params.recipient().map(|person| person.as_str().to_owned()), Ok("123".to_owned()), "{name}");
        let expected = json!({"text": "hi", "quick_replies": [{"title": "A"}, {"title": "B"}]});
        assert_eq!(params.object("message").unwrap().map(Value::Object), Some(expected), "{name}");
        assert_eq!(params.text("messaging_type"), Ok(Some("RESPONSE".to_owned())), "{name}");
    }
}

#[test]
fn the_body_wins_over_the_query() {
    let params = Params::read("access_token=q&a=1", JSON, br#"{"access_token":"b","b":2}"#).unwrap();
    assert_eq!(params.text("access_token"), Ok(Some("b".to_owned())));
    assert_eq!((params.number("a"), params.number("b")), (Ok(Some(1)), Ok(Some(2))));
    let nothing = Params::read("access_token=q", JSON, br#"{"access_token":null,"b":2}"#).unwrap();
    assert_eq!(nothing.text("access_token"), Ok(Some("q".to_owned())), "null says nothing");
}

#[test]
fn ids_keep_their_digits() {
    let big = "123456789012345678901234567890";
    for text in [format!(r#"{{"target_app_id":{big}}}"#), format!(r#"{{"target_app_id":"{big}"}}"#)] {
        assert_eq!(body(JSON, &text).app("target_app_id").unwrap().unwrap().as_str(), big);
    }
    assert_eq!(body(JSON, r#"{"target_app_id":263902037430900}"#).app("target_app_id").unwrap().unwrap().as_str(), "263902037430900");
    assert_eq!(body(JSON, r#"{"recipient":{"id":17841400008460056}}"#).recipient().unwrap().as_str(), "17841400008460056");
}

#[test]
fn fields_in_every_shape() {
    let expected: Vec<String> = vec!["id".into(), "name".into()];
    for query in [
        "fields=id,name",
        "fields=id,%20name",
        "fields=[\"id\",\"name\"]",
        "fields[0]=id&fields[1]=name",
        "fields[]=id&fields[]=name",
        "fields=,id,,name,",
    ] {
        assert_eq!(Params::read(query, None, b"").unwrap().list("fields"), Ok(expected.clone()), "{query}");
    }
    assert_eq!(body(JSON, r#"{"fields":["id","name"]}"#).list("fields"), Ok(expected));
    for query in ["", "fields=", "fields=[]"] {
        assert_eq!(Params::read(query, None, b"").unwrap().list("fields"), Ok(vec![]), "{query}");
    }
    let nested = Params::read("fields=participants,messages{id,message}", None, b"").unwrap();
    assert_eq!(nested.list("fields"), Ok(vec!["participants".to_owned(), "messages{id,message}".to_owned()]));
}

#[test]
fn small_values() {
    let params = body(FORM, "a=true&b=1&c=True&d=0&e=no&duration=600&method=delete&metadata=123&nul=a%00b");
    assert_eq!(
        ["a", "b", "c", "d", "e", "f"].map(|name| params.flag(name)),
        [Some(true), Some(true), Some(true), Some(false), Some(false), None]
    );
    assert_eq!(params.number("duration"), Ok(Some(600)));
    assert_eq!(params.method().as_deref(), Some("DELETE"));
    assert_eq!(params.text("metadata"), Ok(Some("123".to_owned())));
    assert_eq!(params.text("nul"), Ok(Some("a\u{fffd}b".to_owned())));
    assert_eq!(Params::read("recipient=123", None, b"").unwrap().bare_recipient().unwrap().as_str(), "123");
    assert_eq!(Params::read("recipient={id:123}", None, b"").unwrap().bare_recipient().unwrap().as_str(), "123");
}

#[test]
fn what_cannot_be_read_is_a_parameter_error() {
    let code = |result: Result<Params, GraphError>| result.map_err(|error| (error.code, error.status)).unwrap_err();
    for text in ["{", "[1]", "\"x\"", "{'a':1}", "{\"a\":1}}", "hello"] {
        assert_eq!(code(Params::read("", JSON, text.as_bytes())), (100, 400), "{text}");
    }
    assert_eq!(code(Params::read("", JSON, b"{\"a\":\"\xff\"}")), (100, 400));
    assert_eq!(code(Params::read("", JSON, format!("{{\"a\":{}}}", "[".repeat(100_000)).as_bytes())), (100, 400));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(code(Params::read("", JSON, deep.as_bytes())), (100, 400));
    assert_eq!(code(Params::read("", FORM, format!("a{}=1", "[b]".repeat(1000)).as_bytes())), (100, 400));
}

#[test]
fn recipients_that_cannot_be_served_are_told_so() {
    for (recipient, message) in [
        ("{}", "(#100) The parameter recipient[id] is required"),
        ("{\"user_ref\":\"x\"}", "(#100) Only recipients with an id are supported"),
        ("{\"comment_id\":\"1_2\"}", "(#100) Only recipients with an id are supported"),
        ("{\"id\":{}}", "(#100) Param recipient[id] must be a valid ID string (e.g., \"123\")"),
        ("{\"id\":\"\"}", "(#100) Param recipient[id] must be a valid ID string (e.g., \"123\")"),
        ("7", "(#100) Param recipient must be a JSON object"),
        ("null", "(#100) The parameter recipient is required"),
    ] {
        let params = body(JSON, &format!("{{\"recipient\":{recipient}}}"));
        assert_eq!(params.recipient().unwrap_err().message, message, "{recipient}");
    }
    assert_eq!(Params::default().recipient().unwrap_err().message, "(#100) The parameter recipient is required");
}

mod control {
    use baton::control::{Command, Evidence, Owner};
    use baton::wire::control_call::thread_owner;
    use baton::wire::{AppId, Metadata, Timestamp};

    use super::*;

    fn app(id: &str) -> AppId {
        AppId::parse(id).unwrap()
    }

    fn call(edge: &str, query: &str) -> Result<Option<Command>, GraphError> {
        let params = Params::read(query, None, b"").unwrap();
        Ok(ControlCall::parse(edge, &params, app("1"))?.map(|call| {
            assert_eq!(call.person.as_str(), "9");
            call.command
        }))
    }

    #[test]
    fn every_edge() {
        let metadata = Some(Metadata::parse("m").unwrap());
        let me = app("1");
        for (edge, query, expected) in [
            (
                "pass_thread_control",
                "recipient={id:9}&target_app_id=22&metadata=m",
                Command::Pass { app: me.clone(), target: Some(app("22")), metadata: metadata.clone() },
            ),
            ("pass_thread_control", "recipient={id:9}", Command::Pass { app: me.clone(), target: None, metadata: None }),
            ("take_thread_control", "recipient={id:9}&metadata=m", Command::Take { app: me.clone(), metadata: metadata.clone() }),
            ("request_thread_control", "recipient={id:9}&metadata=m", Command::Request { app: me.clone(), metadata: metadata.clone() }),
            ("release_thread_control", "recipient={id:9}&metadata=", Command::Release { app: me.clone(), metadata: None }),
            ("extend_thread_control", "recipient={id:9}&duration=604800", Command::Extend { app: me.clone(), duration_ms: 604_800_000 }),
            ("decline_thread_control", "recipient={id:9}&target_app_id=22", Command::Decline { app: me, requester: app("22") }),
        ] {
            assert_eq!(call(edge, query), Ok(Some(expected)), "{edge} {query}");
        }
        assert_eq!(call("messages", "recipient={id:9}"), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let long = format!("recipient={{id:9}}&metadata={}", "é".repeat(1001));
        for (edge, query) in [
            ("pass_thread_control", "target_app_id=22"),
            ("pass_thread_control", "recipient={id:9}&target_app_id[a]=1"),
            ("take_thread_control", long.as_str()),
            ("extend_thread_control", "recipient={id:9}"),
            ("extend_thread_control", "recipient={id:9}&duration=soon"),
            ("extend_thread_control", "recipient={id:9}&duration=99999999999999999999"),
            ("decline_thread_control", "recipient={id:9}"),
        ] {
            assert_eq!(call(edge, query).unwrap_err().code, 100, "{edge} {query}");
        }
        assert!(call("take_thread_control", &long.replacen('é', "", 1)).is_ok());
    }

    #[test]
    fn thread_owner_shows_what_the_caller_may_see() {
        let until = Timestamp::from_millis(1_700_000_000_999);
        let local = Owner::App { app: app("1919718111377911"), until };
        let known = Owner::External { app: Some(app("263902037430900")), evidence: Evidence::Confirmed };
        let implied = Owner::External { app: None, evidence: Evidence::Implied { until } };
        for (owner, sees, expected) in [
            (&local, true, json!({"data":[{"thread_owner":{"app_id":"1919718111377911","expiration":1_700_000_000}}]})),
            (&local, false, json!({"data":[{"thread_owner":{"expiration":1_700_000_000}}]})),
            (&Owner::Idle, true, json!({"data":[]})),
            (&known, true, json!({"data":[{"thread_owner":{"app_id":"263902037430900"}}]})),
            (&implied, true, json!({"data":[{"thread_owner":{"expiration":1_700_000_000}}]})),
        ] {
            assert_eq!(thread_owner(owner, sees), expected);
        }
    }
}

mod batch {
    use baton::wire::batch::render_batch;
    use baton::wire::{BatchAnswer, BatchCall};

    use super::*;

    #[test]
    fn every_form_of_a_batch() {
        let list = r#"[{"method":"POST","relative_url":"me/messages?appsecret_proof=p","body":"recipient=%7B%22id%22%3A%229%22%7D&message=%7B%22text%22%3A%22hi%22%7D","name":"first"},
            {"method":"get","relative_url":"/v2.6/9?fields=name","depends_on":"first","omit_response_on_success":true},
            {"method":"post","relative_url":"/me/messages","body":"recipient={\"id\":\"9\"}&message={\"text\":\"hi\"}","attached_files":"file1, file2"},
            {"relative_url":"https://graph.facebook.com/v2.6/me"}]"#;
        let form = format!("batch={}&include_headers=false", encoded(list));
        let sources = [
            body(JSON, &format!("{{\"batch\":{list},\"include_headers\":false}}")),
            body(JSON, &json!({"batch": list, "include_headers": "false"}).to_string()),
            body(FORM, &form),
            Params::read(&form, None, b"").unwrap(),
        ];
        for params in sources {
            let batch = BatchCall::parse(&params).unwrap().unwrap();
            assert!(!batch.include_headers);
            let items: Vec<_> = batch.items.into_iter().map(Result::unwrap).collect();
            let seen: Vec<_> = items.iter().map(|item| (item.method.as_str(), item.path.as_str(), item.query.as_str())).collect();
            let expected = [
                ("POST", "me/messages", "appsecret_proof=p"),
                ("GET", "v2.6/9", "fields=name"),
                ("POST", "me/messages", ""),
                ("GET", "v2.6/me", ""),
            ];
            assert_eq!(seen, expected);
            assert_eq!((items[0].name.as_deref(), items[1].depends_on.as_slice()), (Some("first"), ["first".to_owned()].as_slice()));
            assert!(items[1].omit_response_on_success && !items[0].omit_response_on_success);
            assert_eq!(items[2].attached_files, ["file1", "file2"]);
            for item in [&items[0], &items[2]] {
                let params = item.params().unwrap();
                assert_eq!(params.recipient().unwrap().as_str(), "9");
                assert_eq!(params.object("message").unwrap().map(Value::Object), Some(json!({"text": "hi"})));
            }
            assert_eq!(items[0].params().unwrap().text("appsecret_proof"), Ok(Some("p".to_owned())));
        }
    }

    #[test]
    fn a_broken_item_fails_alone_and_a_broken_batch_fails() {
        let batch =
            BatchCall::parse(&body(JSON, r#"{"batch":[7,{"method":"GET"},{"relative_url":"me"},{"method":"BREW","relative_url":"me"}]}"#))
                .unwrap()
                .unwrap();
        assert_eq!(batch.items.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, false, true, false]);
        let many = json!({"batch": vec![json!({"relative_url": "me"}); 51]}).to_string();
        let most = json!({"batch": vec![json!({"relative_url": "me"}); 50]}).to_string();
        assert_eq!(BatchCall::parse(&body(JSON, &many)).unwrap_err().code, 100);
        assert_eq!(BatchCall::parse(&body(JSON, &most)).unwrap().unwrap().items.len(), 50);
        for text in [r#"{"batch":{}}"#, r#"{"batch":"[{"}"#, r#"{"batch":7}"#] {
            assert_eq!(BatchCall::parse(&body(JSON, text)).unwrap_err().code, 100, "{text}");
        }
        assert_eq!(BatchCall::parse(&Params::default()), Ok(None));
    }

    #[test]
    fn answers_are_texts_inside_json() {
        let answer = BatchAnswer { code: 200, headers: vec![("Content-Type".into(), "application/json".into())], body: json!({"a": "b"}) };
        let headers = json!([{"name": "Content-Type", "value": "application/json"}]);
        assert_eq!(
            render_batch(&[Some(answer.clone()), None], true),
            json!([{"code": 200, "headers": headers, "body": "{\"a\":\"b\"}"}, null])
        );
        assert_eq!(render_batch(&[Some(answer)], false), json!([{"code": 200, "body": "{\"a\":\"b\"}"}]));
    }
}

proptest! {
    #[test]
    fn no_call_breaks_the_reader(query in any::<String>(), bytes in any::<Vec<u8>>(), made in r#"[a-c\[\]{}=&%0-9'":, ]{0,60}"#, json in any::<bool>()) {
        let content_type = if json { JSON } else { FORM };
        for (query, body) in [(query.as_str(), bytes.as_slice()), (made.as_str(), made.as_bytes())] {
            let Ok(params) = Params::read(query, content_type, body) else { continue };
            for name in ["a", "b", "recipient", "batch"] {
                let _ = (params.text(name), params.object(name), params.list(name), params.number(name), params.flag(name), params.app(name));
            }
            let _ = (params.recipient(), params.bare_recipient(), params.method(), baton::wire::BatchCall::parse(&params));
        }
    }

    #[test]
    fn a_form_gives_back_what_was_put_in(names in prop::collection::btree_map("[a-z]{1,8}", "[^\0]*", 0..8)) {
        let form: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&names).finish();
        let params = Params::read("", FORM, form.as_bytes()).unwrap();
        for (name, value) in &names {
            prop_assert_eq!(params.text(name), Ok(Some(value.clone())));
        }
    }
}
