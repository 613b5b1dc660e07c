//! Coming and going: cookies, forged forms, guessed passwords, headers, languages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use baton::access::UserId;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;

use crate::web_house::{PASSWORD, WebHouse};

#[tokio::test]
async fn a_login_holds_until_it_is_left_and_then_for_nobody() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    let mut anna = house.stranger();
    let answer = anna.submit("/login", &[("email", " ANNA@example.org "), ("password", PASSWORD)]).await;
    let cookie = answer.headers.get("set-cookie").expect("a cookie").to_str().expect("text").to_owned();
    for part in ["baton=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "a plain address has no secure cookies: {cookie}");
    assert_eq!(anna.get("/inbox").await.status, 200);
    let copy = anna.cookies.clone();
    let left = anna.post("/logout", &[]).await;
    assert_eq!((left.status, left.location.as_deref()), (303, Some("/login")));
    assert!(anna.cookies.is_empty());
    let mut thief = house.stranger();
    thief.cookies = copy;
    let refused = thief.get("/inbox?view=mine").await;
    assert_eq!((refused.status, refused.location.as_deref()), (303, Some("/login?next=%2Finbox%3Fview%3Dmine")));
    assert_eq!(thief.get("/inbox?fragment=list").await.status, 401);
    assert_eq!(thief.get("/live").await.status, 401);
}

#[tokio::test]
async fn an_encrypted_address_gets_a_secure_cookie() {
    let house = WebHouse::with(|settings| settings.public_url = "https://inbox.example".parse().expect("an address")).await;
    house.user("anna@example.org", "Anna Berg", "agent", &[]).await;
    let answer = house.stranger().submit("/login", &[("email", "anna@example.org"), ("password", PASSWORD)]).await;
    let cookie = answer.headers.get("set-cookie").expect("a cookie").to_str().expect("text").to_owned();
    assert!(cookie.starts_with("__Host-baton=") && cookie.contains("Secure"), "{cookie}");
}

#[tokio::test]
async fn who_is_unknown_and_who_is_wrong_hear_the_same() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[]).await;
    let gone = house.user("gone@example.org", "Gone", "agent", &[]).await;
    sqlx::query("update users set disabled_at = now() where user_id = $1")
        .bind(gone)
        .execute(&house.database.pool)
        .await
        .expect("disabled");
    let mut pages = Vec::new();
    for (email, password) in [("anna@example.org", "wrong password"), ("nobody@example.org", PASSWORD), ("gone@example.org", PASSWORD)] {
        let answer = house.stranger().submit("/login", &[("email", email), ("password", password)]).await;
        assert_eq!((answer.status, answer.headers.contains_key("set-cookie")), (422, false), "{email}");
        pages.push(answer.body.replace(email, "?"));
    }
    assert_eq!(pages[0], pages[1]);
    assert_eq!(pages[0], pages[2]);
}

#[tokio::test]
async fn passwords_cannot_be_guessed_for_long() {
    let house = WebHouse::with(|settings| (settings.tries_per_account, settings.tries_per_address) = (3, 5)).await;
    house.user("anna@example.org", "Anna Berg", "agent", &[]).await;
    let mut guesser = house.stranger();
    for _ in 0..3 {
        assert_eq!(guesser.submit("/login", &[("email", "Anna@example.org"), ("password", "guess")]).await.status, 422);
    }
    let limited = guesser.submit("/login", &[("email", "anna@example.org"), ("password", PASSWORD)]).await;
    assert_eq!(limited.status, 429);
    let wait: u64 = limited.headers.get("retry-after").expect("a time").to_str().expect("text").parse().expect("seconds");
    assert!((1..=300).contains(&wait), "a third of a quarter of an hour at most: {wait}");
    assert!(limited.body.contains("Too many attempts"), "{}", limited.body);
    // The address has one try left, whoever it is for; a forwarded address that nobody vouches for does not help.
    assert_eq!(guesser.submit("/login", &[("email", "b@example.org"), ("password", "guess")]).await.status, 422);
    let forwarded =
        guesser.client.post(format!("{}/login", house.base)).header("x-forwarded-for", "203.0.113.9").body("email=c&password=d");
    assert_eq!(guesser.ask(forwarded).await.status, 429);
}

#[tokio::test]
async fn behind_a_proxy_each_customer_of_it_counts_alone() {
    let house = WebHouse::with(|settings| (settings.proxies, settings.tries_per_address) = (1, 1)).await;
    let mut browser = house.stranger();
    for (seen, expected) in [("9.9.9.9, 203.0.113.1", 422), ("8.8.8.8, 203.0.113.1", 429), ("203.0.113.2", 422)] {
        let request = browser.client.post(format!("{}/login", house.base)).header("x-forwarded-for", seen).body("email=x&password=y");
        assert_eq!(browser.ask(request).await.status, expected, "{seen}");
    }
}

#[tokio::test]
async fn forms_from_elsewhere_do_nothing() {
    let house = WebHouse::build().await;
    let anna = house.user("anna@example.org", "Anna Berg", "agent", &[]).await;
    let mut browser = house.browser("anna@example.org").await;
    let csrf = browser.csrf().await;
    let body = |token: &str| format!("csrf={token}&language=de&back=/inbox");
    let attempts: [(&str, &str, &str, u16); 9] = [
        ("", "sec-fetch-site", "same-origin", 403),
        ("0000", "sec-fetch-site", "same-origin", 403),
        (&csrf, "sec-fetch-site", "cross-site", 403),
        (&csrf, "sec-fetch-site", "same-site", 403),
        (&csrf, "origin", "https://evil.example", 403),
        (&csrf, "origin", "null", 403),
        (&csrf, "origin", "http://localhost:1", 303),
        (&csrf, "origin", &house.base, 303),
        (&csrf, "sec-fetch-site", "same-origin", 303),
    ];
    for (token, header, value, expected) in attempts {
        sqlx::query("update users set language = null").execute(&house.database.pool).await.expect("reset");
        let request = browser.client.post(format!("{}/inbox/language", house.base)).header(header, value).body(body(token));
        assert_eq!(browser.ask(request).await.status, expected, "{token} {header} {value}");
        let language: Option<String> = sqlx::query_scalar("select language from users where user_id = $1")
            .bind(anna)
            .fetch_one(&house.database.pool)
            .await
            .expect("a user");
        assert_eq!(language.is_some(), expected == 303, "{token} {header} {value}");
    }
    // Nor does a login that another site starts.
    let login = browser.client.post(format!("{}/login", house.base)).header("origin", "https://evil.example").body("email=x&password=y");
    assert_eq!(browser.ask(login).await.status, 403);
}

#[tokio::test]
async fn cookies_that_we_did_not_sign_are_nothing() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[]).await;
    let browser = house.browser("anna@example.org").await;
    let session: String = sqlx::query_scalar("select session_id from sessions").fetch_one(&house.database.pool).await.expect("a session");
    let claims = |exp: i64, aud: &str, iss: &str| json!({"iss": iss, "aud": aud, "exp": exp, "jti": session}).to_string();
    let (soon, past) = (baton::clock::now().seconds() + 600, baton::clock::now().seconds() - 10);
    let good = claims(soon, "baton-inbox", "baton");
    let key: &[u8] = &[7; 32];
    for (what, token, works) in [
        ("made by hand the same way", signed("HS256", key, &good), true),
        ("another key", signed("HS256", &[8; 32], &good), false),
        ("no signature", format!("{}.{}.", encode(r#"{"alg":"none","typ":"JWT"}"#), encode(&good)), false),
        ("another algorithm", signed("HS512", key, &good), false),
        ("over", signed("HS256", key, &claims(past, "baton-inbox", "baton")), false),
        ("for somebody else", signed("HS256", key, &claims(soon, "graph", "baton")), false),
        ("by somebody else", signed("HS256", key, &claims(soon, "baton-inbox", "other")), false),
    ] {
        let mut other = house.stranger();
        other.cookies.insert("baton".into(), token);
        assert_eq!(other.get("/inbox").await.status == 200, works, "{what}");
    }
    assert!(browser.cookies.contains_key("baton"));
}

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token as RFC 7515 puts it together.
fn signed(algorithm: &str, key: &[u8], claims: &str) -> String {
    let text = format!("{}.{}", encode(&format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#)), encode(claims));
    let signature = if algorithm == "HS512" {
        let mut mac = Hmac::<sha2::Sha512>::new_from_slice(key).expect("any key");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    } else {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("any key");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn a_password_that_was_changed_while_it_was_checked_opens_nothing() {
    let house = WebHouse::build().await;
    let anna = UserId(house.user("anna@example.org", "Anna Berg", "agent", &[]).await);
    let store = &house.database.store;
    let before = store.credentials("anna@example.org").await.expect("the store").expect("Anna").password_hash;
    let opens = async |id: &str, hash: &str| store.open_session(id, anna, hash, "csrf", 60).await.expect("the store");
    assert!(opens("checked", &before).await);
    store.set_password("anna@example.org", "another-hash").await.expect("set");
    assert!(!opens("too-late", &before).await);
    assert!(opens("new", "another-hash").await);
    store.switch_user("anna@example.org", true).await.expect("switched off");
    assert!(!opens("disabled", "another-hash").await);
}

#[tokio::test]
async fn who_is_disabled_is_out_at_once() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[]).await;
    let mut browser = house.browser("anna@example.org").await;
    sqlx::query("update users set disabled_at = now()").execute(&house.database.pool).await.expect("disabled");
    assert_eq!(browser.get("/inbox").await.status, 303);
}

#[tokio::test]
async fn every_page_is_fenced_in() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[]).await;
    let mut browser = house.browser("anna@example.org").await;
    for (path, status) in [
        ("/login", 303),
        ("/inbox", 200),
        ("/inbox/nothing", 404),
        ("/inbox/1/2", 404),
        ("/inbox?fragment=list", 200),
        ("/inbox?before=x", 400),
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default();
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{part} for {path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "same-origin");
        assert_eq!(answer.count("style, [style], script:not([src])"), 0, "nothing inline on {path}");
        if status == 404 {
            assert!(answer.body.contains("There is nothing here") && answer.body.contains(r#"href="/inbox""#), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn assets_are_named_by_their_content_and_kept_for_good() {
    let house = WebHouse::build().await;
    let page = house.stranger().get("/login").await;
    let href = page.attribute("link[rel=stylesheet]", "href").expect("a style");
    let style = house.stranger().get(&href).await;
    assert_eq!(style.headers.get("cache-control").expect("a policy"), "public, max-age=31536000, immutable");
    assert_eq!(style.headers.get("content-type").expect("a type"), "text/css");
    let old = house.stranger().get("/static/0/baton.css").await;
    assert_eq!(old.status, 200);
    assert_eq!(old.headers.get("cache-control").expect("a policy"), "no-cache");
    for missing in ["/static/0/../Cargo.toml", "/static/0/..%2fCargo.toml", "/static/0/none.css"] {
        assert_eq!(house.stranger().get(missing).await.status, 404, "{missing}");
    }
}

#[tokio::test]
async fn pages_speak_the_readers_language() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[]).await;
    let mut german = house.stranger();
    german.language = "de-DE,de;q=0.9,en;q=0.5";
    assert!(german.get("/login").await.body.contains("Anmelden"));
    german.submit("/login", &[("email", "anna@example.org"), ("password", PASSWORD)]).await;
    let page = german.get("/inbox").await;
    assert_eq!(page.attribute("html", "lang").as_deref(), Some("de"));
    assert!(page.text("#views").contains("Braucht Menschen"), "{}", page.body);
    let chosen = german.post("/inbox/language", &[("language", "en"), ("back", "/inbox?view=mine")]).await;
    assert_eq!((chosen.status, chosen.location.as_deref()), (303, Some("/inbox?view=mine")));
    assert!(german.get("/inbox").await.text("#views").contains("Needs a person"));
    // It is kept with the account, not only in this browser.
    let mut other = house.browser("anna@example.org").await;
    other.language = "de";
    assert!(other.get("/inbox").await.text("#views").contains("Needs a person"));
}
