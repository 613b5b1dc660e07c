//! HTTP by hand, for what no decent client would send.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back over a socket.
#[derive(Debug)]
pub struct Raw {
    /// Status; 0 when the connection ended without an answer.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Raw {
    /// The body as JSON, or null.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// Sends these bytes, says that no more come, and reads whatever answers.
pub async fn send(port: u16, bytes: &[u8]) -> Raw {
    send_parts(port, bytes, true).await
}

/// The same, but the connection stays open for more that never comes.
pub async fn send_and_wait(port: u16, bytes: &[u8]) -> Raw {
    send_parts(port, bytes, false).await
}

async fn send_parts(port: u16, bytes: &[u8], end: bool) -> Raw {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let mut answer = Vec::new();
    let talk = async {
        let (mut read, mut write) = stream.split();
        // The server may answer and close before it has read everything; what it said counts.
        let writing = async {
            if write.write_all(bytes).await.is_ok() && end {
                let _ = write.shutdown().await;
            }
        };
        let reading = async {
            let mut buffer = [0; 16 * 1024];
            while let Ok(count @ 1..) = read.read(&mut buffer).await {
                answer.extend_from_slice(&buffer[..count]);
                if complete(&answer) {
                    break;
                }
            }
        };
        tokio::join!(writing, reading);
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), talk).await;
    assert!(waited.is_ok(), "no answer within 20 seconds to {}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)]));
    let text = String::from_utf8_lossy(final_answer(&answer)).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    // What comes after it answers what the server took for another request.
    let body = declared(head).and_then(|length| body.get(..length)).unwrap_or(body);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Raw { status, head: head.to_owned(), body: body.to_owned() }
}

/// Sends these bytes and waits until the server hangs up: the status it gave, and how long that took.
pub async fn hold(port: u16, bytes: &[u8]) -> (u16, Duration) {
    let began = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    stream.write_all(bytes).await.expect("sent");
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "still held after {:?}: {}", began.elapsed(), String::from_utf8_lossy(bytes));
    let status = String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, began.elapsed())
}

/// The answer without the `100 Continue` that may stand before it.
fn final_answer(answer: &[u8]) -> &[u8] {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    answer.strip_prefix(CONTINUE).unwrap_or(answer)
}

/// Whether the whole of an answer with a declared length is there.
fn complete(answer: &[u8]) -> bool {
    let answer = final_answer(answer);
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    declared(&String::from_utf8_lossy(&answer[..end])).is_some_and(|length| answer.len() >= end + 4 + length)
}

/// The length of the body that a head declares.
fn declared(head: &str) -> Option<usize> {
    head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
}

/// A POST with these further header lines (each ending with CRLF) and this body.
pub fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("POST {path} HTTP/1.1\r\nhost: baton.example\r\n{headers}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
