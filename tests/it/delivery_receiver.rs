//! An app's side of the wire, which a test can let misbehave: a small HTTP server on a port of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// What it got.
#[derive(Debug, Clone)]
pub struct Got {
    pub method: String,
    pub target: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The texts of all messages in it, in order.
    pub fn texts(&self) -> Vec<String> {
        let body = self.json();
        let entries = body["entry"].as_array().expect("entries").iter();
        let items = entries.flat_map(|entry| ["messaging", "standby"].into_iter().filter_map(|array| entry[array].as_array()).flatten());
        items.filter_map(|item| item["message"]["text"].as_str().map(str::to_owned)).collect()
    }
}

/// What it does about it.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(u16),
    /// With these header lines.
    With(u16, String),
    /// Never answers.
    Hang,
    /// Answers 200 and then never stops.
    Endless,
    /// Hangs up.
    HangUp,
}

type Script = Box<dyn FnMut(&Got) -> Reply + Send>;

/// A running receiver. Dropped, nothing answers there any more.
pub struct Receiver {
    pub address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    script: Arc<Mutex<Script>>,
    task: AbortHandle,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().unwrap();
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(|_| Reply::Status(200))));
        let (log, answers) = (Arc::clone(&got), Arc::clone(&script));
        let task = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(serve(stream, Arc::clone(&log), Arc::clone(&answers)));
            }
        });
        Self { address, got, script, task: task.abort_handle() }
    }

    pub fn url(&self) -> String {
        format!("http://{}/webhook", self.address)
    }

    pub fn answer_with(&self, script: impl FnMut(&Got) -> Reply + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// The texts of all messages it got, in order of arrival, repetitions included.
    pub fn texts(&self) -> Vec<String> {
        self.got().iter().flat_map(Got::texts).collect()
    }
}

async fn serve(stream: TcpStream, log: Arc<Mutex<Vec<Got>>>, script: Arc<Mutex<Script>>) {
    let mut stream = BufReader::new(stream);
    while let Some(got) = read(&mut stream).await {
        let reply = (script.lock().unwrap())(&got);
        log.lock().unwrap().push(got);
        let text = match reply {
            Reply::Status(status) => format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok"),
            Reply::With(status, headers) => format!("HTTP/1.1 {status} X\r\n{headers}\r\ncontent-length: 0\r\n\r\n"),
            Reply::Hang => std::future::pending().await,
            Reply::HangUp => return,
            Reply::Endless => return endless(stream).await,
        };
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn endless(mut stream: BufReader<TcpStream>) {
    let _ = stream.write_all(b"HTTP/1.1 200 X\r\n\r\n").await;
    while stream.write_all(&[b'x'; 1024]).await.is_ok() {}
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Got> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|&read| read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let mut body = vec![0; headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(Got { method, target, headers, body })
}
