//! Calls of apps that move control, read from their parameters, and the answer of `thread_owner` (protocol page, section 1.3).

use serde_json::{Value, json};

use super::error::GraphError;
use super::ids::{AppId, PersonId};
use super::params::Params;
use crate::control::{Command, Evidence, Owner};

/// A call that moves control of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlCall {
    /// Whose conversation.
    pub person: PersonId,
    /// What the rules are asked.
    pub command: Command,
}

impl ControlCall {
    /// Reads the call of `app` on an edge such as `pass_thread_control`; `None` for every other edge.
    ///
    /// `decline_thread_control` is Baton's own: `target_app_id` names the app whose request is declined.
    ///
    /// # Errors
    /// 100 for a parameter that is missing or wrong.
    pub fn parse(edge: &str, params: &Params, app: AppId) -> Result<Option<Self>, GraphError> {
        type Reader = fn(&Params, AppId) -> Result<Command, GraphError>;
        let reader: Reader = match edge {
            "pass_thread_control" => {
                |params, app| Ok(Command::Pass { app, target: params.app("target_app_id")?, metadata: params.metadata()? })
            }
            "take_thread_control" => |params, app| Ok(Command::Take { app, metadata: params.metadata()? }),
            "request_thread_control" => |params, app| Ok(Command::Request { app, metadata: params.metadata()? }),
            "release_thread_control" => |params, app| Ok(Command::Release { app, metadata: params.metadata()? }),
            "extend_thread_control" => |params, app| Ok(Command::Extend { app, duration_ms: duration_ms(params)? }),
            "decline_thread_control" => |params, app| match params.app("target_app_id")? {
                Some(requester) => Ok(Command::Decline { app, requester }),
                None => Err(GraphError::parameter("The parameter target_app_id is required")),
            },
            _ => return Ok(None),
        };
        Ok(Some(Self { person: params.recipient()?, command: reader(params, app)? }))
    }
}

/// `duration` in seconds. Its range is a rule of control.
fn duration_ms(params: &Params) -> Result<i64, GraphError> {
    let seconds = params.number("duration")?.ok_or_else(|| GraphError::parameter("The parameter duration is required"))?;
    Ok(seconds.saturating_mul(1000))
}

/// The answer of `GET thread_owner`. Only the owner and the default app see who holds the conversation; the others see until when.
#[must_use]
pub fn thread_owner(owner: &Owner, sees_app: bool) -> Value {
    let (app, until) = match owner {
        Owner::Idle => return json!({ "data": [] }),
        Owner::App { app, until } => (Some(app), Some(*until)),
        Owner::External { app, evidence: Evidence::Implied { until } } => (app.as_ref(), Some(*until)),
        Owner::External { app, evidence: Evidence::Confirmed } => (app.as_ref(), None),
    };
    let mut shown = serde_json::Map::new();
    if let Some(app) = app.filter(|_| sees_app) {
        shown.insert("app_id".to_owned(), app.as_str().into());
    }
    if let Some(until) = until {
        shown.insert("expiration".to_owned(), until.seconds().into());
    }
    json!({ "data": [{ "thread_owner": shown }] })
}
