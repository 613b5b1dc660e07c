//! A call's body, decoded from whichever encoding the client chose. Pure: no limit on its size, no clock, nobody to wait for.

use actix_multipart::{Multipart, MultipartError};
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use actix_web::web::Bytes;
use futures_util::{TryStreamExt, stream};

use crate::wire::upstream::UpstreamFile;
use crate::wire::{GraphError, Params};

/// Most parts of a multipart body.
const MOST_PARTS: usize = 128;
/// Bytes handed to the multipart reader at once.
const SLICE: usize = 32 * 1024;

/// What a body says.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Its parameters.
    pub params: Params,
    /// Files of a multipart body, with their field names.
    pub files: Vec<(String, UpstreamFile)>,
}

/// Reads a whole body: JSON, a form in any of its dialects, or multipart, whose fields are parameters and whose parts with a file name are
/// files. It never waits: the multipart reader knows no other way than a stream.
///
/// # Errors
/// 100 when it cannot be read.
pub async fn decode(content_type: Option<&str>, body: Bytes) -> Result<Decoded, GraphError> {
    match content_type.filter(|name| is_multipart(name)) {
        Some(content_type) => parts(content_type, body).await,
        None => Ok(Decoded { params: Params::from_body(content_type, &body)?, files: Vec::new() }),
    }
}

/// Whether a content type is one of multipart.
pub(super) fn is_multipart(content_type: &str) -> bool {
    content_type.trim_start().to_ascii_lowercase().starts_with("multipart/")
}

fn unreadable(error: &MultipartError) -> GraphError {
    GraphError::parameter(&format!("The multipart body cannot be read: {error}"))
}

async fn parts(content_type: &str, bytes: Bytes) -> Result<Decoded, GraphError> {
    let mut headers = HeaderMap::new();
    let content_type = HeaderValue::from_str(content_type).map_err(|_| GraphError::parameter("The content type cannot be read"))?;
    headers.insert(CONTENT_TYPE, content_type);
    let slices = (0..bytes.len()).step_by(SLICE).map(|start| Ok(bytes.slice(start..bytes.len().min(start + SLICE)))).collect::<Vec<_>>();
    let mut multipart = Multipart::new(&headers, stream::iter(slices));
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    while let Some(mut part) = multipart.try_next().await.map_err(|error| unreadable(&error))? {
        if fields.len() + files.len() >= MOST_PARTS {
            return Err(GraphError::parameter("The multipart body has too many parts"));
        }
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.content_disposition().and_then(|disposition| disposition.get_filename()).map(str::to_owned);
        let content_type = part.content_type().map(ToString::to_string);
        let mut content = Vec::new();
        while let Some(chunk) = part.try_next().await.map_err(|error| unreadable(&error))? {
            content.extend_from_slice(&chunk);
        }
        match file_name {
            Some(file_name) => {
                let content_type = content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
                files.push((name, UpstreamFile { name: file_name, content_type, bytes: content }));
            }
            None => {
                let text = String::from_utf8(content).map_err(|_| GraphError::parameter(&format!("Param {name} is not UTF-8")))?;
                fields.push((name, text));
            }
        }
    }
    Ok(Decoded { params: Params::from_pairs(fields)?, files })
}
