//! Bodies of webhooks, read within a limit each and a budget for all.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt};

/// Why a body was not read.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// Longer than allowed, by its own word or in fact.
    TooLong,
    /// Too many bodies are held at once.
    NoRoom,
    /// The connection broke, or its encoding.
    Broken,
}

/// Memory that bodies may take up together.
#[derive(Debug)]
pub struct Budget {
    left: AtomicUsize,
}

impl Budget {
    /// So many bytes.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    fn take(&self, bytes: usize) -> bool {
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(bytes)).is_ok()
    }
}

/// A whole body. Its room is free again when it is dropped.
#[derive(Debug)]
pub struct Body {
    bytes: Vec<u8>,
    budget: Arc<Budget>,
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes.len(), Ordering::AcqRel);
    }
}

/// Reads a body of at most `limit` bytes. A length that is declared too long is refused before anything is read; room is taken only for
/// what has come, so that nobody reserves it by a mere promise.
pub async fn read(
    mut payload: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    declared: Option<u64>,
    limit: usize,
    budget: &Arc<Budget>,
) -> Result<Body, Unread> {
    if declared.is_some_and(|declared| usize::try_from(declared).map_or(true, |declared| declared > limit)) {
        return Err(Unread::TooLong);
    }
    let mut body = Body { bytes: Vec::new(), budget: Arc::clone(budget) };
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Unread::Broken)?;
        if chunk.len() > limit - body.len() {
            return Err(Unread::TooLong);
        }
        if !budget.take(chunk.len()) {
            return Err(Unread::NoRoom);
        }
        body.bytes.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    fn chunks(sizes: &[usize]) -> impl Stream<Item = Result<Bytes, PayloadError>> + Unpin {
        futures_util::stream::iter(sizes.iter().map(|size| Ok(Bytes::from(vec![b'x'; *size]))).collect::<Vec<_>>())
    }

    #[actix_web::test]
    async fn a_body_is_cut_at_its_limit_whatever_it_declares() {
        let budget = Budget::new(1000);
        assert_eq!(read(chunks(&[60, 40]), None, 100, &budget).await.unwrap().len(), 100);
        assert_eq!(read(chunks(&[60, 41]), None, 100, &budget).await.unwrap_err(), Unread::TooLong);
        assert_eq!(read(chunks(&[60, 41]), Some(5), 100, &budget).await.unwrap_err(), Unread::TooLong);
        assert_eq!(read(chunks(&[]), Some(101), 100, &budget).await.unwrap_err(), Unread::TooLong);
        assert_eq!(read(chunks(&[]), Some(u64::MAX), 100, &budget).await.unwrap_err(), Unread::TooLong);
    }

    #[actix_web::test]
    async fn bodies_share_a_budget_and_give_it_back() {
        let budget = Budget::new(150);
        let first = read(chunks(&[50, 50]), None, 100, &budget).await.unwrap();
        assert_eq!(read(chunks(&[50, 1]), None, 100, &budget).await.unwrap_err(), Unread::NoRoom);
        assert_eq!(budget.left.load(Ordering::Acquire), 50, "what was half read is free again");
        drop(first);
        assert_eq!(read(chunks(&[50, 50]), None, 100, &budget).await.unwrap().len(), 100);
        assert_eq!(budget.left.load(Ordering::Acquire), 150);
    }

    #[actix_web::test]
    async fn a_broken_body_is_told_apart() {
        let budget = Budget::new(150);
        let broken = futures_util::stream::iter(vec![Ok(Bytes::from_static(b"{")), Err(PayloadError::Incomplete(None))]);
        assert_eq!(read(broken, None, 100, &budget).await.unwrap_err(), Unread::Broken);
    }
}
