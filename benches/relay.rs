//! A first measure of intake and delivery through the real program: webhooks a second, and how long until an app has heard them.
//!
//! Every figure stands beside a baseline of the same run on the same machine, so that only ratios are compared: a bare handler that verifies
//! the signature and splits the body, driven by the same load. The cluster of the tests does not wait for the disk, so these are figures of
//! the program and not of the disk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a measurement may fail, and prints")]
#![allow(unused_imports, clippy::all, reason = "the harness is the tests', and held to the lints there")]

#[path = "../tests/it/harness/mod.rs"]
mod harness;

use std::time::{Duration, Instant};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use baton::crypto::signature;
use baton::wire::Timestamp;
use harness::running::{PAGE, Running};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Signs the webhooks of the load.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Connections that post at once.
const CONNECTIONS: usize = 64;

/// Events of one run.
const EVENTS: usize = 20_000;

/// People who write in turn.
const PEOPLE: usize = 2_000;

fn main() {
    // Criterion's own flags mean nothing here.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(measure());
}

async fn measure() {
    let bare = bare_handler();
    let baseline = post_all(&bare, "bare").await;
    let running = Running::with(1, &[("BATON_PLATFORM_APP_SECRET", SECRET), ("BATON_LOG", "warn")]).await;
    let webhook = format!("{}/platform/webhook", running.baton().base);
    let intake = post_all(&webhook, "intake").await;
    let alone = post_one_by_one(&webhook).await;
    let alone_bare = post_one_by_one(&bare).await;
    let app = running.add_app("Listener", &["--default", "--fields", "messages"]).await;
    let mut taken = app.receiver.taken();
    let began = Instant::now();
    let posted = post_all(&webhook, "delivered").await;
    let mut heard = 0;
    while heard < EVENTS {
        match tokio::time::timeout(Duration::from_secs(60), taken.recv()).await {
            Ok(Ok(_)) => heard += 1,
            Ok(Err(tokio::sync::broadcast::error::RecvError::Lagged(missed))) => heard += usize::try_from(missed).unwrap_or(EVENTS),
            _ => panic!("only {heard} of {EVENTS} were delivered"),
        }
    }
    let delivered = rate(EVENTS, began.elapsed());
    println!("| measure | figure | baseline of this run | ratio |");
    println!("|---|---|---|---|");
    row("webhooks acknowledged a second, 64 connections", intake, "bare handler", baseline);
    row("one webhook at a time, ms", alone, "bare handler", alone_bare);
    row("events delivered to one app a second, while they come in", delivered, "taken in a second meanwhile", posted);
}

fn row(measure: &str, figure: f64, against: &str, baseline: f64) {
    println!("| {measure} | {figure:.2} | {against}: {baseline:.2} | {:.2} |", figure / baseline);
}

/// A server that does what no intake can do without: verify and split.
fn bare_handler() -> String {
    let server = HttpServer::new(|| App::new().app_data(web::PayloadConfig::new(1 << 24)).route("/", web::post().to(verify_and_split)))
        .workers(2)
        .disable_signals()
        .bind("127.0.0.1:0")
        .expect("a free port");
    let url = format!("http://{}/", server.addrs()[0]);
    tokio::spawn(server.run());
    url
}

async fn verify_and_split(request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = request.headers().get("x-hub-signature-256").and_then(|value| value.to_str().ok());
    if signature::verify_sha256(&[SECRET.as_bytes()], &body, header).is_err() {
        return HttpResponse::Unauthorized().finish();
    }
    match baton::wire::webhook::parse(&body, Timestamp::from_millis(0)) {
        Ok(_) => HttpResponse::Ok().body("EVENT_RECEIVED"),
        Err(_) => HttpResponse::BadRequest().finish(),
    }
}

/// Posts all events over all connections. Acknowledged events a second.
async fn post_all(url: &str, run: &str) -> f64 {
    let (address, path) = split(url);
    let began = Instant::now();
    let tasks = (0..CONNECTIONS).map(|connection| {
        let requests: Vec<Vec<u8>> = (connection..EVENTS).step_by(CONNECTIONS).map(|n| request(&address, &path, run, n)).collect();
        let address = address.clone();
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(&address).await.expect("a connection");
            stream.set_nodelay(true).expect("no delay");
            for request in requests {
                post(&mut stream, &request).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("a connection that works");
    }
    rate(EVENTS, began.elapsed())
}

/// Posts some events, each after the other is acknowledged. The median in milliseconds.
async fn post_one_by_one(url: &str) -> f64 {
    let (address, path) = split(url);
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut times = Vec::new();
    for n in 0..400 {
        let request = request(&address, &path, "alone", n);
        let began = Instant::now();
        post(&mut stream, &request).await;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn split(url: &str) -> (String, String) {
    let rest = url.trim_start_matches("http://");
    let (address, path) = rest.split_once('/').expect("a path");
    (address.to_owned(), format!("/{path}"))
}

fn request(address: &str, path: &str, run: &str, n: usize) -> Vec<u8> {
    let now = baton::clock::now().millis();
    let body = format!(
        r#"{{"object":"page","entry":[{{"id":"{PAGE}","time":{now},"messaging":[{{"sender":{{"id":"77{:08}"}},"recipient":{{"id":"{PAGE}"}},"timestamp":{now},"message":{{"mid":"m_{run}_{n}","text":"Hello, is anybody there? This is message number {n}."}}}}]}}]}}"#,
        n % PEOPLE
    );
    let signature = signature::sha256_hex(SECRET.as_bytes(), body.as_bytes());
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256={signature}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Posts once and reads the answer, which must be 200.
async fn post(stream: &mut TcpStream, request: &[u8]) {
    stream.write_all(request).await.expect("a request is written");
    let mut answer = Vec::with_capacity(512);
    loop {
        let mut part = [0; 512];
        let read = stream.read(&mut part).await.expect("an answer");
        assert!(read > 0, "the server hung up");
        answer.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("HTTP/1.1 200"), "{text}");
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse().unwrap_or(0)));
        if body.len() >= length.unwrap_or(0) {
            return;
        }
    }
}

fn rate(count: usize, elapsed: Duration) -> f64 {
    f64::from(u32::try_from(count).expect("a small count")) / elapsed.as_secs_f64()
}
