//! How the bot lives: takes deliveries, answers through the ledger.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dialogue::{self, Heard};
use super::memory::{Known, Reply, Turn};
use super::script::Script;
use crate::clock;
use crate::control::Command;
use crate::failpoint;
use crate::ledger::{InProcessDelivery, Ledger, LedgerError, Memory, NewSend, Order};
use crate::wire::{AppId, Channel, Content, Metadata, Send};

/// The built-in bot. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bot {
    ledger: Ledger,
    script: Arc<Script>,
}

/// Most events at once; those of one conversation never are.
const AT_ONCE: usize = 64;

/// Takes deliveries until `stop` or until nobody delivers any longer, and finishes what it began.
pub async fn run(bot: Bot, mut deliveries: mpsc::Receiver<InProcessDelivery>, stop: CancellationToken) {
    let tracker = TaskTracker::new();
    let room = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    loop {
        let delivery = tokio::select! {
            () = stop.cancelled() => break,
            delivery = deliveries.recv() => delivery,
        };
        let (Some(delivery), Ok(permit)) = (delivery, Arc::clone(&room).acquire_owned().await) else { break };
        let bot = bot.clone();
        tracker.spawn(async move {
            let done = bot.hear(&delivery).await;
            drop(permit);
            // Whoever delivered may be gone by now; then it comes again.
            let _ = delivery.answer.send(done);
        });
    }
    tracker.close();
    tracker.wait().await;
}

impl Bot {
    /// A bot that follows this script.
    #[must_use]
    pub fn new(ledger: Ledger, script: Script) -> Self {
        Self { ledger, script: Arc::new(script) }
    }

    async fn hear(&self, delivery: &InProcessDelivery) -> Result<(), String> {
        if delivery.channel != Channel::Messaging {
            return Ok(());
        }
        let done = match delivery.item.get("request_thread_control") {
            Some(request) => self.grant(delivery, request).await,
            None => self.answer(delivery).await,
        };
        match done {
            Ok(()) => Ok(()),
            // Somebody else holds the conversation by now, or may not be written to: nothing is left to say.
            Err(LedgerError::Refused(refusal)) => {
                tracing::info!(%refusal, page = %delivery.page, "the bot leaves it");
                Ok(())
            }
            Err(LedgerError::Platform(error)) => {
                tracing::info!(code = error.code, page = %delivery.page, "the bot may not answer");
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Another app asks for the conversation.
    async fn grant(&self, delivery: &InProcessDelivery, request: &Value) -> Result<(), LedgerError> {
        let requester = request.get("requested_owner_app_id").and_then(Value::as_str).and_then(|id| AppId::parse(id).ok());
        match requester {
            Some(target) if self.script.bot.grant_requests && target != delivery.app => {
                let metadata = request.get("metadata").and_then(Value::as_str).and_then(|text| Metadata::parse(text).ok());
                self.pass(delivery, Some(target), metadata).await
            }
            _ => Ok(()),
        }
    }

    async fn answer(&self, delivery: &InProcessDelivery) -> Result<(), LedgerError> {
        let Some(heard) = Heard::read(&delivery.item) else { return Ok(()) };
        let memory = self.ledger.memory(&delivery.page, &delivery.person, &delivery.app).await?;
        // What an older version remembered in another shape is not worth failing for.
        let known: Known = serde_json::from_value(memory.value).unwrap_or_default();
        let (turn, new) = match &known.last {
            Some((event, turn)) if *event == delivery.event_id => (turn.clone(), None),
            _ => {
                let (mut known, turn) = dialogue::answer(&self.script, &known, &heard, delivery.epoch, clock::now());
                known.last = Some((delivery.event_id.clone(), turn.clone()));
                (turn, Some(Memory { version: memory.version, value: serde_json::to_value(known).unwrap_or_default() }))
            }
        };
        self.take_turn(delivery, &turn, new).await
    }

    /// Says everything, in order, and hands over at the end. What was learned is written with the first reply.
    async fn take_turn(&self, delivery: &InProcessDelivery, turn: &Turn, mut memory: Option<Memory>) -> Result<(), LedgerError> {
        for (number, reply) in turn.replies.iter().enumerate() {
            let send = self.send(delivery, reply, number, memory.take());
            self.ledger.accept(send).await?;
            failpoint::pass("bot.accepted");
        }
        let Some(handover) = &turn.handover else { return Ok(()) };
        let metadata = serde_json::to_string(handover).ok().and_then(|text| Metadata::parse(text).ok());
        self.pass_to_people(delivery, metadata).await
    }

    fn send(&self, delivery: &InProcessDelivery, reply: &Reply, number: usize, memory: Option<Memory>) -> NewSend {
        NewSend {
            page: delivery.page.clone(),
            app: delivery.app.clone(),
            user: None,
            send: Send {
                person: delivery.person.clone(),
                content: Content::Message { message: message(reply), metadata: None },
                messaging_type: Some("RESPONSE".to_owned()),
                tag: None,
                extra: Map::new(),
                thread_control: None,
            },
            epoch: Some(delivery.epoch),
            idempotency_key: Some(format!("{}/{number}", delivery.event_id)),
            seen: None,
            queued: None,
            memory,
        }
    }

    /// To Baton's inbox: the ids of the platform's own inboxes mean it unless the admin has enabled those.
    async fn pass_to_people(&self, delivery: &InProcessDelivery, metadata: Option<Metadata>) -> Result<(), LedgerError> {
        self.pass(delivery, AppId::parse(PAGE_INBOX).ok(), metadata).await
    }

    async fn pass(&self, delivery: &InProcessDelivery, target: Option<AppId>, metadata: Option<Metadata>) -> Result<(), LedgerError> {
        let command = Command::Pass { app: delivery.app.clone(), target, metadata };
        let order = Order { page: delivery.page.clone(), person: delivery.person.clone(), command, user: None };
        self.ledger.order(order).await.map(drop)
    }
}

/// The Page Inbox (protocol page, section 1.2).
const PAGE_INBOX: &str = "263902037430900";

fn message(reply: &Reply) -> Map<String, Value> {
    let mut message = Map::new();
    message.insert("text".into(), reply.text.as_str().into());
    if !reply.choices.is_empty() {
        let choices = reply.choices.iter().map(|(title, payload)| json!({ "content_type": "text", "title": title, "payload": payload }));
        message.insert("quick_replies".into(), choices.collect());
    }
    message
}
