//! Attachments: by URL, by upload, by id; and opening what was uploaded.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_SECURITY_POLICY, ContentType};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, mime};
use serde_json::{Map, Value, json};

use super::error::GraphError;
use super::params::{Params, scalar};
use super::request::GraphCall;
use super::route::Caller;
use crate::platform::Platform;
use crate::world::{Asset, Upload};

/// The types that carry a file.
pub const MEDIA: [&str; 4] = ["image", "audio", "video", "file"];
/// The largest file.
const FILE_LIMIT: usize = 25 * 1024 * 1024;

/// A medium that is about to be sent or saved.
pub struct Medium {
    /// Where it is.
    pub url: String,
    /// Its id, if it was saved or is to be.
    pub attachment_id: Option<String>,
}

/// `POST message_attachments`
pub fn save(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    let message = call.params.object("message")?.ok_or_else(|| GraphError::missing("message"))?;
    let attachment = message.get("attachment").and_then(Value::as_object).ok_or_else(|| GraphError::missing("message[attachment]"))?;
    let kind = attachment.get("type").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    if !MEDIA.contains(&kind.as_str()) {
        return Err(GraphError::parameter("Param message[attachment][type] must be one of {image, audio, video, file}"));
    }
    let empty = Map::new();
    let payload = attachment.get("payload").and_then(Value::as_object).unwrap_or(&empty);
    let mut payload = payload.clone();
    payload.insert("is_reusable".to_owned(), json!(true));
    let medium = resolve(platform, caller, &kind, &payload, &call.params)?;
    Ok(json!({"attachment_id": medium.attachment_id}))
}

/// Finds out where a medium is, and saves it if it is uploaded or reusable.
pub fn resolve(
    platform: &Arc<Platform>,
    caller: &Caller,
    kind: &str,
    payload: &Map<String, Value>,
    params: &Params,
) -> Result<Medium, GraphError> {
    let reusable = payload.get("is_reusable").and_then(scalar).is_some_and(|flag| flag == "true");
    if let Some(upload) = &params.file {
        return upload_file(platform, caller, kind, upload, reusable);
    }
    if let Some(id) = payload.get("attachment_id").and_then(scalar) {
        let url = platform.look(|world, now| {
            let asset = world.assets.find(&id, &caller.grant.page_id, now)?;
            Some((asset.url.clone(), asset.kind == kind))
        });
        return match url {
            Some((url, true)) => Ok(Medium { url, attachment_id: Some(id) }),
            Some(_) => Err(GraphError::sub(100, 2_018_047, "Upload attachment failure: the type does not match")),
            None => Err(GraphError::sub(100, 2_018_074, "Invalid attachment_id, or the Page does not own it")),
        };
    }
    let url = payload.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_web = url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    if !is_web {
        return Err(GraphError::sub(100, 2_018_008, "Failed to fetch the file from the url"));
    }
    let attachment_id = reusable.then(|| {
        platform.change(|world, now| {
            let (id, asset) = Asset::linked(&url, kind, &caller.grant.page_id, now);
            world.assets.save(id.clone(), asset);
            id
        })
    });
    Ok(Medium { url, attachment_id })
}

fn upload_file(platform: &Arc<Platform>, caller: &Caller, kind: &str, upload: &Upload, reusable: bool) -> Result<Medium, GraphError> {
    if upload.bytes.len() > FILE_LIMIT {
        return Err(GraphError::sub(100, 2_018_109, "Attachment size exceeds allowable limit"));
    }
    if upload.bytes.is_empty() || (kind != "file" && upload.kind() != kind) {
        return Err(GraphError::sub(100, 2_018_047, "Upload attachment failure"));
    }
    platform.change(|world, now| {
        let (id, asset) = Asset::uploaded(upload, kind, platform.base_url(), &caller.grant.page_id, now);
        let url = asset.url.clone();
        world.assets.save(id.clone(), asset);
        Ok(Medium { url, attachment_id: reusable.then_some(id) })
    })
}

/// `GET /files/{id}/{name}`: an uploaded file. What a browser might run is only offered for saving.
pub async fn open_asset(path: Path<(String, String)>, platform: Data<Platform>) -> HttpResponse {
    let asset = platform.look(|world, _| {
        let asset = world.assets.open(&path.0)?;
        Some((asset.mime.clone(), asset.bytes.clone()?))
    });
    let Some((mime, bytes)) = asset else { return HttpResponse::NotFound().finish() };
    let mime: mime::Mime = mime.parse().unwrap_or(mime::APPLICATION_OCTET_STREAM);
    let shown = matches!(mime.type_(), mime::AUDIO | mime::VIDEO) || (mime.type_() == mime::IMAGE && mime.subtype() != mime::SVG);
    HttpResponse::Ok()
        .insert_header(ContentType(mime))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Content-Disposition", if shown { "inline" } else { "attachment" }))
        .body(bytes)
}
