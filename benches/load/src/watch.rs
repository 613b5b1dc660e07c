//! Browsers with the live stream open, as a process of their own: they note when each event came, and how far it says the Page is. If they are
//! told to, they also fetch what a page fetches, at the pace of `static/fragments.js`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::helper::Helper;
use crate::requests::find;

/// When an event came, in microseconds of the wall clock, and the position of the Page that it tells.
pub type Told = (u64, i64);

/// Longest rest after a fetch that is followed by as long again.
const LONGEST_REST: Duration = Duration::from_millis(400);

/// A page that is open.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct OpenPage {
    /// The conversation that it shows, as the stream names it; empty: none.
    pub conversation: String,
    /// What it fetches, one fetch of each at a time, and once what is told meanwhile.
    pub fetches: Vec<Fetch>,
}

/// Something that a page fetches.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fetch {
    /// From where.
    pub path: String,
    /// Only when the conversation that it shows has changed.
    pub own: bool,
    /// Milliseconds that it rests afterwards; none: twice as long as the fetch took, at most [`LONGEST_REST`].
    pub rest: Option<u64>,
}

/// The process of the browsers.
pub struct Watchers(Helper);

impl Watchers {
    /// Starts it with so many streams, that only listen.
    pub async fn open(address: &str, cookie: &str, streams: usize) -> Self {
        Self::fetching(address, cookie, &vec![OpenPage::default(); streams]).await
    }

    /// Starts it with a stream for each of these pages.
    pub async fn fetching(address: &str, cookie: &str, pages: &[OpenPage]) -> Self {
        let mut helper = Helper::start("as-watchers");
        helper.ask(&json!({"address": address, "cookie": cookie, "pages": pages})).await;
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
            let pages: Vec<OpenPage> = serde_json::from_value(question["pages"].clone()).expect("pages");
            for page in pages {
                let fetches =
                    page.fetches.iter().map(|fetch| (fetch.own, keep_fetching(&text("address"), fetch, &text("cookie"), &fetched)));
                let fetches = fetches.collect();
                open(&text("address"), &text("cookie"), &streams, &page.conversation, fetches).await;
            }
            answer.send(json!(true)).expect("somebody waits");
        }
    });
}

/// Fetches whenever it is told to.
fn keep_fetching(address: &str, fetch: &Fetch, cookie: &str, fetched: &Rc<Cell<u64>>) -> Rc<Notify> {
    let (told, fetched, rest) = (Rc::new(Notify::new()), Rc::clone(fetched), fetch.rest);
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let request = http.get(format!("http://{address}{}", fetch.path)).header("cookie", cookie).header("x-baton-fragment", "1");
    let turns = Rc::clone(&told);
    tokio::task::spawn_local(async move {
        loop {
            turns.notified().await;
            let began = Instant::now();
            let answer = request.try_clone().expect("no body").send().await.expect("Baton answers");
            assert_eq!(answer.status(), 200, "a fragment");
            answer.bytes().await.expect("a whole fragment");
            fetched.set(fetched.get() + 1);
            tokio::time::sleep(rest.map_or_else(|| (2 * began.elapsed()).min(LONGEST_REST), Duration::from_millis)).await;
        }
    });
    told
}

/// What a page fetches: whether only for its own conversation, and whom to tell.
type Fetches = Vec<(bool, Rc<Notify>)>;

/// Opens a stream and waits until it has said something.
async fn open(address: &str, cookie: &str, streams: &Streams, conversation: &str, fetches: Fetches) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let shown = if conversation.is_empty() { String::new() } else { format!("?open={conversation}") };
    let request = format!("GET /live{shown} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it listens");
    let own = streams.borrow().len();
    streams.borrow_mut().push(Vec::new());
    let (greeted, greeting) = oneshot::channel();
    tokio::task::spawn_local(listen(stream, own, Rc::clone(streams), greeted, (format!("\"{conversation}\""), fetches)));
    greeting.await.expect("the stream begins");
}

async fn listen(mut stream: TcpStream, own: usize, streams: Streams, greeted: oneshot::Sender<()>, (shown, fetches): (String, Fetches)) {
    let (mut unread, mut buffer, mut greeted) = (Vec::new(), vec![0; 64 * 1024], Some(greeted));
    while let Ok(bytes @ 1..) = stream.read(&mut buffer).await {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_micros();
        unread.extend_from_slice(&buffer[..bytes]);
        while let Some(end) = find(&unread, b"\n\n") {
            let event: Vec<u8> = unread.drain(..end + 2).collect();
            // Signs of life have none.
            let Some(begin) = find(&event, b"\nid: ") else { continue };
            // `page:position`; the Page is the only one.
            let id = event[begin + 5..].split(|byte| *byte == b'\n').next().expect("a line");
            let position = std::str::from_utf8(id).ok().and_then(|id| id.rsplit(':').next()?.trim().parse().ok());
            streams.borrow_mut()[own].push((u64::try_from(now).expect("this century"), position.expect("a position")));
            let concerned = find(&event, b"\"everything\":true").or_else(|| find(&event, shown.as_bytes())).is_some();
            fetches.iter().filter(|(only_own, _)| concerned || !only_own).for_each(|(_, told)| told.notify_one());
            if let Some(greeted) = greeted.take() {
                greeted.send(()).expect("somebody waits");
            }
        }
    }
}
