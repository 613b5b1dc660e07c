//! Logging in, as those try it who may not: guessing, forging, fixing, redirecting.

use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

use super::house::{Answer, House, Login, PASSWORD, SESSION_KEY, encoded, header_value};
use super::pages::{NASTY, check_page};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_the_password() {
    let house = House::build().await;
    let before = house.state().await;
    // Few tries an account are allowed, so each nasty text is an account of its own. No address may be cut off before the end.
    let long = "x".repeat(10_000);
    let nasty = NASTY.iter().copied().chain([long.as_str(), ""]);
    for text in nasty {
        for (email, password) in [(text, PASSWORD), ("alice@harbour.example", text)] {
            let form = [("email", email), ("password", password), ("next", text)];
            let answer = Answer::of(house.http.post(house.url("/login")).body(encoded(&form))).await;
            check_page(&answer, text);
            assert!(matches!(answer.status, 422 | 429), "{text:.50}: {answer:?}");
            assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
        }
    }
    assert_eq!(house.state().await, before);
    house.stands().await;
}

/// A try to log in, from somewhere that has not tried before.
async fn try_to_log_in(house: &House, email: &str, password: &str) -> Answer {
    Answer::of(house.http.post(house.url("/login")).body(encoded(&[("email", email), ("password", password)]))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_exists_looks_like_one_that_does_not() {
    let house = House::build().await;
    let known = try_to_log_in(&house, "alice@harbour.example", "wrong").await;
    let disabled = try_to_log_in(&house, "dave@harbour.example", PASSWORD).await;
    let unknown = try_to_log_in(&house, "nobody@harbour.example", "wrong").await;
    let shape = |answer: &Answer, email: &str| (answer.status, answer.text.replace(email, ""), answer.headers.len());
    assert_eq!(shape(&known, "alice@harbour.example"), shape(&unknown, "nobody@harbour.example"));
    assert_eq!(shape(&disabled, "dave@harbour.example"), shape(&unknown, "nobody@harbour.example"), "also with the right password");
    // The same work is done: medians over a few tries each differ by less than a hash takes.
    let mut times: [Vec<Duration>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..7 {
        for (index, email) in ["bob@rival.example", "nobody@rival.example"].iter().enumerate() {
            let began = Instant::now();
            try_to_log_in(&house, email, "wrong").await;
            times[index].push(began.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[3]
    });
    assert!(known < unknown * 4 && unknown < known * 4, "{known:?} for a known account, {unknown:?} for an unknown one");
    // Too many tries are cut off alike, too.
    let mut statuses = [0, 0];
    for (index, email) in ["carol@baton.example", "noone@baton.example"].iter().enumerate() {
        for _ in 0..11 {
            statuses[index] = try_to_log_in(&house, email, "wrong").await.status;
        }
    }
    assert_eq!(statuses, [429, 429]);
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_cookie_of_ours_that_still_holds_is_a_login() {
    let house = House::build().await;
    let alice = house.log_in("alice@harbour.example").await;
    assert_eq!(house.look(&alice, "/inbox").await.status, 200);
    let token = alice.cookie.split_once('=').expect("a cookie").1.to_owned();
    let [_, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("no JWT: {token}") };
    let session = session_of(&house).await;
    let now = baton::clock::now().seconds();
    let good = || json!({"iss": "baton", "aud": "baton-inbox", "exp": now + 3600, "jti": session});
    let with = |key: &str, value: serde_json::Value| {
        let mut claims = good();
        claims[key] = value;
        claims
    };
    let sign = |claims: &serde_json::Value, algorithm, key: &[u8]| {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key)).expect("a token")
    };
    // The key of the test is the server's: what is made as the server makes it is taken, so that each refusal below has one cause.
    let right = sign(&good(), Algorithm::HS256, &SESSION_KEY);
    let cookie = |token: &str| Login { cookie: format!("baton={token}"), csrf: alice.csrf.clone() };
    assert_eq!(house.look(&cookie(&right), "/inbox").await.status, 200);
    // printf '{"alg":"none","typ":"JWT"}' | base64
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.");
    let none_signed = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.{signature}");
    let without = |key: &str| {
        let mut claims = good();
        claims.as_object_mut().expect("claims").remove(key);
        sign(&claims, Algorithm::HS256, &SESSION_KEY)
    };
    let wrong = [
        none,
        none_signed,
        sign(&good(), Algorithm::HS256, b"another key of thirty-two bytes!"),
        sign(&good(), Algorithm::HS256, b""),
        sign(&good(), Algorithm::HS384, &SESSION_KEY),
        sign(&good(), Algorithm::HS512, &SESSION_KEY),
        sign(&with("exp", json!(now - 1)), Algorithm::HS256, &SESSION_KEY),
        sign(&with("exp", json!(-1)), Algorithm::HS256, &SESSION_KEY),
        sign(&with("exp", json!("soon")), Algorithm::HS256, &SESSION_KEY),
        sign(&with("iss", json!("elsewhere")), Algorithm::HS256, &SESSION_KEY),
        sign(&with("aud", json!("elsewhere")), Algorithm::HS256, &SESSION_KEY),
        sign(&with("jti", json!("no such login")), Algorithm::HS256, &SESSION_KEY),
        sign(&with("jti", json!("")), Algorithm::HS256, &SESSION_KEY),
        sign(&with("jti", json!(null)), Algorithm::HS256, &SESSION_KEY),
        sign(&with("jti", json!("' or 1=1 --")), Algorithm::HS256, &SESSION_KEY),
        without("exp"),
        without("iss"),
        without("aud"),
        without("jti"),
        format!("{}x", &token[..token.len() - 2]),
        token.replace('.', ""),
        String::new(),
        "..".to_owned(),
        "%00".to_owned(),
        "x".repeat(50_000),
    ];
    for token in &wrong {
        let answer = house.look(&cookie(token), "/inbox").await;
        assert_eq!((answer.status, answer.header("location")), (303, "/login?next=%2Finbox"), "{token:.100}");
        assert_eq!(house.look(&cookie(token), "/live").await.status, 401, "{token:.100}");
    }
    for cookie in [
        &b"baton=\xff\xfe"[..],
        b"=",
        b";;;",
        b"baton",
        "baton=ü".as_bytes(),
        b"baton=a; baton=b; baton_language=xx; baton_zone=../../etc/passwd",
    ] {
        let answer = Answer::of(house.http.get(house.url("/inbox")).header("cookie", header_value(cookie))).await;
        assert_eq!(answer.status, 303, "{:?}", String::from_utf8_lossy(cookie));
    }
    // Leaving ends the login for whoever holds a copy of the cookie; so does the database.
    assert_eq!(house.submit(&alice, "/logout", &[]).await.status, 303);
    assert_eq!(house.look(&alice, "/inbox").await.status, 303);
    let again = house.log_in("alice@harbour.example").await;
    house.execute("update sessions set expires_at = now() - interval '1 second' where revoked_at is null").await;
    assert_eq!(house.look(&again, "/inbox").await.status, 303, "the row decides, whatever the cookie says");
    let again = house.log_in("alice@harbour.example").await;
    house.execute("update users set disabled_at = now() where email like 'alice%'").await;
    assert_eq!(house.look(&again, "/inbox").await.status, 303);
    house.stands().await;
}

async fn session_of(house: &House) -> String {
    sqlx::query_scalar("select session_id from sessions where revoked_at is null").fetch_one(&house.database.pool).await.expect("a login")
}

/// A login that somebody else prepared is not the one that a person gets, and the old one ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_always_a_new_one() {
    let house = House::build().await;
    let first = house.log_in("alice@harbour.example").await;
    let form = [("email", "alice@harbour.example"), ("password", PASSWORD)];
    let answer = Answer::of(house.http.post(house.url("/login")).header("cookie", &first.cookie).body(encoded(&form))).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("baton=") && !cookie.starts_with(&first.cookie), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert_eq!(house.look(&first, "/inbox").await.status, 303, "the old login is over");
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_leads_nowhere_else() {
    let house = House::build().await;
    let links = scraper::Selector::parse("[href], [action]").expect("a selector");
    let emails = ["carol@baton.example", "alice@harbour.example", "bob@rival.example"];
    for (index, next) in [
        "//evil.example",
        "///evil.example",
        "https://evil.example/inbox",
        "/\\evil.example",
        "\\\\evil.example",
        "/inbox\\..\\..\\evil",
        "/inbox/../../evil",
        "/inbox@evil.example",
        "/inbox.evil.example",
        "javascript:alert(1)",
        "/inbox\r\nlocation: https://evil.example",
        "/inbox\0",
        " /inbox",
        "/logout",
    ]
    .into_iter()
    .enumerate()
    {
        // One account may not try so often.
        let form = [("email", emails[index % emails.len()]), ("password", PASSWORD), ("next", next)];
        let answer = Answer::of(house.http.post(house.url("/login")).body(encoded(&form))).await;
        let target = url::Url::parse(&house.base).expect("a URL").join(answer.header("location")).expect("a URL");
        assert_eq!((answer.status, target.origin().ascii_serialization()), (303, house.base.clone()), "{next:?}");
        let page = Answer::of(house.http.get(house.url(&format!("/login?{}", encoded(&[("next", next)]))))).await;
        let document = scraper::Html::parse_document(&page.text);
        for link in document.select(&links) {
            let link = link.attr("href").or(link.attr("action")).expect("an address");
            assert_eq!(
                url::Url::parse(&house.base).expect("a URL").join(link).expect("a URL").host_str(),
                Some("127.0.0.1"),
                "{next:?}: {link}"
            );
        }
    }
    house.stands().await;
}
