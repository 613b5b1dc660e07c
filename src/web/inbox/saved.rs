//! Saved views: the links to them, and the form that saves the list that is shown.

use super::address::{Asked, ListState};
use crate::access::Role;
use crate::store::label::LABEL_CHARS;
use crate::store::saved_views::{Keeper, SavedView, SeenBy};
use crate::store::teams::Team;
use crate::web::State;
use crate::web::error::WebError;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};

/// A saved view to go to.
pub struct SavedLink {
    /// Its address.
    pub href: String,
    /// What it is called.
    pub name: String,
    /// Who finds it.
    pub seen_by: String,
    /// An icon that says so.
    pub icon: &'static str,
    /// It is shown.
    pub current: bool,
}

/// The form that saves a list.
pub struct SaveForm {
    /// Every form carries it.
    pub csrf: String,
    /// The list, as it will be kept.
    pub list: String,
    /// Where to be afterwards.
    pub back: String,
    /// What was written.
    pub name: String,
    /// Who may find it.
    pub choices: Vec<Choice>,
    /// Longest name.
    pub longest: usize,
}

/// Somebody who may find a view.
pub struct Choice {
    /// The field's value.
    pub value: String,
    /// What it is called.
    pub label: String,
    /// It is chosen.
    pub chosen: bool,
}

/// Whoever is logged in, as a keeper of views.
pub fn keeper(agent: &Agent) -> Keeper {
    Keeper { user: agent.user, admin: agent.role == Role::Admin }
}

/// The address of a saved view. Its list is what an address like it asks for.
pub fn href(view: &SavedView) -> String {
    list(view).href()
}

fn list(view: &SavedView) -> ListState {
    Asked::posted(&view.list, false).list()
}

/// Who finds a view.
pub fn seen_by(view: &SavedView, t: &'static Texts) -> String {
    match &view.seen_by {
        SeenBy::Me => t.desk.views_me.to_owned(),
        SeenBy::Team(team) => team_words(team, t),
        SeenBy::All => t.desk.views_all.to_owned(),
    }
}

fn team_words(team: &Team, t: &'static Texts) -> String {
    fill(t.desk.team_named, &[("team", &team.name)])
}

/// The views of a reader. The first of those that are what is shown is marked.
pub async fn links(web: &State, agent: &Agent, shown: &ListState) -> Result<Vec<SavedLink>, WebError> {
    let t = agent.lang.texts();
    let shown = shown.kept();
    let mut marked = false;
    let link = |view: SavedView| {
        let list = list(&view);
        let current = !marked && list.kept() == shown;
        marked |= current;
        SavedLink { href: list.href(), seen_by: seen_by(&view, t), icon: icon(&view.seen_by), name: view.name, current }
    };
    Ok(web.store.saved_views(agent.user, false).await?.into_iter().map(link).collect())
}

const fn icon(seen_by: &SeenBy) -> &'static str {
    match seen_by {
        SeenBy::Me => "bookmark",
        SeenBy::Team(_) | SeenBy::All => "people",
    }
}

impl SaveForm {
    /// The form about a list. `back` is where somebody is now.
    pub async fn load(web: &State, agent: &Agent, list: &ListState, back: String) -> Result<Self, WebError> {
        let teams = web.store.teams_of(agent.user).await?;
        Ok(Self {
            csrf: agent.csrf.clone(),
            list: list.kept().query(),
            back,
            name: String::new(),
            choices: choices(agent, &teams),
            longest: LABEL_CHARS,
        })
    }

    /// The same with what was written in it.
    pub fn written(mut self, name: &str, whose: &str) -> Self {
        name.clone_into(&mut self.name);
        for choice in &mut self.choices {
            choice.chosen = choice.value == whose;
        }
        self
    }
}

fn choices(agent: &Agent, teams: &[Team]) -> Vec<Choice> {
    let t = agent.lang.texts();
    let choice = |value: String, label| Choice { chosen: value == "me", value, label };
    let mut choices = vec![choice("me".to_owned(), t.desk.views_me.to_owned())];
    choices.extend(teams.iter().map(|team| choice(team.team.0.to_string(), team_words(team, t))));
    if agent.role == Role::Admin {
        choices.push(choice("all".to_owned(), t.desk.views_all.to_owned()));
    }
    choices
}
