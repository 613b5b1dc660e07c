//! Forms with files. Only addresses that take files read them, and only for somebody who is logged in.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actix_multipart::{Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use futures_util::TryStreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::FORM_BYTES;
use super::error::WebError;
use super::posted::Fields;
use crate::wire::file::FILE_BYTES;

/// Most files in one form.
pub const FILES: usize = 10;

/// Largest form with files, in bytes: one file as large as the platform takes, with what is around it.
const BODY: usize = FILE_BYTES + 2 * FORM_BYTES;

/// Forms with files that are being read or passed on hold at most so much together, in units of [`UNIT`] bytes: 100 MB.
const ROOM: usize = 1600;
const UNIT: usize = 64 * 1024;

/// How long a form may wait for room.
const QUEUE: Duration = Duration::from_secs(20);

/// How long a file may take to arrive: the largest one over a slow line.
const PATIENCE: Duration = Duration::from_secs(300);

/// A file as the browser sent it.
pub struct PickedFile {
    /// Its name there.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
}

/// An address takes files: among the data of its resource.
#[derive(Clone)]
pub struct TakesFiles(Arc<Semaphore>);

impl TakesFiles {
    /// All such addresses of a process share one room.
    pub fn shared() -> Self {
        static SHARED: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(ROOM)));
        Self(Arc::clone(&SHARED))
    }

    /// Waits for room for so many bytes.
    ///
    /// # Errors
    /// When there is none for long.
    pub async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, WebError> {
        let units = u32::try_from(bytes.div_ceil(UNIT).min(ROOM)).map_err(|_| WebError::TooLarge)?;
        let room = tokio::time::timeout(QUEUE, Arc::clone(&self.0).acquire_many_owned(units)).await;
        room.ok().and_then(Result::ok).ok_or_else(|| WebError::Unavailable("too many files are under way".into()))
    }
}

/// Whether this form has files, and may have them.
pub fn expected(request: &HttpRequest) -> Option<TakesFiles> {
    let content_type = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let multipart = content_type.trim_start().to_ascii_lowercase().starts_with("multipart/form-data");
    multipart.then(|| request.app_data::<TakesFiles>().cloned()).flatten()
}

/// Reads such a form.
pub async fn read(files: TakesFiles, request: HttpRequest, payload: Payload) -> Result<Fields, WebError> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let length = declared.ok_or(WebError::Malformed("length"))?;
    if length > BODY {
        return Err(WebError::TooLarge);
    }
    let room = files.room(length).await?;
    let (pairs, files) = tokio::time::timeout(PATIENCE, parts(&request, payload)).await.map_err(|_| WebError::TooSlow)??;
    Ok(Fields::new(pairs.into_iter(), files, Some(room)))
}

type Parts = (Vec<(String, String)>, Vec<PickedFile>);

async fn parts(request: &HttpRequest, mut payload: Payload) -> Result<Parts, WebError> {
    let unreadable = |_: MultipartError| WebError::Malformed("multipart");
    let mut form = Multipart::from_request(request, &mut payload).await.map_err(|_| WebError::Malformed("multipart"))?;
    let (mut pairs, mut files) = (Vec::new(), Vec::new());
    let mut text = 0;
    while let Some(mut part) = form.try_next().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.content_disposition().and_then(|disposition| disposition.get_filename()).map(str::to_owned);
        let mut content = Vec::new();
        while let Some(chunk) = part.try_next().await.map_err(unreadable)? {
            content.extend_from_slice(&chunk);
            if file_name.is_none() && text + content.len() > FORM_BYTES {
                return Err(WebError::TooLarge);
            }
        }
        match file_name {
            // A field for files in which nothing was picked.
            Some(file) if file.is_empty() && content.is_empty() => {}
            Some(_) if files.len() == FILES => return Err(WebError::TooLarge),
            Some(file) => files.push(PickedFile { name: file, content }),
            None => {
                text += content.len() + name.len();
                pairs.push((name, String::from_utf8(content).map_err(|_| WebError::Malformed("text"))?));
            }
        }
    }
    Ok((pairs, files))
}
