//! HTTP/1.1 by hand over connections that are kept alive, so that it is seen what becomes of each request.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A client's way to a server: one connection at a time, kept as long as the server keeps it.
pub struct Line {
    address: String,
    connection: Option<BufReader<TcpStream>>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// What came with it.
    pub body: String,
}

/// Why there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// Nobody listens.
    Refused,
    /// The connection ended before the first byte of an answer.
    Closed,
}

impl Line {
    /// To this address.
    pub fn to(base: &str) -> Self {
        Self { address: base.trim_start_matches("http://").to_owned(), connection: None }
    }

    /// Asks once. Half an answer is a failure of the test.
    pub async fn ask(&mut self, request: &str) -> Result<Answer, NoAnswer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => BufReader::new(TcpStream::connect(&self.address).await.map_err(|_| NoAnswer::Refused)?),
        };
        connection.write_all(request.as_bytes()).await.map_err(|_| NoAnswer::Closed)?;
        let mut first = String::new();
        match connection.read_line(&mut first).await {
            Ok(0) => return Err(NoAnswer::Closed),
            Err(_) if first.is_empty() => return Err(NoAnswer::Closed),
            Ok(_) | Err(_) => {}
        }
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {first:?}"));
        let (mut length, mut last) = (0, false);
        loop {
            let mut line = String::new();
            connection.read_line(&mut line).await.expect("the rest of the head");
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().expect("a number"),
                "connection" => last |= value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body).await.expect("the rest of the body");
        if last {
            // A reset here could have cost a client the answer.
            assert_eq!(connection.read(&mut [0]).await.ok(), Some(0), "the connection ends cleanly");
        } else {
            self.connection = Some(connection);
        }
        Ok(Answer { status, body: String::from_utf8(body).expect("text") })
    }
}
