//! What everybody sets for themselves.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web::Query};
use askama::Template;
use serde::Deserialize;

use super::frame::{Frame, Section};
use crate::store::preferences::{Preferences, Reads, Theme};
use crate::web::State;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::language::Lang;
use crate::web::login::{inside, see, with_cookie};
use crate::web::posted::Posted;
use crate::web::session::Agent;
use crate::web::text::Texts;

#[derive(Template)]
#[template(path = "settings_me.html")]
struct MyPage {
    lang: Lang,
    t: &'static Texts,
    assets: &'static Assets,
    frame: Frame,
    saved: bool,
    chosen: Preferences,
    themes: Vec<(&'static str, &'static str)>,
}

/// What became of the last form.
#[derive(Deserialize)]
pub struct Outcome {
    saved: Option<String>,
}

/// GET /settings/me
pub async fn page(agent: Agent, outcome: Query<Outcome>) -> Result<HttpResponse, WebError> {
    let f = agent.lang.texts().desk;
    let title = |theme| match theme {
        Theme::System => f.theme_system,
        Theme::Light => f.theme_light,
        Theme::Dark => f.theme_dark,
    };
    let page = MyPage {
        lang: agent.lang,
        t: agent.lang.texts(),
        assets: Assets::get(),
        frame: Frame::new(&agent, Section::Me),
        saved: outcome.saved.is_some(),
        themes: Theme::ALL.into_iter().map(|theme| (theme.as_str(), title(theme))).collect(),
        chosen: agent.preferences,
    };
    Ok(HttpResponse::build(StatusCode::OK).content_type("text/html; charset=utf-8").body(page.render()?))
}

/// POST /settings/me: everything at once.
pub async fn save(web: State, posted: Posted) -> Result<HttpResponse, WebError> {
    let Posted { agent, fields } = posted;
    let lang = Lang::parse(fields.get("language")).ok_or(WebError::Malformed("language"))?;
    let chosen = Preferences {
        theme: Theme::parse(fields.get("theme")).ok_or(WebError::Malformed("theme"))?,
        single_keys: fields.find("single_keys").is_some(),
        enter_sends: fields.find("enter_sends").is_some(),
        next_after_close: match fields.get("after_close") {
            "next" => true,
            "stay" => false,
            _ => return Err(WebError::Malformed("after_close")),
        },
        reads: match fields.get("reads") {
            "opening" => Reads::ByOpening,
            "answering" => Reads::ByAnswering,
            _ => return Err(WebError::Malformed("reads")),
        },
    };
    web.store.set_language(agent.user, lang.code()).await?;
    web.store.save_preferences(agent.user, &chosen).await?;
    Ok(with_cookie(see(&format!("{}?saved=1", Section::Me.href())), &lang.cookie(web.settings.secure())))
}

/// POST /settings/me/keys
pub async fn keys(web: State, posted: Posted) -> Result<HttpResponse, WebError> {
    let single_keys = posted.fields.find("single_keys").is_some();
    change(&web, posted, |chosen| Ok(Preferences { single_keys, ..chosen })).await
}

/// POST /settings/me/theme
pub async fn theme(web: State, posted: Posted) -> Result<HttpResponse, WebError> {
    let theme = Theme::parse(posted.fields.get("theme")).ok_or(WebError::Malformed("theme"))?;
    change(&web, posted, |chosen| Ok(Preferences { theme, ..chosen })).await
}

async fn change(
    web: &State,
    posted: Posted,
    changed: impl FnOnce(Preferences) -> Result<Preferences, WebError>,
) -> Result<HttpResponse, WebError> {
    let back = inside(posted.fields.get("back")).to_owned();
    web.store.save_preferences(posted.agent.user, &changed(posted.agent.preferences)?).await?;
    Ok(see(&back))
}
