//! A JSON API under `/sandbox/` to arrange the world, move its clock, make external apps act, inject events and switch faults on.

mod external;
mod faults;
mod setup;

pub use external::{act, advance_clock, inject};
pub use faults::{add_faults, clear_faults, clear_log, list_faults, log};
pub use setup::{list_apps, list_pages, put_app, put_page, subscribe};
