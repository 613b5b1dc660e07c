//! Browsers with the live stream open, as a process of their own: they note when each event came, and how far it says the Page is. If they are
//! told to, they also fetch what a page fetches with each event.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::helper::Helper;
use crate::requests::find;

/// When an event came, in microseconds of the wall clock, and the position of the Page that it tells.
pub type Told = (u64, i64);

/// The process of the browsers.
pub struct Watchers(Helper);

impl Watchers {
    /// Starts it with so many streams, that only listen.
    pub async fn open(address: &str, cookie: &str, streams: usize) -> Self {
        Self::fetching(address, cookie, &vec![Vec::new(); streams]).await
    }

    /// Starts it with a stream for each of these, which fetches these paths with each event: one fetch of a path at a time, and what is told
    /// meanwhile once, as pages do.
    pub async fn fetching(address: &str, cookie: &str, paths: &[Vec<String>]) -> Self {
        let mut helper = Helper::start("as-watchers");
        helper.ask(&json!({"address": address, "cookie": cookie, "paths": paths})).await;
        Self(helper)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Fetches so far.
    pub async fn fetched(&mut self) -> u64 {
        self.0.ask(&json!("fetched")).await.as_u64().expect("a number")
    }

    /// What each stream was told so far.
    pub async fn told(&mut self) -> Vec<Vec<Told>> {
        serde_json::from_value(self.0.ask(&json!("told")).await).expect("what was told")
    }
}

type Streams = Rc<RefCell<Vec<Vec<Told>>>>;

/// That process.
pub fn main() {
    let (questions, mut asked) = mpsc::unbounded_channel::<(Value, oneshot::Sender<Value>)>();
    std::thread::spawn(move || {
        crate::helper::serve(|question| {
            let (answer, answered) = oneshot::channel();
            questions.send((question, answer)).expect("the streams run");
            answered.blocking_recv().expect("an answer")
        });
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let (streams, fetched) = (Streams::default(), Rc::new(Cell::new(0_u64)));
        while let Some((question, answer)) = asked.recv().await {
            if question == "told" {
                answer.send(json!(*streams.borrow())).expect("somebody waits");
                continue;
            }
            if question == "fetched" {
                answer.send(json!(fetched.get())).expect("somebody waits");
                continue;
            }
            let text = |name: &str| question[name].as_str().expect("a text").to_owned();
            let paths: Vec<Vec<String>> = serde_json::from_value(question["paths"].clone()).expect("paths");
            for paths in paths {
                let pages = paths.iter().map(|path| fetch(&text("address"), path, &text("cookie"), &fetched)).collect();
                open(&text("address"), &text("cookie"), &streams, pages).await;
            }
            answer.send(json!(true)).expect("somebody waits");
        }
    });
}

/// Fetches a path whenever it is told to.
fn fetch(address: &str, path: &str, cookie: &str, fetched: &Rc<Cell<u64>>) -> Rc<Notify> {
    let (told, fetched) = (Rc::new(Notify::new()), Rc::clone(fetched));
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let request = http.get(format!("http://{address}{path}")).header("cookie", cookie).header("x-baton-fragment", "1");
    let turns = Rc::clone(&told);
    tokio::task::spawn_local(async move {
        loop {
            turns.notified().await;
            let answer = request.try_clone().expect("no body").send().await.expect("Baton answers");
            assert_eq!(answer.status(), 200, "a fragment");
            answer.bytes().await.expect("a whole fragment");
            fetched.set(fetched.get() + 1);
        }
    });
    told
}

/// Opens a stream and waits until it has said something.
async fn open(address: &str, cookie: &str, streams: &Streams, pages: Vec<Rc<Notify>>) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET /live HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it listens");
    let own = streams.borrow().len();
    streams.borrow_mut().push(Vec::new());
    let (greeted, greeting) = oneshot::channel();
    tokio::task::spawn_local(listen(stream, own, Rc::clone(streams), greeted, pages));
    greeting.await.expect("the stream begins");
}

async fn listen(mut stream: TcpStream, own: usize, streams: Streams, greeted: oneshot::Sender<()>, pages: Vec<Rc<Notify>>) {
    let (mut unread, mut buffer, mut greeted) = (Vec::new(), vec![0; 64 * 1024], Some(greeted));
    while let Ok(bytes @ 1..) = stream.read(&mut buffer).await {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_micros();
        unread.extend_from_slice(&buffer[..bytes]);
        while let Some(begin) = find(&unread, b"\nid: ") {
            let rest = &unread[begin + 5..];
            let Some(end) = find(rest, b"\n") else { break };
            // `page:position`; the Page is the only one.
            let position = std::str::from_utf8(&rest[..end]).ok().and_then(|id| id.rsplit(':').next()?.trim().parse().ok());
            streams.borrow_mut()[own].push((u64::try_from(now).expect("this century"), position.expect("a position")));
            unread.drain(..begin + 5 + end);
            pages.iter().for_each(|page| page.notify_one());
            if let Some(greeted) = greeted.take() {
                greeted.send(()).expect("somebody waits");
            }
        }
        // What follows an id is not needed; what may be the beginning of the next one is.
        if find(&unread, b"\nid: ").is_none() {
            let kept = unread.len().saturating_sub(4);
            unread.drain(..kept);
        }
    }
}
