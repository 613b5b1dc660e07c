//! Tokens, proofs and batches, as those bend them who have none: the documented error, and no way in.

use serde_json::{Value, json};

use super::house::{
    Answer, BOT, BOT_SECRET, BOT_TOKEN, FOLLOWER, GONE_TOKEN, House, INBOX, INSTAGRAM, OTHER, OTHER_SECRET, PAGE, PERSON, REVOKED_TOKEN,
    RIVAL, RIVAL_TOKEN, header_value,
};

fn to(person: &str) -> Value {
    json!({"id": person})
}

fn text(person: &str) -> Value {
    json!({"recipient": to(person), "message": {"text": "x"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn no_wrong_token_opens_anything() {
    let house = House::build().await;
    let before = house.state().await;
    let long = "x".repeat(60_000);
    let app_pair = format!("{BOT}%7C{OTHER_SECRET}");
    let empty_pair = format!("{BOT}%7C");
    let with_nul = format!("{BOT_TOKEN}%00");
    let tokens = [
        "",
        "%20",
        "null",
        "undefined",
        "0",
        "EAAGnotatoken",
        GONE_TOKEN,
        REVOKED_TOKEN,
        &BOT_TOKEN[..BOT_TOKEN.len() - 1],
        &BOT_TOKEN.to_uppercase(),
        BOT_SECRET,
        &app_pair,
        &empty_pair,
        "%7C",
        "%7C%7C%7C",
        "%00",
        &with_nul,
        "%FF%FE%C0%80",
        "%F0%9F%98%80",
        "'%20or%201=1%20--",
        "%7B%22a%22:1%7D",
        &long,
    ];
    for token in tokens {
        for (method, path) in [("GET", "/me"), ("POST", "/me/messages"), ("DELETE", "/me/messenger_profile"), ("GET", "/111/subscriptions")]
        {
            let url = house.url(&format!("{path}?access_token={token}"));
            let request = house.http.request(method.parse().expect("a method"), url).json(&text(PERSON));
            let answer = Answer::of(request).await;
            let (status, code, _) = answer.refusal();
            assert_eq!((status, code), (401, 190), "{method} {path} {:.60}: {answer:?}", token);
            assert!(answer.header("www-authenticate").starts_with("OAuth "), "0.4: {answer:?}");
        }
    }
    // In the header, too: bytes that are no text, other schemes, a list.
    for value in [&b"Bearer \xff\xfe"[..], b"Bearer", b"Basic YTpi", b"Bearer a b c", b"Digest x", "Bearer tökén".as_bytes(), b"OAuth "] {
        let answer = Answer::of(house.http.get(house.url("/me")).header("authorization", header_value(value))).await;
        assert_eq!(answer.refusal(), (401, 190, None), "{:?}", String::from_utf8_lossy(value));
    }
    // A list, an object, a number in a JSON body.
    for token in [json!([BOT_TOKEN]), json!({"token": BOT_TOKEN}), json!(17), json!(true), json!(null)] {
        let body = json!({"access_token": token, "recipient": to(PERSON), "message": {"text": "x"}});
        let answer = Answer::of(house.http.post(house.url("/me/messages")).json(&body)).await;
        let (status, code, _) = answer.refusal();
        assert!(matches!((status, code), (401, 190) | (400, 100)), "{answer:?}");
    }
    // A Page's token is none of an app's, and the other way round.
    assert_eq!(house.get_as(BOT_TOKEN, "/111/subscriptions").await.status, 400);
    let app_token = format!("{BOT}%7C{BOT_SECRET}");
    assert_eq!(house.post_as(&app_token, "/me/messages", &text(PERSON)).await.refusal(), (401, 190, None));
    assert_eq!(house.post_as(&app_token, &format!("/{PAGE}/messages"), &text(PERSON)).await.refusal(), (401, 190, None));
    assert_eq!(
        house.post_as(&app_token, &format!("/{OTHER}/subscriptions"), &json!({"object": "page"})).await.refusal(),
        (400, 100, Some(33))
    );
    assert_eq!(house.post_as(RIVAL_TOKEN, &format!("/{PAGE}/messages"), &text(PERSON)).await.refusal(), (400, 100, Some(33)));
    assert_eq!(house.post_as(BOT_TOKEN, &format!("/{INSTAGRAM}/messages"), &text(FOLLOWER)).await.refusal(), (400, 100, Some(33)));
    assert_eq!(house.state().await, before);
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_proof_is_refused_wherever_it_stands() {
    let house = House::build().await;
    let before = house.state().await;
    // 3.7: hex(HMAC-SHA256(key = app secret, msg = token)), here by another program:
    // printf '%s' "$BOT_TOKEN" | openssl dgst -sha256 -hmac "$OTHER_SECRET"
    let of_another_secret = "c21857946431a525ac0b8f8834da21ccfabeedf9acda978ed1bd290f784bf604";
    let long = "a".repeat(50_000);
    for proof in ["", "0", "zz", of_another_secret, &of_another_secret[1..], &long, "%00", "%FF", BOT_SECRET, "ünïcode"] {
        let answer = house.get_as(BOT_TOKEN, &format!("/me?appsecret_proof={proof}")).await;
        assert_eq!(answer.refusal(), (400, 100, None), "{proof:.70}");
        assert_eq!(answer.json()["error"]["type"], "GraphMethodException", "{proof:.70}");
    }
    for proof in [json!([]), json!({}), json!(["a"]), json!(0), json!(false)] {
        let body = json!({"recipient": to(PERSON), "message": {"text": "x"}, "appsecret_proof": proof});
        let (status, code, _) = house.post_as(BOT_TOKEN, "/me/messages", &body).await.refusal();
        assert_eq!((status, code), (400, 100), "{proof}");
    }
    let right = baton::crypto::signature::appsecret_proof(BOT_SECRET, BOT_TOKEN);
    for time in ["1", "-1", "99999999999999999999", "now", "%00", "9223372036854775807", "-9223372036854775808"] {
        let answer = house.get_as(BOT_TOKEN, &format!("/me?appsecret_proof={right}&appsecret_time={time}")).await;
        assert_eq!(answer.refusal(), (400, 100, None), "{time}");
    }
    assert_eq!(house.get_as(BOT_TOKEN, &format!("/me?appsecret_proof={right}")).await.status, 200);
    assert_eq!(house.state().await, before);
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_cannot_be_bent() {
    let house = House::build().await;
    let before = house.state().await;
    let me = json!({"method": "GET", "relative_url": "me"});
    let batch = |items: Value| json!({"batch": items});
    // 0.3: at most 50.
    let too_many = house.post_as(BOT_TOKEN, "/", &batch(json!(vec![&me; 51]))).await;
    assert_eq!(too_many.refusal().1, 100);
    let most = house.post_as(BOT_TOKEN, "/", &batch(json!(vec![&me; 50]))).await;
    assert_eq!((most.status, most.json().as_array().map(Vec::len)), (200, Some(50)));
    for items in [json!({}), json!("["), json!("[[]"), json!(7), json!("x"), json!({"0": me})] {
        assert_eq!(house.post_as(BOT_TOKEN, "/", &batch(items.clone())).await.refusal().1, 100, "{items}");
    }
    assert_eq!(house.post_as("wrong", "/", &batch(json!([me]))).await.refusal(), (401, 190, None));
    assert_eq!(Answer::of(house.http.post(house.url("/")).json(&batch(json!([me])))).await.refusal(), (401, 190, None));
    // Each broken item fails alone, in the envelope, and no item reaches what its token may not.
    let nested = json!([{"method": "POST", "relative_url": "me/messages", "body": "x=1"}]).to_string();
    let nested_body = format!("batch={}", url::form_urlencoded::byte_serialize(nested.as_bytes()).collect::<String>());
    let deep = format!("recipient={}", "[".repeat(50_000));
    let broken = [
        json!(null),
        json!(1),
        json!("me"),
        json!([]),
        json!({}),
        json!({"method": "GET"}),
        json!({"method": "TRACE", "relative_url": "me"}),
        json!({"method": "PUT", "relative_url": "me"}),
        json!({"method": "POST", "relative_url": "", "body": nested_body}),
        json!({"method": "POST", "relative_url": "/", "body": nested_body}),
        json!({"method": "POST", "relative_url": "v25.0/", "body": nested_body}),
        json!({"method": "POST", "relative_url": "me", "body": nested_body}),
        json!({"method": "POST", "relative_url": "?batch=[]", "body": nested_body}),
        json!({"method": "GET", "relative_url": "../../platform/webhook"}),
        json!({"method": "GET", "relative_url": "http://169.254.169.254/latest/meta-data"}),
        json!({"method": "GET", "relative_url": "inbox"}),
        json!({"method": "GET", "relative_url": "me/\u{0}"}),
        json!({"method": "GET", "relative_url": "%00"}),
        json!({"method": "GET", "relative_url": "%FF%FE"}),
        json!({"method": "GET", "relative_url": "a".repeat(20_000)}),
        json!({"method": "GET", "relative_url": format!("{RIVAL}")}),
        json!({"method": "GET", "relative_url": "me?access_token=wrong"}),
        json!({"method": "GET", "relative_url": "me?appsecret_proof=00"}),
        json!({"method": "POST", "relative_url": "me/messages", "body": deep}),
        json!({"method": "POST", "relative_url": "me/messages", "body": {"recipient": {"id": "nobody"}, "message": {"text": "x"}}}),
        json!({"method": "POST", "relative_url": "me/messages", "body": ["recipient"]}),
        json!({"method": "POST", "relative_url": format!("{RIVAL}/messages"), "body": "recipient={id:7001700270037004}&message={text:x}"}),
        json!({"method": "GET", "relative_url": "me", "name": "a", "depends_on": "a"}),
        json!({"method": "GET", "relative_url": "me", "name": "b", "depends_on": ["c"]}),
        json!({"method": "GET", "relative_url": "me", "name": "c", "depends_on": ["b"]}),
    ];
    let mut items = broken.to_vec();
    items.push(me);
    let answer = house.post_as(BOT_TOKEN, "/", &batch(json!(items))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answers = answer.json();
    for (item, answer) in broken.iter().zip(answers.as_array().expect("answers")) {
        let body: Value = serde_json::from_str(answer["body"].as_str().expect("a string")).expect("JSON in a string");
        assert!(answer["code"].as_i64().is_some_and(|code| (400..500).contains(&code)), "{item:.200} {answer}");
        assert!(body["error"]["code"].is_i64() && body["error"]["fbtrace_id"].is_string(), "{item:.200} {answer}");
    }
    assert_eq!(answers[broken.len()]["code"], 200, "the good one among them");
    assert_eq!(house.state().await, before);
    assert!(!answer.text.contains("Rival"));
    house.stands().await;
}

/// An app that is not the inbox must not speak for it, and the inbox app has no token that could be guessed.
#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_is_no_way_in() {
    let house = House::build().await;
    for secret in ["", "v", "appSecret", "null"] {
        let answer = house.get_as(&format!("{INBOX}%7C{secret}"), "/me").await;
        assert_eq!(answer.refusal(), (401, 190, None), "{secret}");
    }
    house.stands().await;
}
