//! What the templates show.

use serde_json::Value;

use crate::world::{Author, Message, Thread, ThreadKey, World};

/// A pause after which the time is shown again, in milliseconds.
const PAUSE_MS: i64 = 15 * 60_000;
/// A pause after which a new group of bubbles begins, in milliseconds.
const GROUP_MS: i64 = 3 * 60_000;
/// The newest messages of a conversation that are shown.
const SHOWN: usize = 200;

/// A conversation with its frame.
pub struct Panel {
    pub page_id: String,
    pub page_name: String,
    pub psid: String,
    pub name: String,
    pub thread: ThreadView,
}

/// The inside of a conversation.
pub struct ThreadView {
    pub action: String,
    pub bubbles: Vec<Bubble>,
    pub quick_replies: Vec<QuickReply>,
    pub typing: Option<String>,
    /// How far the person's last message has come, if it is the last of all.
    pub seen: Option<bool>,
}

/// A message.
pub struct Bubble {
    pub mid: String,
    pub own: bool,
    pub starts: bool,
    pub ends: bool,
    pub pause: bool,
    pub at: i64,
    pub clock: String,
    pub sender: Option<String>,
    pub text: Option<String>,
    pub tapped: bool,
    pub pieces: Vec<Piece>,
    pub buttons: Vec<Button>,
    pub reaction: Option<String>,
    pub edited: bool,
    pub unsent: bool,
}

/// A part of a message that is not its text.
pub enum Piece {
    Image(String),
    Video(String),
    Audio(String),
    File { url: String, name: String },
    Card(Card),
    Other(String),
}

/// An element of a template.
pub struct Card {
    pub title: String,
    pub subtitle: Option<String>,
    pub image: Option<String>,
    pub buttons: Vec<Button>,
}

/// A button of a template.
pub enum Button {
    Postback { title: String, payload: String },
    Link { title: String, url: String },
    Plain(String),
}

/// A quick reply that can be tapped.
pub struct QuickReply {
    pub title: String,
    pub payload: String,
    pub image: Option<String>,
}

impl Panel {
    /// The conversation, if there is one.
    pub fn of(world: &World, key: &ThreadKey, now: i64) -> Option<Self> {
        let account = world.accounts.get(&key.account)?;
        let person = account.person(&key.psid)?;
        let thread = world.threads.get(key)?;
        Some(Self {
            page_id: account.id.clone(),
            page_name: account.name.clone(),
            psid: key.psid.clone(),
            name: person.name.clone(),
            thread: ThreadView::of(world, key, thread, &account.name, now),
        })
    }
}

impl ThreadView {
    fn of(world: &World, key: &ThreadKey, thread: &Thread, page_name: &str, now: i64) -> Self {
        let shown = &thread.messages[thread.messages.len().saturating_sub(SHOWN)..];
        let bubbles = shown.iter().enumerate().map(|(at, message)| {
            let before = at.checked_sub(1).and_then(|at| shown.get(at));
            bubble(world, message, before, shown.get(at + 1))
        });
        let last = shown.last();
        let offered = last.filter(|message| message.author == Author::Page && !message.unsent);
        let quick_replies = offered.map_or(&[][..], |message| &message.content.quick_replies);
        Self {
            action: format!("/chat/{}/{}/messages", key.account, key.psid),
            bubbles: bubbles.collect(),
            quick_replies: quick_replies.iter().filter_map(quick_reply).collect(),
            typing: thread.typing_until.filter(|until| *until > now).map(|_| page_name.to_owned()),
            seen: last.filter(|message| message.author == Author::Person).map(|message| thread.status(message) == "seen"),
        }
    }
}

fn bubble(world: &World, message: &Message, before: Option<&Message>, after: Option<&Message>) -> Bubble {
    let together =
        |one: &Message, other: &Message| one.author == other.author && one.app_id == other.app_id && (other.at - one.at).abs() < GROUP_MS;
    let own = message.author == Author::Person;
    let starts = before.is_none_or(|before| !together(before, message));
    let app = message.app_id.as_ref().map(|id| world.apps.get(id).map_or_else(|| id.clone(), |app| app.name.clone()));
    let postback = message.content.postback.as_ref();
    let tapped = postback.is_some() || message.content.quick_reply.is_some();
    let tapped_text = postback.and_then(|postback| text(postback, "title").or_else(|| text(postback, "payload")));
    let payloads: Vec<&Value> = message.content.attachments.iter().filter_map(|attachment| attachment.get("payload")).collect();
    Bubble {
        mid: message.mid.clone(),
        own,
        starts,
        ends: after.is_none_or(|after| !together(message, after)),
        pause: before.is_none_or(|before| message.at - before.at > PAUSE_MS),
        at: message.at,
        clock: clock(message.at),
        sender: app.filter(|_| starts),
        text: message.content.text.clone().or(tapped_text).or_else(|| payloads.iter().find_map(|payload| text(payload, "text"))),
        tapped,
        pieces: message.content.attachments.iter().flat_map(pieces).collect(),
        buttons: payloads.iter().flat_map(|payload| buttons(payload)).collect(),
        reaction: message.reaction.clone(),
        edited: message.edits > 0,
        unsent: message.unsent,
    }
}

/// Hours and minutes in UTC; the script shows the browser's own time.
fn clock(at: i64) -> String {
    let minutes = at.div_euclid(60_000).rem_euclid(24 * 60);
    format!("{:02}:{:02} UTC", minutes / 60, minutes % 60)
}

fn text(object: &Value, name: &str) -> Option<String> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A web address; anything else (`javascript:`) is not followed.
fn web_url(object: &Value, name: &str) -> Option<String> {
    text(object, name).filter(|url| url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")))
}

fn pieces(attachment: &Value) -> Vec<Piece> {
    let kind = attachment.get("type").and_then(Value::as_str).unwrap_or_default();
    let payload = attachment.get("payload").unwrap_or(&Value::Null);
    match (kind, web_url(payload, "url")) {
        ("template", _) => template(payload),
        ("image" | "sticker", Some(url)) => vec![Piece::Image(url)],
        ("video", Some(url)) => vec![Piece::Video(url)],
        ("audio", Some(url)) => vec![Piece::Audio(url)],
        (_, Some(url)) => {
            let name = url.rsplit('/').next().unwrap_or_default().to_owned();
            vec![Piece::File { name: if name.is_empty() { url.clone() } else { name }, url }]
        }
        (kind, None) => vec![Piece::Other(kind.to_owned())],
    }
}

fn template(payload: &Value) -> Vec<Piece> {
    let kind = text(payload, "template_type").unwrap_or_default();
    let elements = payload.get("elements").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    match kind.as_str() {
        "button" => Vec::new(),
        "receipt" => {
            let total = payload.pointer("/summary/total_cost").map(ToString::to_string);
            let subtitle = total.map(|total| format!("{total} {}", text(payload, "currency").unwrap_or_default()));
            let title = format!("#{}", text(payload, "order_number").unwrap_or_default());
            vec![Piece::Card(Card { title, subtitle, image: None, buttons: Vec::new() })]
        }
        _ if elements.is_empty() => vec![Piece::Other(kind)],
        _ => elements.iter().map(|element| Piece::Card(card(element))).collect(),
    }
}

fn card(element: &Value) -> Card {
    Card {
        title: text(element, "title").unwrap_or_default(),
        subtitle: text(element, "subtitle"),
        image: web_url(element, "image_url").or_else(|| web_url(element, "url")),
        buttons: buttons(element),
    }
}

fn buttons(holder: &Value) -> Vec<Button> {
    let list = holder.get("buttons").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter().map(button).collect()
}

fn button(button: &Value) -> Button {
    let title = text(button, "title").or_else(|| text(button, "type")).unwrap_or_default();
    match (text(button, "type").as_deref(), text(button, "payload"), web_url(button, "url")) {
        (Some("postback"), Some(payload), _) => Button::Postback { title, payload },
        (Some("web_url" | "account_link"), _, Some(url)) => Button::Link { title, url },
        _ => Button::Plain(title),
    }
}

fn quick_reply(reply: &Value) -> Option<QuickReply> {
    let payload = reply.get("payload").map(|payload| payload.as_str().map_or_else(|| payload.to_string(), str::to_owned));
    let title = text(reply, "title").or_else(|| text(reply, "content_type"))?;
    Some(QuickReply { payload: payload.unwrap_or_else(|| title.clone()), title, image: web_url(reply, "image_url") })
}
