//! Files beside a reply: looked into, passed on to the platform at once, and kept as part of the draft until they are sent.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use tokio::sync::OwnedSemaphorePermit;

use super::address::path;
use super::composer::{Draft, Written, may_write};
use super::form::Form;
use super::pages::by_script;
use super::reasons;
use super::scene::Scene;
use super::visible::PostedTo;
use crate::store::draft_files::Beside;
use crate::store::saved_replies::ReplyId;
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::parts::{FILES, PickedFile, TakesFiles};
use crate::web::posted::Fields;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};
use crate::wire::file::{FILE_BYTES, SentFile, UnfitFile, file_name, inspect};
use crate::wire::upload::{Upload, attachment_id};
use crate::wire::upstream::{UpstreamError, UpstreamFile};
use crate::wire::{AttachmentId, PageId, PersonId};

/// How long the platform may take for a file.
const PATIENCE: Duration = Duration::from_secs(90);

/// The files beside a reply, as the page shows them.
#[derive(Template)]
#[template(path = "files.html")]
pub struct Files {
    t: &'static Texts,
    assets: &'static Assets,
    action_url: String,
    files: Vec<FileView>,
}

struct FileView {
    id: AttachmentId,
    name: String,
    size: String,
    remove: String,
}

impl Files {
    /// Lays them out.
    pub fn new(page: &PageId, person: &PersonId, files: Vec<SentFile>, t: &'static Texts) -> Self {
        let view = |file: SentFile| FileView {
            remove: fill(t.desk.files_remove, &[("name", &file.name)]),
            size: size(file.bytes, t),
            id: file.id,
            name: file.name,
        };
        Self { t, assets: Assets::get(), action_url: path(page, person), files: files.into_iter().map(view).collect() }
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// A size in words.
fn size(bytes: i64, t: &Texts) -> String {
    let kilobytes = (bytes + 999) / 1000;
    if kilobytes < 1000 {
        return format!("{kilobytes} KB");
    }
    format!("{}{}{} MB", bytes / 1_000_000, t.desk.decimal_mark, bytes / 100_000 % 10)
}

/// POST …/attach: files that were picked, or those of a saved reply.
pub async fn attach(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, mut fields } = posted;
    let mut picked = fields.take_files();
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    let scene = form.scene().await?;
    let mut room = None;
    if let Some(id) = fields.find("reply") {
        let id = ReplyId(id.parse().map_err(|_| WebError::Malformed("reply"))?);
        let (of_reply, taken) = of_reply(&web, &agent, id).await?;
        picked.extend(of_reply);
        room = Some(taken);
    }
    let problem = take(&web, &scene, &agent, picked).await?.err();
    drop(room);
    answer(form, &request, &scene, &fields, problem).await
}

/// POST …/detach: one of them shall not be sent.
pub async fn detach(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    let scene = form.scene().await?;
    let id = AttachmentId::parse(fields.get("without")).map_err(|_| WebError::Malformed("without"))?;
    web.store.take_draft_files(form.beside(), &[id]).await?;
    answer(form, &request, &scene, &fields, None).await
}

/// Scripts get the files, or what is wrong; everybody else the page with what they had written.
async fn answer(
    form: Form<'_>,
    request: &HttpRequest,
    scene: &Scene,
    fields: &Fields,
    problem: Option<String>,
) -> Result<HttpResponse, WebError> {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    if !by_script(request) {
        let seen = fields.get("seen").parse().ok();
        return form.back(status, problem, Draft { reply: Some(Written::posted(fields)), seen, ..Draft::default() }).await;
    }
    let body = match problem {
        Some(problem) => problem,
        None => {
            let files = form.web.store.draft_files(form.beside()).await?;
            Files::new(&form.conversation.page, &form.conversation.person, files, scene.t()).render()?
        }
    };
    Ok(HttpResponse::build(status)
        .content_type(if status.is_success() { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" })
        .body(body))
}

/// The files that a form names, as far as they are its author's.
pub async fn named(web: &State, scene: &Scene, agent: &Agent, fields: &Fields) -> Result<Vec<SentFile>, WebError> {
    let ids: Vec<AttachmentId> = fields.all("file").filter_map(|id| AttachmentId::parse(id).ok()).take(FILES).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(web.store.files_of(agent.user, &scene.conversation.page, &ids).await?)
}

/// The files of a saved reply that an agent may use, and the room that they take until they are passed on.
pub async fn of_reply(web: &State, agent: &Agent, id: ReplyId) -> Result<(Vec<PickedFile>, OwnedSemaphorePermit), WebError> {
    let room = TakesFiles::shared().room(web.store.reply_bytes(agent.user, id).await?).await?;
    let files = web.store.reply_files(agent.user, id).await?;
    Ok((files.into_iter().map(|file| PickedFile { name: file.name, content: file.content }).collect(), room))
}

/// Passes files on to the platform and puts them beside the reply; or says in the reader's words what is wrong with one, and goes no further.
pub async fn take(web: &State, scene: &Scene, agent: &Agent, picked: Vec<PickedFile>) -> Result<Result<Vec<SentFile>, String>, WebError> {
    if picked.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let t = scene.t().desk;
    let conversation = &scene.conversation;
    let Some(app) = scene.inbox().filter(|_| may_write(scene)) else { return Ok(Err(t.files_not_now.to_owned())) };
    let beside = Beside { user: agent.user, page: &conversation.page, person: &conversation.person };
    let there = web.store.draft_files(beside).await?.len();
    if there + picked.len() > FILES {
        return Ok(Err(fill(t.files_many, &[("count", &FILES.to_string())])));
    }
    let mut taken = Vec::with_capacity(picked.len());
    for file in picked {
        match pass_on(web, scene, file).await {
            Ok(file) => {
                web.store.put_draft_file(beside, app, &file).await?;
                taken.push(file);
            }
            Err(problem) => return Ok(Err(problem)),
        }
    }
    Ok(Ok(taken))
}

/// Gives one file to the platform.
async fn pass_on(web: &State, scene: &Scene, file: PickedFile) -> Result<SentFile, String> {
    let t = scene.t();
    let conversation = &scene.conversation;
    let name = file_name(&file.name);
    let inspected = inspect(&name, &file.content, conversation.object).map_err(|unfit| unfit_words(unfit, &name, t))?;
    let bytes = i64::try_from(file.content.len()).unwrap_or(i64::MAX);
    let up = UpstreamFile { name: name.clone(), content_type: inspected.media_type.to_owned(), bytes: file.content };
    let request = Upload::of_file(inspected.kind).request(conversation.page.clone(), conversation.object, Some(up));
    let not_taken = |why: &str| fill(t.desk.files_not_taken, &[("name", &name), ("why", why)]);
    let answer = web.upstream.ask(request, PATIENCE).await.map_err(|error| match error {
        UpstreamError::Refused(error) => not_taken(reasons::meaning(error.code, error.subcode, t).unwrap_or(&error.message)),
        UpstreamError::Unavailable => not_taken(t.fail_platform),
    })?;
    let id = attachment_id(&answer).ok_or_else(|| not_taken(t.fail_platform))?;
    Ok(SentFile { id, kind: inspected.kind, name, bytes })
}

/// Why a file is not sent.
pub fn unfit_words(unfit: UnfitFile, name: &str, t: &Texts) -> String {
    let words = match unfit {
        UnfitFile::Empty => t.desk.files_empty,
        UnfitFile::TooLarge => t.desk.files_large,
        UnfitFile::Program => t.desk.files_program,
        UnfitFile::NotAsNamed => t.desk.files_not_as_named,
        UnfitFile::NotOnInstagram => t.desk.files_not_on_instagram,
    };
    fill(words, &[("name", name), ("limit", &(FILE_BYTES / 1_000_000 + 1).to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::text::{DE, EN};

    #[test]
    fn sizes_are_rounded_up_and_written_as_the_language_does() {
        for (bytes, english) in [(1, "1 KB"), (999_000, "999 KB"), (1_000_000, "1.0 MB"), (12_345_678, "12.3 MB")] {
            assert_eq!(size(bytes, &EN), english);
        }
        assert_eq!(size(2_500_000, &DE), "2,5 MB");
    }
}
