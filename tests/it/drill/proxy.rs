//! A network that can be made to misbehave: connections to one address that go on to another.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Bytes that go on at once.
const PIECE: usize = 4096;

/// How the network is.
#[derive(Debug, Clone, Copy)]
struct Weather {
    /// Where connections go.
    target: SocketAddr,
    /// How often everything was cut: a connection lives through none.
    cuts: u64,
    /// Nobody gets through to the target any more.
    refuses: bool,
    /// Nothing moves, and nobody is told.
    stalls: bool,
    /// How long each piece takes.
    delay: Duration,
    /// Pieces that get through in a second, each way of each connection; 0: as many as come.
    pieces_a_second: u32,
}

/// An address before another. Its connections end with it.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    weather: watch::Sender<Weather>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// In fair weather.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let fair = Weather { target, cuts: 0, refuses: false, stalls: false, delay: Duration::ZERO, pieces_a_second: 0 };
        let (weather, seen) = watch::channel(fair);
        Self { address, weather, accepting: tokio::spawn(accept(listener, seen)) }
    }

    /// Cuts every connection. New ones get through.
    pub fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Cuts every connection, and lets no new one through until [`Proxy::clear`].
    pub fn refuse(&self) {
        self.weather.send_modify(|weather| {
            weather.cuts += 1;
            weather.refuses = true;
        });
    }

    /// Swallows everything without a word until [`Proxy::clear`].
    pub fn stall(&self) {
        self.weather.send_modify(|weather| weather.stalls = true);
    }

    /// Makes each piece take long, and lets so many through in a second.
    pub fn slow(&self, delay: Duration, pieces_a_second: u32) {
        self.weather.send_modify(|weather| {
            weather.delay = delay;
            weather.pieces_a_second = pieces_a_second;
        });
    }

    /// Fair weather again. What was swallowed arrives.
    pub fn clear(&self) {
        self.weather.send_modify(|weather| {
            *weather = Weather { refuses: false, stalls: false, delay: Duration::ZERO, pieces_a_second: 0, ..*weather };
        });
    }

    /// New connections go elsewhere. Those that are there stay, and hear nothing any more, as when a machine has vanished.
    pub fn move_to(&self, target: SocketAddr) {
        self.weather.send_modify(|weather| weather.target = target);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, weather: watch::Receiver<Weather>) {
    while let Ok((client, _)) = listener.accept().await {
        let now = *weather.borrow();
        if now.refuses {
            continue;
        }
        let weather = weather.clone();
        tokio::spawn(async move {
            // A target that is not there closes the connection, as a port does that nobody listens on.
            let Ok(server) = TcpStream::connect(now.target).await else { return };
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            tokio::spawn(carry(from_client, to_server, now, weather.clone()));
            carry(from_server, to_client, now, weather).await;
        });
    }
}

/// Carries one way of a connection that began in some weather, until an end closes or it is cut.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, began: Weather, mut weather: watch::Receiver<Weather>) {
    let mut piece = vec![0; PIECE];
    loop {
        let read = tokio::select! {
            _ = weather.wait_for(|now| now.cuts > began.cuts) => return,
            read = from.read(&mut piece) => read,
        };
        let Ok(read) = read else { return };
        // Nothing comes through from where connections do not lead any more, not even an end.
        let passable = weather.wait_for(|now| now.cuts > began.cuts || !now.stalls && now.target == began.target).await;
        let Ok(now) = passable.map(|now| *now) else { return };
        if now.cuts > began.cuts || read == 0 {
            return;
        }
        let pace = if now.pieces_a_second > 0 { Duration::from_secs(1) / now.pieces_a_second } else { Duration::ZERO };
        tokio::time::sleep(now.delay + pace).await;
        if to.write_all(&piece[..read]).await.is_err() {
            return;
        }
    }
}
