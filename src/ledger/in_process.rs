//! What an app inside this process is handed instead of a POST.

use serde_json::Value;
use tokio::sync::oneshot;

use crate::control::Epoch;
use crate::wire::{AppId, Channel, PageId, PersonId};

/// One event for an app inside this process. Same cursor, same lease, same retries as a POST to any other app: it may come again, with
/// the same id.
#[derive(Debug)]
pub struct InProcessDelivery {
    /// The app it is for.
    pub app: AppId,
    /// The Page.
    pub page: PageId,
    /// The conversation. Its next event comes only once this one is answered.
    pub person: PersonId,
    /// Stable over repetitions.
    pub event_id: String,
    /// Epoch of the conversation after the event. A reply that carries it is refused once somebody else has held the conversation.
    pub epoch: Epoch,
    /// How the app hears it: on `messaging` it may answer, on `standby` it only listens.
    pub channel: Channel,
    /// The item as the platform would put it into the array of the channel.
    pub item: Value,
    /// Done, or why not: then it comes again by the schedule. Dropped without an answer: not done.
    pub answer: oneshot::Sender<Result<(), String>>,
}
