//! The page of teams: everybody reads it, admins keep it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::authority::PostedByAdmin;
use super::frame::{Frame, Section};
use crate::access::UserId;
use crate::store::label::{LABEL_CHARS, Label};
use crate::store::teams::{TeamChange, TeamId, TeamMembers};
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::language::Lang;
use crate::web::login::see;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};
use crate::wire::PageId;

#[derive(Template)]
#[template(path = "settings_teams.html")]
struct TeamsPage {
    lang: Lang,
    t: &'static Texts,
    assets: &'static Assets,
    frame: Frame,
    problem: Option<String>,
    /// What was written for a new team.
    new_name: String,
    teams: Vec<TeamRow>,
    longest: usize,
}

/// What a form said that was not taken.
#[derive(Default)]
struct Written {
    /// The team it was about; none: a new one.
    team: Option<TeamId>,
    name: String,
    members: Vec<i64>,
}

struct TeamRow {
    id: i64,
    name: String,
    /// Who is in it, as far as the reader may know them.
    members: String,
    /// What its form shows, which differs from the team when it was sent back.
    written: String,
    people: Vec<Person>,
    /// Its form was sent back.
    open: bool,
}

/// Somebody who may be in a team.
struct Person {
    id: i64,
    name: String,
    chosen: bool,
}

/// GET /settings/teams
pub async fn page(web: State, agent: Agent) -> Result<HttpResponse, WebError> {
    show(&web, &agent, None, Written::default()).await
}

/// POST /settings/teams: a new team.
pub async fn create(web: State, posted: PostedByAdmin) -> Result<HttpResponse, WebError> {
    let written = Written { name: posted.fields.get("name").to_owned(), ..Written::default() };
    let change = match Label::parse(&written.name) {
        Some(name) => Some(web.store.create_team(&name).await?),
        None => None,
    };
    answer(&web, &posted.agent, change, written).await
}

/// POST /settings/teams/{team}: another name and who is in it, or away with it.
pub async fn change(web: State, team: web::Path<i64>, posted: PostedByAdmin) -> Result<HttpResponse, WebError> {
    let team = TeamId(*team);
    let members = posted.fields.all("member").map(str::parse::<i64>).collect::<Result<Vec<_>, _>>();
    let members = members.map_err(|_| WebError::Malformed("member"))?;
    let written = Written { team: Some(team), name: posted.fields.get("name").to_owned(), members };
    let change = match (posted.fields.get("action"), Label::parse(&written.name)) {
        ("save", Some(name)) => Some(web.store.change_team(team, &name, &written.members).await?),
        ("save", None) => None,
        ("delete", _) => Some(web.store.delete_team(team).await?),
        _ => return Err(WebError::Malformed("action")),
    };
    answer(&web, &posted.agent, change, written).await
}

/// `change` is none if the name is unfit.
async fn answer(web: &State, agent: &Agent, change: Option<TeamChange>, written: Written) -> Result<HttpResponse, WebError> {
    let f = agent.lang.texts().desk;
    let problem = match change {
        Some(TeamChange::Done) => return Ok(see(Section::Teams.href())),
        Some(TeamChange::Missing) => return Err(WebError::NotFound),
        Some(TeamChange::NameTaken) => fill(f.teams_taken, &[("name", written.name.trim())]),
        None => fill(f.teams_unfit, &[("limit", &LABEL_CHARS.to_string())]),
    };
    show(web, agent, Some(problem), written).await
}

async fn show(web: &State, agent: &Agent, problem: Option<String>, written: Written) -> Result<HttpResponse, WebError> {
    let t = agent.lang.texts();
    // Agents learn of nobody here with whom they share no Page.
    let pages: Vec<PageId> = web.store.visible_pages(&agent.scope).await?.into_iter().map(|page| page.page).collect();
    let frame = Frame::new(agent, Section::Teams);
    let people = if frame.admin { web.store.active_users().await? } else { web.store.colleagues_on(&pages).await? };
    let page = TeamsPage {
        lang: agent.lang,
        t,
        assets: Assets::get(),
        frame,
        new_name: if written.team.is_none() { written.name.clone() } else { String::new() },
        teams: web.store.team_members().await?.into_iter().map(|team| row(team, &people, &written)).collect(),
        longest: LABEL_CHARS,
        problem,
    };
    let status = if page.problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.render()?))
}

fn row(team: TeamMembers, people: &[(UserId, String)], written: &Written) -> TeamRow {
    let open = written.team == Some(team.team.team);
    let is_in = |user: &UserId| team.members.contains(user);
    let chosen = |user: &UserId| if open { written.members.contains(&user.0) } else { is_in(user) };
    let names: Vec<&str> = people.iter().filter(|(user, _)| is_in(user)).map(|(_, name)| name.as_str()).collect();
    TeamRow {
        id: team.team.team.0,
        members: names.join(", "),
        people: people.iter().map(|(user, name)| Person { id: user.0, name: name.clone(), chosen: chosen(user) }).collect(),
        written: if open { written.name.clone() } else { team.team.name.clone() },
        name: team.team.name,
        open,
    }
}
