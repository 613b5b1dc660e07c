//! A JSON API to act as a customer.
//!
//! `POST /people`, `GET /people`, `POST /messages`, `GET /messages`, `POST /reactions`, `POST /edits`, `POST /unsends`, `POST /reads`.

mod handlers;
mod refusal;
mod said;

pub use handlers::{add_person, edit, list_people, react, read, say, transcript, unsend};
pub use refusal::{Refused, plain_json_errors};
