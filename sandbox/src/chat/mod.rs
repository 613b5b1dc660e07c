//! The customer's chat page: several people side by side, live, and usable without JavaScript.

mod forms;
mod live;
mod pages;
mod pictures;
mod view;
mod words;

use actix_web::web::{self, ServiceConfig};

/// The routes of the chat page.
pub fn routes(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(pages::overview))
        .route("/chat/people", web::post().to(forms::add_person))
        .route("/chat/{page_id}/{psid}", web::get().to(pages::single))
        .route("/chat/{page_id}/{psid}/thread", web::get().to(pages::thread))
        .route("/chat/{page_id}/{psid}/messages", web::post().to(forms::say))
        .route("/live", web::get().to(live::stream))
        .route("/avatars/{page_id}/{psid}.svg", web::get().to(pictures::avatar))
        .route("/static/chat.css", web::get().to(pictures::style_sheet))
        .route("/static/chat.js", web::get().to(pictures::script));
}
