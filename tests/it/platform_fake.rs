//! A tiny platform: answers Graph calls over real HTTP as told, and remembers what was asked of it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A call as it arrived.
#[derive(Debug, Clone)]
pub struct Call {
    /// `POST`, `GET`, …
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The query, decoded.
    pub query: HashMap<String, String>,
    /// The JSON body, or null.
    pub body: Value,
}

impl Call {
    /// The message's text, where it is a message.
    pub fn text(&self) -> Option<&str> {
        self.body.pointer("/message/text")?.as_str()
    }

    /// To whom it goes.
    pub fn recipient(&self) -> &str {
        self.body.pointer("/recipient/id").and_then(Value::as_str).unwrap_or_default()
    }
}

/// How the next send is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// With this status and body.
    With(u16, Value),
    /// Taken, but the connection closes without an answer.
    Drop,
}

#[derive(Debug, Default)]
struct Seen {
    calls: Vec<Call>,
    replies: VecDeque<Reply>,
    under_way: HashMap<String, u32>,
    most_under_way: u32,
    taken: u32,
    thread_owner: Option<Value>,
    profile: Option<Value>,
    control: Option<Reply>,
    delay: Duration,
}

/// The platform's double. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FakePlatform {
    /// Where it listens.
    pub port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl FakePlatform {
    /// Starts on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let fake = Self::absent(listener.local_addr().expect("an address").port());
        fake.serve(listener);
        fake
    }

    /// A platform that does not listen yet.
    pub fn absent(port: u16) -> Self {
        Self { port, seen: Arc::default() }
    }

    /// Listens from now on.
    pub fn serve(&self, listener: TcpListener) {
        let serving = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = serving.clone();
                tokio::spawn(async move { fake.converse(stream).await });
            }
        });
    }

    /// Where its Graph API is.
    pub fn url(&self) -> url::Url {
        url::Url::parse(&format!("http://127.0.0.1:{}/graph", self.port)).expect("an address")
    }

    /// How the next sends are answered, in order; afterwards they are taken again.
    pub fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.seen.lock().unwrap().replies.extend(replies);
    }

    /// How calls of thread control are answered from now on.
    pub fn reply_control(&self, reply: Reply) {
        self.seen.lock().unwrap().control = Some(reply);
    }

    /// What `thread_owner` answers from now on.
    pub fn set_thread_owner(&self, answer: Value) {
        self.seen.lock().unwrap().thread_owner = Some(answer);
    }

    /// What profiles look like.
    pub fn set_profile(&self, profile: Value) {
        self.seen.lock().unwrap().profile = Some(profile);
    }

    /// How long each send takes.
    pub fn set_delay(&self, delay: Duration) {
        self.seen.lock().unwrap().delay = delay;
    }

    /// The calls of an edge, in order of arrival.
    pub fn calls(&self, edge: &str) -> Vec<Call> {
        let seen = self.seen.lock().unwrap();
        seen.calls.iter().filter(|call| call.path.ends_with(edge)).cloned().collect()
    }

    /// The texts sent to one person, in order of arrival.
    pub fn texts(&self, person: &str) -> Vec<String> {
        self.calls("/messages").iter().filter(|call| call.recipient() == person).filter_map(|call| call.text().map(str::to_owned)).collect()
    }

    /// Most sends to one person that were ever under way at once.
    pub fn most_under_way(&self) -> u32 {
        self.seen.lock().unwrap().most_under_way
    }

    async fn converse(&self, mut stream: TcpStream) {
        while let Some(call) = read_call(&mut stream).await {
            let delay = self.begin(&call);
            tokio::time::sleep(delay).await;
            let Reply::With(status, body) = self.finish(&call) else { return };
            let body = body.to_string();
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    fn begin(&self, call: &Call) -> Duration {
        let mut seen = self.seen.lock().unwrap();
        seen.calls.push(call.clone());
        if !call.path.ends_with("/messages") {
            return Duration::ZERO;
        }
        let under_way = seen.under_way.entry(call.recipient().to_owned()).or_default();
        *under_way += 1;
        let under_way = *under_way;
        seen.most_under_way = seen.most_under_way.max(under_way);
        seen.delay
    }

    fn finish(&self, call: &Call) -> Reply {
        let mut seen = self.seen.lock().unwrap();
        let edge = call.path.rsplit('/').next().unwrap_or_default();
        match (call.method.as_str(), edge) {
            ("POST", "messages") => {
                *seen.under_way.entry(call.recipient().to_owned()).or_default() -= 1;
                seen.taken += 1;
                let taken = json!({"recipient_id": call.recipient(), "message_id": format!("m_up_{}", seen.taken)});
                seen.replies.pop_front().unwrap_or(Reply::With(200, taken))
            }
            ("GET", "thread_owner") => {
                let answer = seen.thread_owner.clone().unwrap_or(json!({"data": []}));
                Reply::With(if answer.get("error").is_some() { 400 } else { 200 }, answer)
            }
            ("POST", _) => seen.control.clone().unwrap_or(Reply::With(200, json!({"success": true}))),
            _ => Reply::With(200, seen.profile.clone().unwrap_or(json!({}))),
        }
    }
}

async fn read_call(stream: &mut TcpStream) -> Option<Call> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let mut first = head.split_whitespace();
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let url = url::Url::parse(&format!("http://fake{target}")).ok()?;
    let body = serde_json::from_slice(&bytes[end..end + length]).unwrap_or(Value::Null);
    Some(Call { method, path: url.path().to_owned(), query: url.query_pairs().into_owned().collect(), body })
}
