//! How sends ended, for those who wait for them.

use super::outbox::{SendError, SendId, SendState};
use super::{Store, StoreError};
use crate::wire::{MessageId, PageId};

/// A send that is neither waiting nor on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The Page.
    pub page: PageId,
    /// Its number there.
    pub send: SendId,
    /// How it ended: neither `Accepted` nor `Sending`.
    pub state: SendState,
}

impl Store {
    /// Those of the given sends that have ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settled(&self, sends: &[(PageId, SendId)]) -> Result<Vec<Settled>, StoreError> {
        let pages: Vec<&str> = sends.iter().map(|(page, _)| page.as_str()).collect();
        let ids: Vec<i64> = sends.iter().map(|(_, send)| send.0).collect();
        let rows = sqlx::query!(
            "select o.page_id, o.send_id, o.state, o.mid, o.attachment_id, o.error_code, o.error_subcode, o.error_message
             from unnest($1::text[], $2::bigint[]) as a (page_id, send_id)
             join outbox o on o.page_id = a.page_id and o.send_id = a.send_id
             where o.state not in ('accepted', 'sending')",
            &pages as _,
            &ids
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let place = format!("{}:{}", row.page_id, row.send_id);
                let bad = |column, why: String| StoreError::inconsistent("outbox", column, &place, why);
                let page = PageId::parse(&row.page_id).map_err(|e| bad("page_id", e.to_string()))?;
                let state = match row.state.as_str() {
                    "sent" => SendState::Sent {
                        mid: row.mid.map(MessageId::parse).transpose().map_err(|e| bad("mid", e.to_string()))?,
                        attachment_id: row.attachment_id,
                    },
                    "failed" => SendState::Failed(SendError {
                        code: row.error_code.unwrap_or(1),
                        subcode: row.error_subcode,
                        message: row.error_message.unwrap_or_default(),
                    }),
                    "superseded" => SendState::Superseded,
                    _ => SendState::Unknown,
                };
                Ok(Settled { page, send: SendId(row.send_id), state })
            })
            .collect()
    }
}
