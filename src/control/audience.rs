//! Who hears a row of the log, and on which channel.

use serde::{Deserialize, Serialize};

use crate::wire::AppId;

/// Who hears a row, decided in the transaction that wrote it, so that it never changes afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// This app on `messaging`, all others on `standby`.
    Owner(AppId),
    /// Idle and no default app: everyone on `messaging`.
    Everyone,
    /// An external app holds the conversation: everyone on `standby`.
    External,
    /// Only these, on `messaging`: handover events.
    Told(Vec<AppId>),
    /// Apps that subscribed to `baton_control`.
    Subscribers,
    /// No app: notes, assignments, what is only for people.
    Internal,
}
