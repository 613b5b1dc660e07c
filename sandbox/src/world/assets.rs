//! Attachments that Pages and people uploaded, and the ids under which they can be sent again.

use std::collections::{HashMap, VecDeque};

use actix_web::web::Bytes;

use crate::clock::DAY_MS;
use crate::random;

/// How long an attachment id can be used.
const LIFETIME_MS: i64 = 90 * DAY_MS;
/// Uploaded bytes kept in memory before the oldest go.
const MEMORY: usize = 256 * 1024 * 1024;

/// A saved attachment.
#[derive(Clone, Debug)]
pub struct Asset {
    /// The Page that it belongs to; nobody else may use it.
    pub page_id: String,
    /// `image`, `audio`, `video` or `file`.
    pub kind: String,
    /// Where it is.
    pub url: String,
    /// The content type of an uploaded file.
    pub mime: String,
    /// The uploaded file; absent for an attachment saved by URL.
    pub bytes: Option<Bytes>,
    /// When it was saved, in milliseconds since the Unix epoch.
    pub saved_at: i64,
}

/// All saved attachments.
#[derive(Default)]
pub struct Assets {
    by_id: HashMap<String, Asset>,
    uploads: VecDeque<String>,
    held: usize,
}

impl Assets {
    /// An id that is still free, so that a URL can name it before it is saved.
    pub fn fresh_id() -> String {
        random::object_id()
    }

    /// Saves an attachment under `id`.
    pub fn save(&mut self, id: String, asset: Asset) {
        if let Some(bytes) = &asset.bytes {
            self.held += bytes.len();
            self.uploads.push_back(id.clone());
        }
        self.by_id.insert(id, asset);
        while self.held > MEMORY && self.uploads.len() > 1 {
            if let Some(oldest) = self.uploads.pop_front().and_then(|id| self.by_id.remove(&id)) {
                self.held -= oldest.bytes.map_or(0, |bytes| bytes.len());
            }
        }
    }

    /// The attachment, if this Page owns it and its id has not expired.
    pub fn find(&self, id: &str, page_id: &str, now: i64) -> Option<&Asset> {
        self.by_id.get(id).filter(|asset| asset.page_id == page_id && now - asset.saved_at < LIFETIME_MS)
    }

    /// The attachment, for whoever follows its link.
    pub fn open(&self, id: &str) -> Option<&Asset> {
        self.by_id.get(id)
    }
}
