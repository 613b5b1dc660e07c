//! Hangs up on clients that hold a connection and do nothing with it.
//!
//! The HTTP server gives a client five seconds for the head of its first request, and [`KEEP_ALIVE`] for the next request to begin. For a later
//! head that has begun, and for an answer that is not read, it waits as long as the client likes. So each connection is looked at from outside:
//! where no handler is at work, and no answer has been asked for more of itself for a while, it ends. From there a head that has begun looks like
//! a connection that rests, so it is given as long as one may rest.

use std::any::Any;
use std::cell::Cell;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use actix_web::dev::Extensions;

use super::KEEP_ALIVE;

/// How long nothing may happen to an answer. The live stream beats every five seconds, and an answer has thirty-two kilobytes to go at most when it has
/// given its last.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a connection is looked at.
const LOOK: Duration = Duration::from_secs(4);

/// A connection of a client.
#[derive(Clone)]
pub(super) struct Connection(Rc<State>);

struct State {
    /// The same socket once more: the HTTP server keeps its own to itself.
    socket: TcpStream,
    /// Handlers at work on its requests.
    at_work: Cell<u32>,
    /// Answers that have not given their last.
    under_way: Cell<u32>,
    /// When something happened.
    last: Cell<Instant>,
}

/// An answer gives what it has, until this is dropped.
pub(super) struct UnderWay(Connection);

/// A handler is at work, until this is dropped.
pub(super) struct AtWork(Connection);

/// Takes note of a new connection.
pub(super) fn accepted(io: &dyn Any, data: &mut Extensions) {
    let socket = io.downcast_ref::<actix_web::rt::net::TcpStream>().and_then(|io| io.as_fd().try_clone_to_owned().ok());
    // Without it the connection lasts as long as the HTTP server lets it.
    let Some(socket) = socket else { return };
    let state = Rc::new(State { socket: socket.into(), at_work: Cell::new(0), under_way: Cell::new(0), last: Cell::new(Instant::now()) });
    actix_web::rt::spawn(watch(Rc::downgrade(&state)));
    data.insert(Connection(state));
}

/// Looks at a connection from time to time until it has ended.
async fn watch(connection: Weak<State>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(state) = connection.upgrade() else { return };
        if state.at_work.get() == 0 && state.last.get().elapsed() > state.patience() {
            // Where it fails, the client has hung up first.
            let _ = state.socket.shutdown(Shutdown::Both);
            return;
        }
    }
}

impl State {
    /// How long nothing may happen now. A connection that rests is the HTTP server's to end; what it does not end has not come to rest.
    fn patience(&self) -> Duration {
        if self.under_way.get() > 0 { PATIENCE } else { KEEP_ALIVE + PATIENCE }
    }
}

impl Connection {
    /// A handler begins.
    pub fn begin(&self) -> AtWork {
        self.0.at_work.set(self.0.at_work.get() + 1);
        AtWork(self.clone())
    }

    /// A handler has answered.
    pub fn answer(&self) -> UnderWay {
        self.0.under_way.set(self.0.under_way.get() + 1);
        UnderWay(self.clone())
    }

    fn touch(&self) {
        self.0.last.set(Instant::now());
    }
}

impl UnderWay {
    /// The answer is asked for more of itself: what it gave before is on its way.
    pub fn touch(&self) {
        self.0.touch();
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let state = &self.0.0;
        state.under_way.set(state.under_way.get().saturating_sub(1));
        self.0.touch();
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let state = &self.0.0;
        state.at_work.set(state.at_work.get().saturating_sub(1));
        self.0.touch();
    }
}
