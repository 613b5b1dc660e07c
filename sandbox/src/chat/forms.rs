//! What the forms of the chat page do. With the script they answer nothing; without it they lead back.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Form, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::graph::{GraphError, read_params};
use crate::platform::Platform;
use crate::settings;
use crate::world::{Asset, Content, Said, Thread};

/// `POST /chat/people`
#[derive(Deserialize)]
pub struct NewPerson {
    page_id: String,
    name: String,
}

/// Adds a customer and leads to them.
pub async fn add_person(form: Form<NewPerson>, platform: Data<Platform>) -> HttpResponse {
    let form = form.into_inner();
    let name = form.name.trim().to_owned();
    if name.is_empty() {
        return see_other("/");
    }
    let person = settings::Person { page_id: form.page_id, name, psid: None, locale: None };
    match platform.into_inner().change(|world, _| world.add_person(person)) {
        Some(key) => see_other(&format!("/#c-{}", key.psid)),
        None => see_other("/"),
    }
}

/// A customer writes, attaches a file, taps a quick reply or a button.
pub async fn say(request: HttpRequest, path: Path<(String, String)>, payload: Payload, platform: Data<Platform>) -> HttpResponse {
    let platform = platform.into_inner();
    let params = match read_params(&request, payload).await {
        Ok(params) => params,
        Err(error) => return refuse(&error),
    };
    let Some(key) = platform.look(|world, _| world.find_thread(&path.0, &path.1)) else { return HttpResponse::NotFound().finish() };
    let given = |name: &str| params.text(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let upload = params.file.as_ref().filter(|upload| !upload.bytes.is_empty());
    let base_url = platform.base_url().to_owned();
    platform.change(|world, now| {
        if let Some(upload) = upload {
            let (id, asset) = Asset::uploaded(upload, upload.kind(), &base_url, &key.account, now);
            let attachment = json!({"type": asset.kind, "payload": {"url": asset.url}});
            world.assets.save(id, asset);
            world.say(&key, said(Content { attachments: vec![attachment], ..Content::default() }), now);
        }
        let tapped = given("quick_reply").map(|payload| quick_reply(world.threads.get(&key), payload));
        let pressed = given("postback").map(|payload| Content { postback: Some(json!({"payload": payload})), ..Content::default() });
        let written = given("text").map(|text| Content { text: Some(text), ..Content::default() });
        if let Some(content) = tapped.or(pressed).or(written) {
            world.say(&key, said(content), now);
        }
    });
    if request.headers().contains_key("X-Live") {
        return HttpResponse::NoContent().finish();
    }
    see_other(
        &given("back")
            .filter(|back| back.starts_with('/') && !back.starts_with("//"))
            .map_or_else(|| "/".to_owned(), |back| format!("{back}#c-{}", key.psid)),
    )
}

fn said(content: Content) -> Said {
    Said { content, ..Said::default() }
}

/// The quick reply with this payload, as the newest message offers it.
fn quick_reply(thread: Option<&Thread>, payload: String) -> Content {
    let offered = thread.and_then(|thread| thread.messages.last()).map_or(&[][..], |message| &message.content.quick_replies);
    let matches = |reply: &&Value| reply.get("payload").and_then(Value::as_str).or_else(|| reply.get("title")?.as_str()) == Some(&payload);
    let title = offered.iter().find(matches).and_then(|reply| reply.get("title")?.as_str()).filter(|title| !title.is_empty());
    Content { text: Some(title.unwrap_or(&payload).to_owned()), quick_reply: Some(payload), ..Content::default() }
}

fn refuse(error: &GraphError) -> HttpResponse {
    HttpResponse::build(error.status).content_type("text/plain; charset=utf-8").body(error.message.clone())
}

fn see_other(target: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, target)).finish()
}
