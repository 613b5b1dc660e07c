//! Teams: groups of agents that admins keep, and to whom conversations are assigned.

use serde::{Deserialize, Serialize};

use super::label::Label;
use super::{Store, StoreError};
use crate::access::UserId;
use crate::wire::PageId;

/// Conversations that one transaction takes a team off.
const STEP: i64 = 500;

/// A team's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TeamId(pub i64);

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Its number.
    pub team: TeamId,
    /// Its name.
    pub name: String,
}

/// A team with who is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamMembers {
    /// The team.
    pub team: Team,
    /// Who.
    pub members: Vec<UserId>,
}

/// What became of a change to the list of teams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeamChange {
    /// It is done.
    Done,
    /// Another team has the name; nothing was changed.
    NameTaken,
    /// There is no such team.
    Missing,
}

impl Store {
    /// All teams, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn teams(&self) -> Result<Vec<Team>, StoreError> {
        let rows = sqlx::query!("select team_id, name from teams order by lower(name), team_id").fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| Team { team: TeamId(row.team_id), name: row.name }).collect())
    }

    /// The teams in which somebody is, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn teams_of(&self, user: UserId) -> Result<Vec<Team>, StoreError> {
        let rows = sqlx::query!(
            "select t.team_id, t.name from teams t join team_members m using (team_id) where m.user_id = $1 order by lower(t.name), t.team_id",
            user.0
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| Team { team: TeamId(row.team_id), name: row.name }).collect())
    }

    /// All teams with who is in them, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn team_members(&self) -> Result<Vec<TeamMembers>, StoreError> {
        let rows = sqlx::query!(
            r#"select t.team_id, t.name, array(select m.user_id from team_members m where m.team_id = t.team_id) as "members!"
               from teams t order by lower(t.name), t.team_id"#
        )
        .fetch_all(&self.pool)
        .await?;
        let team = |id, name| Team { team: TeamId(id), name };
        Ok(rows
            .into_iter()
            .map(|row| TeamMembers { team: team(row.team_id, row.name), members: row.members.into_iter().map(UserId).collect() })
            .collect())
    }

    /// The teams in which somebody may answer on a Page, by name: what is given to others is seen by nobody.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn teams_on(&self, page: &PageId) -> Result<Vec<Team>, StoreError> {
        let rows = sqlx::query!(
            "select t.team_id, t.name from teams t
             where exists (select from team_members m join users u using (user_id) where m.team_id = t.team_id and u.disabled_at is null
                           and (u.role = 'admin' or exists (select from user_pages p where p.user_id = u.user_id and p.page_id = $1)))
             order by lower(t.name), t.team_id",
            page.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| Team { team: TeamId(row.team_id), name: row.name }).collect())
    }

    /// Makes a team with nobody in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_team(&self, name: &Label) -> Result<TeamChange, StoreError> {
        changed(sqlx::query!("insert into teams (name) values ($1)", name.as_str()).execute(&self.pool).await)
    }

    /// Gives a team another name, and says who is in it. Members whose account is disabled stay: they are shown nowhere.
    ///
    /// # Errors
    /// When the database fails; then nothing was changed.
    pub async fn change_team(&self, team: TeamId, name: &Label, members: &[i64]) -> Result<TeamChange, StoreError> {
        let done = sqlx::query_scalar!(
            "with team as (update teams set name = $2 where team_id = $1 returning team_id),
                  left_ as (delete from team_members m using team t, users u where m.team_id = t.team_id and u.user_id = m.user_id
                            and u.disabled_at is null and m.user_id <> all($3)),
                  joined as (insert into team_members (team_id, user_id) select t.team_id, u.user_id from team t, users u
                             where u.user_id = any($3) and u.disabled_at is null on conflict do nothing)
             select team_id from team",
            team.0,
            name.as_str(),
            members
        );
        match done.fetch_optional(&self.pool).await {
            Ok(None) => Ok(TeamChange::Missing),
            Ok(Some(_)) => Ok(TeamChange::Done),
            Err(error) => failed(error),
        }
    }

    /// Deletes a team; its conversations are without one. They may be many, so that is done in steps.
    ///
    /// # Errors
    /// When the database fails; then some may be without it already.
    pub async fn delete_team(&self, team: TeamId) -> Result<TeamChange, StoreError> {
        loop {
            let step = sqlx::query!(
                "delete from conversation_teams where (page_id, person_id) in (
                     select page_id, person_id from conversation_teams where team_id = $1 limit $2) and team_id = $1",
                team.0,
                STEP
            );
            if step.execute(&self.pool).await?.rows_affected() == 0 {
                break;
            }
        }
        changed(sqlx::query!("delete from teams where team_id = $1", team.0).execute(&self.pool).await)
    }
}

fn changed(done: Result<sqlx::postgres::PgQueryResult, sqlx::Error>) -> Result<TeamChange, StoreError> {
    match done {
        Ok(done) if done.rows_affected() == 0 => Ok(TeamChange::Missing),
        Ok(_) => Ok(TeamChange::Done),
        Err(error) => failed(error),
    }
}

fn failed(error: sqlx::Error) -> Result<TeamChange, StoreError> {
    if error.as_database_error().is_some_and(|error| error.is_unique_violation()) { Ok(TeamChange::NameTaken) } else { Err(error.into()) }
}
