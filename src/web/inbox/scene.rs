//! Everything one page about a conversation knows.

use super::names::Names;
use crate::control::{self, Control, Owner, PageRules, Window};
use crate::store::inbox::conversation::{AppKind, Conversation};
use crate::store::log::timestamp;
use crate::web::error::WebError;
use crate::web::session::Agent;
use crate::web::when::Clock;
use crate::web::{State, text::Texts};
use crate::wire::AppId;

/// A conversation, the rules it lives under, and the names in it.
pub struct Scene {
    /// The conversation.
    pub conversation: Conversation,
    /// Its control as it counts now.
    pub control: Control,
    /// The rules of its Page.
    pub rules: PageRules,
    /// Names.
    pub names: Names,
    /// The reader's clock.
    pub clock: Clock,
}

impl Scene {
    /// Reads it.
    pub async fn load(web: &State, agent: &Agent, conversation: Conversation) -> Result<Self, WebError> {
        let rules = web.store.rules(&conversation.page).await?.ok_or(WebError::NotFound)?.rules;
        let clock = Clock::new(timestamp(web.store.now().await?), agent.zone.clone(), agent.lang.texts());
        let mut names = Names::new(web.store.app_names().await?, agent.user, agent.lang.texts());
        names.learn(conversation.assignee.clone());
        names.learn([(agent.user, agent.name.clone())]);
        let control = conversation.control.as_of(&rules, clock.now).into_owned();
        Ok(Self { conversation, control, rules, names, clock })
    }

    /// The texts.
    pub const fn t(&self) -> &'static Texts {
        self.names.t
    }

    /// The inbox on this Page.
    pub const fn inbox(&self) -> Option<&AppId> {
        self.rules.inbox_app.as_ref()
    }

    /// Whether people hold it.
    pub fn inbox_owns(&self) -> bool {
        matches!((&self.control.owner, self.inbox()), (Owner::App { app, .. }, Some(inbox)) if app == inbox)
    }

    /// The messaging window now.
    pub fn window(&self) -> Window {
        control::window(self.conversation.last_person_act, self.clock.now)
    }

    /// What answers once the inbox lets go: the default app, by name.
    pub fn next_answerer(&self) -> Option<String> {
        let app = self.rules.default_app.as_ref().filter(|app| self.names.kind(app) != Some(AppKind::Inbox))?;
        Some(self.names.app(app))
    }
}
