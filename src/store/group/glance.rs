//! Reading for a group without locks, so that a group may cost two ways to the database instead of six.
//!
//! What was seen counts only if nothing has changed since. Whatever changes a conversation writes the head of its Page, in the same transaction, so
//! the heads tell: each carries the transaction that wrote it last (`xmin`). The write locks the heads and compares
//! ([`Link::write_at_once`]).

use super::super::StoreError;
use super::super::log::timestamp;
use super::conversations::RawConversation;
use super::{ConversationKey, ConversationRow, Head, Link};
use crate::wire::{PageId, Timestamp};

/// What conversations and the heads of their Pages looked like at one moment.
#[derive(Debug)]
pub struct Glance {
    /// The heads, of those Pages that there are.
    pub heads: Vec<Head>,
    /// The conversations that there are.
    pub conversations: Vec<ConversationRow>,
    /// The database's time.
    pub now: Timestamp,
    /// Who wrote each head last.
    pub(super) versions: Vec<(PageId, String)>,
}

impl Link {
    /// Looks at conversations, all at the same moment. `keys` has at least one.
    ///
    /// # Errors
    /// When the database fails or a row cannot be read back.
    pub async fn glance(&mut self, keys: &[ConversationKey]) -> Result<Glance, StoreError> {
        self.wake().await?;
        let pages: Vec<&str> = keys.iter().map(|(page, _)| page.as_str()).collect();
        let people: Vec<&str> = keys.iter().map(|(_, person)| person.as_str()).collect();
        let rows = sqlx::query!(
            r#"select clock_timestamp() as "now!", p.xmin::text as "version!", p.page_id as "page_id!",
                    p.last_position as "head_position!", p.last_send as "last_send!", p.rules_version as "rules_version!",
                    c.ctid::text as place, c.person_id as "person_id?", c.control as "control?", c.last_message_at as "last_message_at?",
                    c.last_position as "last_position?", c.last_message_position as "last_message_position?", c.last_at as "last_at?",
                    c.last_person_act as "last_person_act?", c.last_inbound_position as "last_inbound_position?",
                    c.last_outbound_position as "last_outbound_position?", c.check_at as "check_at?", c.closed_at as "closed_at?", c.snoozed_until as "snoozed_until?",
                    c.assignee as "assignee?", c.requested_by as "requested_by?", c.handover_note as "handover_note?", c.lane as "lane?"
             from unnest($1::text[], $2::text[]) as a (page_id, person_id)
             join pages p on p.page_id = a.page_id
             left join conversations c on c.page_id = a.page_id and c.person_id = a.person_id"#,
            &pages as _,
            &people as _
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let mut glance =
            Glance { heads: Vec::new(), conversations: Vec::with_capacity(rows.len()), now: Timestamp::default(), versions: Vec::new() };
        for row in rows {
            glance.now = glance.now.max(timestamp(row.now));
            if !glance.heads.iter().any(|head| head.page.as_str() == row.page_id) {
                let page = PageId::parse(&row.page_id).map_err(|e| StoreError::inconsistent("pages", "page_id", &row.page_id, e))?;
                glance.versions.push((page.clone(), row.version));
                glance.heads.push(Head {
                    page,
                    last_position: row.head_position,
                    last_send: row.last_send,
                    rules_version: row.rules_version,
                });
            }
            let conversation = (|| {
                Some(RawConversation {
                    place: row.place?,
                    page_id: row.page_id,
                    person_id: row.person_id?,
                    control: row.control?,
                    last_position: row.last_position?,
                    last_message_position: row.last_message_position?,
                    last_message_at: row.last_message_at?,
                    last_at: row.last_at?,
                    last_person_act: row.last_person_act,
                    last_inbound_position: row.last_inbound_position?,
                    last_outbound_position: row.last_outbound_position?,
                    check_at: row.check_at,
                    closed_at: row.closed_at,
                    snoozed_until: row.snoozed_until,
                    assignee: row.assignee,
                    requested_by: row.requested_by,
                    handover_note: row.handover_note,
                    lane: row.lane?,
                })
            })();
            if let Some(conversation) = conversation {
                glance.conversations.push(conversation.try_into()?);
            }
        }
        Ok(glance)
    }
}
