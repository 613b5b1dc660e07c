//! The customer's chat page.

use actix_web::web::ServiceConfig;

/// The routes of the chat page.
pub fn routes(_config: &mut ServiceConfig) {}
