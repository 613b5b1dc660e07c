//! The apps' side of HTTP, as little of it as a client on the loopback needs.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};

use crate::requests::{self, find};

/// A question and where its answer goes.
pub type Question = (Value, oneshot::Sender<Value>);

/// One app.
struct App {
    port: u16,
    think: Duration,
    run: Vec<u8>,
    /// When each message first came; 0: not yet.
    arrivals: Vec<u64>,
    distinct: usize,
    events: usize,
    posts: usize,
    first: u64,
    last: u64,
    /// Set while calls are taken.
    open: watch::Sender<bool>,
}

type Shared = Rc<RefCell<App>>;

/// Answers questions until there are no more.
pub async fn run(mut asked: mpsc::UnboundedReceiver<Question>) {
    let mut apps: Vec<Shared> = Vec::new();
    while let Some((question, answer)) = asked.recv().await {
        let answered = if let Some(think) = question["add"].as_u64() {
            let app = add(Duration::from_millis(think));
            let port = app.borrow().port;
            apps.push(app);
            json!(port)
        } else if let Some(run) = question["watch"].as_str() {
            let count = usize::try_from(question["count"].as_u64().expect("a number")).expect("a size");
            apps.iter().for_each(|app| app.borrow_mut().watch(run, count));
            json!(true)
        } else {
            let port = ["port", "received", "latencies"].iter().find_map(|name| question[*name].as_u64()).expect("an app");
            let app = apps.iter().find(|app| u64::from(app.borrow().port) == port).expect("an app of this process");
            about(app, &question)
        };
        answer.send(answered).expect("somebody waits");
    }
}

fn about(app: &Shared, question: &Value) -> Value {
    if let Some(open) = question["open"].as_bool() {
        app.borrow().open.send_replace(open);
        return json!(true);
    }
    let app = app.borrow();
    match question["times"].as_str() {
        Some(times) => json!(app.latencies(times, usize::try_from(question["each"].as_u64().expect("a number")).expect("a size"))),
        None => json!({"distinct": app.distinct, "events": app.events, "posts": app.posts, "first": app.first, "last": app.last}),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|time| u64::try_from(time.as_micros()).ok()).expect("this century")
}

fn bind(port: u16) -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option");
    socket.bind(([127, 0, 0, 1], port).into()).expect("a free port");
    socket.listen(1024).expect("it listens")
}

fn add(think: Duration) -> Shared {
    let listener = bind(0);
    let port = listener.local_addr().expect("an address").port();
    let (open, opened) = watch::channel(true);
    let app = App { port, think, run: b"none".to_vec(), arrivals: Vec::new(), distinct: 0, events: 0, posts: 0, first: 0, last: 0, open };
    let app = Rc::new(RefCell::new(app));
    tokio::task::spawn_local(accept(Some(listener), port, Rc::clone(&app), opened));
    app
}

/// Takes calls while it is open. Closed, nothing listens, and what was connected is cut.
async fn accept(mut listener: Option<TcpListener>, port: u16, app: Shared, mut open: watch::Receiver<bool>) {
    loop {
        match &listener {
            Some(listening) => tokio::select! {
                accepted = listening.accept() => {
                    let (stream, _) = accepted.expect("a connection");
                    tokio::task::spawn_local(converse(stream, Rc::clone(&app), open.clone()));
                }
                changed = open.changed() => if changed.is_err() || !*open.borrow() { listener = None },
            },
            None if *open.borrow() => listener = Some(bind(port)),
            None => {
                if open.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn converse(mut stream: TcpStream, app: Shared, mut open: watch::Receiver<bool>) {
    stream.set_nodelay(true).expect("no delay");
    let (mut buffer, mut filled) = (vec![0; 64 * 1024], 0);
    loop {
        let read = tokio::select! {
            read = stream.read(&mut buffer[filled..]) => read,
            _ = open.wait_for(|open| !open) => return,
        };
        let Ok(bytes @ 1..) = read else { return };
        filled += bytes;
        let Some(head) = find(&buffer[..filled], b"\r\n\r\n").map(|at| at + 4) else { continue };
        let whole = head + length(&buffer[..head]);
        if buffer.len() < whole {
            buffer.resize(whole, 0);
        }
        if filled < whole {
            continue;
        }
        let verified = challenge(&buffer[..head]);
        app.borrow_mut().take(&buffer[head..whole]);
        let think = app.borrow().think;
        if !think.is_zero() {
            tokio::time::sleep(think).await;
        }
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{verified}", verified.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
    }
}

fn length(head: &[u8]) -> usize {
    let text = std::str::from_utf8(head).unwrap_or_default();
    let length = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    text.lines().find_map(length).unwrap_or(0)
}

/// What a verification wants to hear back.
fn challenge(head: &[u8]) -> String {
    let line = std::str::from_utf8(head).unwrap_or_default().lines().next().unwrap_or_default();
    let found = line.split(['?', '&', ' ']).find_map(|pair| pair.strip_prefix("hub.challenge="));
    found.unwrap_or_default().to_owned()
}

impl App {
    fn watch(&mut self, run: &str, count: usize) {
        self.run = format!("\"m_{run}").into_bytes();
        self.arrivals = vec![0; count];
        (self.distinct, self.events, self.posts, self.first, self.last) = (0, 0, 0, 0, 0);
    }

    fn take(&mut self, body: &[u8]) {
        let at = now();
        self.posts += 1;
        let mut rest = body;
        while let Some(found) = find(rest, &self.run) {
            rest = &rest[found..];
            if let Some(arrival) = requests::number(rest, &self.run).and_then(|number| self.arrivals.get_mut(number)) {
                self.events += 1;
                if *arrival == 0 {
                    *arrival = at;
                    self.distinct += 1;
                    self.last = at;
                    if self.first == 0 {
                        self.first = at;
                    }
                }
            }
            // The next message is further away than this one's text is long.
            rest = &rest[self.run.len()..];
        }
    }

    fn latencies(&self, times: &str, each: usize) -> Vec<u32> {
        let bytes = std::fs::read(times).expect("the times of the load");
        let sent: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let arrived = self.arrivals.iter().enumerate().filter(|(_, at)| **at > 0);
        let between = |(index, at): (usize, &u64)| Some(u32::try_from(at.saturating_sub(*sent.get(index / each)?)).unwrap_or(u32::MAX));
        let mut latencies: Vec<u32> = arrived.filter_map(between).collect();
        latencies.sort_unstable();
        latencies
    }
}
