//! Events of the platform, as the ledger takes them.

use super::Received;
use super::group::{Entry, Group};
use super::sends::{self, Origin};
use crate::control::{self, Audience, Command, PlatformHandover};
use crate::store::group::{Quarantined, SendRow};
use crate::wire::{AppId, Channel, Event, Incoming, PersonId};

/// Takes one event in.
pub(super) fn receive(group: &mut Group, incoming: &Incoming) -> Received {
    let Some(rules) = group.rules(&incoming.page) else {
        group.writes().quarantined.push(Quarantined {
            page: incoming.page.to_string(),
            reason: "the Page is not connected".to_owned(),
            raw: incoming.raw.clone(),
        });
        return Received::Quarantined;
    };
    let key = incoming.duplicate_key();
    if let Some(key) = key
        && group.was_seen(&incoming.page, key)
    {
        return Received::Duplicate;
    }
    let Some(person) = &incoming.person else {
        if let Some(key) = key {
            group.see(&incoming.page, key);
        }
        let position = group.append(&incoming.page, None, entry(incoming, audience_of_page_event(incoming), None));
        return Received::Stored { position };
    };
    let origin = sends::origin(group, incoming);
    if let (Origin::Send(send), Some(mid)) = (&origin, incoming.mid()) {
        return match sends::complete_by_echo(group, SendRow::clone(send), mid) {
            Some(position) => Received::Stored { position },
            None => Received::Duplicate,
        };
    }
    if let Some(key) = key {
        group.see(&incoming.page, key);
    }
    // What Baton has sent itself moves nobody, even if it cannot be told which of its sends that was.
    if matches!(origin, Origin::Elsewhere)
        && let Some(command) = command(group, incoming, person)
    {
        let state = group.conversation(&incoming.page, person).map(|row| row.control.clone()).unwrap_or_default();
        // The rules have no reason to refuse what has already happened; if they do, the event is stored all the same.
        if let Ok(decision) = control::decide(&state, &rules, &command, group.now) {
            group.apply(&incoming.page, person, decision, None, incoming.at);
        }
    }
    Received::Stored { position: store(group, incoming, person) }
}

/// Appends the event itself and keeps the conversation's own facts.
fn store(group: &mut Group, incoming: &Incoming, person: &PersonId) -> i64 {
    let rules = group.rules(&incoming.page);
    let now = group.now;
    let state = group.conversation(&incoming.page, person).map(|row| row.control.clone()).unwrap_or_default();
    let audience = rules.map_or(Audience::Internal, |rules| control::audience_of(&state, &rules, now));
    let entry = entry(incoming, audience, button_app(group, incoming, person));
    let position = group.append(&incoming.page, Some(person), entry);
    if let Event::Unsend { mid } = &incoming.event {
        group.writes().unsent.push((incoming.page.clone(), person.clone(), mid.clone()));
    }
    let row = group.change(&incoming.page, person);
    if control::opens_window(&incoming.event) && incoming.channel != Channel::Changes {
        row.last_person_act = row.last_person_act.max(Some(incoming.at));
    }
    match &incoming.event {
        Event::Message { .. } | Event::Postback { .. } => {
            row.last_message_position = position;
            row.last_inbound_position = position;
            row.closed_at = None;
            row.snoozed_until = None;
        }
        Event::Echo { .. } => {
            row.last_message_position = position;
            row.last_outbound_position = position;
        }
        _ => {}
    }
    position
}

/// The app on the Page that sent the button which was tapped.
fn button_app(group: &Group, incoming: &Incoming, person: &PersonId) -> Option<AppId> {
    let Event::Postback { payload: Some(payload), .. } = &incoming.event else { return None };
    let app = group.button_app(&incoming.page, person, sends::short_hash(payload))?;
    group.rules(&incoming.page).is_some_and(|rules| rules.is_active(&app)).then_some(app)
}

fn entry(incoming: &Incoming, audience: Audience, button_app: Option<AppId>) -> Entry {
    Entry {
        kind: incoming.kind().as_str(),
        field: incoming.field().to_owned(),
        happened_at: incoming.at,
        mid: incoming.mid().map(|mid| mid.as_str().to_owned()),
        app: match &incoming.event {
            Event::Echo { app, .. } => app.clone(),
            _ => None,
        },
        user: None,
        audience,
        button_app,
        payload: incoming.raw.clone(),
    }
}

/// Handover events without a person concern Baton's own platform app alone; the rest is for whoever subscribed.
const fn audience_of_page_event(incoming: &Incoming) -> Audience {
    match incoming.event {
        Event::AppRoles | Event::PassThreadControl { .. } | Event::TakeThreadControl { .. } | Event::RequestThreadControl { .. } => {
            Audience::Internal
        }
        _ => Audience::Everyone,
    }
}

/// What an event means for control, if anything.
fn command(group: &Group, incoming: &Incoming, person: &PersonId) -> Option<Command> {
    let at = incoming.at;
    let ours = |app: &Option<AppId>| app.as_ref() == Some(&group.own_app);
    match (&incoming.event, incoming.channel) {
        (_, Channel::Changes) => None,
        (Event::PassThreadControl { previous, new, metadata } | Event::TakeThreadControl { previous, new, metadata }, _) => {
            let event = if ours(new) {
                PlatformHandover::ToUs { previous: previous.clone(), metadata: metadata.clone() }
            } else {
                PlatformHandover::ToExternal { app: new.clone(), metadata: metadata.clone() }
            };
            Some(Command::PlatformHandover { event, at })
        }
        (Event::RequestThreadControl { requester: Some(app), metadata }, _) if app != &group.own_app => {
            Some(Command::PlatformHandover { event: PlatformHandover::RequestedBy { app: app.clone(), metadata: metadata.clone() }, at })
        }
        (Event::RequestThreadControl { .. } | Event::AppRoles, _) => None,
        (Event::Echo { app, .. }, Channel::Messaging) => (!ours(app)).then(|| Command::ForeignEcho { app: app.clone(), at }),
        (Event::Echo { app, .. }, Channel::Standby) if ours(app) => None,
        (_, Channel::Standby) => Some(Command::PlatformStandby { at }),
        (Event::Delivery { .. } | Event::Unknown { .. } | Event::Other { .. }, Channel::Messaging) => None,
        // It comes to whoever sent the button, also while another app holds the conversation (protocol page, section 1.8): it says nothing of the owner.
        (Event::Postback { .. }, Channel::Messaging)
            if is_held_outside(group, incoming, person) && button_app(group, incoming, person).is_some() =>
        {
            None
        }
        (event, Channel::Messaging) => Some(Command::PersonActs { message: control::is_persons_message(event), at }),
    }
}

fn is_held_outside(group: &Group, incoming: &Incoming, person: &PersonId) -> bool {
    group.conversation(&incoming.page, person).is_some_and(|row| row.control.owner.is_confirmed_external())
}
