//! Bodies that no decent client sends, over real sockets: broken encodings, lies about length and kind, sizes beyond reason.

use std::time::{Duration, Instant};

use super::house::{Answer, BOT_TOKEN, House, PERSON, next};
use super::wire::{self, Raw};

fn path() -> String {
    format!("/v25.0/me/messages?access_token={BOT_TOKEN}")
}

/// What is wrong with an answer to a body that cannot be read. Below HTTP itself the server may hang up or say 400 without a word.
fn check(raw: &Raw, http_is_broken: bool) -> Result<(), String> {
    if raw.head.to_lowercase().contains("text/html") || raw.body.contains('<') && raw.body.contains("</") {
        return Err(format!("HTML: {raw:?}"));
    }
    if http_is_broken && (raw.status == 0 || (400..500).contains(&raw.status) && raw.body.is_empty()) {
        return Ok(());
    }
    let error = &raw.json()["error"];
    let whole = error["code"].is_i64() && error["fbtrace_id"].is_string() && error["message"].is_string();
    if (400..500).contains(&raw.status) && whole { Ok(()) } else { Err(format!("not the documented error: {raw:?}")) }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_read_are_refused_in_the_envelope() {
    let house = House::build().await;
    let before = house.state().await;
    let json = "content-type: application/json\r\n";
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let deep_json = format!("{}1{}", "{\"recipient\":".repeat(50_000), "}".repeat(50_000));
    let deep_list = "[".repeat(500_000);
    let deep_value = format!("{{\"recipient\":{}{}}}", "[".repeat(120), "]".repeat(120));
    let deep_text = format!("{{\"recipient\":\"{}\"}}", "{a:".repeat(100_000));
    let brackets = format!("recipient{}=1", "[a]".repeat(50_000));
    let many = "a[]=1&".repeat(20_000);
    let digits = format!("{{\"recipient\":{{\"id\":{}}},\"message\":{{\"text\":\"x\"}}}}", "9".repeat(100_000));
    let exponent = format!("{{\"recipient\":{{\"id\":1e{}}}}}", "9".repeat(1000));
    let gzip: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00";
    let bodies: Vec<(&str, &[u8])> = vec![
        (json, b""),
        (json, b"{"),
        (json, b"}"),
        (json, b"[]"),
        (json, b"null"),
        (json, b"\"x\""),
        (json, b"17"),
        (json, b"{\"recipient\":{\"id\":\"9001900290039004\"},\"message\":{\"text\":\"x\"}"),
        (json, b"{\"recipient\":{\"id\":\"9001900290039004\"},\"message\":{\"text\":\"x\"}}}"),
        (json, b"{'recipient':{'id':'9001900290039004'}}"),
        (json, b"{\"recipient\":NaN}"),
        (json, b"{\"recipient\":Infinity}"),
        (json, b"{\"recipient\":01}"),
        (json, b"{\"a\":\"\x01\"}"),
        (json, b"{\"recipient\":{\"id\":\"\\ud800\"}}"),
        (json, b"{\"recipient\":{\"id\":\"\\u0000\"}}"),
        (json, b"\xef\xbb\xbf{\"a\":1}"),
        (json, b"\xff\xfe{\x00\"\x00a\x00\"\x00:\x001\x00}\x00"),
        (json, b"{\"message\":{\"text\":\"\xe9\"}}"),
        (json, b"{\"message\":{\"text\":\"\xc0\x80\"}}"),
        (json, b"\x00\x00\x00\x00"),
        (json, deep_json.as_bytes()),
        (json, deep_list.as_bytes()),
        (json, deep_value.as_bytes()),
        (json, deep_text.as_bytes()),
        (json, digits.as_bytes()),
        (json, exponent.as_bytes()),
        ("content-type: application/json; charset=utf-16\r\n", b"\xff\xfe{\x00}\x00"),
        ("content-type: text/html\r\n", b"<html><script>alert(1)</script></html>"),
        ("content-type: application/xml\r\n", b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>"),
        ("content-type: ünïcode\r\n", b"x"),
        ("", b"\xff\xfe\xfd"),
        ("", b"recipient"),
        (form, b"recipient={id:9001900290039004&message={text:x}"),
        (form, b"recipient=%7B%22id%22%3A%229001900290039004%22%7D&message=%ZZ%"),
        (form, b"recipient=%FF%FE&message=%C0%80"),
        (form, b"recipient[id]=9001900290039004&recipient=x&message[text]=y"),
        (form, b"recipient[]=9001900290039004&message[text]=y"),
        (form, b"recipient[id][id][id]=9001900290039004&message[text]=y"),
        (form, b"recipient[id=9001900290039004&message]text[=y"),
        (form, b"&&&===&=&"),
        (form, brackets.as_bytes()),
        (form, many.as_bytes()),
        ("content-type: application/json\r\ncontent-encoding: gzip\r\n", gzip),
        ("content-type: application/json\r\ncontent-encoding: br, gzip, nonsense\r\n", b"\x00\x01\x02"),
        ("content-encoding: gzip\r\n", gzip),
    ];
    for (headers, body) in bodies {
        let request = wire::post(&path(), &format!("{headers}content-length: {}\r\n", body.len()), body);
        let began = Instant::now();
        let raw = wire::send_and_wait(house.port, &request).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(100)]).into_owned();
        check(&raw, false).unwrap_or_else(|why| panic!("{headers} {shown}: {why}"));
        assert_eq!(raw.json()["error"]["code"], 100, "{headers} {shown}");
        assert!(began.elapsed() < Duration::from_secs(10), "{headers} {shown} took {:?}", began.elapsed());
        assert_eq!(house.state().await, before, "{headers} {shown}");
    }
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_multipart_is_refused_in_the_envelope() {
    let house = House::build().await;
    let before = house.state().await;
    let form = |boundary: &str| format!("content-type: multipart/form-data; boundary={boundary}\r\n");
    let part = "--b\r\ncontent-disposition: form-data; name=\"recipient\"\r\n\r\n{\"id\":\"9001900290039004\"}\r\n";
    let many = "--b\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\n1\r\n".repeat(500) + "--b--\r\n";
    let wide = format!("--b\r\ncontent-disposition: form-data; name=\"x\"\r\nx-y: {}\r\n\r\n1\r\n--b--\r\n", "z".repeat(200_000));
    let crowd = format!("--b\r\ncontent-disposition: form-data; name=\"x\"\r\n{}\r\n1\r\n--b--\r\n", "x-y: z\r\n".repeat(5_000));
    let long_boundary = "b".repeat(5_000);
    let truncated = format!("{part}--b\r\ncontent-disposition: form-data; name=\"message\"\r\n\r\n{{\"text\"");
    let headless = format!("{part}--b\r\n\r\n{{\"text\":\"x\"}}\r\n--b--\r\n");
    let unended = format!("{part}--b");
    let nested = format!(
        "{part}--b\r\ncontent-disposition: form-data; name=\"message\"\r\ncontent-type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--b--\r\n"
    );
    let binary = b"--b\r\ncontent-disposition: form-data; name=\"recipient\"\r\n\r\n\xff\xfe\x00\r\n--b--\r\n";
    let nameless = b"--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--\r\n";
    let odd_name = b"--b\r\ncontent-disposition: form-data; name=\"rec\xff\x00ipient\"\r\n\r\nx\r\n--b--\r\n";
    let bodies: Vec<(String, &[u8])> = vec![
        ("content-type: multipart/form-data\r\n".to_owned(), part.as_bytes()),
        (form(""), part.as_bytes()),
        (form("\""), part.as_bytes()),
        (form("other"), part.as_bytes()),
        (form(&long_boundary), part.as_bytes()),
        (form("b"), b""),
        (form("b"), b"--b--"),
        (form("b"), b"--b--\r\n"),
        (form("b"), b"nonsense"),
        (form("b"), b"\r\n\r\n\r\n"),
        (form("b"), part.as_bytes()),
        (form("b"), truncated.as_bytes()),
        (form("b"), headless.as_bytes()),
        (form("b"), unended.as_bytes()),
        (form("b"), nested.as_bytes()),
        (form("b"), binary),
        (form("b"), nameless),
        (form("b"), odd_name),
        (form("b"), many.as_bytes()),
        (form("b"), wide.as_bytes()),
        (form("b"), crowd.as_bytes()),
        ("content-type: multipart/byteranges; boundary=b\r\n".to_owned(), part.as_bytes()),
        ("content-type: MULTIPART/FORM-DATA; boundary=b; boundary=c\r\n".to_owned(), truncated.as_bytes()),
    ];
    for (headers, body) in bodies {
        for edge in ["messages", "message_attachments"] {
            let path = format!("/me/{edge}?access_token={BOT_TOKEN}");
            let request = wire::post(&path, &format!("{headers}content-length: {}\r\n", body.len()), body);
            let raw = wire::send_and_wait(house.port, &request).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
            check(&raw, false).unwrap_or_else(|why| panic!("{headers:.100} {shown}: {why}"));
            assert_eq!(house.state().await, before, "{headers:.100} {shown}");
        }
    }
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_about_the_length_break_nothing() {
    let house = House::build().await;
    let before = house.state().await;
    // What it says must never be sent: each of these lies makes the body end where its author did not mean it.
    let body = "{\"recipient\":{\"id\":\"9001900290039004\"},\"message\":{\"text\":\"lie\"}}";
    let json = "content-type: application/json\r\n";
    let requests: Vec<Vec<u8>> = vec![
        wire::post(&path(), &format!("{json}content-length: {}\r\n", body.len() + 10), body.as_bytes()),
        wire::post(&path(), &format!("{json}content-length: {}\r\n", body.len() - 1), body.as_bytes()),
        wire::post(&path(), &format!("{json}content-length: -1\r\n"), body.as_bytes()),
        wire::post(&path(), &format!("{json}content-length: +{}\r\n", body.len()), body.as_bytes()),
        wire::post(&path(), &format!("{json}content-length: 0x10\r\n"), body.as_bytes()),
        wire::post(&path(), &format!("{json}content-length: 99999999999999999999999999\r\n"), body.as_bytes()),
        wire::post(&path(), &format!("{json}content-length: 10\r\ncontent-length: 20\r\n"), body.as_bytes()),
        wire::post(&path(), &format!("{json}content-length: {}\r\ntransfer-encoding: chunked\r\n", body.len()), body.as_bytes()),
        wire::post(&path(), &format!("{json}transfer-encoding: chunked\r\n"), body.as_bytes()),
        wire::post(&path(), &format!("{json}transfer-encoding: chunked\r\n"), b"zz\r\nabc\r\n0\r\n\r\n"),
        wire::post(&path(), &format!("{json}transfer-encoding: chunked\r\n"), b"ffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
        wire::post(&path(), &format!("{json}transfer-encoding: chunked\r\n"), b"5\r\n{\"rec\r\n"),
        wire::post(&path(), &format!("{json}transfer-encoding: chunked\r\n"), b"-1\r\n\r\n0\r\n\r\n"),
        wire::post(&path(), &format!("{json}transfer-encoding: gzip, chunked\r\n"), b"0\r\n\r\n"),
        wire::post(&path(), &format!("{json}transfer-encoding: identity\r\n"), body.as_bytes()),
        wire::post(&path(), &format!("{json}transfer-encoding: xchunked\r\n"), body.as_bytes()),
        wire::post(&path(), json, body.as_bytes()),
        wire::post("/me/\u{e9}?\u{0}", "", b""),
        wire::post("me/messages", "", b""),
        wire::post("*", "", b""),
        wire::post("http://elsewhere.example/me", "", b""),
        wire::post(&format!("/me?{}", "a".repeat(300_000)), "", b""),
        wire::post("/me", &format!("x: {}\r\n", "a".repeat(300_000)), b""),
        wire::post("/me", &"x: y\r\n".repeat(500), b""),
        wire::post("/me", "x y: z\r\n", b""),
        wire::post("/me", "x: a\0b\r\n", b""),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\r\n\r\n\r\n\r\n".to_vec(),
        b"GET /me\r\n\r\n".to_vec(),
        b"get /me http/1.1\r\nhost: x\r\n\r\n".to_vec(),
        b"BREW /me HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        b"CONNECT 169.254.169.254:80 HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
    ];
    for request in requests {
        let raw = wire::send(house.port, &request).await;
        let shown = String::from_utf8_lossy(&request[..request.len().min(300)]).into_owned();
        check(&raw, true).unwrap_or_else(|why| panic!("{shown}: {why}"));
        assert_eq!(house.state().await, before, "{shown}");
    }
    house.stands().await;
    assert!(house.platform.calls("/messages").is_empty(), "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn well_made_bodies_in_every_encoding_are_still_taken() {
    let house = House::build().await;
    let text = || format!("fine {}", next());
    let chunked = |body: &str| {
        let chunks: String =
            body.as_bytes().chunks(7).map(|chunk| format!("{:x};ext=1\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk))).collect();
        format!("{chunks}0\r\nx-trailer: y\r\n\r\n")
    };
    let plain = |headers: &str, body: String| wire::post(&path(), &format!("{headers}content-length: {}\r\n", body.len()), body.as_bytes());
    let json = |text: String| format!("{{\"recipient\":{{\"id\":\"{PERSON}\"}},\"message\":{{\"text\":\"{text}\"}}}}");
    let requests = [
        plain("content-type: application/json\r\n", json(text())),
        plain("content-type: application/json\r\nexpect: 100-continue\r\n", json(text())),
        // A form by its declared type, JSON by its looks: what `curl -d` sends.
        plain("content-type: application/x-www-form-urlencoded\r\n", json(text())),
        plain("content-type: application/x-www-form-urlencoded\r\n", format!("recipient={{'id':'{PERSON}'}}&message={{text:{}}}", text())),
        plain("content-type: application/x-www-form-urlencoded\r\n", format!("recipient[id]={PERSON}&message[text]={}", text())),
        plain(
            "content-type: multipart/form-data; boundary=b\r\n",
            format!(
                "--b\r\ncontent-disposition: form-data; name=\"recipient\"\r\n\r\n{{\"id\":\"{PERSON}\"}}\r\n--b\r\ncontent-disposition: form-data; name=\"message\"\r\n\r\n{{\"text\":\"{}\"}}\r\n--b--\r\n",
                text()
            ),
        ),
        wire::post(&path(), "content-type: application/json\r\ntransfer-encoding: chunked\r\n", chunked(&json(text())).as_bytes()),
        // The text holds what PostgreSQL cannot: it is replaced, and the message goes out.
        plain("content-type: application/json\r\n", json(format!("{} \\u0000 \\ud800", text()))),
    ];
    let count = requests.len();
    for request in requests {
        let raw = wire::send_and_wait(house.port, &request).await;
        assert_eq!(raw.status, 200, "{}: {raw:?}", String::from_utf8_lossy(&request));
    }
    crate::harness::eventually("all are sent", || async { (house.platform.texts(PERSON).len() == count).then_some(()) }).await;
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_fifty_megabytes_are_refused_readably() {
    let house = House::build().await;
    let before = house.state().await;
    let large = vec![b'x'; 50_000_000];
    for content_type in
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain", "image/png"]
    {
        for path in [path(), "/me/message_attachments".to_owned(), "/".to_owned(), "/no/such/thing".to_owned()] {
            let request = house.http.post(house.url(&path)).header("content-type", content_type).body(large.clone());
            // 3.5: 100/2018109, an attachment that is too large.
            let subcode = content_type.starts_with("multipart").then_some(2_018_109);
            assert_eq!(Answer::of(request).await.refusal(), (413, 100, subcode), "{content_type} {path}");
        }
    }
    assert_eq!(house.state().await, before);
    house.stands().await;
}

/// Whoever sends half of something and waits holds a connection, but not for long.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_back_is_not_waited_for() {
    let house = House::build().await;
    let alice = house.log_in("alice@harbour.example").await;
    let half = "content-length: 100\r\n";
    let cookie = format!("cookie: {}\r\n{half}", alice.cookie);
    let requests = [
        Vec::new(),
        b"POST /me/messages HTTP/1.1\r\nhost: x\r\n".to_vec(),
        wire::post("/me/messages", half, b"{"),
        wire::post("/me/messages", "transfer-encoding: chunked\r\n", b"ff\r\n{"),
        wire::post("/me/messages", &format!("content-type: multipart/form-data; boundary=b\r\n{half}"), b"--b\r\n"),
        wire::post("/login", half, b"email="),
        wire::post("/login", "transfer-encoding: chunked\r\n", b"ff\r\ne"),
        wire::post("/inbox/language", &cookie, b"language="),
        wire::post("/platform/webhook", half, b"{"),
        wire::post("/platform/webhook", "transfer-encoding: chunked\r\n", b"ff\r\n{"),
    ];
    let waits = requests.iter().map(|request| wire::hold(house.port, request));
    for (request, (status, took)) in requests.iter().zip(futures_util::future::join_all(waits).await) {
        let shown = String::from_utf8_lossy(request);
        assert_eq!(status, 408, "{shown}");
        assert!(took < Duration::from_secs(18), "{shown}: let go of after {took:?}");
    }
    // What nobody asked for is not waited for at all.
    for path in ["/healthz", "/login", "/live", "/static/x/y"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{{");
        let (status, took) = wire::hold(house.port, request.as_bytes()).await;
        assert!((200..500).contains(&status) && took < Duration::from_secs(5), "{path}: {status} after {took:?}");
    }
    house.stands().await;
}
