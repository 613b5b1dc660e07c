//! Saved views: lists under a name, for oneself, for a team or for everybody.

use super::label::Label;
use super::teams::{Team, TeamId};
use super::{Store, StoreError};
use crate::access::UserId;

/// Most views that one person saves.
pub const MOST: i64 = 50;

/// A saved view's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavedViewId(pub i64);

/// Who finds a view among theirs. What is in its list depends on who reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenBy {
    /// Whoever saved it.
    Me,
    /// Who is in a team.
    Team(Team),
    /// Everybody.
    All,
}

/// A saved view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedView {
    /// Its number.
    pub id: SavedViewId,
    /// Who saved it.
    pub owner: UserId,
    /// What it is called.
    pub name: String,
    /// Who finds it.
    pub seen_by: SeenBy,
    /// The query of the list's address.
    pub list: String,
}

/// Who renames and deletes: their own views, those of a team that they saved and are in; admins those of all teams and everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeper {
    /// Who.
    pub user: UserId,
    /// An admin.
    pub admin: bool,
}

impl Keeper {
    /// Whether a view that they see is theirs to change.
    #[must_use]
    pub fn keeps(self, view: &SavedView) -> bool {
        match view.seen_by {
            SeenBy::Me => view.owner == self.user,
            SeenBy::Team(_) => self.admin || view.owner == self.user,
            SeenBy::All => self.admin,
        }
    }
}

impl SeenBy {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Me => "me",
            Self::Team(_) => "team",
            Self::All => "all",
        }
    }

    const fn team(&self) -> Option<i64> {
        match self {
            Self::Team(team) => Some(team.team.0),
            Self::Me | Self::All => None,
        }
    }
}

impl Store {
    /// The views that somebody finds among theirs, by name; with `all_teams` those of other teams too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn saved_views(&self, user: UserId, all_teams: bool) -> Result<Vec<SavedView>, StoreError> {
        let rows = sqlx::query!(
            r#"select v.view_id, v.owner, v.name, v.visibility, v.list, t.team_id as "team_id?", t.name as "team?"
               from saved_views v left join teams t on t.team_id = v.team_id
               where (v.visibility = 'me' and v.owner = $1) or v.visibility = 'all'
                  or (v.visibility = 'team'
                      and ($2 or exists (select from team_members m where m.team_id = v.team_id and m.user_id = $1)))
               order by lower(v.name), v.view_id"#,
            user.0,
            all_teams
        )
        .fetch_all(&self.pool)
        .await?;
        let seen_by = |visibility: &str, team: Option<Team>| match team {
            Some(team) => SeenBy::Team(team),
            None if visibility == "all" => SeenBy::All,
            None => SeenBy::Me,
        };
        let views = rows.into_iter().map(|row| SavedView {
            id: SavedViewId(row.view_id),
            owner: UserId(row.owner),
            name: row.name,
            seen_by: seen_by(&row.visibility, row.team_id.zip(row.team).map(|(id, name)| Team { team: TeamId(id), name })),
            list: row.list,
        });
        Ok(views.collect())
    }

    /// Saves a view. False: its owner has too many, or is not in the team.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_view(&self, owner: UserId, name: &Label, seen_by: &SeenBy, list: &str) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "insert into saved_views (owner, name, visibility, team_id, list) select $1::bigint, $2, $3, $4::bigint, $5
             where (select count(*) from saved_views v where v.owner = $1
                    -- Those of a team that its maker has left are out of their sight.
                    and (v.team_id is null or exists (select from team_members m where m.team_id = v.team_id and m.user_id = $1))) < $6
               and ($4 is null or exists (select from team_members where team_id = $4 and user_id = $1))",
            owner.0,
            name.as_str(),
            seen_by.as_str(),
            seen_by.team(),
            list,
            MOST
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a view another name. False: there is none that is this keeper's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rename_view(&self, id: SavedViewId, keeper: Keeper, name: &Label) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "update saved_views v set name = $4 where view_id = $1 and case visibility
                 when 'me' then owner = $2
                 when 'all' then $3
                 else $3 or (owner = $2 and exists (select from team_members m where m.team_id = v.team_id and m.user_id = $2)) end",
            id.0,
            keeper.user.0,
            keeper.admin,
            name.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Deletes a view. False: there is none that is this keeper's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_view(&self, id: SavedViewId, keeper: Keeper) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "delete from saved_views v where view_id = $1 and case visibility
                 when 'me' then owner = $2
                 when 'all' then $3
                 else $3 or (owner = $2 and exists (select from team_members m where m.team_id = v.team_id and m.user_id = $2)) end",
            id.0,
            keeper.user.0,
            keeper.admin
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
