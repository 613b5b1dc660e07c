//! Attachments that Pages and people uploaded, and the ids under which they can be sent again.

use std::collections::{HashMap, VecDeque};

use actix_web::web::Bytes;

use crate::clock::DAY_MS;
use crate::random;

/// How long an attachment id can be used.
const LIFETIME_MS: i64 = 90 * DAY_MS;
/// Uploaded bytes kept in memory before the oldest go.
const MEMORY: usize = 256 * 1024 * 1024;

/// A file as somebody sends it.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its content type.
    pub mime: String,
    /// Its name, as the sender gave it.
    pub name: String,
    /// Its content.
    pub bytes: Bytes,
}

impl Upload {
    /// `image`, `audio`, `video` or `file`, after the content type.
    pub fn kind(&self) -> &'static str {
        let family = self.mime.split('/').next().unwrap_or_default();
        ["image", "audio", "video"].into_iter().find(|kind| *kind == family).unwrap_or("file")
    }
}

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

impl Asset {
    /// An uploaded file that is opened under `base_url`, and its id.
    pub fn uploaded(upload: &Upload, kind: &str, base_url: &str, page_id: &str, now: i64) -> (String, Self) {
        let id = random::object_id();
        let name: String =
            upload.name.chars().filter(|character| character.is_ascii_alphanumeric() || "._-".contains(*character)).collect();
        let name = if name.is_empty() { "file" } else { &name };
        let url = format!("{base_url}/files/{id}/{name}");
        let (mime, bytes) = (upload.mime.clone(), Some(upload.bytes.clone()));
        (id, Self { page_id: page_id.to_owned(), kind: kind.to_owned(), url, mime, bytes, saved_at: now })
    }

    /// An attachment that stays where it is, and its id.
    pub fn linked(url: &str, kind: &str, page_id: &str, now: i64) -> (String, Self) {
        let (kind, url) = (kind.to_owned(), url.to_owned());
        (random::object_id(), Self { page_id: page_id.to_owned(), kind, url, mime: String::new(), bytes: None, saved_at: now })
    }
}

/// All saved attachments.
#[derive(Default)]
pub struct Assets {
    by_id: HashMap<String, Asset>,
    uploads: VecDeque<String>,
    held: usize,
}

impl Assets {
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
