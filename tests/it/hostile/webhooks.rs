//! The platform's address for webhooks, as strangers and a platform gone mad use it.

use std::time::{Duration, Instant};

use baton::crypto::signature;
use serde_json::{Value, json};

use super::house::{Answer, BOT_TOKEN, House, INSTAGRAM, PAGE, PERSON, PLATFORM_SECRET, VERIFY_TOKEN, header_value};
use super::wire;

const PATH: &str = "/platform/webhook";

fn message(mid: &str) -> Value {
    json!({"sender": {"id": PERSON}, "recipient": {"id": PAGE}, "timestamp": 1_458_692_752_478_i64, "message": {"mid": mid, "text": "x"}})
}

fn webhook(items: &[Value]) -> Value {
    json!({"object": "page", "entry": [{"id": PAGE, "time": 1_458_692_752_478_i64, "messaging": items}]})
}

fn sign(body: &[u8]) -> String {
    format!("sha256={}", signature::sha256_hex(PLATFORM_SECRET.as_bytes(), body))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_proved_is_refused_and_leaves_nothing() {
    let house = House::build().await;
    let before = house.state().await;
    let body = webhook(&[message("m_forged")]).to_string();
    let right = sign(body.as_bytes());
    let of_another_body = sign(b"{}");
    let of_no_secret = format!("sha256={}", signature::sha256_hex(b"", body.as_bytes()));
    let doubled = format!("{right},{right}");
    let spaced = format!("sha256= {}", &right[7..]);
    let long = format!("sha256={}", "0".repeat(100_000));
    let sha1 = format!("sha1={}", signature::sha1_hex(PLATFORM_SECRET.as_bytes(), body.as_bytes()));
    let values: [&[u8]; 18] = [
        b"",
        b"=",
        b"sha256=",
        b"sha256",
        b"sha256=0",
        b"sha512=00",
        b"SHA256=00",
        b"\xff\xfe",
        "sha256=ünïcödé".as_bytes(),
        "sha256=０１２３".as_bytes(),
        b"sha256=zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        of_another_body.as_bytes(),
        of_no_secret.as_bytes(),
        doubled.as_bytes(),
        spaced.as_bytes(),
        long.as_bytes(),
        sha1.as_bytes(),
        &right.as_bytes()[..right.len() - 1],
    ];
    for value in values {
        let request = house.http.post(house.url(PATH)).header("x-hub-signature-256", header_value(value)).body(body.clone());
        let answer = Answer::of(request).await;
        assert!(matches!(answer.status, 401 | 403), "{:.80}: {answer:?}", String::from_utf8_lossy(value));
        assert!(answer.header("content-type").starts_with("text/plain"), "{answer:?}");
    }
    // Only the older header, both headers at odds, the right one twice over with a wrong one first.
    let post = || house.http.post(house.url(PATH)).body(body.clone());
    for request in [
        post(),
        post().header("x-hub-signature", &sha1),
        post().header("x-hub-signature-256", "sha256=00").header("x-hub-signature", &right),
        post().header("x-hub-signature-256", &of_another_body).header("x-hub-signature-256", &right),
        house.http.post(house.url(&format!("{PATH}?x-hub-signature-256={right}"))).body(body.clone()),
        house.http.post(house.url(PATH)).header("x-hub-signature-256", &right).body(body.replace('x', "y")),
        house.http.post(house.url(PATH)).header("x-hub-signature-256", &right).body(format!("{body} ")),
        house.http.post(house.url(PATH)).header("x-hub-signature-256", &right).body(Vec::new()),
    ] {
        let answer = Answer::of(request).await;
        assert!(matches!(answer.status, 401 | 403), "{answer:?}");
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"] {
        let request = house.http.request(method.parse().expect("a method"), house.url(PATH)).header("x-hub-signature-256", &right);
        let status = Answer::of(request.body(body.clone())).await.status;
        assert!((400..500).contains(&status), "{method}: {status}");
    }
    assert_eq!(house.state().await, before);
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_verifications_are_refused() {
    let house = House::build().await;
    let right = format!("hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}");
    let long = format!("{right}&hub.challenge={}", "7".repeat(50_000));
    for query in [
        "",
        "hub.mode=subscribe",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=%00&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=%FF%FE&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token[]=verifyTokenOfThePlatform&hub.challenge=1",
        "hub_mode=subscribe&hub_verify_token=verifyTokenOfThePlatform&hub_challenge=1",
        "hub.mode=subscribe&hub.verify_token=verifytokenoftheplatform&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=wrong&hub.verify_token=verifyTokenOfThePlatform&hub.challenge=1",
        "hub.mode=SUBSCRIBE&hub.verify_token=verifyTokenOfThePlatform&hub.challenge=1",
        "hub.mode=&hub.verify_token=verifyTokenOfThePlatform&hub.challenge=1",
        "hub.mode=unsubscribe&hub.verify_token=verifyTokenOfThePlatform&hub.challenge=1",
        right.as_str(),
        "%%%&&&===",
    ] {
        let answer = Answer::of(house.http.get(house.url(&format!("{PATH}?{query}")))).await;
        assert_eq!((answer.status, answer.text.as_str()), (403, "Forbidden"), "{query}");
    }
    // With the right token the challenge comes back as it is, never as a page a browser would run.
    for (challenge, expected) in
        [("%3Cscript%3Ealert(1)%3C/script%3E", "<script>alert(1)</script>"), ("%0D%0Ax:y", "\r\nx:y"), ("1+2", "1 2")]
    {
        let answer = Answer::of(house.http.get(house.url(&format!("{PATH}?{right}&hub.challenge={challenge}")))).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, expected));
        assert!(answer.header("content-type").starts_with("text/plain"), "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.headers.contains_key("x"), "{answer:?}");
    }
    assert_eq!(Answer::of(house.http.get(house.url(&format!("{PATH}?{long}")))).await.text.len(), 50_000);
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_fifty_megabytes_are_refused_readably() {
    let house = House::build().await;
    let before = house.state().await;
    let large = vec![b'x'; 50_000_000];
    for signature in ["", "sha256=00", &sign(b"x")] {
        let request = house.http.post(house.url(PATH)).header("x-hub-signature-256", signature).body(large.clone());
        assert_eq!(Answer::of(request).await.status, 413, "{signature}");
    }
    // Without a declared length.
    let chunks = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    let mut chunked = wire::post(PATH, "transfer-encoding: chunked\r\n", b"");
    (0..50).for_each(|_| chunked.extend_from_slice(chunks.as_bytes()));
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(wire::send_and_wait(house.port, &chunked).await.status, 413);
    assert_eq!(house.state().await, before);
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mad_item_costs_no_other() {
    let house = House::build().await;
    let good = |number: usize| message(&format!("m_good_{number}")).to_string();
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let deep_text = format!(
        r#"{{"sender":{{"id":"9001900290039004"}},"recipient":{{"id":"{PAGE}"}},"timestamp":1,"message":{{"mid":"m_deep","x":{deep}}}}}"#
    );
    let with = |key: &str, value: &str| {
        format!(r#"{{"sender":{{"id":"9001900290039004"}},"recipient":{{"id":"{PAGE}"}},"timestamp":1,"{key}":{value}}}"#)
    };
    let timed = |timestamp: &str, mid: &str| {
        format!(
            r#"{{"sender":{{"id":"9001900290039004"}},"recipient":{{"id":"{PAGE}"}},"timestamp":{timestamp},"message":{{"mid":"{mid}","text":"t"}}}}"#
        )
    };
    let mut mad = vec![
        "17".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "\"x\"".to_owned(),
        deep.clone(),
        deep_text,
        with("message", "null"),
        with("message", "17"),
        with("message", "{}"),
        with("message", r#"{"mid":null,"text":{"a":1}}"#),
        with("message", r#"{"mid":17,"text":17,"is_echo":"yes","app_id":{}}"#),
        with("message", r#"{"mid":"m_nul","text":"a\u0000b\ud800c\udc00"}"#),
        with("message", r#"{"mid":"m_\u0000","text":"x"}"#),
        with("message", &format!(r#"{{"mid":"{}","text":"x"}}"#, "m".repeat(10_000))),
        with("message", &format!(r#"{{"mid":"m_long","text":"{}"}}"#, "x".repeat(1_000_000))),
        with("message", r#"{"mid":"m_echo","is_echo":true,"app_id":1e400,"metadata":{"a":1}}"#),
        with("message", r#"{"mid":"m_echo2","is_echo":true,"app_id":"\u0000","metadata":"baton.x"}"#),
        with("message", r#"{"mid":"m_dup","mid":"m_dup2","text":"a","text":"b"}"#),
        with("read", r#"{"watermark":99999999999999999999999999}"#),
        with("delivery", r#"{"mids":"x","watermark":-1}"#),
        with("reaction", r#"{"mid":[],"action":{}}"#),
        with("postback", r#"{"payload":{"a":1},"title":17}"#),
        with("pass_thread_control", r#"{"new_owner_app_id":1e400,"previous_owner_app_id":{},"metadata":17}"#),
        with("take_thread_control", r#"{"new_owner_app_id":"","metadata":"m"}"#),
        with("app_roles", r#"{"111":17,"\u0000":["primary_receiver"]}"#),
        with("message_edit", r#"{"mid":"m_good_0","num_edit":1e30}"#),
        with("optin", "[]"),
        with("\\u0000", "1"),
        with("", "1"),
    ];
    let times = [
        "0",
        "-1",
        "1e300",
        "-1e300",
        "99999999999999999999",
        "9223372036854775807",
        "-9223372036854775808",
        "253402300800000",
        "null",
        "\"\"",
        "\"x\"",
        "[]",
        "\"99999999999999999999\"",
        "1.5",
        "\"-62135596800001\"",
        "8640000000000001",
    ];
    mad.extend(times.iter().enumerate().map(|(number, time)| timed(time, &format!("m_time_{number}"))));
    for sender in
        ["null", "17", "[]", "{}", r#"{"id":null}"#, r#"{"id":{}}"#, r#"{"id":"\u0000"}"#, r#"{"id":1e400}"#, r#"{"user_ref":"x"}"#]
    {
        mad.push(format!(r#"{{"sender":{sender},"recipient":{{"id":"{PAGE}"}},"timestamp":1,"message":{{"mid":"m_sender","text":"x"}}}}"#));
    }
    for (number, item) in mad.iter().enumerate() {
        let body = format!(
            r#"{{"object":"page","entry":[{{"id":"{PAGE}","time":1458692752478,"messaging":[{},{item},{}]}}]}}"#,
            good(2 * number),
            good(2 * number + 1)
        );
        let answer = house.webhook(body).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "EVENT_RECEIVED"), "{item:.200}");
        let mids = [format!("m_good_{}", 2 * number), format!("m_good_{}", 2 * number + 1)];
        let kept: i64 = sqlx::query_scalar("select count(*) from log where mid = any($1) and kind = 'message'")
            .bind(&mids[..])
            .fetch_one(&house.database.pool)
            .await
            .expect("the log");
        assert_eq!(kept, 2, "the good ones beside {item:.200}");
    }
    // What was kept can be shown: every row of the conversation, in every form a person or an app reads it.
    let login = house.log_in("alice@harbour.example").await;
    for path in [format!("/inbox/{PAGE}/{PERSON}"), "/inbox?view=open".to_owned(), "/inbox?view=bot".to_owned()] {
        assert_eq!(house.look(&login, &path).await.status, 200, "{path}");
    }
    assert_eq!(house.get_as(BOT_TOKEN, &format!("/me/thread_owner?recipient={PERSON}")).await.status, 200);
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mad_envelopes_are_acknowledged_and_set_aside() {
    let house = House::build().await;
    let rows = house.count("log").await;
    let deep = format!("{{\"object\":\"page\",\"entry\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let unknown = json!({"object": "page", "entry": [{"id": "31337", "time": 1, "messaging": [message("m_unknown")]}]}).to_string();
    let crossed = json!({"object": "page", "entry": [{"id": INSTAGRAM, "time": 1, "messaging": [message("m_crossed")]}]}).to_string();
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"17".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"{\"object\":\"page\",\"entry\":[{\"id\":\"\xff\"}]}".to_vec(),
        b"{\"object\":\"page\"}".to_vec(),
        b"{\"object\":\"page\",\"entry\":null}".to_vec(),
        b"{\"object\":\"page\",\"entry\":{}}".to_vec(),
        b"{\"object\":\"page\",\"entry\":[null,17,[],{}]}".to_vec(),
        b"{\"object\":\"page\",\"entry\":[{\"id\":\"100200300\",\"messaging\":{}}]}".to_vec(),
        b"{\"object\":\"page\",\"entry\":[{\"id\":{},\"messaging\":[]}]}".to_vec(),
        b"{\"object\":\"page\",\"entry\":[{\"id\":\"\\u0000\",\"messaging\":[{}]}]}".to_vec(),
        b"{\"object\":[],\"entry\":[]}".to_vec(),
        b"{\"object\":\"page\",\"object\":\"instagram\",\"entry\":[]}".to_vec(),
        deep.into_bytes(),
        unknown.into_bytes(),
        crossed.into_bytes(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
        let answer = house.webhook(body).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "EVENT_RECEIVED"), "{shown}");
    }
    assert_eq!(house.count("log").await, rows, "nothing of it became an event");
    assert_eq!(house.webhook("{\"object\":\"user\",\"entry\":[]}").await.status, 404, "2.3: of another product");
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_events_in_one_webhook_are_taken_in_time() {
    let house = House::build().await;
    let messages = || async {
        let count = sqlx::query_scalar::<_, i64>("select count(*) from log where kind = 'message' and mid like 'm_bulk_%'");
        count.fetch_one(&house.database.pool).await.expect("the log")
    };
    // 2.3: up to 1000 updates a POST. Mixed Pages and people, a tenth of them repeated.
    let items: Vec<Value> = (0..900)
        .map(|number| {
            let mut item = message(&format!("m_bulk_{number}"));
            item["sender"]["id"] = json!(format!("{}", 50_000 + number % 97));
            item
        })
        .collect();
    let again: Vec<Value> = items.iter().take(100).cloned().collect();
    let body = webhook(&[items, again].concat()).to_string();
    let began = Instant::now();
    assert_eq!(house.webhook(body.clone()).await.status, 200);
    assert!(began.elapsed() < Duration::from_secs(5), "2.3: within 5 seconds, not {:?}", began.elapsed());
    assert_eq!(messages().await, 900);
    assert_eq!(house.webhook(body).await.status, 200);
    assert_eq!(messages().await, 900, "repeated, and stored once");
    house.stands().await;
}
