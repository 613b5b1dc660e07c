//! One conversation as agents see it: its head, the apps around it, and who has held it.

use super::super::accounts::PageHead;
use super::super::log::{LogRow, timestamp};
use super::super::teams::{Team, TeamId};
use super::super::{Store, StoreError};
use super::PersonName;
use crate::access::UserId;
use crate::control::Control;
use crate::wire::{AppId, Object, PageId, PersonId, Timestamp};

/// The head of one conversation.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// The Page.
    pub page: PageId,
    /// The person.
    pub person: PersonId,
    /// The Page's name.
    pub page_name: String,
    /// Messenger or Instagram.
    pub object: Object,
    /// Whether something can be sent.
    pub connection: Connection,
    /// The platform wants nothing from this Page before then.
    pub waits_until: Option<Timestamp>,
    /// What the Page knows of the person's name.
    pub name: PersonName,
    /// Who holds it.
    pub control: Control,
    /// Its newest row of the log.
    pub last_position: i64,
    /// What opened the messaging window last.
    pub last_person_act: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Until when it is put aside, if it is.
    pub snoozed_until: Option<Timestamp>,
    /// Who has it.
    pub assignee: Option<(UserId, String)>,
    /// The team that has it.
    pub team: Option<Team>,
    /// What the app said that handed it to people.
    pub handover_note: Option<String>,
    /// When the person was first seen on the Page.
    pub first_seen: Timestamp,
}

/// How a Page stands with the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It has no token.
    Missing,
    /// Its token is refused.
    Refused,
    /// Nothing is known against its token.
    Good,
}

/// What kind of app a local app is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppKind {
    /// Reached by webhooks.
    Webhook,
    /// The built-in bot.
    Bot,
    /// The inbox of the agents.
    Inbox,
}

/// A local app as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppName {
    /// Its id.
    pub app: AppId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: AppKind,
    /// The Pages on which it is or was.
    pub pages: Vec<String>,
}

struct Columns {
    page_name: String,
    object: String,
    connected: bool,
    refused: bool,
    waits_until: Option<time::OffsetDateTime>,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    control: String,
    last_position: i64,
    last_person_act: Option<i64>,
    closed_at: Option<time::OffsetDateTime>,
    snoozed_until: Option<time::OffsetDateTime>,
    assignee: Option<i64>,
    assignee_name: Option<String>,
    team: Option<i64>,
    team_name: Option<String>,
    handover_note: Option<String>,
    created_at: time::OffsetDateTime,
}

impl AppName {
    /// Whether it is or was on one of these Pages: of others nobody learns who does not look after their Pages.
    #[must_use]
    pub fn is_on(&self, pages: &[PageHead]) -> bool {
        pages.iter().any(|page| self.pages.iter().any(|on| on == page.page.as_str()))
    }
}

impl Store {
    /// The head of a conversation, or `None` if the person has never been seen on the Page.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conversation(&self, page: &PageId, person: &PersonId) -> Result<Option<Conversation>, StoreError> {
        let row = sqlx::query_as!(
            Columns,
            r#"select p.name as page_name, p.object, p.token_sealed is not null as "connected!",
                      exists (select from page_connections k where k.page_id = p.page_id and k.refused_at is not null) as "refused!",
                      (select max(not_before) from outbox o where o.page_id = p.page_id and o.state = 'accepted' and o.not_before > statement_timestamp())
                          as waits_until,
                      e.name as "name?", e.first_name, e.last_name,
                      c.control, c.last_position, c.last_person_act, c.closed_at, c.snoozed_until, u.user_id as "assignee?", u.name as "assignee_name?",
                      g.team_id as "team?", g.name as "team_name?",
                      c.handover_note, c.created_at
               from conversations c
               join pages p on p.page_id = c.page_id
               left join people e on e.page_id = c.page_id and e.person_id = c.person_id
               left join users u on u.user_id = c.assignee
               left join conversation_teams x on x.page_id = c.page_id and x.person_id = c.person_id
               left join teams g on g.team_id = x.team_id
               where c.page_id = $1 and c.person_id = $2"#,
            page.as_str(),
            person.as_str()
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| conversation(page, person, row)).transpose()
    }

    /// Every local app by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn app_names(&self) -> Result<Vec<AppName>, StoreError> {
        let rows = sqlx::query!(
            r#"select app_id, name, kind, array(select page_id from subscriptions s where s.app_id = apps.app_id) as "pages!"
               from apps order by lower(name), app_id"#
        );
        let rows = rows.fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                let app = AppId::parse(&row.app_id).map_err(|e| StoreError::inconsistent("apps", "app_id", &row.app_id, e))?;
                let kind = match row.kind.as_str() {
                    "inbox" => AppKind::Inbox,
                    "bot" => AppKind::Bot,
                    _ => AppKind::Webhook,
                };
                Ok(AppName { app, name: row.name, kind, pages: row.pages })
            })
            .collect()
    }

    /// Names of users by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_names(&self, ids: &[i64]) -> Result<Vec<(UserId, String)>, StoreError> {
        let rows = sqlx::query!("select user_id, name from users where user_id = any($1)", ids).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (UserId(row.user_id), row.name)).collect())
    }

    /// The newest changes of control, closures, reopenings and snoozes among the last thousand rows of a conversation, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn control_history(&self, page: &PageId, person: &PersonId, limit: i64) -> Result<Vec<LogRow>, StoreError> {
        let positions = sqlx::query_scalar!(
            r#"select position from (
                   select position, kind from log where page_id = $1 and person_id = $2 order by position desc limit 1000
               ) newest
               where kind in ('control', 'close', 'reopen', 'snooze', 'wake') order by position desc limit $3"#,
            page.as_str(),
            person.as_str(),
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        self.log_at(page, &positions).await
    }
}

fn conversation(page: &PageId, person: &PersonId, row: Columns) -> Result<Conversation, StoreError> {
    let place = format!("{page}:{person}");
    let bad = |column, why: String| StoreError::inconsistent("conversations", column, &place, why);
    Ok(Conversation {
        page: page.clone(),
        person: person.clone(),
        page_name: row.page_name,
        object: Object::parse(&row.object).ok_or_else(|| bad("object", row.object.clone()))?,
        connection: match (row.connected, row.refused) {
            (false, _) => Connection::Missing,
            (true, true) => Connection::Refused,
            (true, false) => Connection::Good,
        },
        waits_until: row.waits_until.map(timestamp),
        name: PersonName { name: row.name, first: row.first_name, last: row.last_name },
        control: serde_json::from_str(&row.control).map_err(|e| bad("control", e.to_string()))?,
        last_position: row.last_position,
        last_person_act: row.last_person_act.map(Timestamp::from_millis),
        closed_at: row.closed_at.map(timestamp),
        snoozed_until: row.snoozed_until.map(timestamp),
        assignee: row.assignee.zip(row.assignee_name).map(|(id, name)| (UserId(id), name)),
        team: row.team.zip(row.team_name).map(|(id, name)| Team { team: TeamId(id), name }),
        handover_note: row.handover_note,
        first_seen: timestamp(row.created_at),
    })
}
