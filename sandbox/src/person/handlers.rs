//! The handlers of the person API.

use actix_web::web::{Data, Json, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refused;
use super::said::SayRequest;
use crate::platform::Platform;
use crate::settings;
use crate::world::{ThreadKey, World};

/// A conversation, and for some calls a message of it.
#[derive(Deserialize)]
pub struct Which {
    page_id: String,
    psid: String,
}

/// A message of a conversation, and what happens to it.
#[derive(Deserialize)]
pub struct WhichMessage {
    page_id: String,
    psid: String,
    mid: String,
    text: Option<String>,
    emoji: Option<String>,
    reaction: Option<String>,
    action: Option<String>,
}

/// Narrows a list to one Page.
#[derive(Deserialize)]
pub struct OnPage {
    page_id: Option<String>,
}

fn find(world: &World, page_id: &str, psid: &str) -> Result<ThreadKey, Refused> {
    world.find_thread(page_id, psid).ok_or(Refused::Unknown("person on this Page"))
}

/// `POST /people {page_id, name, psid?, locale?}` → `{psid, page_id}`
pub async fn add_person(body: Json<settings::Person>, platform: Data<Platform>) -> Result<Json<Value>, Refused> {
    let person = body.into_inner();
    if person.name.trim().is_empty() {
        return Err(Refused::Invalid("a person needs a name".to_owned()));
    }
    let key = platform.into_inner().change(|world, _| world.add_person(person)).ok_or(Refused::Unknown("Page"))?;
    Ok(Json(json!({"psid": key.psid, "page_id": key.account})))
}

/// `GET /people?page_id=`
pub async fn list_people(query: Query<OnPage>, platform: Data<Platform>) -> Json<Value> {
    let people = platform.look(|world, _| {
        let accounts =
            world.accounts.values().filter(|account| query.page_id.as_ref().is_none_or(|id| *id == account.id || *id == account.page_id));
        let listed = accounts.flat_map(|account| {
            account
                .people
                .all()
                .iter()
                .map(|person| json!({"page_id": account.id, "psid": person.psid, "name": person.name, "locale": person.locale}))
        });
        listed.collect::<Vec<Value>>()
    });
    Json(json!({"people": people}))
}

/// `POST /messages` → `{mid}`
pub async fn say(body: Json<SayRequest>, platform: Data<Platform>) -> Result<Json<Value>, Refused> {
    let request = body.into_inner();
    let (page_id, psid) = (request.page_id.clone(), request.psid.clone());
    let said = request.into_said()?;
    let mid = platform.into_inner().change(|world, now| {
        let key = find(world, &page_id, &psid)?;
        Ok(world.say(&key, said, now))
    })?;
    Ok(Json(json!({"mid": mid})))
}

/// `GET /messages?page_id=&psid=` → `{messages, owner}`
pub async fn transcript(query: Query<Which>, platform: Data<Platform>) -> Result<Json<Value>, Refused> {
    platform.look(|world, now| {
        let key = find(world, &query.page_id, &query.psid)?;
        let thread = world.threads.get(&key).ok_or(Refused::Unknown("conversation"))?;
        let messages = thread.messages.iter().map(|message| {
            let app = message.app_id.as_ref().and_then(|id| world.apps.get(id));
            message.transcript(thread, app.map(|app| app.name.as_str()))
        });
        let typing = thread.typing_until.is_some_and(|until| until > now);
        Ok(Json(json!({"messages": messages.collect::<Vec<Value>>(), "owner": world.holder(&key, now), "typing": typing})))
    })
}

/// `POST /reactions {page_id, psid, mid, emoji?, reaction?, action?: react|unreact}`
pub async fn react(body: Json<WhichMessage>, platform: Data<Platform>) -> Result<Json<Value>, Refused> {
    let request = body.into_inner();
    let emoji = match request.action.as_deref() {
        None | Some("react") => Some(request.emoji.unwrap_or_else(|| "\u{2764}\u{fe0f}".to_owned())),
        Some("unreact") => None,
        Some(_) => return Err(Refused::Invalid("action is react or unreact".to_owned())),
    };
    let reaction =
        request.reaction.unwrap_or_else(|| if emoji.as_deref() == Some("\u{2764}\u{fe0f}") { "love" } else { "other" }.to_owned());
    done(platform.into_inner().change(|world, now| {
        let key = find(world, &request.page_id, &request.psid)?;
        Ok::<_, Refused>(world.react(&key, &request.mid, emoji.as_deref(), &reaction, now))
    })?)
}

/// `POST /edits {page_id, psid, mid, text}`
pub async fn edit(body: Json<WhichMessage>, platform: Data<Platform>) -> Result<Json<Value>, Refused> {
    let request = body.into_inner();
    let text = request.text.ok_or_else(|| Refused::Invalid("text is needed".to_owned()))?;
    let edits = platform.into_inner().change(|world, now| {
        let key = find(world, &request.page_id, &request.psid)?;
        world.edit(&key, &request.mid, &text, now).ok_or(Refused::Unknown("message of this person"))
    })?;
    Ok(Json(json!({"num_edit": edits})))
}

/// `POST /unsends {page_id, psid, mid}`
pub async fn unsend(body: Json<WhichMessage>, platform: Data<Platform>) -> Result<Json<Value>, Refused> {
    let request = body.into_inner();
    done(platform.into_inner().change(|world, now| {
        let key = find(world, &request.page_id, &request.psid)?;
        Ok::<_, Refused>(world.unsend(&key, &request.mid, now))
    })?)
}

/// `POST /reads {page_id, psid}` → `{read}`: whether there was anything new
pub async fn read(body: Json<Which>, platform: Data<Platform>) -> Result<Json<Value>, Refused> {
    let read = platform.into_inner().change(|world, now| {
        let key = find(world, &body.page_id, &body.psid)?;
        Ok::<_, Refused>(world.read(&key, now))
    })?;
    Ok(Json(json!({"read": read})))
}

fn done(found: bool) -> Result<Json<Value>, Refused> {
    if found { Ok(Json(json!({"ok": true}))) } else { Err(Refused::Unknown("message")) }
}
