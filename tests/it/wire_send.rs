//! The limits and rules of a send (protocol page, sections 3.1 and 3.3), each at its edge, and what goes to the platform.

use baton::wire::{AttachmentId, Content, GraphError, InlineControl, Object, PageId, Params, Send, Upload, parse_send, upload};
use serde_json::{Value, json};

fn parse(body: &Value, object: Object) -> Result<Send, GraphError> {
    parse_send(&Params::from_json(body.to_string().as_bytes()).unwrap(), object)
}

fn with(message: Value) -> Value {
    json!({ "recipient": { "id": "9" }, "message": message })
}

fn of(letter: &str, count: usize) -> String {
    letter.repeat(count)
}

#[track_caller]
fn accepted(message: Value, object: Object) -> Send {
    parse(&with(message), object).unwrap()
}

#[track_caller]
fn refused(message: Value, object: Object) -> (i64, Option<i64>) {
    let error = parse(&with(message), object).unwrap_err();
    assert_eq!(error.status, 400);
    assert!(error.message.starts_with("(#100) "), "{}", error.message);
    (error.code, error.subcode)
}

fn reply(title: usize, payload: usize) -> Value {
    json!({ "content_type": "text", "title": of("t", title), "payload": of("p", payload) })
}

fn template(payload: Value) -> Value {
    json!({ "attachment": { "type": "template", "payload": payload } })
}

fn button(title: usize, payload: usize) -> Value {
    json!({ "type": "postback", "title": of("t", title), "payload": of("p", payload) })
}

#[test]
fn what_is_at_its_limit_passes_on_messenger() {
    let element = json!({ "title": of("é", 80), "subtitle": of("é", 80), "buttons": vec![button(20, 1000); 3] });
    let receipt = json!({ "template_type": "receipt", "recipient_name": "A", "order_number": "1", "currency": "EUR", "payment_method": "Visa",
        "summary": { "total_cost": 1 }, "elements": vec![json!({ "title": "x", "price": 1 }); 100] });
    for message in [
        json!({ "text": of("é", 2000) }),
        json!({ "text": 7 }),
        json!({ "text": "x", "metadata": of("é", 1000) }),
        json!({ "text": "x", "quick_replies": vec![reply(20, 1000); 13] }),
        json!({ "text": "x", "quick_replies": [{ "content_type": "text", "title": "", "image_url": "https://a.example/i.png", "payload": 7 }] }),
        json!({ "text": "x", "quick_replies": [{ "content_type": "user_email" }, { "content_type": "user_phone_number" }] }),
        json!({ "text": null, "attachment": { "type": "image", "payload": { "url": "https://a.example/i.png" } } }),
        json!({ "text": "", "attachment": { "type": "file", "payload": { "attachment_id": 1_857_777_774_821_032_i64 } } }),
        json!({ "sticker_id": 369_239_263_222_822_i64 }),
        template(json!({ "template_type": "generic", "elements": vec![element; 10] })),
        template(
            json!({ "template_type": "generic", "elements": [{ "title": "x", "default_action": { "type": "web_url", "url": "https://a.example" } }] }),
        ),
        template(json!({ "template_type": "button", "text": of("é", 640), "buttons": vec![button(20, 1000); 3] })),
        template(json!({ "template_type": "media", "elements": [{ "media_type": "image", "attachment_id": "1" }] })),
        template(receipt),
        template(json!({ "template_type": "product", "elements": vec![json!({ "id": "1" }); 10] })),
        template(json!({ "template_type": "image_grid", "elements": [{ "title": of("t", 45), "images": vec![json!({}); 6] }] })),
        template(json!({ "template_type": "customer_feedback", "title": "Rate" })),
        template(
            json!({ "template_type": "button", "text": "x", "buttons": [{ "type": "web_url", "title": "Go", "url": "https://a.example" },
            { "type": "account_link", "url": "https://a.example" }, { "type": "account_unlink" }] }),
        ),
    ] {
        accepted(message, Object::Page);
    }
}

#[test]
fn what_is_beyond_its_limit_is_refused_on_messenger() {
    let generic = |element: Value| template(json!({ "template_type": "generic", "elements": [element] }));
    for message in [
        json!({ "text": of("é", 2001) }),
        json!({ "text": {} }),
        json!({ "text": "x", "attachment": { "type": "image", "payload": { "url": "https://a.example" } } }),
        json!({ "text": "x", "sticker_id": 1 }),
        json!({ "sticker_id": "like" }),
        json!({ "text": "x", "metadata": of("é", 1001) }),
        json!({ "text": "x", "quick_replies": vec![reply(20, 1000); 14] }),
        json!({ "text": "x", "quick_replies": [reply(21, 1)] }),
        json!({ "text": "x", "quick_replies": [reply(0, 1)] }),
        json!({ "text": "x", "quick_replies": [reply(1, 1001)] }),
        json!({ "text": "x", "quick_replies": [{ "content_type": "location" }] }),
        json!({ "text": "x", "quick_replies": ["A"] }),
        json!({ "text": "x", "quick_replies": "A" }),
        json!({ "attachment": "x" }),
        json!({ "attachment": { "type": "hologram", "payload": {} } }),
        json!({ "attachment": { "type": "like_heart" } }),
        json!({ "attachment": { "type": "image", "payload": {} } }),
        json!({ "attachment": { "type": "image", "payload": { "url": "ftp://a.example" } } }),
        json!({ "attachment": { "type": "image", "payload": { "url": "https://a.example", "attachment_id": "1" } } }),
        template(json!({})),
        template(json!({ "template_type": "generic", "elements": [] })),
        template(json!({ "template_type": "generic", "elements": vec![json!({ "title": "x", "subtitle": "y" }); 11] })),
        generic(json!({ "title": "x" })),
        generic(json!({ "subtitle": "x" })),
        generic(json!({ "title": of("t", 81), "subtitle": "x" })),
        generic(json!({ "title": "x", "subtitle": of("t", 81) })),
        generic(json!({ "title": "x", "buttons": vec![button(1, 1); 4] })),
        generic(json!({ "title": "x", "buttons": [button(21, 1)] })),
        generic(json!({ "title": "x", "buttons": [button(1, 1001)] })),
        generic(json!({ "title": "x", "buttons": [button(1, 0)] })),
        generic(json!({ "title": "x", "buttons": [{ "type": "web_url", "title": "x" }] })),
        generic(json!({ "title": "x", "buttons": [{ "type": "teleport", "title": "x" }] })),
        generic(json!({ "title": "x", "default_action": { "type": "web_url", "url": "https://a.example", "title": "x" } })),
        generic(json!({ "title": "x", "default_action": { "type": "postback", "payload": "x" } })),
        template(json!({ "template_type": "button", "text": of("t", 641), "buttons": [button(1, 1)] })),
        template(json!({ "template_type": "button", "text": "x", "buttons": [] })),
        template(json!({ "template_type": "button", "buttons": [button(1, 1)] })),
        template(
            json!({ "template_type": "media", "elements": [{ "media_type": "image", "attachment_id": "1", "url": "https://a.example" }] }),
        ),
        template(json!({ "template_type": "media", "elements": vec![json!({ "media_type": "image", "attachment_id": "1" }); 2] })),
        template(json!({ "template_type": "receipt", "recipient_name": "A" })),
        template(json!({ "template_type": "product", "elements": vec![json!({ "id": "1" }); 11] })),
        template(json!({ "template_type": "image_grid", "elements": [{ "images": [{}] }] })),
    ] {
        assert_eq!(refused(message.clone(), Object::Page), (100, None), "{message}");
    }
    for empty in [json!({}), json!({ "text": "" }), json!({ "metadata": "x" })] {
        assert_eq!(refused(empty, Object::Page), (100, Some(2_018_034)));
    }
}

#[test]
fn instagram_counts_bytes_and_knows_other_attachments() {
    accepted(json!({ "text": of("é", 500) }), Object::Instagram);
    refused(json!({ "text": of("é", 501) }), Object::Instagram);
    accepted(json!({ "text": of("é", 501) }), Object::Page);
    accepted(json!({ "attachment": { "type": "like_heart" } }), Object::Instagram);
    accepted(json!({ "attachment": { "type": "MEDIA_SHARE", "payload": { "id": "17" } } }), Object::Instagram);
    refused(json!({ "attachment": { "type": "MEDIA_SHARE", "payload": {} } }), Object::Instagram);
    accepted(json!({ "text": "x", "quick_replies": [reply(21, 1)] }), Object::Instagram);
}

/// `(code, subcode)` of a refusal of parameters beside the recipient.
fn refusal(mut body: Value) -> Option<(i64, Option<i64>)> {
    body["recipient"] = json!({ "id": "9" });
    parse(&body, Object::Page).err().map(|error| (error.code, error.subcode))
}

#[test]
fn rules_between_parameters() {
    let text = json!({ "text": "x" });
    for (body, expected) in [
        (json!({}), Some((100, None))),
        (json!({ "message": text, "sender_action": "typing_on" }), Some((100, Some(2_018_014)))),
        (json!({ "sender_action": "typing_on", "messaging_type": "RESPONSE" }), None),
        (json!({ "sender_action": "TYPING_OFF" }), None),
        (json!({ "sender_action": "dance" }), Some((100, None))),
        (json!({ "sender_action": "react", "payload": { "message_id": "m", "reaction": "😊" } }), None),
        (json!({ "sender_action": "unreact", "payload": "{\"message_id\":\"m\"}" }), None),
        (json!({ "sender_action": "react", "payload": { "message_id": "m" } }), Some((100, None))),
        (json!({ "sender_action": "react" }), Some((100, None))),
        (json!({ "sender_action": "typing_on", "thread_control": {} }), Some((100, None))),
        (json!({ "message": text, "messaging_type": "update", "summary": true, "debug": "all", "id": 7 }), None),
        (json!({ "message": text, "messaging_type": "NON_PROMOTIONAL_SUBSCRIPTION" }), Some((100, None))),
        (json!({ "message": text, "messaging_type": "MESSAGE_TAG" }), Some((100, None))),
        (json!({ "message": text, "messaging_type": "MESSAGE_TAG", "tag": "human_agent" }), None),
        (json!({ "message": text, "tag": "ACCOUNT_UPDATE" }), None),
        (json!({ "message": text, "tag": "SHIPPING_UPDATE" }), Some((100, None))),
        (json!({ "message": text, "notification_type": "silent_push", "persona_id": 7, "reply_to": { "mid": "m" } }), None),
        (json!({ "message": text, "notification_type": "LOUD" }), Some((100, None))),
        (json!({ "message": text, "reply_to": {} }), Some((100, None))),
        (json!({ "message": text, "thread_control": { "control_type": "steal" } }), Some((100, None))),
        (json!({ "message": "hello" }), Some((100, None))),
    ] {
        assert_eq!(refusal(body.clone()), expected, "{body}");
    }
}

#[test]
fn inline_control_releases_unless_it_says_pass() {
    let control = |control: Value| {
        let body = json!({ "recipient": { "id": "9" }, "message": { "text": "x" }, "thread_control": control });
        parse(&body, Object::Page).unwrap().thread_control
    };
    let pass = |app: Option<&str>| Some(InlineControl::Pass { app_id: app.map(|id| baton::wire::AppId::parse(id).unwrap()) });
    assert_eq!(control(json!({})), Some(InlineControl::Release));
    assert_eq!(control(json!({ "control_type": "RELEASE" })), Some(InlineControl::Release));
    assert_eq!(control(json!({ "control_type": "pass" })), pass(None));
    assert_eq!(control(json!({ "control_type": "pass", "app_id": 123 })), pass(Some("123")));
    assert_eq!(control(json!("{control_type:pass,app_id:123}")), pass(Some("123")));
    assert_eq!(control(Value::Null), None);
}

#[test]
fn what_goes_to_the_platform_carries_the_token() {
    let send = accepted(json!({ "text": "x", "metadata": "the app's own" }), Object::Page);
    assert!(matches!(&send.content, Content::Message { metadata: Some(own), .. } if own == "the app's own"));
    assert_eq!(
        send.upstream_body("token-1"),
        json!({ "recipient": { "id": "9" }, "messaging_type": "RESPONSE", "message": { "text": "x", "metadata": "token-1" } })
    );
    let body =
        json!({ "recipient": { "id": "9" }, "message": { "text": "x" }, "tag": "HUMAN_AGENT", "persona_id": "7", "thread_control": {} });
    assert_eq!(
        parse(&body, Object::Page).unwrap().upstream_body("t"),
        json!({ "recipient": { "id": "9" }, "messaging_type": "MESSAGE_TAG", "message": { "text": "x", "metadata": "t" }, "tag": "HUMAN_AGENT",
            "persona_id": "7" })
    );
    let action = json!({ "recipient": { "id": "9" }, "sender_action": "MARK_SEEN", "messaging_type": "RESPONSE" });
    assert_eq!(
        parse(&action, Object::Page).unwrap().upstream_body("t"),
        json!({ "recipient": { "id": "9" }, "sender_action": "mark_seen" })
    );
}

#[test]
fn postback_buttons_are_found_wherever_they_are() {
    let named = |payload: &str| json!({ "type": "postback", "title": "x", "payload": payload });
    let link = json!({ "type": "web_url", "title": "x", "url": "https://a.example" });
    let generic = template(
        json!({ "template_type": "generic", "elements": [{ "title": "x", "buttons": [named("A"), link] }, { "title": "y", "buttons": [named("B")] }] }),
    );
    assert_eq!(accepted(generic, Object::Page).buttons(), ["A", "B"]);
    let buttons = template(json!({ "template_type": "button", "text": "x", "buttons": [named("C")] }));
    assert_eq!(accepted(buttons, Object::Page).buttons(), ["C"]);
    assert!(accepted(json!({ "text": "x", "quick_replies": [reply(1, 1)] }), Object::Page).buttons().is_empty());
}

#[test]
fn reusable_is_read_in_both_spellings() {
    for (value, expected) in [(json!(true), true), (json!("true"), true), (json!(false), false), (Value::Null, false)] {
        let image = json!({ "attachment": { "type": "image", "payload": { "url": "https://a.example", "is_reusable": value } } });
        assert_eq!(accepted(image, Object::Page).is_reusable(), expected);
    }
}

#[test]
fn uploads_need_exactly_one_source() {
    let params = |payload: Value| {
        Params::from_pairs([("message", json!({ "attachment": { "type": "image", "payload": payload } }).to_string())]).unwrap()
    };
    let url = json!({ "url": "https://a.example/i.png", "is_reusable": "true" });
    let upload = Upload::parse(&params(url.clone()), false).unwrap();
    assert_eq!(
        Value::Object(upload.request(PageId::parse("1").unwrap(), Object::Page, None).body),
        json!({ "message": { "attachment": { "type": "image", "payload": { "url": "https://a.example/i.png", "is_reusable": true } } } })
    );
    let instagram = upload.request(PageId::parse("1").unwrap(), Object::Instagram, None);
    assert_eq!(instagram.query, [("platform".to_owned(), "INSTAGRAM".to_owned())]);
    assert!(Upload::parse(&params(json!({ "is_reusable": true })), true).is_ok());
    assert_eq!(Upload::parse(&params(url), true).unwrap_err().code, 100);
    assert_eq!(Upload::parse(&params(json!({})), false).unwrap_err().code, 100);
    assert_eq!(Upload::parse(&Params::default(), true).unwrap_err().code, 100);
}

#[test]
fn a_file_that_came_along_becomes_an_attachment_id() {
    let message = r#"{"attachment":{"type":"image","payload":{"is_reusable":true}}}"#;
    let mut params = Params::from_pairs([("recipient", r#"{"id":"9"}"#), ("message", message)]).unwrap();
    upload::put_attachment_id(&mut params, &AttachmentId::parse("1857777774821032").unwrap()).unwrap();
    let send = parse_send(&params, Object::Page).unwrap();
    assert!(send.is_reusable());
    assert_eq!(send.upstream_body("t")["message"]["attachment"]["payload"]["attachment_id"], "1857777774821032");
}
