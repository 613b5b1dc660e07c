//! Moves to and from external apps, which need the platform's word.

use super::{Note, Turn};
use crate::control::command::{Change, PlatformRefusal, TransferOutcome};
use crate::control::state::{Evidence, Owner, Transfer, TransferCall};
use crate::wire::{AppId, Metadata, Timestamp};

impl Turn<'_> {
    /// Asks the platform. Nothing changes until it has answered.
    pub(super) fn begin_transfer(&mut self, call: TransferCall, by: &AppId, metadata: Option<&Metadata>) {
        self.control.transfer = Some(Transfer { call: call.clone(), by: by.clone(), metadata: metadata.cloned(), begun_at: self.now });
        self.transfer = Some(call);
        self.note(Note::new(Change::TransferBegun).by(by).metadata(metadata));
    }

    /// The platform answered. Without an answer the transfer waits on: `thread_owner` decides, never a repetition.
    pub(super) fn transfer_done(&mut self, begun_at: Timestamp, outcome: &TransferOutcome) {
        let pending = self.control.transfer.take_if(|transfer| transfer.begun_at == begun_at && *outcome != TransferOutcome::Unknown);
        match (pending, outcome) {
            (Some(transfer), TransferOutcome::Done) => self.complete(&transfer),
            (Some(transfer), TransferOutcome::Refused { why }) => self.fail(&transfer, why.as_ref()),
            (Some(transfer), TransferOutcome::Unknown) => self.fail(&transfer, None),
            (None, _) => {}
        }
    }

    /// `thread_owner` tells how a transfer ended.
    pub(super) fn transfer_seen(&mut self, transfer: &Transfer, holder: Option<&AppId>, holds: bool) {
        self.control.transfer = None;
        match &transfer.call {
            TransferCall::Pass { target } if holds && holder.is_none_or(|app| app == target) => self.complete(transfer),
            // Nobody outside holds it: the platform has let Baton have it, whoever asked is served.
            TransferCall::Take if !holds => self.complete(transfer),
            TransferCall::Request if !holds => self.come_to(&transfer.by, None, transfer.metadata.as_ref()),
            _ => {
                self.fail(transfer, None);
                if holds {
                    self.external_holds(holder, Note::new(Change::External));
                }
            }
        }
    }

    /// What the platform was asked has happened. The transfer is no longer pending.
    pub(super) fn complete(&mut self, transfer: &Transfer) {
        let Transfer { call, by, metadata, begun_at } = transfer;
        match call {
            TransferCall::Pass { target } => {
                let owner = Owner::External { app: Some(target.clone()), evidence: Evidence::Confirmed };
                self.hand_over(owner, Note::new(Change::Passed).by(by).metadata(metadata.as_ref()));
            }
            TransferCall::Take => {
                self.hand_over(self.held_by(by), Note::new(Change::Taken).by(by).metadata(metadata.as_ref()));
            }
            TransferCall::Request => self.ask(by, metadata.as_ref(), *begun_at),
        }
    }

    fn fail(&mut self, transfer: &Transfer, why: Option<&PlatformRefusal>) {
        self.note(Note::new(Change::TransferEnded).by(&transfer.by).refused(why));
    }
}
