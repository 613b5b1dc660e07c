//! Tells deliveries that an app is there: whoever calls can probably be called.

use tokio::sync::broadcast;

use crate::wire::AppId;

/// How many signs a slow listener may be behind. Losing some is harmless: the next call is another sign.
const BACKLOG: usize = 256;

/// An app made an authenticated call, or answered a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOfLife {
    /// Which.
    pub app: AppId,
}

/// The channel of [`SignOfLife`]s of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SignsOfLife {
    sender: broadcast::Sender<SignOfLife>,
}

impl Default for SignsOfLife {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG) }
    }
}

impl SignsOfLife {
    /// Hears every sign from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<SignOfLife> {
        self.sender.subscribe()
    }

    /// Tells everyone who listens.
    pub fn tell(&self, app: &AppId) {
        // Nobody listening is fine.
        let _ = self.sender.send(SignOfLife { app: app.clone() });
    }
}
