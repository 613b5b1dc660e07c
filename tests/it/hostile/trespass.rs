//! Who may see and do what: an agent of one business tries every way to a conversation of another.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::house::{
    Answer, BOT, BOT_SECRET, BOT_TOKEN, House, INBOX, Login, OTHER, OTHER_TOKEN, PAGE, PERSON, RIVAL, RIVAL_BOT, RIVAL_TOKEN,
    RIVALS_PERSON, RIVALS_SECRET,
};

/// Whatever would betray the rival's conversation.
fn betrays(answer: &Answer) -> bool {
    ["left4711right", "Rival Bakery", "bob@rival.example"].iter().any(|secret| answer.text.contains(secret))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sees_nothing_of_another_page() {
    let house = House::build().await;
    let alice = house.log_in("alice@harbour.example").await;
    let carol = house.log_in("carol@baton.example").await;
    let at = baton::clock::now().millis();
    for view in ["needs", "mine", "bot", "open", "closed", "all", ""] {
        for query in [
            format!("view={view}"),
            format!("view={view}&page={RIVAL}"),
            format!("view={view}&page={RIVAL}&fragment=list"),
            format!("view={view}&page={PAGE}&page={RIVAL}"),
            format!("view={view}&after={at}.{RIVAL}.{RIVALS_PERSON}"),
            format!("view={view}&after=0.0.0"),
        ] {
            let seen = house.look(&alice, &format!("/inbox?{query}")).await;
            assert!(!betrays(&seen), "{query}: {}", seen.text);
            // What was asked for stands in links back to the same list.
            assert!(query.contains(RIVALS_PERSON) || !seen.text.contains(RIVALS_PERSON), "{query}: {}", seen.text);
        }
    }
    // The direct address, whole and in parts: as if it did not exist.
    let absent = house.look(&alice, &format!("/inbox/{RIVAL}/31337")).await;
    for suffix in ["", "?fragment=thread", "?fragment=list", "?before=5", "/", "/send", "/note", "/control"] {
        let seen = house.look(&alice, &format!("/inbox/{RIVAL}/{RIVALS_PERSON}{suffix}")).await;
        assert!(matches!(seen.status, 404 | 405), "{suffix}: {seen:?}");
        assert!(!betrays(&seen), "{suffix}");
    }
    let there = house.look(&alice, &format!("/inbox/{RIVAL}/{RIVALS_PERSON}")).await;
    assert_eq!((there.status, there.text), (absent.status, absent.text), "what exists and what does not look the same");
    // Disguises of the rival's id.
    for page in [
        format!("%34{}", &RIVAL[1..]),
        format!(" {RIVAL}"),
        format!("{RIVAL}%20"),
        format!("{PAGE}%2F..%2F{RIVAL}"),
        format!("{PAGE},{RIVAL}"),
    ] {
        let seen = house.look(&alice, &format!("/inbox/{page}/{RIVALS_PERSON}")).await;
        assert_eq!((seen.status, betrays(&seen)), (404, false), "{page}");
    }
    assert_eq!(house.look(&alice, &format!("/inbox/{PAGE}/{RIVALS_PERSON}")).await.status, 404);
    // An admin sees both: the test can tell.
    assert!(betrays(&house.look(&carol, &format!("/inbox/{RIVAL}/{RIVALS_PERSON}")).await));
    assert!(betrays(&house.look(&carol, "/inbox?view=open").await));
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_does_nothing_on_another_page() {
    let house = House::build().await;
    let alice = house.log_in("alice@harbour.example").await;
    let bob = house.log_in("bob@rival.example").await;
    let before = house.state().await;
    for (path, fields) in [
        ("send", vec![("text", "intruded"), ("key", "12345678"), ("seen", "99999")]),
        ("note", vec![("text", "intruded")]),
        ("control", vec![("action", "take")]),
        ("control", vec![("action", "request")]),
        ("control", vec![("action", "release")]),
        ("control", vec![("action", "close")]),
        ("control", vec![("action", "assign")]),
        ("control", vec![("target", RIVAL_BOT)]),
        ("control", vec![("to", "1")]),
        ("control", vec![("team", "0")]),
        ("control", vec![("team", "1")]),
    ] {
        for page in [RIVAL.to_owned(), format!("%34{}", &RIVAL[1..])] {
            let answer = house.submit(&alice, &format!("/inbox/{page}/{RIVALS_PERSON}/{path}"), &fields).await;
            assert_eq!((answer.status, betrays(&answer)), (404, false), "{path} {fields:?}: {answer:?}");
        }
    }
    assert_eq!(house.state().await, before);
    // On her own Page she cannot hand a conversation to somebody who may not see it, nor to an app that is not there.
    let own = format!("/inbox/{PAGE}/{PERSON}/control");
    assert_eq!(house.submit(&alice, &own, &[("action", "take")]).await.status, 303);
    let before = house.state().await;
    let id = |email: &'static str| {
        sqlx::query_scalar::<_, i64>("select user_id from users where email = $1").bind(email).fetch_one(&house.database.pool)
    };
    let (bob_id, dave_id) =
        (id("bob@rival.example").await.expect("bob").to_string(), id("dave@harbour.example").await.expect("dave").to_string());
    for fields in [
        vec![("to", bob_id.as_str())],
        vec![("action", "assign"), ("to", bob_id.as_str())],
        vec![("to", dave_id.as_str())],
        vec![("to", "99999")],
        vec![("to", "-1")],
        vec![("target", RIVAL_BOT)],
        vec![("target", "999")],
        vec![("target", "413038776280800")],
    ] {
        let answer = house.submit(&alice, &own, &fields).await;
        assert!(matches!(answer.status, 400 | 409), "{fields:?}: {answer:?}");
        assert_eq!(house.state().await, before, "{fields:?}");
    }
    // What was hers a moment ago is not, once the Page is taken from her.
    house.execute("delete from user_pages where user_id = (select user_id from users where email like 'alice%')").await;
    assert_eq!(house.look(&alice, &format!("/inbox/{PAGE}/{PERSON}")).await.status, 404);
    assert_eq!(house.submit(&alice, &own, &[("action", "release")]).await.status, 404);
    assert!(!house.look(&alice, "/inbox?view=mine").await.text.contains(PERSON));
    assert_eq!(house.look(&bob, &format!("/inbox/{RIVAL}/{RIVALS_PERSON}")).await.status, 200);
    house.stands().await;
}

/// Somebody's live stream.
struct Stream {
    socket: TcpStream,
    heard: String,
}

impl Stream {
    /// Opens it, as after a break at the very beginning.
    async fn open(house: &House, login: &Login) -> Self {
        let mut socket = TcpStream::connect(("127.0.0.1", house.port)).await.expect("a connection");
        let request = format!("GET /live HTTP/1.1\r\nhost: x\r\ncookie: {}\r\nlast-event-id: {PAGE}:0,{RIVAL}:0\r\n\r\n", login.cookie);
        socket.write_all(request.as_bytes()).await.expect("sent");
        let mut stream = Self { socket, heard: String::new() };
        stream.until("event: hello").await;
        stream
    }

    /// Reads until it has said this; whether it goes on.
    async fn until(&mut self, said: &str) -> bool {
        let reading = async {
            let mut buffer = [0; 4096];
            while !self.heard.contains(said) {
                match self.socket.read(&mut buffer).await.expect("a stream") {
                    0 => return false,
                    count => self.heard.push_str(&String::from_utf8_lossy(&buffer[..count])),
                }
            }
            true
        };
        tokio::time::timeout(Duration::from_secs(15), reading).await.unwrap_or_else(|_| panic!("it never says {said}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_nothing_of_another_page() {
    let house = House::build().await;
    let alice = house.log_in("alice@harbour.example").await;
    let bob = house.log_in("bob@rival.example").await;
    let now = baton::clock::now().millis();
    let (mut hers, mut his) = (Stream::open(&house, &alice).await, Stream::open(&house, &bob).await);
    for number in 0..20 {
        house.says(RIVAL, RIVALS_PERSON, "again", now + number).await;
        house.says(PAGE, &format!("80{number:02}"), "again", now + number).await;
    }
    // What the rival's customer wrote came before: once the later event is told, the earlier would have been.
    assert!(hers.until(&format!("{PAGE}/8019")).await);
    assert!(his.until(&format!("{RIVAL}/{RIVALS_PERSON}")).await);
    assert!(!hers.heard.contains(RIVAL) && !hers.heard.contains(RIVALS_PERSON), "{}", hers.heard);
    assert!(!his.heard.contains(PAGE), "{}", his.heard);
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_login() {
    let house = House::build().await;
    let alice = house.log_in("alice@harbour.example").await;
    let mut stream = Stream::open(&house, &alice).await;
    assert_eq!(house.submit(&alice, "/logout", &[]).await.status, 303);
    assert!(stream.until("event: over").await, "told within a beat");
    assert!(stream.until("\r\n0\r\n\r\n").await, "and the answer ends");
    assert_eq!(house.look(&alice, "/live").await.status, 401);
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_forgets_a_page_that_was_taken_away() {
    let house = House::build().await;
    let alice = house.log_in("alice@harbour.example").await;
    let mut stream = Stream::open(&house, &alice).await;
    house.execute("delete from user_pages where user_id = (select user_id from users where email like 'alice%')").await;
    // Everything is new to somebody whose Pages have changed.
    assert!(stream.until("\"everything\":true").await);
    house.says(PAGE, "8100810081008100", "after", baton::clock::now().millis()).await;
    assert!(stream.until("event: beat").await);
    assert!(!stream.heard.contains("8100810081008100"), "{}", stream.heard);
    house.stands().await;
}

/// Apps of different businesses share a server, and learn nothing of each other.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_learns_nothing_of_others() {
    let house = House::build().await;
    let app_token = format!("{BOT}%7C{BOT_SECRET}");
    let answers = [
        house.get_as(BOT_TOKEN, "/me").await,
        house.get_as(BOT_TOKEN, "/me?fields=id,name,access_token,secret_sealed,token,apps,tasks,owner").await,
        house.get_as(BOT_TOKEN, "/me/secondary_receivers").await,
        house.get_as(BOT_TOKEN, "/me/secondary_receivers?fields=id,name,secret_sealed,callback_url,verify_token").await,
        house.get_as(BOT_TOKEN, "/me/subscribed_apps").await,
        house.get_as(BOT_TOKEN, &format!("/{OTHER}")).await,
        house.get_as(BOT_TOKEN, &format!("/{INBOX}")).await,
        house.get_as(&app_token, "/app").await,
        house.get_as(&app_token, &format!("/{BOT}/subscriptions")).await,
        house.get_as(&app_token, &format!("/debug_token?input_token={RIVAL_TOKEN}")).await,
        house.get_as(&app_token, &format!("/debug_token?input_token={OTHER_TOKEN}")).await,
        house.get_as(RIVAL_TOKEN, &format!("/debug_token?input_token={BOT_TOKEN}")).await,
        house.get_as(BOT_TOKEN, &format!("/{PERSON}?fields=id,name,psid,conversations,messages,log")).await,
    ];
    for answer in &answers {
        assert!(!betrays(answer) && !answer.text.contains(RIVAL), "{answer:?}");
        for secret in [BOT_SECRET, "appSecret", "sealed", RIVALS_SECRET, "baton_page_", "EAAG"] {
            assert!(!answer.text.contains(secret), "{secret}: {answer:?}");
        }
    }
    let rivals = house.get_as(&app_token, &format!("/debug_token?input_token={RIVAL_TOKEN}")).await;
    let nobodys = house.get_as(&app_token, "/debug_token?input_token=nobodys").await;
    assert_ne!(rivals.json()["data"]["is_valid"], json!(true), "{rivals:?}");
    assert_ne!(nobodys.json()["data"]["is_valid"], json!(true), "{nobodys:?}");
    house.stands().await;
}

/// An app cannot make Baton call what only Baton can reach.
#[tokio::test(flavor = "multi_thread")]
async fn no_callback_reaches_inside() {
    let house = House::build().await;
    let before = house.state().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let token = format!("{BOT}%7C{BOT_SECRET}");
    for url in [
        format!("http://127.0.0.1:{port}/hook"),
        format!("http://localhost:{port}/hook"),
        format!("http://LOCALHOST.:{port}/hook"),
        format!("http://[::1]:{port}/hook"),
        format!("http://[::ffff:127.0.0.1]:{port}/hook"),
        format!("http://[::ffff:7f00:1]:{port}/hook"),
        format!("http://[64:ff9b::7f00:1]:{port}/hook"),
        format!("http://0.0.0.0:{port}/hook"),
        format!("http://[::]:{port}/hook"),
        format!("http://2130706433:{port}/hook"),
        format!("http://0x7f.1:{port}/hook"),
        format!("http://0177.0.0.1:{port}/hook"),
        format!("http://127.1:{port}/hook"),
        format!("http://①②⑦.⓪.⓪.①:{port}/hook"),
        format!("http://user:pass@127.0.0.1:{port}/hook"),
        format!("http://example.com@127.0.0.1:{port}/hook"),
        format!("http://127.0.0.1\\@example.com:{port}/hook"),
        format!("https://127.0.0.1:{port}/hook"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://10.0.0.1/hook".to_owned(),
        "http://192.168.0.1/hook".to_owned(),
        "http://[fd00::1]/hook".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1:5432/_x".to_owned(),
        "ftp://127.0.0.1/x".to_owned(),
        "data:text/plain,x".to_owned(),
        "unix:/tmp/x".to_owned(),
        "//127.0.0.1/x".to_owned(),
        "http://".to_owned(),
        "http:///hook".to_owned(),
        "http://\r\nhost: x".to_owned(),
        format!("http://example.com/{}", "x".repeat(5000)),
    ] {
        let body = json!({"object": "page", "callback_url": url, "verify_token": "v", "fields": "messages"});
        let (status, code, _) = house.post_as(&token, &format!("/{BOT}/subscriptions"), &body).await.refusal();
        assert!(status == 400 && (code == 2200 || code == 100), "{url}: {status} {code}");
    }
    assert_eq!(house.state().await, before);
    let knocked = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(knocked.is_err(), "somebody has called inside");
    house.stands().await;
}
