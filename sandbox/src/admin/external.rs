//! External apps that act, events out of nowhere, and the clock.

use actix_web::web::{Data, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::person::Refused;
use crate::platform::Platform;
use crate::world::{Channel, Refusal, ThreadKey, World};

/// What an external app does.
#[derive(Deserialize)]
pub struct ExternalAct {
    page_id: String,
    psid: String,
    app_id: String,
    action: Action,
    text: Option<String>,
    target_app_id: Option<String>,
    metadata: Option<String>,
    #[serde(default)]
    silent: bool,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Action {
    Pass,
    Take,
    Request,
    Release,
    Send,
}

/// `POST /sandbox/external {page_id, psid, app_id, action: pass|take|request|release|send, text?, target_app_id?, metadata?, silent?}`
///
/// A pass or release by an app that does not hold the conversation is refused; `take` and `send` always work, as they do for a person in the
/// Page inbox. `silent` sends without a handover event.
pub async fn act(body: Json<ExternalAct>, platform: Data<Platform>) -> Result<Json<Value>, Refused> {
    let act = body.into_inner();
    platform.into_inner().change(|world, now| {
        let key = world.find_thread(&act.page_id, &act.psid).ok_or(Refused::Unknown("person on this Page"))?;
        if !world.apps.contains_key(&act.app_id) {
            return Err(Refused::Unknown("app"));
        }
        let mid = carry_out(world, &key, &act, now)?;
        Ok(Json(json!({"ok": true, "mid": mid, "owner": world.holder(&key, now)})))
    })
}

fn carry_out(world: &mut World, key: &ThreadKey, act: &ExternalAct, now: i64) -> Result<Option<String>, Refused> {
    let refused = |refusal: Refusal| Refused::Invalid(refusal.to_string());
    let metadata = act.metadata.as_deref();
    match act.action {
        Action::Pass => world.pass(key, &act.app_id, act.target_app_id.as_deref(), metadata, now).map_err(refused)?,
        Action::Release => world.release(key, &act.app_id, now).map_err(refused)?,
        Action::Take => world.seize(key, &act.app_id, metadata, now),
        Action::Request => world.request(key, &act.app_id, metadata, now),
        Action::Send => {
            let text = act.text.as_deref().filter(|text| !text.is_empty());
            let text = text.ok_or_else(|| Refused::Invalid("send needs a text".to_owned()))?;
            return Ok(Some(world.speak_up(key, &act.app_id, text, act.silent, now)));
        }
    }
    Ok(None)
}

/// An event to deliver as it is.
#[derive(Deserialize)]
pub struct RawEvent {
    page_id: String,
    psid: Option<String>,
    item: Value,
    channel: Option<String>,
    app_id: Option<String>,
}

/// `POST /sandbox/events {page_id, item, channel?: messaging|standby, psid?, app_id?}`: delivers `item` untouched, in the lane of `psid`
/// (the item's sender if absent), to one app or to all. → `{deliveries}`
pub async fn inject(body: Json<RawEvent>, platform: Data<Platform>) -> Result<Json<Value>, Refused> {
    let event = body.into_inner();
    let channel = match event.channel.as_deref() {
        None | Some("messaging") => Channel::Messaging,
        Some("standby") => Channel::Standby,
        Some(_) => return Err(Refused::Invalid("channel is messaging or standby".to_owned())),
    };
    let sender = event.item.pointer("/sender/id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let deliveries = platform.into_inner().change(|world, now| {
        let account = world.account(&event.page_id).ok_or(Refused::Unknown("Page"))?.id.clone();
        let key = ThreadKey { account, psid: event.psid.unwrap_or(sender) };
        Ok::<_, Refused>(world.inject(&key, channel, &event.item, event.app_id.as_deref(), now))
    })?;
    Ok(Json(json!({"deliveries": deliveries})))
}

/// How far to move the clock.
#[derive(Deserialize)]
pub struct ClockMove {
    advance_ms: i64,
}

/// `POST /sandbox/clock {advance_ms}` → `{now_ms}`
pub async fn advance_clock(body: Json<ClockMove>, platform: Data<Platform>) -> Json<Value> {
    Json(json!({"now_ms": platform.clock.advance(body.advance_ms)}))
}
