//! Face 3, people: login, the agents' inbox, the live stream. Pages are rendered here and work without JavaScript; with it, the same
//! templates are fetched as fragments whenever the log grows.
//!
//! Every handler takes its authority as a type: [`session::Agent`] is a login that holds, [`posted::Posted`] a form of such a login that no
//! other site can have sent, [`inbox::visible::Visible`] a conversation that this agent may see.

mod assets;
mod error;
mod frame;
mod inbox;
mod language;
mod live;
mod login;
mod parts;
mod passwords;
mod posted;
mod presence;
mod search;
mod session;
mod settings;
mod settings_pages;
mod text;
mod throttle;
mod when;

use actix_web::middleware::{self, Compress};
use actix_web::web;
use actix_web::web::{Data, ServiceConfig, resource, scope};
use tokio_util::sync::CancellationToken;

use crate::ledger::Ledger;
use crate::store::Store;
use crate::wire::upstream::Upstream;

pub use settings::{Settings, StartError};

/// Largest body of a form, in bytes.
const FORM_BYTES: usize = 64 * 1024;

/// Everything the pages need. Lives in [`Data`].
pub struct Web {
    store: Store,
    ledger: Ledger,
    upstream: Upstream,
    settings: Settings,
    logins: session::Logins,
    passwords: passwords::Passwords,
    throttle: throttle::Throttle,
    counts: inbox::badges::Badges,
    feed: live::Feed,
    searches: search::Turns,
    board: presence::Board,
    stop: CancellationToken,
}

impl Web {
    /// Puts the face together. Takes some ten milliseconds: it makes the hash that unknown users are checked against. Files of agents go to the
    /// platform by `upstream`.
    ///
    /// # Errors
    /// [`StartError`] when that hash cannot be made.
    pub fn new(store: Store, ledger: Ledger, upstream: Upstream, settings: Settings, stop: CancellationToken) -> Result<Self, StartError> {
        Ok(Self {
            logins: session::Logins::new(&settings),
            passwords: passwords::Passwords::new()?,
            throttle: throttle::Throttle::new(&settings),
            counts: inbox::badges::Badges::default(),
            feed: live::Feed::new(store.clone(), ledger.clone()),
            searches: search::Turns::default(),
            board: presence::Board::default(),
            store,
            ledger,
            upstream,
            settings,
            stop,
        })
    }

    fn badges(&self) -> &inbox::badges::Badges {
        &self.counts
    }

    fn searches(&self) -> &search::Turns {
        &self.searches
    }

    /// Tells open streams what changed and reads the log for the search, until the face stops. One task a process.
    pub async fn run(self: std::sync::Arc<Self>) {
        let reading = search::run(self.store.clone(), self.ledger.clone(), self.stop.clone());
        futures_util::join!(self.feed.run(self.stop.clone()), self.board.run(&self.store, self.stop.clone()), reading);
    }
}

/// The addresses of this face. [`Data<Web>`] must be among the application's data.
pub fn routes(config: &mut ServiceConfig) {
    let framed = || middleware::from_fn(frame::framed);
    // Whatever is put around later is further out.
    let plain = || middleware::from_fn(frame::plain_for_strangers);
    let forms = || web::PayloadConfig::new(FORM_BYTES);
    config
        .service(
            resource("/login")
                .wrap(framed())
                .wrap(Compress::default())
                .wrap(plain())
                .app_data(forms())
                .route(web::get().to(login::page))
                .route(web::post().to(login::submit)),
        )
        .service(resource("/logout").wrap(framed()).route(web::post().to(login::leave)).route(web::get().to(login::elsewhere)))
        .service(resource("/static/{version}/{name}").route(web::get().to(assets::serve)))
        .service(resource("/live").wrap(framed()).route(web::get().to(live::stream)))
        .service(scope("/inbox").wrap(framed()).wrap(Compress::default()).wrap(plain()).app_data(forms()).configure(inbox::routes))
        .service(
            scope("/settings").wrap(framed()).wrap(Compress::default()).wrap(plain()).app_data(forms()).configure(settings_pages::routes),
        );
}

/// A shorthand for handlers.
type State = Data<Web>;
