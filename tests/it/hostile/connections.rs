//! What may be done to a connection rather than in a request: held, flooded, upgraded, pipelined, spoken to in old dialects. At every door.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::house::{BOT_TOKEN, House, PERSON};
use super::wire;

/// Every door: method and address.
const DOORS: [(&str, &str); 14] = [
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/platform/webhook"),
    ("POST", "/platform/webhook"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("POST", "/logout"),
    ("GET", "/inbox"),
    ("POST", "/inbox/language"),
    ("GET", "/live"),
    ("GET", "/static/x/y"),
    ("GET", "/me"),
    ("POST", "/v25.0/me/messages"),
];

/// How long a connection may be held with nothing happening on it: the minute and a quarter that it may rest, which must be longer than balancers
/// let theirs rest, the twenty seconds that Baton waits, and time to notice.
const HELD_AT_MOST: Duration = Duration::from_secs(115);

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.expect("a connection")
}

/// Whoever has asked once may not hold a connection with half of another question.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_request_that_never_ends_is_not_waited_for() {
    let house = House::build().await;
    let port = house.port;
    let held = DOORS.map(|(method, path)| async move {
        let mut stream = connect(port).await;
        let half = format!("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n{method} {path} HTTP/1.1\r\nhost: ");
        stream.write_all(half.as_bytes()).await.expect("sent");
        let began = Instant::now();
        let mut answers = Vec::new();
        // The rest of the head, a byte a second.
        let drip = async {
            let mut answered = [0; 4096];
            loop {
                tokio::select! {
                    read = stream.read(&mut answered) => match read {
                        Ok(count @ 1..) => answers.extend_from_slice(&answered[..count]),
                        _ => return,
                    },
                    () = tokio::time::sleep(Duration::from_secs(1)) => if stream.write_all(b"x").await.is_err() { return },
                }
            }
        };
        let ended = tokio::time::timeout(HELD_AT_MOST, drip).await;
        assert!(ended.is_ok(), "{method} {path}: still held after {:?}", began.elapsed());
        assert!(answers.starts_with(b"HTTP/1.1 200"), "{method} {path}: the first was answered: {}", String::from_utf8_lossy(&answers));
    });
    futures_util::future::join_all(held).await;
    house.stands().await;
}

/// Balancers keep a connection for a minute: they must not meet one that is being ended with their next request on the way.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_may_rest_between_two_requests() {
    let house = House::build().await;
    let mut stream = connect(house.port).await;
    let mut answer = [0; 4096];
    for rest in [Duration::from_secs(62), Duration::ZERO] {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        let count = stream.read(&mut answer).await.expect("an answer");
        assert!(answer[..count].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..count]));
        let ended = tokio::time::timeout(rest, stream.read(&mut answer)).await;
        assert!(ended.is_err(), "ended while it rested: {ended:?}");
    }
    house.stands().await;
}

/// Whoever asks and asks, and never reads what is answered, is let go of.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_are_not_kept() {
    let house = House::build().await;
    let port = house.port;
    // What has hardly a body would take its time to fill the megabytes between the two.
    let unread = ["/login", "/login?next=%2Finbox", "/me?fields=id,name", "/no/such/thing"].map(|path| async move {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small window");
        let mut stream = socket.connect(([127, 0, 0, 1], port).into()).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").repeat(1000);
        let flood = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
        // It is answered until megabytes lie between the two, and only then does nothing happen any more.
        assert!(tokio::time::timeout(HELD_AT_MOST + Duration::from_secs(60), flood).await.is_ok(), "{path}: still taken");
    });
    futures_util::future::join_all(unread).await;
    house.stands().await;
}

/// Hundreds of connections that only promise leave room for those who mean it.
#[tokio::test(flavor = "multi_thread")]
async fn held_connections_are_in_nobodys_way() {
    let house = House::build().await;
    let mut held = Vec::new();
    for number in 0..300 {
        let (method, path) = DOORS[number % DOORS.len()];
        let mut stream = connect(house.port).await;
        let promise = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n{{");
        stream.write_all(promise.as_bytes()).await.expect("sent");
        held.push(stream);
    }
    for number in 0..20 {
        let began = Instant::now();
        house.says(super::house::PAGE, PERSON, &format!("still there? {number}"), baton::clock::now().millis()).await;
        assert_eq!(house.get_as(BOT_TOKEN, "/me").await.status, 200);
        assert!(began.elapsed() < Duration::from_secs(5), "took {:?}", began.elapsed());
    }
    drop(held);
    house.stands().await;
}

/// What is wrong with an answer to bytes that may be no HTTP at all: the server may hang up or refuse, but never break.
fn broke(raw: &wire::Raw) -> bool {
    !(raw.status == 0 || (200..500).contains(&raw.status))
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_heads_break_no_door() {
    let house = House::build().await;
    let before = house.state().await;
    let many_small: String = (0..90).map(|number| format!("x-{number}: y\r\n")).collect();
    let too_many: String = (0..5_000).map(|number| format!("x-{number}: y\r\n")).collect();
    let cookies = format!("cookie: {}\r\n", "a=b; ".repeat(12_000));
    let wide = format!("x-wide: {}\r\n", "z".repeat(60_000));
    let too_wide = format!("x-wide: {}\r\n", "z".repeat(1_000_000));
    let heads: [&[u8]; 22] = [
        b"expect: 100-continue\r\ncontent-length: 2\r\n",
        b"expect: 200-ok\r\n",
        b"expect: 100-continue\r\ncontent-length: 99999999999\r\n",
        b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n",
        b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
        b"te: trailers\r\ntransfer-encoding: chunked\r\ntrailer: x-late\r\n",
        b"content-encoding: gzip\r\n",
        b"accept-encoding: gzip;q=NaN, *;q=0\r\naccept: \xff\xfe\r\n",
        b"range: bytes=0-18446744073709551615,-1\r\nif-none-match: \"\r\n",
        b"host: \r\nhost: y\r\n",
        b"host: [::1\r\n",
        b"x-forwarded-for: 1.2.3.4, unknown, \xff, ::ffff:127.0.0.1\r\nforwarded: for=\"[::1]\r\n",
        b"authorization: Bearer \xff\r\nauthorization: OAuth a|b\r\n",
        b"cookie: baton=a; baton=b; =; ;;\r\ncookie: baton=\xff\r\n",
        b"content-type: multipart/form-data; boundary=\"\r\n",
        b"content-type: \xff/\xff\r\n",
        b"idempotency-key: \xff\r\nx-baton-epoch: 99999999999999999999\r\n",
        many_small.as_bytes(),
        too_many.as_bytes(),
        cookies.as_bytes(),
        wide.as_bytes(),
        too_wide.as_bytes(),
    ];
    for (method, path) in DOORS {
        for head in heads {
            let mut request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n").into_bytes();
            request.extend_from_slice(head);
            request.extend_from_slice(b"\r\n");
            let raw = wire::send(house.port, &request).await;
            let shown = String::from_utf8_lossy(&head[..head.len().min(80)]).into_owned();
            assert!(!broke(&raw), "{method} {path} {shown}: {raw:?}");
        }
        for line in [
            format!("{method} {path} HTTP/1.0"),
            format!("{method} http://baton.example{path} HTTP/1.1"),
            format!("{method} //baton.example{path} HTTP/1.1"),
            format!("{method} {path}?%00=%ff&%=%zz&;;&&== HTTP/1.1"),
            format!("{method} {path}/%00%0a%2f..%5c HTTP/1.1"),
            format!("{method} {path}?{} HTTP/1.1", "a=1&".repeat(10_000)),
            format!("{method} {path}/{} HTTP/1.1", "9".repeat(50_000)),
            format!("{method} {path}\u{e9} HTTP/1.1"),
            format!("{method} {path}#fragment HTTP/1.1"),
            format!("OPTIONS {path} HTTP/1.1"),
            format!("TRACE {path} HTTP/1.1"),
            format!("PROPFIND {path} HTTP/1.1"),
        ] {
            let raw = wire::send(house.port, format!("{line}\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await;
            assert!(!broke(&raw), "{line:.100}: {raw:?}");
        }
    }
    assert_eq!(house.state().await, before);
    house.stands().await;
}

/// Requests that come in one piece are answered one after the other, in their order, each with its own body.
#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order() {
    let house = House::build().await;
    let mut requests = Vec::new();
    for number in 0..40 {
        requests.extend_from_slice(format!("GET /node-{number}?access_token=x HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes());
        let body = format!("{{\"number\":{number}}}");
        let head = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        requests.extend_from_slice(&wire::post(&format!("/edge-{number}/messages"), &head, body.as_bytes()));
        let chunk = "transfer-encoding: chunked\r\n";
        requests.extend_from_slice(&wire::post("/platform/webhook", chunk, b"2;a=b\r\n{}\r\n0\r\nx-trailer: y\r\n\r\n"));
    }
    requests.extend_from_slice(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let mut stream = connect(house.port).await;
    let (mut read, mut write) = stream.split();
    let mut answers = Vec::new();
    let both = async { tokio::join!(write.write_all(&requests), read.read_to_end(&mut answers)) };
    let (sent, received) = tokio::time::timeout(Duration::from_secs(60), both).await.expect("all is answered");
    sent.expect("all is taken");
    received.expect("all is answered");
    let text = String::from_utf8(answers).expect("text");
    let statuses: Vec<&str> = text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect();
    let expected: Vec<&str> = std::iter::repeat_n(["401", "401", "401"], 40).flatten().chain(["200"]).collect();
    assert_eq!(statuses, expected, "{text:.2000}");
    house.stands().await;
}
