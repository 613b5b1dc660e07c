//! What people set for themselves and each other: pages below `/settings`, each in the same frame.
//!
//! A new page is a [`Section`] here, a handler that answers a template extending `settings.html`, and its routes.

mod authority;
mod fields;
mod frame;
mod me;
mod replies;
mod tags;
mod teams;
mod views;

use actix_web::web::{self, ServiceConfig, resource};

use super::error::WebError;
use super::login::see;
use super::parts;

pub use frame::Section;

/// The addresses below `/settings`.
pub fn routes(config: &mut ServiceConfig) {
    let with_files = |address: &str| resource(address).app_data(parts::TakesFiles::shared());
    config
        .route("", web::get().to(first))
        .route("/me", web::get().to(me::page))
        .route("/me", web::post().to(me::save))
        .route("/me/keys", web::post().to(me::keys))
        .route("/me/theme", web::post().to(me::theme))
        .route("/tags", web::get().to(tags::page))
        .route("/tags", web::post().to(tags::create))
        .route("/tags/{tag}", web::post().to(tags::change))
        .route("/teams", web::get().to(teams::page))
        .route("/teams", web::post().to(teams::create))
        .route("/teams/{team}", web::post().to(teams::change))
        .route("/views", web::get().to(views::page))
        .route("/views", web::post().to(views::create))
        .route("/views/{view}", web::post().to(views::change))
        .service(with_files("/replies").route(web::get().to(replies::page)).route(web::post().to(replies::create)))
        .service(with_files("/replies/{reply}").route(web::post().to(replies::change)))
        .route("/fields", web::get().to(fields::page))
        .route("/fields", web::post().to(fields::create))
        .route("/fields/{field}", web::post().to(fields::change))
        .default_service(web::to(missing));
}

/// GET /settings: the first page.
async fn first() -> actix_web::HttpResponse {
    see(Section::FIRST.href())
}

async fn missing() -> Result<actix_web::HttpResponse, WebError> {
    Err(WebError::NotFound)
}
