//! The inbox: the lists, one conversation, and what agents do in it.

mod acts;
pub mod address;
pub mod badges;
mod composer;
mod content;
mod context;
mod endings;
pub mod files;
mod filters;
mod form;
pub mod keys;
mod line;
mod list;
mod metadata;
mod moves;
pub mod names;
mod news;
mod notes;
mod owner;
pub mod pages;
mod person;
mod reasons;
mod replies;
pub mod saved;
mod scene;
mod sending;
mod snooze;
mod steps;
mod tagging;
mod thread;
mod timeline;
pub mod visible;

use actix_web::web::{self, ServiceConfig, resource};

use super::error::WebError;
use super::parts;
use super::presence;
use super::search;

/// The addresses below `/inbox`.
pub fn routes(config: &mut ServiceConfig) {
    // The form of a reply has files beside its text, wherever it is sent.
    let with_files = |address: &str| resource(format!("/{{page}}/{{person}}/{address}")).app_data(parts::TakesFiles::shared());
    config
        .service(with_files("send").route(web::post().to(sending::send)))
        .service(with_files("attach").route(web::post().to(files::attach)))
        .service(with_files("detach").route(web::post().to(files::detach)))
        .service(with_files("insert").route(web::post().to(replies::insert)))
        .service(with_files("draft").route(web::post().to(notes::draft)))
        .route("", web::get().to(pages::list))
        .route("/language", web::post().to(pages::language))
        .route("/news", web::get().to(news::news))
        .route("/search", web::get().to(search::page))
        .route("/{page}/{person}", web::get().to(pages::conversation))
        .route("/{page}/{person}/again", web::post().to(sending::again))
        .route("/{page}/{person}/replies", web::get().to(replies::list))
        .route("/{page}/{person}/presence", web::post().to(presence::tell))
        .route("/{page}/{person}/note", web::post().to(notes::note))
        .route("/{page}/{person}/tags", web::post().to(tagging::submit))
        .route("/{page}/{person}/unread", web::post().to(tagging::unread))
        .route("/{page}/{person}/snooze", web::post().to(snooze::submit))
        .route("/{page}/{person}/control", web::post().to(acts::control))
        .route("/{page}/{person}/fields", web::post().to(person::fields))
        .default_service(web::to(missing));
}

async fn missing() -> Result<actix_web::HttpResponse, WebError> {
    Err(WebError::NotFound)
}
