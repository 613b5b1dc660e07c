//! What stands before an app's callback and spoils what comes through, each in its own way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What happens at a gate.
#[derive(Debug, Clone, PartialEq)]
pub enum Habit {
    /// Everything reaches the app.
    Open,
    /// It is read, and never answered.
    Hang,
    /// It is answered with these lines.
    Say(&'static str),
    /// It is sent elsewhere.
    Redirect(String),
    /// The connection ends without an answer.
    HangUp,
    /// It reaches the app; the answer says 200 and then goes on for ever.
    Endless,
    /// It reaches the app; the answer breaks off after its head.
    BreakOff,
    /// Some of it is answered with 500, some not at all; the rest reaches the app.
    Moody(f64),
    /// The first message is answered with 500, as often as it comes; everything else reaches the app.
    Poison,
}

/// A gate on a port of its own. It closes when it is dropped.
pub struct Gate {
    /// Its address.
    pub url: String,
    state: Arc<State>,
    _accepts: JoinSet<()>,
}

struct State {
    app: String,
    http: reqwest::Client,
    habit: Mutex<Habit>,
    dice: Mutex<StdRng>,
    poison: Mutex<Option<String>>,
}

impl Gate {
    /// Before this callback.
    pub async fn start(app: &str, address: &str, habit: Habit, seed: u64) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("an HTTP client");
        let (habit, dice) = (Mutex::new(habit), Mutex::new(StdRng::seed_from_u64(seed)));
        let state = Arc::new(State { app: app.to_owned(), http, habit, dice, poison: Mutex::default() });
        let shared = Arc::clone(&state);
        let mut accepts = JoinSet::new();
        accepts.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((connection, _)) = listener.accept().await else { continue };
                connections.spawn(serve(Arc::clone(&shared), connection));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { url, state, _accepts: accepts }
    }

    /// From now on this is its habit.
    pub fn turn(&self, habit: Habit) {
        *self.state.habit.lock().unwrap_or_else(PoisonError::into_inner) = habit;
    }

    /// The id of the event that never got through.
    pub fn poison(&self) -> Option<String> {
        self.state.poison.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A delivery on its way.
struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    async fn read(connection: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut line = String::new();
        connection.read_line(&mut line).await.ok().filter(|count| *count > 0)?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next()?, words.next()?);
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            connection.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().expect("a length"));
        let mut body = vec![0; length];
        connection.read_exact(&mut body).await.ok()?;
        Some(Self { method, path, headers, body })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a person wrote it.
    fn is_message(&self) -> bool {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let entry = &body["entry"][0];
        let item = if entry["standby"].is_array() { &entry["standby"][0] } else { &entry["messaging"][0] };
        item["message"]["text"].is_string() && item["message"]["is_echo"] != true
    }
}

async fn serve(state: Arc<State>, connection: TcpStream) {
    let mut connection = BufReader::new(connection);
    while let Some(request) = Request::read(&mut connection).await {
        if spoil(&state, &request, connection.get_mut()).await.is_none() {
            return;
        }
    }
}

/// Does what the gate's habit is. `None`: the connection is of no more use.
async fn spoil(state: &State, request: &Request, connection: &mut TcpStream) -> Option<()> {
    match state.treatment(request) {
        Habit::Hang => std::future::pending().await,
        Habit::HangUp => None,
        Habit::Say(lines) => say(connection, &format!("{lines}\r\nContent-Length: 0\r\n\r\n")).await,
        Habit::Redirect(elsewhere) => {
            say(connection, &format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n")).await
        }
        Habit::Endless => {
            state.pass_on(request).await;
            say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await?;
            let more = ".".repeat(1024);
            loop {
                say(connection, &more).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        Habit::BreakOff => {
            state.pass_on(request).await;
            say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await?;
            None
        }
        Habit::Open | Habit::Moody(_) | Habit::Poison => {
            let (status, body) = state.pass_on(request).await;
            say(connection, &format!("HTTP/1.1 {status} .\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await
        }
    }
}

async fn say(connection: &mut TcpStream, text: &str) -> Option<()> {
    connection.write_all(text.as_bytes()).await.ok()
}

impl State {
    /// What is done to this request: an open gate lets it through.
    fn treatment(&self, request: &Request) -> Habit {
        const FAULT: Habit = Habit::Say("HTTP/1.1 500 Internal Server Error");
        let habit = self.habit.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match habit {
            Habit::Moody(chance) => match self.dice.lock().unwrap_or_else(PoisonError::into_inner).random::<f64>() {
                fate if fate < chance / 2.0 => FAULT,
                fate if fate < chance => Habit::HangUp,
                _ => Habit::Open,
            },
            Habit::Poison => {
                let mut poison = self.poison.lock().unwrap_or_else(PoisonError::into_inner);
                if poison.is_none() && request.is_message() {
                    *poison = request.header("webhook-id").map(str::to_owned);
                }
                if request.header("webhook-id") == poison.as_deref() { FAULT } else { Habit::Open }
            }
            other => other,
        }
    }

    async fn pass_on(&self, request: &Request) -> (u16, String) {
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).expect("a method");
        let url = format!("{}{}", self.app.trim_end_matches('/'), request.path);
        let mut onward = self.http.request(method, url).body(request.body.clone());
        for (name, value) in request.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "host" | "content-length")) {
            onward = onward.header(name, value);
        }
        let answer = onward.send().await.expect("the app answers");
        (answer.status().as_u16(), answer.text().await.expect("an answer"))
    }
}
