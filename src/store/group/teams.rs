//! The teams of conversations, as the ledger reads and writes them.

use super::super::StoreError;
use super::super::teams::TeamId;
use super::GroupTransaction;
use crate::wire::{PageId, PersonId};

/// The team of a conversation afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamWrite {
    /// The Page.
    pub page: PageId,
    /// The conversation.
    pub person: PersonId,
    /// The team that has it; none: no longer any.
    pub team: Option<TeamId>,
}

impl GroupTransaction<'_> {
    /// The team that has a conversation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn team_of(&mut self, page: &PageId, person: &PersonId) -> Result<Option<TeamId>, StoreError> {
        let team = sqlx::query_scalar!(
            "select team_id from conversation_teams where page_id = $1 and person_id = $2",
            page.as_str(),
            person.as_str()
        );
        Ok(team.fetch_optional(&mut *self.transaction).await?.map(TeamId))
    }

    /// Whether there is such a team. If so, there is until this group is committed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn holds_team(&mut self, team: TeamId) -> Result<bool, StoreError> {
        let held = sqlx::query_scalar!("select team_id from teams where team_id = $1 for key share", team.0);
        Ok(held.fetch_optional(&mut *self.transaction).await?.is_some())
    }

    pub(super) async fn write_team(&mut self, write: &TeamWrite) -> Result<(), StoreError> {
        let (page, person) = (write.page.as_str(), write.person.as_str());
        match write.team {
            Some(team) => sqlx::query!(
                "insert into conversation_teams (page_id, person_id, team_id) values ($1, $2, $3)
                 on conflict (page_id, person_id) do update set team_id = excluded.team_id",
                page,
                person,
                team.0
            ),
            None => sqlx::query!("delete from conversation_teams where page_id = $1 and person_id = $2", page, person),
        }
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}
