//! What a message holds, read leniently from its JSON: the platform adds kinds whenever it likes, and nothing may be lost or break a page.

use serde_json::Value;
use url::Url;

use crate::web::text::{Texts, fill};
use crate::wire::Timestamp;

/// Where the platform keeps media behind links that come to an end.
const SIGNED_MEDIA: [&str; 2] = [".fbcdn.net", ".cdninstagram.com"];

/// The content of a message.
#[derive(Debug, Default)]
pub struct Content {
    /// Its text.
    pub text: Option<String>,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// Cards of templates.
    pub cards: Vec<Card>,
    /// What the person could tap.
    pub quick_replies: Vec<String>,
    /// The message it answers.
    pub reply_to: Option<String>,
    /// The person tapped a suggestion.
    pub tapped: bool,
}

/// Something attached.
#[derive(Debug)]
pub struct Attachment {
    /// What it is.
    pub label: String,
    /// Where it is at the platform, if that is a web address. Opened by a click, never by the page itself.
    pub url: Option<String>,
}

/// A card of a template.
#[derive(Debug)]
pub struct Card {
    /// Its title.
    pub title: Option<String>,
    /// What is under it.
    pub subtitle: Option<String>,
    /// Its buttons.
    pub buttons: Vec<String>,
}

/// A piece of text.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words.
    Plain(String),
    /// A web address.
    Link(String),
}

impl Content {
    /// Reads the `message` object of an item or of a send.
    pub fn read(message: &Value, t: &Texts) -> Self {
        let mut content = Self {
            text: string(message, "/text"),
            quick_replies: strings(message, "/quick_replies", "/title"),
            reply_to: string(message, "/reply_to/mid"),
            tapped: message.pointer("/quick_reply/payload").is_some(),
            ..Self::default()
        };
        let listed = message.get("attachments").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for attachment in listed.iter().chain(message.get("attachment")) {
            content.attach(attachment, t);
        }
        if message.get("is_unsupported").and_then(Value::as_bool) == Some(true) {
            content.attachments.push(Attachment { label: t.part_unsupported.to_owned(), url: None });
        }
        if let Some(story) = message.pointer("/reply_to/story") {
            content.attachments.push(Attachment { label: t.part_story.to_owned(), url: web_address(story.get("url")) });
        }
        if message.get("sticker_id").is_some() {
            content.attachments.push(Attachment { label: t.part_sticker.to_owned(), url: None });
        }
        content
    }

    fn attach(&mut self, attachment: &Value, t: &Texts) {
        let kind = attachment.get("type").and_then(Value::as_str).unwrap_or_default();
        let payload = attachment.get("payload").unwrap_or(&Value::Null);
        if kind == "template" {
            return self.template(payload, t);
        }
        let url = web_address(payload.get("url")).or_else(|| web_address(attachment.get("url")));
        let title = string(payload, "/title").or_else(|| string(attachment, "/title"));
        let label = match title {
            Some(title) => format!("{}: {title}", name(kind, t)),
            None => name(kind, t),
        };
        self.attachments.push(Attachment { label, url });
    }

    fn template(&mut self, payload: &Value, t: &Texts) {
        let elements = payload.get("elements").or_else(|| payload.pointer("/product/elements")).and_then(Value::as_array);
        let cards = elements.map(Vec::as_slice).unwrap_or_default().iter().map(|element| Card {
            title: string(element, "/title"),
            subtitle: string(element, "/subtitle"),
            buttons: strings(element, "/buttons", "/title"),
        });
        self.cards.extend(cards);
        let buttons = strings(payload, "/buttons", "/title");
        if let Some(text) = string(payload, "/text") {
            self.cards.push(Card { title: None, subtitle: Some(text), buttons });
        } else if self.cards.is_empty() {
            self.cards.push(Card { title: Some(t.part_template.to_owned()), subtitle: string(payload, "/template_type"), buttons });
        }
    }

    /// Names what the platform's link no longer leads to.
    pub fn without_expired(mut self, now: Timestamp, t: &Texts) -> Self {
        for it in &mut self.attachments {
            if it.url.as_deref().and_then(ends).is_some_and(|end| end <= now) {
                *it = Attachment { label: fill(t.desk.part_expired, &[("part", &it.label)]), url: None };
            }
        }
        self
    }

    /// Nothing that can be shown.
    pub fn is_empty(&self) -> bool {
        self.text.is_none() && self.attachments.is_empty() && self.cards.is_empty()
    }

    /// One line of it, for lists and quotations.
    pub fn line(&self) -> Option<String> {
        let card = || self.cards.first().and_then(|card| card.title.clone().or_else(|| card.subtitle.clone()));
        self.text.clone().or_else(|| self.attachments.first().map(|it| it.label.clone())).or_else(card)
    }
}

/// When a link to media comes to its end. The platform signs them until then, by `oe`: seconds since 1970 in hexadecimal digits; after it
/// answers 403, “URL signature expired”. `None`: the link does not say.
fn ends(url: &str) -> Option<Timestamp> {
    let url = Url::parse(url).ok()?;
    let signed = url.domain().is_some_and(|domain| SIGNED_MEDIA.iter().any(|suffix| domain.ends_with(suffix)));
    let (_, end) = url.query_pairs().find(|(name, _)| signed && name == "oe")?;
    Some(Timestamp::from_millis(i64::from(u32::from_str_radix(&end, 16).ok()?) * 1000))
}

/// What an attachment of this type is called.
fn name(kind: &str, t: &Texts) -> String {
    match kind {
        "image" => t.part_image,
        "video" => t.part_video,
        "audio" => t.part_audio,
        "file" => t.part_file,
        "sticker" | "like_heart" => t.part_sticker,
        "location" => t.part_location,
        "fallback" => t.part_link,
        "share" | "post" | "ig_post" | "reel" | "ig_reel" | "MEDIA_SHARE" => t.part_post,
        "story_mention" => t.part_story,
        "ephemeral" => t.part_unsupported,
        other => return fill(t.part_other, &[("kind", other)]),
    }
    .to_owned()
}

/// One line of a log row's item, for lists.
pub fn line(kind: &str, payload: &str, t: &Texts) -> String {
    let item: Value = serde_json::from_str(payload).unwrap_or_default();
    let line = match kind {
        "postback" => string(&item, "/postback/title"),
        _ => item.get("message").and_then(|message| Content::read(message, t).line()),
    };
    line.unwrap_or_else(|| t.message_empty.to_owned())
}

/// A text's words and web addresses. Nothing else becomes a link.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let start = word.find("https://").or_else(|| word.find("http://"));
        let Some((before, rest)) = start.and_then(|at| word.split_at_checked(at)) else {
            plain.push_str(word);
            continue;
        };
        let address = rest.trim_end().trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '"', '\'', '»', '”', '“']);
        plain.push_str(before);
        if Url::parse(address).is_ok_and(|url| url.has_host()) {
            pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            pieces.push(Piece::Link(address.to_owned()));
            plain.push_str(rest.strip_prefix(address).unwrap_or_default());
        } else {
            plain.push_str(rest);
        }
    }
    pieces.push(Piece::Plain(plain));
    pieces.retain(|piece| *piece != Piece::Plain(String::new()));
    pieces
}

/// A web address a browser may open, or nothing.
fn web_address(value: Option<&Value>) -> Option<String> {
    let url = Url::parse(value?.as_str()?).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| url.to_string())
}

fn string(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn strings(value: &Value, list: &str, each: &str) -> Vec<String> {
    let items = value.pointer(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| string(item, each)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests")]
    use serde_json::json;

    use super::*;
    use crate::web::text::EN;

    #[test]
    fn only_web_addresses_become_links() {
        let link = |url: &str| Piece::Link(url.to_owned());
        let plain = |text: &str| Piece::Plain(text.to_owned());
        assert_eq!(pieces("see (https://example.org/a?b=c). ok"), vec![plain("see ("), link("https://example.org/a?b=c"), plain("). ok")]);
        for harmless in ["javascript:alert(1)", "data:text/html,x", "https://", "nothing"] {
            assert_eq!(pieces(harmless), vec![plain(harmless)], "{harmless}");
        }
    }

    #[test]
    fn attachments_that_are_no_web_address_are_only_named() {
        for url in ["javascript:alert(1)", "data:text/html,<script>", "file:///etc/passwd", "//host/x", "not a url"] {
            let content = Content::read(&json!({"attachments": [{"type": "image", "payload": {"url": url}}]}), &EN);
            let [attachment] = content.attachments.as_slice() else { panic!("one attachment") };
            assert_eq!((attachment.label.as_str(), &attachment.url), ("Picture", &None), "{url}");
        }
    }

    #[test]
    fn what_a_link_leads_to_no_longer_is_named() {
        // The first is of a report that its answer was “URL signature expired” on 2017-02-27; 0x588E990D is 2017-01-30T01:38:21Z (`date -d @$((0x588E990D))`).
        let photo = "https://scontent.xx.fbcdn.net/v/t1.0-1/p100x100/1_n.jpg?oh=714b8042c1c1a510af58da515660d951&oe=588E990D";
        let reel = "https://scontent-sjc6-1.cdninstagram.com/o1/v/a.mp4?_nc_cat=100&oe=588E990D";
        let shown = |url: &str, now: i64| {
            let content = Content::read(&json!({"attachments": [{"type": "image", "payload": {"url": url}}]}), &EN);
            let mut content = content.without_expired(Timestamp::from_millis(now), &EN);
            let Some(Attachment { label, url }) = content.attachments.pop() else { panic!("one attachment") };
            (label, url.is_some())
        };
        let (open, gone) = (("Picture".to_owned(), true), ("Picture: the platform's link to it has expired".to_owned(), false));
        for url in [photo, reel] {
            assert_eq!(shown(url, 1_485_740_300_999), open);
            assert_eq!(shown(url, 1_485_740_301_000), gone);
        }
        // Links that do not say, and those of others, are left alone.
        for url in [
            "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1&signature=2",
            "https://scontent.xx.fbcdn.net/a.jpg?oe=",
            "https://scontent.xx.fbcdn.net/a.jpg?oe=zz",
            "https://scontent.xx.fbcdn.net/a.jpg?oe=FFFFFFFFF",
            "https://fbcdn.net.example.org/a.jpg?oe=1",
            "https://notfbcdn.net/a.jpg?oe=1",
        ] {
            assert_eq!(shown(url, 4_000_000_000_000), open, "{url}");
        }
    }

    #[test]
    fn shapes_nobody_documented_do_no_harm() {
        for message in
            [json!(null), json!([]), json!({"attachments": {}}), json!({"attachments": [null, 1, {"type": 7}]}), json!({"text": 5})]
        {
            let _ = Content::read(&message, &EN).line();
        }
        assert_eq!(line("message", "not json", &EN), EN.message_empty);
    }
}
