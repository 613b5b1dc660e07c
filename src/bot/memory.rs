//! What the bot remembers of a conversation: written by the ledger in the transaction that accepts its reply.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::control::Epoch;

/// What the bot knows of one conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub(super) struct Known {
    /// The language spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Answers to its questions, by the question's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, String>,
    /// The topic it is asking for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Messages in a row that it did not understand.
    #[serde(default)]
    pub misunderstood: u32,
    /// The epoch of its last turn. Another one means that somebody else has had the conversation, or nobody: it greets again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// Its last turn, so that a redelivered event gets the very same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<(String, Turn)>,
}

/// What the bot does about one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub(super) struct Turn {
    /// What it says, in order.
    pub replies: Vec<Reply>,
    /// It hands over to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<Handover>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reply {
    /// Its text.
    pub text: String,
    /// Quick replies: title and payload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<(String, String)>,
}

/// What goes with the conversation to the people who take over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Handover {
    /// Why, in the customer's language.
    pub reason: String,
    /// What was collected, by the question's name.
    #[serde(flatten)]
    pub answers: BTreeMap<String, String>,
}
