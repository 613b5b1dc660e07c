//! A form about a conversation, and the page that answers it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::address::Asked;
use super::composer::Draft;
use super::list::List;
use super::pages::{Returned, by_script, show};
use super::scene::Scene;
use crate::ledger::LedgerError;
use crate::store::StoreError;
use crate::store::draft_files::Beside;
use crate::store::drafts::{DraftKind, DraftPlace};
use crate::store::inbox::conversation::Conversation;
use crate::web::State;
use crate::web::error::WebError;
use crate::web::login::see;
use crate::web::posted::Fields;
use crate::web::session::Agent;
use crate::web::text::fill;

use super::{moves, reasons};

/// A form about a conversation on its way.
pub struct Form<'a> {
    /// The face.
    pub web: &'a State,
    /// Who sent it.
    pub agent: &'a Agent,
    /// Where it was sent from.
    pub asked: Asked,
    /// What it is about.
    pub conversation: Conversation,
    /// The newest send that its author knew of; 0: none.
    pub queued: i64,
}

impl<'a> Form<'a> {
    /// The form in a request.
    pub fn new(web: &'a State, request: &HttpRequest, agent: &'a Agent, conversation: Conversation, fields: &Fields) -> Self {
        let queued = fields.get("queued").parse::<i64>().unwrap_or_default();
        Self { web, agent, asked: Asked::posted(fields.get("view"), by_script(request)), conversation, queued }
    }

    /// It was done: back to the conversation, or for scripts its new state.
    pub async fn done(self) -> Result<HttpResponse, WebError> {
        self.web.badges().forget(self.agent.user);
        if self.asked.fragment.is_none() {
            return Ok(see(&self.asked.list().conversation(&self.conversation.page, &self.conversation.person)));
        }
        self.back(StatusCode::OK, None, Draft::default()).await
    }

    /// Where the agent goes on once they are done with the conversation; `None`: they stay. Asked before it is closed, while the list still
    /// tells what follows it.
    pub async fn next(&self) -> Result<Option<String>, WebError> {
        if !self.agent.preferences.next_after_close {
            return Ok(None);
        }
        let state = self.asked.list();
        let list = List::load(self.web, self.agent, &state, None).await?;
        let next = list.following(&self.conversation.page, &self.conversation.person);
        Ok(Some(next.map_or_else(|| state.href(), str::to_owned)))
    }

    /// The agent is done with the conversation: on to the [`next`](Self::next) one.
    pub async fn left(self, next: Option<String>) -> Result<HttpResponse, WebError> {
        let Some(next) = next else { return self.done().await };
        self.web.badges().forget(self.agent.user);
        if self.asked.fragment.is_none() {
            return Ok(see(&next));
        }
        // Scripts follow no redirect of a form: they would only fetch the page.
        Ok(HttpResponse::NoContent().insert_header(("x-baton-next", next)).finish())
    }

    /// The conversation as it is now, with the words and what had been written.
    pub async fn back(self, status: StatusCode, problem: Option<String>, draft: Draft) -> Result<HttpResponse, WebError> {
        let (page, person) = (&self.conversation.page, &self.conversation.person);
        let now = self.web.store.conversation(page, person).await?.ok_or(WebError::NotFound)?;
        let list = self.asked.list();
        Box::pin(show(self.web, self.agent, now, &list, &self.asked, Returned { status, problem, draft })).await
    }

    /// Everything a page about the conversation knows.
    pub async fn scene(&self) -> Result<Scene, WebError> {
        Scene::load(self.web, self.agent, self.conversation.clone()).await
    }

    /// Where the files beside the agent's reply lie.
    pub fn beside(&self) -> Beside<'_> {
        Beside { user: self.agent.user, page: &self.conversation.page, person: &self.conversation.person }
    }

    /// Where the agent's draft lies.
    pub fn place(&self, kind: DraftKind) -> DraftPlace<'_> {
        DraftPlace { user: self.agent.user, page: &self.conversation.page, person: &self.conversation.person, kind }
    }
}

/// What comes after the ledger has taken something: that a draft stays is less bad than to say that nothing was done.
pub fn tidied(done: Result<(), StoreError>) {
    if let Err(error) = done {
        tracing::warn!(%error, "what is left of a form could not be put away");
    }
}

/// A refusal of the ledger in the reader's words, with the status of the answer.
pub fn words(error: LedgerError, scene: &Scene) -> Result<(StatusCode, String), WebError> {
    let t = scene.t();
    Ok(match error {
        LedgerError::Refused(refusal) => (StatusCode::CONFLICT, fill(t.problem_refused, &[("why", &moves::why_not(scene, refusal))])),
        LedgerError::Platform(error) => {
            let why = reasons::meaning(error.code, error.subcode, t).unwrap_or(&error.message);
            (StatusCode::CONFLICT, fill(t.problem_platform, &[("why", why)]))
        }
        LedgerError::Claimed => (StatusCode::CONFLICT, t.desk.just_taken.to_owned()),
        LedgerError::UnknownTeam => (StatusCode::CONFLICT, t.desk.team_gone.to_owned()),
        LedgerError::Unavailable(why) => {
            tracing::warn!(%why, "an agent's command could not be carried out");
            (StatusCode::SERVICE_UNAVAILABLE, t.problem_busy.to_owned())
        }
        other => return Err(other.into()),
    })
}
