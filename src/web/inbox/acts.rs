//! What agents do to a conversation besides writing: control, assignments, closing. Each is one command to the ledger, done whole or not at all.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::composer::Draft;
use super::form::{Form, words};
use super::moves;
use super::scene::Scene;
use super::visible::PostedTo;
use crate::access::UserId;
use crate::control::Command;
use crate::ledger::{Act, LedgerError, Order};
use crate::store::teams::Team;
use crate::web::State;
use crate::web::error::WebError;
use crate::web::posted::Fields;
use crate::web::session::Agent;
use crate::web::text::fill;
use crate::wire::{AppId, Metadata};

/// What a control form wants.
enum Wanted {
    Command(Command),
    Act(Act),
}

/// POST …/control
pub async fn control(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let act = Form::new(&web, &request, &agent, conversation, &fields);
    let scene = act.scene().await?;
    let teams = if fields.find("team").is_some() { web.store.teams_on(&scene.conversation.page).await? } else { Vec::new() };
    let wanted = match wanted(&fields, &scene, &teams)? {
        Ok(wanted) => wanted,
        Err(problem) => return act.back(StatusCode::CONFLICT, Some(problem), Draft::default()).await,
    };
    if let Wanted::Act(Act::Assign { to: Some(to), .. }) = &wanted {
        only_colleagues(&web, &scene, *to).await?;
    }
    let next = if matches!(wanted, Wanted::Act(Act::Close)) { act.next().await? } else { None };
    match carry_out(&web, &agent, &scene, wanted).await {
        Ok(()) => act.left(next).await,
        Err(error) => {
            let (status, problem) = words(error, &scene)?;
            act.back(status, Some(problem), Draft::default()).await
        }
    }
}

/// Reads the form. The inner error is a refusal that is known already. `teams` are those to which the conversation can be given.
fn wanted(fields: &Fields, scene: &Scene, teams: &[Team]) -> Result<Result<Wanted, String>, WebError> {
    let Some(app) = scene.inbox().cloned() else { return Ok(Err(scene.t().why_no_inbox.to_owned())) };
    let metadata = fields.find("note").map(Metadata::parse).transpose().map_err(|_| WebError::Malformed("note"))?;
    let to = fields.find("to").map(str::parse::<i64>).transpose().map_err(|_| WebError::Malformed("to"))?;
    let target = fields.find("target").map(AppId::parse).transpose().map_err(|_| WebError::Malformed("target"))?;
    let team = fields.find("team").map(str::parse::<i64>).transpose().map_err(|_| WebError::Malformed("team"))?;
    Ok(Ok(match (fields.get("action"), target, to) {
        ("take", ..) => match moves::take_command(scene, &app) {
            Ok(command) => Wanted::Command(command),
            Err(refusal) => return Ok(Err(fill(scene.t().problem_refused, &[("why", &moves::why_not(scene, refusal))]))),
        },
        ("request", ..) => Wanted::Command(Command::Request { app, metadata }),
        ("release", ..) => Wanted::Command(Command::Release { app, metadata }),
        ("close", ..) => Wanted::Act(Act::Close),
        ("reopen", ..) => Wanted::Act(Act::Reopen),
        ("assign", _, Some(to)) => Wanted::Act(Act::Assign { to: Some(UserId(to)), said: None }),
        ("assign", ..) => Wanted::Act(Act::Claim),
        ("", Some(target), _) => Wanted::Command(Command::Pass { app, target: Some(target), metadata }),
        ("", None, Some(0)) => Wanted::Act(Act::Assign { to: None, said: metadata }),
        ("", None, Some(to)) => Wanted::Act(Act::Assign { to: Some(UserId(to)), said: metadata }),
        ("", None, None) => {
            let team = team.ok_or(WebError::Malformed("action"))?;
            return Ok(to_team(team, teams, metadata).map(Wanted::Act).ok_or_else(|| scene.t().desk.team_gone.to_owned()));
        }
        _ => return Err(WebError::Malformed("action")),
    }))
}

/// Gives it to one of these teams, or with 0 to none. `None`: the team is not among them.
fn to_team(id: i64, teams: &[Team], said: Option<Metadata>) -> Option<Act> {
    if id == 0 {
        return Some(Act::AssignTeam { to: None, said });
    }
    teams.iter().find(|team| team.team.0 == id).map(|team| Act::AssignTeam { to: Some(team.clone()), said })
}

/// A conversation can only be given to somebody who may see it.
async fn only_colleagues(web: &State, scene: &Scene, to: UserId) -> Result<(), WebError> {
    let colleagues = web.store.colleagues(&scene.conversation.page).await?;
    if colleagues.iter().any(|(user, _)| *user == to) { Ok(()) } else { Err(WebError::Malformed("to")) }
}

async fn carry_out(web: &State, agent: &Agent, scene: &Scene, wanted: Wanted) -> Result<(), LedgerError> {
    let (page, person, user) = (scene.conversation.page.clone(), scene.conversation.person.clone(), Some(agent.user));
    match wanted {
        Wanted::Command(command) => web.ledger.order(Order { page, person, command, user }).await.map(|_| ()),
        Wanted::Act(act) => web.ledger.act(page, person, user, act).await.map(|_| ()),
    }
}
