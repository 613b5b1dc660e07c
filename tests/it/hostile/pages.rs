//! The pages for people, as strangers use them: logins, cookies, forms, addresses, the live stream.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::house::{Answer, House, PAGE, PASSWORD, PERSON, RIVAL, encoded};
use super::wire;

/// Texts that break something where they are pasted without care: SQL, HTML, headers, paths, formats, encodings.
pub const NASTY: [&str; 18] = [
    "'",
    "\"",
    "' or '1'='1",
    "'; drop table users; --",
    "\\",
    "%",
    "_",
    "\0",
    "a\0b",
    "\r\nSet-Cookie: x=y",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "{{7*7}}",
    "${7*7}",
    "../../../../etc/passwd",
    "\u{202e}\u{fffd}\u{ffff}😀",
    "9223372036854775808",
    "-9223372036854775808",
];

/// A page for people is never a defect, carries the headers that protect it, and shows nothing of the inside.
pub fn check_page(answer: &Answer, what: &str) {
    assert!(answer.status < 500, "{what}: {answer:?}");
    assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{what}: {answer:?}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    for inside in ["sqlx", "panicked", "PgDatabaseError", "src/", "backtrace", "SELECT", "select "] {
        assert!(
            !answer.text.contains(inside) || inside == "select " && answer.text.contains("<select "),
            "{what} shows {inside}: {}",
            answer.text
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_from_elsewhere_do_nothing() {
    let house = House::build().await;
    let alice = house.log_in("alice@harbour.example").await;
    let bob = house.log_in("bob@rival.example").await;
    let before = house.state().await;
    let paths = [
        format!("/inbox/{PAGE}/{PERSON}/send"),
        format!("/inbox/{PAGE}/{PERSON}/note"),
        format!("/inbox/{PAGE}/{PERSON}/control"),
        "/inbox/language".to_owned(),
        "/logout".to_owned(),
    ];
    let short = &alice.csrf[..alice.csrf.len() - 1];
    let upper = alice.csrf.to_uppercase();
    for path in &paths {
        for csrf in [None, Some(""), Some("x"), Some("\0"), Some(short), Some(&upper), Some(&bob.csrf), Some("undefined")] {
            let mut form = vec![("text", "forged"), ("action", "take"), ("language", "de"), ("key", "12345678")];
            form.extend(csrf.map(|csrf| ("csrf", csrf)));
            let request =
                house.http.post(house.url(path)).header("cookie", &alice.cookie).header("origin", &house.base).body(encoded(&form));
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, 403, "{path} {csrf:?}: {answer:?}");
            check_page(&answer, path);
        }
        // The right token, but the browser says who sent it.
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1"),
            ("origin", "http://127.0.0.1:1"),
            ("origin", ""),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "nonsense"),
        ] {
            let form = [("csrf", alice.csrf.as_str()), ("text", "forged"), ("action", "take"), ("language", "de")];
            let request = house.http.post(house.url(path)).header("cookie", &alice.cookie).header(name, value).body(encoded(&form));
            assert_eq!(Answer::of(request).await.status, 403, "{path} {name}: {value}");
        }
        // The token anywhere but in the form.
        let request =
            house.http.post(house.url(&format!("{path}?csrf={}", alice.csrf))).header("cookie", &alice.cookie).header("csrf", &alice.csrf);
        assert_eq!(Answer::of(request.body("text=forged")).await.status, 403, "{path}");
        // A link is no form.
        let got = house.look(&alice, &format!("{path}?csrf={}&text=forged&action=take&language=de", alice.csrf)).await;
        assert!(matches!(got.status, 303 | 404 | 405), "{path}: {got:?}");
        let stranger = Answer::of(house.http.post(house.url(path)).body(encoded(&[("csrf", alice.csrf.as_str())]))).await;
        assert_eq!(stranger.status, 401, "{path}: without a cookie");
    }
    assert_eq!(house.state().await, before);
    // Somebody else's page cannot log a person in as somebody else either.
    let form = [("email", "bob@rival.example"), ("password", PASSWORD)];
    let request = house.http.post(house.url("/login")).header("origin", "https://evil.example").body(encoded(&form));
    let answer = Answer::of(request).await;
    assert_eq!((answer.status, answer.headers.contains_key("set-cookie")), (403, false));
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nasty_fields_and_addresses_are_refused_or_harmless() {
    let house = House::build().await;
    let alice = house.log_in("alice@harbour.example").await;
    let conversation = format!("/inbox/{PAGE}/{PERSON}");
    let take = house.submit(&alice, &format!("{conversation}/control"), &[("action", "take")]).await;
    assert_eq!(take.status, 303, "{take:?}");
    let long = "x".repeat(20_000);
    for text in NASTY.iter().copied().chain([long.as_str(), ""]) {
        for (path, fields) in [
            ("/send", [("text", text), ("key", "12345678"), ("seen", "1")]),
            ("/send", [("text", "fine"), ("key", text), ("seen", "99999")]),
            ("/send", [("text", "fine"), ("key", "87654321"), ("seen", text)]),
            ("/send", [("text", "fine"), ("view", text), ("seen", "99999")]),
            ("/note", [("text", text), ("view", "mine"), ("x", "y")]),
            ("/control", [("action", text), ("to", ""), ("target", "")]),
            ("/control", [("action", "assign"), ("to", text), ("target", "")]),
            ("/control", [("action", ""), ("to", ""), ("target", text)]),
            ("/control", [("action", ""), ("to", ""), ("team", text)]),
            ("/control", [("action", "request"), ("note", text), ("view", text)]),
        ] {
            let answer = house.submit(&alice, &format!("{conversation}{path}"), &fields).await;
            let what = format!("{path} {:.60}", format!("{fields:?}"));
            check_page(&answer, &what);
            assert!(answer.status < 500, "{what}");
            assert!(answer.status != 303 || answer.header("location").starts_with("/inbox"), "{what}: {answer:?}");
        }
        for fields in [
            [("list", text), ("name", "x"), ("whose", "me"), ("back", "")],
            [("list", "view=open"), ("name", text), ("whose", "me"), ("back", text)],
            [("list", "view=open"), ("name", "x"), ("whose", text), ("back", text)],
        ] {
            let saved = house.submit(&alice, "/settings/views", &fields).await;
            check_page(&saved, text);
            assert!(saved.status != 303 || saved.header("location") == "/inbox", "{text:.60}: {saved:?}");
        }
        let language = house.submit(&alice, "/inbox/language", &[("language", text), ("back", text)]).await;
        check_page(&language, text);
        let language = house.submit(&alice, "/inbox/language", &[("language", "en"), ("back", text)]).await;
        assert_eq!((language.status, language.header("location")), (303, "/inbox"), "{text:.60}");
        // In the address.
        let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
        for path in [
            format!("/inbox?view={encoded}"),
            format!("/inbox?page={encoded}"),
            format!("/inbox?after={encoded}"),
            format!("/inbox?before={encoded}"),
            format!("/inbox?fragment={encoded}"),
            format!("/inbox?{encoded}={encoded}"),
            format!("/inbox/{encoded}/{PERSON}"),
            format!("/inbox/{PAGE}/{encoded}"),
            format!("{conversation}?before={encoded}&fragment=thread"),
            format!("{conversation}/{encoded}"),
            format!("/login?next={encoded}"),
            format!("/static/{encoded}/inbox.js"),
            format!("/static/x/{encoded}"),
        ] {
            let answer = house.look(&alice, &path).await;
            assert!(answer.status < 500, "{path:.100}: {answer:?}");
            assert!(!answer.text.contains("<script>alert") && !answer.text.contains("<img src=x"), "{path:.100}");
            assert!(!answer.text.contains("root:"), "{path:.100}");
        }
    }
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn places_and_positions_beyond_reason_are_harmless() {
    let house = House::build().await;
    let alice = house.log_in("alice@harbour.example").await;
    let times = [
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "253402300799999",
        "253402300800000",
        "-62135596800001",
        "-300000000000000",
        "-210866803200001",
        "9224318015999999",
        "1e3",
        "",
        "x",
    ];
    for time in times {
        for view in ["needs", "mine", "bot", "open", "closed"] {
            for place in [format!("{time}.{PAGE}.{PERSON}"), format!("{time}.{RIVAL}.x"), format!("{time}..")] {
                let answer = house.look(&alice, &format!("/inbox?view={view}&after={place}")).await;
                assert_eq!(answer.status, 200, "{view} after {place}: {}", answer.text);
            }
        }
        for fragment in ["", "&fragment=thread", "&fragment=list"] {
            let answer = house.look(&alice, &format!("/inbox/{PAGE}/{PERSON}?before={time}{fragment}")).await;
            assert!(matches!(answer.status, 200 | 400), "before {time}: {answer:?}");
        }
    }
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_assets_is_served_as_assets() {
    let house = House::build().await;
    for path in [
        "/static/x/../Cargo.toml",
        "/static/x/..%2fCargo.toml",
        "/static/x/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/static/..%2f..%2fetc/passwd",
        "/static/x/%2e%2e%2fCargo.toml",
        "/static/x/%252e%252e%252fCargo.toml",
        "/static/x/..\\..\\Cargo.toml",
        "/static/x/..%5c..%5cCargo.toml",
        "/static/x/%2fetc%2fpasswd",
        "/static/x//etc/passwd",
        "/static/x/C:%5cwindows%5cwin.ini",
        "/static/x/%00",
        "/static/x/.gitkeep%00.js",
        "/static/x/%FF%FE",
        "/static/x/",
        "/static/x",
        "/static/",
        "/static/a/b/c",
    ] {
        // By hand: a client would tidy the address up.
        let raw = wire::send(house.port, format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await;
        assert!((400..500).contains(&raw.status), "{path}: {raw:?}");
        for secret in ["root:", "[package]", "[workspace]"] {
            assert!(!raw.body.contains(secret), "{path}: {raw:?}");
        }
    }
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_are_too_large_or_no_forms_are_refused() {
    let house = House::build().await;
    let alice = house.log_in("alice@harbour.example").await;
    let before = house.state().await;
    let large = vec![b'x'; 50_000_000];
    let deep = format!("csrf={}&text={}", alice.csrf, "[".repeat(50_000));
    for path in ["/login".to_owned(), "/logout".to_owned(), format!("/inbox/{PAGE}/{PERSON}/send"), "/inbox/language".to_owned()] {
        let post = || house.http.post(house.url(&path)).header("cookie", &alice.cookie).header("origin", &house.base);
        let answer = Answer::of(post().body(large.clone())).await;
        assert_eq!(answer.status, 413, "{path}: {answer:?}");
        check_page(&answer, &path);
        for (content_type, body) in [
            ("application/json", b"{\"csrf\":\"x\",\"text\":\"y\"}".to_vec()),
            ("multipart/form-data; boundary=b", b"--b\r\n".to_vec()),
            ("application/x-www-form-urlencoded", b"\xff\xfe%FF%00=%&;;&=".to_vec()),
            ("application/x-www-form-urlencoded", "a=b&".repeat(15_000).into_bytes()),
        ] {
            let answer = Answer::of(post().header("content-type", content_type).body(body)).await;
            assert!((400..500).contains(&answer.status), "{path} {content_type}: {answer:?}");
        }
    }
    let answer = Answer::of(house.http.post(house.url("/inbox/language")).header("cookie", &alice.cookie).body(deep)).await;
    assert_eq!(answer.status, 400, "a language that is none: {answer:?}");
    assert_eq!(house.state().await, before);
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_takes_any_last_id() {
    let house = House::build().await;
    let alice = house.log_in("alice@harbour.example").await;
    let long = format!("{PAGE}:1,").repeat(10_000);
    let ids = [
        b"".to_vec(),
        b"x".to_vec(),
        b":".to_vec(),
        b",,,:::".to_vec(),
        format!("{PAGE}:-1").into_bytes(),
        format!("{PAGE}:0").into_bytes(),
        format!("{PAGE}:9223372036854775807").into_bytes(),
        format!("{PAGE}:9223372036854775808").into_bytes(),
        format!("{RIVAL}:0").into_bytes(),
        b"%00:1".to_vec(),
        b"\xff\xfe:1".to_vec(),
        b"'; drop table log; --:1".to_vec(),
        long.into_bytes(),
    ];
    for id in ids {
        let shown = String::from_utf8_lossy(&id[..id.len().min(60)]).into_owned();
        let mut stream = TcpStream::connect(("127.0.0.1", house.port)).await.expect("a connection");
        let mut request = format!("GET /live HTTP/1.1\r\nhost: x\r\ncookie: {}\r\nlast-event-id: ", alice.cookie).into_bytes();
        request.extend_from_slice(&id);
        request.extend_from_slice(b"\r\n\r\n");
        stream.write_all(&request).await.expect("sent");
        let mut heard = Vec::new();
        let first = async {
            while !String::from_utf8_lossy(&heard).contains("data: ") {
                assert_ne!(stream.read_buf(&mut heard).await.expect("a stream"), 0, "it ended: {}", String::from_utf8_lossy(&heard));
            }
        };
        tokio::time::timeout(Duration::from_secs(10), first).await.unwrap_or_else(|_| panic!("no event after {shown}"));
        let heard = String::from_utf8_lossy(&heard);
        assert!(heard.starts_with("HTTP/1.1 200"), "{shown}: {heard}");
        assert!(!heard.contains(RIVAL), "{shown}: {heard}");
    }
    house.stands().await;
}
