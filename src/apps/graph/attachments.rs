//! Attachments on their way to the platform: uploads, and files that come with a send.

use serde_json::{Value, json};

use super::GraphApi;
use super::call::Call;
use super::caller::PageCaller;
use super::upstream::ask_platform;
use crate::wire::upload::{Upload, attachment_id, put_attachment_id};
use crate::wire::upstream::UpstreamFile;
use crate::wire::{AttachmentId, GraphError, Params};

/// The file of a call: the part `filedata`, else whichever file came.
pub(super) fn filedata(mut files: Vec<(String, UpstreamFile)>) -> Option<UpstreamFile> {
    let index = files.iter().position(|(name, _)| name == "filedata").unwrap_or(0);
    (index < files.len()).then(|| files.swap_remove(index).1)
}

/// `POST /{page}/message_attachments`.
pub(super) async fn upload(api: &GraphApi, caller: &PageCaller, call: Call) -> Result<Value, GraphError> {
    let file = filedata(call.files);
    let upload = Upload::parse(&call.params, file.is_some())?;
    let id = put_up(api, caller, &upload, file).await?;
    Ok(json!({ "attachment_id": id.as_str() }))
}

/// Uploads the file that came with a send and puts its id into the message.
pub(super) async fn upload_beside(api: &GraphApi, caller: &PageCaller, params: &mut Params, file: UpstreamFile) -> Result<(), GraphError> {
    let upload = Upload::parse(params, true)?;
    let id = put_up(api, caller, &upload, Some(file)).await?;
    put_attachment_id(params, &id)
}

/// Keeps the id of an attachment that the platform kept because a send said `is_reusable`.
pub(super) async fn remember(api: &GraphApi, caller: &PageCaller, params: &Params, id: &str) {
    if let Ok(upload) = Upload::parse(params, false) {
        keep(api, caller, &upload, id).await;
    }
}

async fn put_up(api: &GraphApi, caller: &PageCaller, upload: &Upload, file: Option<UpstreamFile>) -> Result<AttachmentId, GraphError> {
    let request = upload.request(caller.page().clone(), caller.object(), file);
    let answer = ask_platform(api, request, api.settings.upload_patience).await?;
    let id = attachment_id(&answer);
    let id = id.ok_or_else(|| api.unavailable(&"the platform's answer to an upload has no attachment_id"))?;
    keep(api, caller, upload, id.as_str()).await;
    Ok(id)
}

async fn keep(api: &GraphApi, caller: &PageCaller, upload: &Upload, id: &str) {
    // The attachment is on the platform whether or not Baton knows of it.
    if let Err(error) = api.store.save_attachment(caller.page(), caller.app(), id, &upload.kind, upload.url.as_deref()).await {
        tracing::warn!(%error, page = %caller.page(), "an attachment was uploaded but not recorded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_named_filedata_is_the_file() {
        let file = |name: &str| UpstreamFile { name: name.to_owned(), content_type: "image/png".to_owned(), bytes: Vec::new() };
        let named = |files: &[(&str, &str)]| {
            filedata(files.iter().map(|(part, name)| ((*part).to_owned(), file(name))).collect()).map(|file| file.name)
        };
        assert_eq!(named(&[("other", "a.png"), ("filedata", "b.png")]).as_deref(), Some("b.png"));
        assert_eq!(named(&[("file0", "a.png")]).as_deref(), Some("a.png"));
        assert_eq!(named(&[]), None);
    }
}
