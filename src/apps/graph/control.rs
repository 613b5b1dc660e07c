//! Thread control: pass, take, request, decline, release, extend; who holds a conversation; who else is there.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::GraphApi;
use super::caller::PageCaller;
use super::fields::Fields;
use super::messages::{failed, refusal};
use super::path::Edge;
use super::route::success;
use crate::clock;
use crate::control::{Change, ControlEvent, PlatformRefusal, TransferCall};
use crate::ledger::{Advance, Order, Ordered, SendError};
use crate::store::log::LogRow;
use crate::wire::control_call::{ControlCall, thread_owner as render_owner};
use crate::wire::{GraphError, PageId, Params, PersonId};

/// Other processes may tell late: so often the log is read while a transfer waits.
const LOOK: Duration = Duration::from_millis(250);
/// Rows of one conversation read at once.
const ROWS: i64 = 100;

/// Moves control.
pub(super) async fn order(api: &GraphApi, caller: &PageCaller, edge: Edge, params: &Params) -> Result<Value, GraphError> {
    let call = ControlCall::parse(edge.as_str(), params, caller.app().clone())?;
    let Some(ControlCall { person, command }) = call else {
        return Err(GraphError::parameter(&format!("{edge} does not move thread control")));
    };
    let mut advances = api.ledger.advances().subscribe();
    let order = Order { page: caller.page().clone(), person: person.clone(), command, user: None };
    let ordered = api.ledger.order(order).await.map_err(|error| refusal(api, error, caller.object()))?;
    if let Some(call) = &ordered.transfer {
        return transferred(api, caller, &person, call, &ordered, &mut advances).await;
    }
    Ok(success())
}

/// Waits until the platform has answered a transfer, and passes its word on.
async fn transferred(
    api: &GraphApi,
    caller: &PageCaller,
    person: &PersonId,
    call: &TransferCall,
    ordered: &Ordered,
    advances: &mut Receiver<Advance>,
) -> Result<Value, GraphError> {
    let until = Instant::now() + api.settings.transfer_patience;
    let mut position = ordered.position.unwrap_or_default();
    loop {
        let rows = api.store.timeline_from(caller.page(), person, position + 1, ROWS).await.map_err(|error| api.unavailable(&error))?;
        if let Some(ended) = rows.iter().find_map(|row| ended(row, ordered)) {
            return ended.map(|()| success()).map_err(|why| refused(call, why));
        }
        position = rows.last().map_or(position, |row| row.position);
        if Instant::now() >= until {
            return Err(undecided());
        }
        // Whatever woke it, the log is read again.
        let _ = timeout_at(until.min(Instant::now() + LOOK), grown(advances, caller.page())).await;
    }
}

/// What a row says about the transfer: that it was done, that it was refused (and why, where the platform said so), or nothing.
fn ended(row: &LogRow, ordered: &Ordered) -> Option<Result<(), Option<PlatformRefusal>>> {
    if row.kind != "control" {
        return None;
    }
    let event: ControlEvent = serde_json::from_str(&row.payload).ok()?;
    let pending = |transfer: &Option<crate::control::Transfer>| transfer.as_ref().map(|transfer| transfer.begun_at);
    let over = pending(&event.after.transfer) != pending(&ordered.control.transfer);
    over.then(|| if event.change == Change::TransferEnded { Err(event.refusal) } else { Ok(()) })
}

async fn grown(advances: &mut Receiver<Advance>, page: &PageId) {
    loop {
        match advances.recv().await {
            Ok(advance) if advance.page != *page => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// The platform said no, in its own words where it had any. A take is refused with code 27 (protocol page, section 1.6).
fn refused(call: &TransferCall, why: Option<PlatformRefusal>) -> GraphError {
    match why {
        Some(PlatformRefusal { code, subcode, message }) => failed(&SendError { code, subcode, message: message.into() }),
        None if matches!(call, TransferCall::Take) => GraphError::new(27, None, 400, "The platform did not give up thread control."),
        None => GraphError::new(100, None, 400, "The platform did not move thread control."),
    }
}

fn undecided() -> GraphError {
    GraphError::unknown_outcome("The platform has not answered whether thread control moved. Ask thread_owner before you retry.")
}

/// `GET /{page}/thread_owner?recipient=`. Owner and default app see who; the others see until when; idle is empty (section 1.3.6).
pub(super) async fn thread_owner(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let person = params.bare_recipient()?;
    // The moment that is asked about comes before the look: a lease renewed between the two has not ended.
    let now = clock::now();
    let control = api.store.control_of(caller.page(), &person).await.map_err(|error| api.unavailable(&error))?;
    let control = control.ok_or_else(GraphError::unknown_person)?;
    let known = api.store.rules(caller.page()).await.map_err(|error| api.unavailable(&error))?;
    let rules = known.ok_or_else(|| api.unavailable(&"the Page of a token is gone"))?.rules;
    let control = control.as_of(&rules, now);
    let sees_app = rules.default_app.as_ref() == Some(caller.app()) || control.owner.local() == Some(caller.app());
    Ok(render_owner(&control.owner, sees_app))
}

/// `GET /{page}/secondary_receivers`: everyone but the default app, for the default app; without one, everyone else, for anyone.
pub(super) async fn secondary_receivers(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let fields = Fields::read(params, &["id", "name"])?;
    let known = api.store.rules(caller.page()).await.map_err(|error| api.unavailable(&error))?;
    let rules = known.ok_or_else(|| api.unavailable(&"the Page of a token is gone"))?.rules;
    if rules.default_app.as_ref().is_some_and(|default| default != caller.app()) {
        let message = "Denying visibility of any secondary receiver to another secondary receiver other than itself.";
        return Err(GraphError::new(10, Some(2_018_234), 403, message));
    }
    let apps = api.store.apps_on(caller.page()).await.map_err(|error| api.unavailable(&error))?;
    let local = apps.into_iter().filter(|app| app.app != *caller.app()).map(|app| (app.app, app.name));
    let external = rules.external_apps.iter().map(|app| (app.clone(), external_name(app.as_str()).to_owned()));
    let data: Vec<Value> = local
        .chain(external)
        .map(|(app, name)| {
            let mut all = Map::new();
            all.insert("id".to_owned(), app.as_str().into());
            all.insert("name".to_owned(), name.into());
            fields.select(all)
        })
        .collect();
    Ok(json!({ "data": data }))
}

/// What people call an app beside Baton (protocol page, section 1.2).
fn external_name(app: &str) -> &'static str {
    match app {
        "263902037430900" => "Page Inbox",
        "1217981644879628" => "Instagram Inbox",
        "413038776280800" => "Messenger Lead Generation",
        _ => "External app",
    }
}
