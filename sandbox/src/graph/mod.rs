//! The Graph API side, at `/` and `/vN.N/`.

mod app_edges;
mod attachments;
mod batch;
mod control;
mod error;
mod handler;
mod message;
mod oauth;
mod page_edges;
mod params;
mod personas;
mod pseudo_json;
mod request;
mod route;
mod send;
mod template;
mod user_settings;

pub use attachments::open_asset;
pub use error::GraphError;
pub use handler::handle;
pub use oauth::dialog;
pub use request::read_params;
