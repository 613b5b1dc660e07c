//! The calls that Baton itself makes.

use serde_json::{Map, Value, json};

use super::{Client, NoToken, Outcome};
use crate::ledger::SendJob;
use crate::store::platform::Profile;
use crate::wire::upstream::{UpstreamMethod, UpstreamRequest};
use crate::wire::{AppId, Metadata, Object, PageId, PersonId};

/// The webhook fields that Baton's platform app needs of a Messenger Page.
pub const SUBSCRIBED_FIELDS: [&str; 18] = [
    "messages",
    "message_echoes",
    "message_edits",
    "message_reactions",
    "message_reads",
    "message_deliveries",
    "messaging_postbacks",
    "messaging_referrals",
    "messaging_optins",
    "messaging_optouts",
    "messaging_handovers",
    "messaging_account_linking",
    "messaging_policy_enforcement",
    "messaging_game_plays",
    "messaging_feedback",
    "response_feedback",
    "send_cart",
    "standby",
];

/// The fields of an Instagram account; some have other names there.
const SUBSCRIBED_FIELDS_INSTAGRAM: [&str; 9] = [
    "messages",
    "message_edit",
    "message_reactions",
    "messaging_seen",
    "messaging_postbacks",
    "messaging_referral",
    "messaging_optins",
    "messaging_handover",
    "standby",
];

/// Who holds a thread on the platform, as `thread_owner` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// Baton's own app, or nobody.
    NotOutside,
    /// This app beside it.
    Outside(AppId),
    /// Some app beside it that Baton may not see.
    OutsideUnnamed,
}

impl Client {
    /// Sends what a job carries, with its token as upstream metadata.
    pub async fn send(&self, job: &SendJob) -> Outcome {
        let body = match job.send.upstream_body(&job.token) {
            Value::Object(body) => body,
            _ => Map::new(),
        };
        self.call(&post(&job.page, "messages", body)).await
    }

    /// `pass_thread_control` to an app beside Baton.
    pub async fn pass(&self, page: &PageId, person: &PersonId, target: &AppId, metadata: Option<&Metadata>) -> Outcome {
        let mut body = control_body(person, metadata);
        body.insert("target_app_id".to_owned(), target.as_str().into());
        self.call(&post(page, "pass_thread_control", body)).await
    }

    /// `take_thread_control` from an app beside Baton.
    pub async fn take(&self, page: &PageId, person: &PersonId, metadata: Option<&Metadata>) -> Outcome {
        self.call(&post(page, "take_thread_control", control_body(person, metadata))).await
    }

    /// `request_thread_control` of an app beside Baton.
    pub async fn request(&self, page: &PageId, person: &PersonId, metadata: Option<&Metadata>) -> Outcome {
        self.call(&post(page, "request_thread_control", control_body(person, metadata))).await
    }

    /// `extend_thread_control` by so many seconds from now.
    pub async fn extend(&self, page: &PageId, person: &PersonId, seconds: i64) -> Outcome {
        let mut body = control_body(person, None);
        body.insert("duration".to_owned(), seconds.into());
        self.call(&post(page, "extend_thread_control", body)).await
    }

    /// Asks who holds a thread.
    ///
    /// # Errors
    /// The call's outcome when it gave no answer.
    pub async fn thread_owner(&self, page: &PageId, person: &PersonId) -> Result<Holder, Outcome> {
        let query = vec![("recipient".to_owned(), person.as_str().to_owned())];
        match self.call(&get(page, "me/thread_owner".to_owned(), query)).await {
            Outcome::Answered(answer) => Ok(holder(&answer, self.app_id())),
            outcome => Err(outcome),
        }
    }

    /// Asks who a person is. An empty profile when the platform may not tell.
    ///
    /// # Errors
    /// The call's outcome when it gave no answer.
    pub async fn profile(&self, page: &PageId, person: &PersonId) -> Result<Profile, Outcome> {
        let object = self.tokens.of(page).await.map_or(Object::Page, |token| token.object);
        let fields = match object {
            Object::Page => "first_name,last_name,name,profile_pic",
            Object::Instagram => "name,username,profile_pic",
        };
        let query = vec![("fields".to_owned(), fields.to_owned())];
        match self.call(&get(page, person.as_str().to_owned(), query)).await {
            Outcome::Answered(answer) => Ok(profile(answer)),
            outcome => Err(outcome),
        }
    }

    /// Subscribes Baton's platform app to a Page's webhooks: without it, nothing comes in. Done when a Page is connected.
    ///
    /// # Errors
    /// The call's outcome when the platform did not do it.
    pub async fn subscribe(&self, page: &PageId) -> Result<(), Outcome> {
        let token = match self.tokens.reread(page).await {
            Ok(token) => token,
            Err(NoToken::Store(error)) => return Err(Outcome::NotWritten(error.to_string())),
            Err(error) => return Err(super::no_token(page, &error)),
        };
        let fields = match token.object {
            Object::Page => SUBSCRIBED_FIELDS.join(","),
            Object::Instagram => SUBSCRIBED_FIELDS_INSTAGRAM.join(","),
        };
        // An Instagram account is called with the linked Page's token, for which `me` would be that Page.
        let request = UpstreamRequest {
            path: format!("{page}/subscribed_apps"),
            query: vec![("subscribed_fields".to_owned(), fields)],
            ..post(page, "subscribed_apps", Map::new())
        };
        match self.call(&request).await {
            Outcome::Answered(_) => {
                self.tokens.subscribed(page).await;
                Ok(())
            }
            outcome => Err(outcome),
        }
    }
}

fn post(page: &PageId, edge: &str, body: Map<String, Value>) -> UpstreamRequest {
    let path = format!("me/{edge}");
    UpstreamRequest { page: page.clone(), method: UpstreamMethod::Post, path, query: Vec::new(), body, file: None }
}

fn get(page: &PageId, path: String, query: Vec<(String, String)>) -> UpstreamRequest {
    UpstreamRequest { page: page.clone(), method: UpstreamMethod::Get, path, query, body: Map::new(), file: None }
}

fn control_body(person: &PersonId, metadata: Option<&Metadata>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("recipient".to_owned(), json!({ "id": person.as_str() }));
    if let Some(metadata) = metadata {
        body.insert("metadata".to_owned(), metadata.as_str().into());
    }
    body
}

/// Reads `{"data":[{"thread_owner":{"app_id":…,"expiration":…}}]}`, and the older form without `data`. Only the owner and the default app
/// see `app_id`; nothing at all means idle.
fn holder(answer: &Value, own: &AppId) -> Holder {
    let first = answer.get("data").and_then(|data| data.get(0)).unwrap_or(answer);
    let Some(owner) = first.get("thread_owner").filter(|owner| !owner.is_null()) else { return Holder::NotOutside };
    let app = owner.get("app_id").and_then(|id| match id {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    match app.and_then(|id| AppId::parse(id).ok()) {
        Some(app) if app == *own => Holder::NotOutside,
        Some(app) => Holder::Outside(app),
        None => Holder::OutsideUnnamed,
    }
}

/// Reads a profile of either product. Fields that are no text, and what Baton does not know, are kept beside.
fn profile(answer: Value) -> Profile {
    let Value::Object(mut fields) = answer else { return Profile::default() };
    fields.remove("id");
    let mut text = |key: &str| match fields.remove(key) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let (name, first_name, last_name, profile_pic) = (text("name"), text("first_name"), text("last_name"), text("profile_pic"));
    Profile { name, first_name, last_name, profile_pic, more: fields }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    #[test]
    fn thread_owner_is_read_in_every_documented_form() {
        // Protocol page, section 1.3.6.
        let own = AppId::parse("111").unwrap();
        let outside = || Holder::Outside(AppId::parse("1919718111377911").unwrap());
        let table = [
            (json!({"data":[{"thread_owner":{"app_id":"1919718111377911","expiration":1_700_000_000}}]}), outside()),
            (json!({"data":[{"thread_owner":{"app_id":1_919_718_111_377_911_u64}}]}), outside()),
            (json!({"thread_owner":{"app_id":"1919718111377911"}}), outside()),
            (json!({"data":[{"thread_owner":{"expiration":1_700_000_000}}]}), Holder::OutsideUnnamed),
            (json!({"data":[{"thread_owner":{"app_id":"111"}}]}), Holder::NotOutside),
            (json!({"data":[]}), Holder::NotOutside),
            (json!({}), Holder::NotOutside),
        ];
        for (answer, expected) in table {
            assert_eq!(holder(&answer, &own), expected, "{answer}");
        }
    }

    #[test]
    fn a_profile_keeps_what_it_does_not_know() {
        let told = profile(json!({"first_name":"Anna","profile_pic":"https://x.example/p","id":"7","timezone":1,"name":""}));
        assert_eq!(told.first_name.as_deref(), Some("Anna"));
        assert_eq!((told.name, told.last_name), (None, None));
        assert_eq!(Value::Object(told.more), json!({"timezone":1}));
        assert_eq!(profile(json!({})), Profile::default());
    }
}
