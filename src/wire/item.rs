//! One item of a webhook's array: who it is about, when it was, what it says.

use super::event::{Channel, Event, Incoming};
use super::ids::{AppId, MessageId, Metadata, Object, PageId, PersonId, Timestamp};
use super::json::{Fields, elements, flag, string, string_or_number};
use super::kind::OTHER_KINDS;

/// What an item has in common with its neighbours.
pub(super) struct Frame<'a> {
    pub object: Object,
    pub page: &'a PageId,
    pub channel: Channel,
    /// Stands in where an item has no time of its own.
    pub entry_time: Timestamp,
    /// `hop_context` of the entry, as text.
    pub hop_context: Option<&'a str>,
}

/// Keys that every item may have and that do not say what happened.
const FRAME_KEYS: [&str; 5] = ["sender", "recipient", "timestamp", "hop_context", "prior_message"];

/// Reads an item. What is an object is never refused: at worst it is [`Event::Unknown`].
pub(super) fn read(frame: &Frame<'_>, text: &str) -> Option<Incoming> {
    let item = Fields::read(text)?;
    let event = if frame.channel == Channel::Changes { change(&item) } else { event(&item) };
    let at = item.get("timestamp").and_then(time).unwrap_or(frame.entry_time);
    Some(Incoming {
        object: frame.object,
        page: frame.page.clone(),
        channel: frame.channel,
        person: person(frame.page, &item),
        at,
        event,
        raw: beside(text, &item, frame.hop_context),
    })
}

/// The item with the entry's `hop_context` in it.
fn beside(text: &str, item: &Fields<'_>, hop_context: Option<&str>) -> String {
    let body = text.trim_end().strip_suffix('}');
    let (Some(body), Some(context), None) = (body, hop_context, item.get("hop_context")) else { return text.to_owned() };
    let comma = if item.iter().next().is_some() { "," } else { "" };
    format!("{body}{comma}\"hop_context\":{context}}}")
}

/// The side of the item that is not the Page: the sender, unless the Page itself sent it. A `user_ref` is nobody yet.
fn person(page: &PageId, item: &Fields<'_>) -> Option<PersonId> {
    let id = |side: &str| Fields::read(item.get(side)?)?.get("id").and_then(string_or_number);
    let (sender, recipient) = (id("sender"), id("recipient"));
    let echo = item.get("message").and_then(Fields::read).is_some_and(|message| message.get("is_echo").is_some_and(flag));
    let from_page = echo || sender.as_deref().is_some_and(|sender| sender.trim() == page.as_str());
    let other = if from_page { recipient } else { sender };
    other.and_then(|id| PersonId::parse(id).ok()).filter(|id| id.as_str() != page.as_str())
}

/// A time in milliseconds, whatever it was written in: a number or a string of milliseconds or seconds (lead samples, postback reference).
pub(super) fn time(text: &str) -> Option<Timestamp> {
    /// As seconds: the year 5138. As milliseconds: 1973, before there was anything to tell.
    const SMALLEST_MILLIS: i64 = 100_000_000_000;
    const LARGEST_MILLIS: i64 = 100_000_000_000_000;
    let text = string_or_number(text)?;
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    // What else stands after the point is an exponent: a wrong time would be worse than none.
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match whole.parse().ok()? {
        seconds @ 1..SMALLEST_MILLIS => Some(Timestamp::from_millis(seconds * 1000)),
        millis @ SMALLEST_MILLIS..LARGEST_MILLIS => Some(Timestamp::from_millis(millis)),
        _ => None,
    }
}

fn change(item: &Fields<'_>) -> Event {
    match item.get("field").and_then(string) {
        Some(key) => Event::Other { key },
        None => Event::Unknown { key: "field".to_owned() },
    }
}

/// What happened. The order decides where an item has several keys: `lead` beside `referral`, `hop_context` beside `message`.
fn event(item: &Fields<'_>) -> Event {
    type Reader = fn(&Fields<'_>) -> Option<Event>;
    const READERS: [(&str, Reader); 12] = [
        ("message", message),
        ("message_edit", edit),
        ("reaction", reaction),
        ("postback", postback),
        ("pass_thread_control", |body| handover(body, true)),
        ("take_thread_control", |body| handover(body, false)),
        ("request_thread_control", request),
        ("app_roles", |_| Some(Event::AppRoles)),
        ("read", read_up_to),
        ("delivery", delivery),
        ("referral", |_| Some(Event::Referral)),
        ("optin", |_| Some(Event::Optin)),
    ];
    for (key, reader) in READERS {
        if let Some(body) = item.get(key) {
            return Fields::read(body).as_ref().and_then(reader).unwrap_or_else(|| Event::Unknown { key: key.to_owned() });
        }
    }
    if let Some((key, _)) = OTHER_KINDS.iter().find(|(key, _)| item.get(key).is_some()) {
        return Event::Other { key: (*key).to_owned() };
    }
    let key = item.iter().map(|(key, _)| key).find(|key| !FRAME_KEYS.contains(key)).unwrap_or_default();
    Event::Unknown { key: key.to_owned() }
}

fn mid(body: &Fields<'_>) -> Option<MessageId> {
    body.get("mid").and_then(string_or_number).and_then(|mid| MessageId::parse(mid).ok())
}

fn app(body: &Fields<'_>, key: &str) -> Option<AppId> {
    body.get(key).and_then(string_or_number).and_then(|id| AppId::parse(id).ok())
}

fn words(body: &Fields<'_>, key: &str) -> Option<String> {
    body.get(key).and_then(string_or_number)
}

fn message(body: &Fields<'_>) -> Option<Event> {
    let mid = mid(body);
    if body.get("is_deleted").is_some_and(flag) {
        return mid.map(|mid| Event::Unsend { mid });
    }
    let text = words(body, "text");
    if body.get("is_echo").is_some_and(flag) {
        return Some(Event::Echo { mid, app: app(body, "app_id"), metadata: words(body, "metadata"), text });
    }
    let quick_reply = body.get("quick_reply").and_then(Fields::read).and_then(|reply| words(&reply, "payload"));
    let attachments = body.get("attachments").and_then(elements).is_some_and(|list| !list.is_empty());
    Some(Event::Message { mid, text, quick_reply, attachments })
}

fn edit(body: &Fields<'_>) -> Option<Event> {
    let num_edit = words(body, "num_edit").and_then(|count| count.trim().parse().ok()).unwrap_or(0);
    Some(Event::Edit { mid: mid(body)?, text: words(body, "text"), num_edit })
}

fn reaction(body: &Fields<'_>) -> Option<Event> {
    Some(Event::Reaction { mid: mid(body), action: words(body, "action")?, emoji: words(body, "emoji") })
}

fn postback(body: &Fields<'_>) -> Option<Event> {
    Some(Event::Postback { mid: mid(body), title: words(body, "title"), payload: words(body, "payload") })
}

/// Metadata longer than Baton's own limit is cut rather than lost: the platform publishes none.
fn metadata(body: &Fields<'_>) -> Option<Metadata> {
    let text = words(body, "metadata")?;
    Metadata::parse(text.chars().take(Metadata::MAX_CHARS).collect::<String>()).ok()
}

fn handover(body: &Fields<'_>, pass: bool) -> Option<Event> {
    let (previous, new, metadata) = (app(body, "previous_owner_app_id"), app(body, "new_owner_app_id"), metadata(body));
    Some(if pass { Event::PassThreadControl { previous, new, metadata } } else { Event::TakeThreadControl { previous, new, metadata } })
}

fn request(body: &Fields<'_>) -> Option<Event> {
    Some(Event::RequestThreadControl { requester: app(body, "requested_owner_app_id"), metadata: metadata(body) })
}

fn read_up_to(body: &Fields<'_>) -> Option<Event> {
    Some(Event::Read { watermark: body.get("watermark").and_then(time), mid: mid(body) })
}

fn delivery(body: &Fields<'_>) -> Option<Event> {
    let mids = body.get("mids").and_then(elements).unwrap_or_default();
    let mids = mids.iter().filter_map(|mid| string_or_number(mid.get())).filter_map(|mid| MessageId::parse(mid).ok()).collect();
    Some(Event::Delivery { mids, watermark: body.get("watermark").and_then(time) })
}
