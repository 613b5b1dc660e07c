//! What a person says, as the JSON API takes it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refused;
use crate::world::{Content, Said};

/// `POST /messages`: text, an attachment, a quick reply or a postback.
#[derive(Deserialize, Debug)]
pub struct SayRequest {
    /// The Page or Instagram account.
    pub page_id: String,
    /// The person.
    pub psid: String,
    text: Option<String>,
    attachment: Option<Attachment>,
    quick_reply: Option<Tapped>,
    postback: Option<Tapped>,
    reply_to: Option<String>,
    referral: Option<Value>,
    at: Option<i64>,
}

/// `{"type": "image", "url": …}`, or as webhooks have it, with a `payload`.
#[derive(Deserialize, Debug)]
struct Attachment {
    #[serde(rename = "type", default = "image")]
    kind: String,
    url: Option<String>,
    payload: Option<Value>,
}

fn image() -> String {
    "image".to_owned()
}

/// A payload alone, or with its title.
#[derive(Deserialize, Debug)]
#[serde(untagged)]
enum Tapped {
    Payload(String),
    Whole { payload: String, title: Option<String>, referral: Option<Value> },
}

impl Tapped {
    fn into_parts(self) -> (String, Option<String>, Option<Value>) {
        match self {
            Self::Payload(payload) => (payload, None, None),
            Self::Whole { payload, title, referral } => (payload, title, referral),
        }
    }
}

impl SayRequest {
    /// The thing said.
    pub fn into_said(self) -> Result<Said, Refused> {
        let mut content = Content { text: self.text.filter(|text| !text.is_empty()), reply_to: self.reply_to, ..Content::default() };
        if let Some(attachment) = self.attachment {
            let payload = attachment.payload.or_else(|| attachment.url.map(|url| json!({"url": url})));
            let payload = payload.ok_or_else(|| Refused::Invalid("an attachment needs a url or a payload".to_owned()))?;
            content.attachments.push(json!({"type": attachment.kind, "payload": payload}));
        }
        if let Some(tapped) = self.quick_reply {
            let (payload, title, _) = tapped.into_parts();
            content.text = content.text.or(title).or_else(|| Some(payload.clone()));
            content.quick_reply = Some(payload);
        }
        if let Some(tapped) = self.postback {
            let (payload, title, referral) = tapped.into_parts();
            let mut postback = json!({"payload": payload});
            if let Some(title) = title {
                postback["title"] = json!(title);
            }
            if let Some(referral) = referral {
                postback["referral"] = referral;
            }
            content.postback = Some(postback);
        }
        if content.text.is_none() && content.attachments.is_empty() && content.postback.is_none() {
            return Err(Refused::Invalid("one of text, attachment, quick_reply and postback is needed".to_owned()));
        }
        Ok(Said { content, at: self.at, referral: self.referral })
    }
}
