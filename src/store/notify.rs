//! Wake-ups between processes.

use std::time::Duration;

use sqlx::postgres::PgListener;

use super::pool::within;
use super::{Store, StoreError};
use crate::wire::PageId;

/// How long each step of beginning to listen may take.
const LISTEN: Duration = Duration::from_secs(2);

/// A Page's log or outbox has grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The process that wrote.
    pub process: i64,
    /// The Page.
    pub page: PageId,
    /// Its newest position.
    pub position: i64,
}

/// Hears notices.
#[derive(Debug)]
pub struct Listener {
    listener: PgListener,
}

impl Store {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn listen(&self) -> Result<Listener, StoreError> {
        let mut listener = within(LISTEN, PgListener::connect_with(self.pool.single().patient())).await?;
        within(LISTEN, listener.listen("baton")).await?;
        Ok(Listener { listener })
    }
}

impl Listener {
    /// The next notice; `None` when the connection broke, after which some may have been missed.
    pub async fn next(&mut self) -> Option<Notice> {
        loop {
            let notification = self.listener.try_recv().await.ok()??;
            if let Some(notice) = parse(notification.payload()) {
                return Some(notice);
            }
        }
    }
}

/// Reads `process:position:page`.
fn parse(payload: &str) -> Option<Notice> {
    let mut parts = payload.splitn(3, ':');
    let (process, position, page) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Notice { process: process.parse().ok()?, position: position.parse().ok()?, page: PageId::parse(page).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_back_even_when_the_page_has_a_colon() {
        let notice = parse("7:42:17841:x");
        assert_eq!(notice.map(|n| (n.process, n.position, n.page.to_string())), Some((7, 42, "17841:x".to_owned())));
        assert_eq!(parse("nonsense"), None);
    }
}
