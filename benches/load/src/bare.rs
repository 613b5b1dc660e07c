//! A server that does what no intake can do without, and nothing else: it verifies the signature and splits the body. As Baton's own, it is
//! actix with a worker a core.

use std::io::BufRead;

use ::baton::crypto::signature;
use ::baton::wire::{Timestamp, webhook};
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::{Value, json};

use crate::baton::{SECRET, free_port};
use crate::helper::Helper;

/// The process of the bare handler.
pub struct Bare {
    helper: Helper,
    /// `host:port/path` of its webhook.
    pub webhook: String,
}

impl Bare {
    /// Starts it.
    pub async fn start() -> Self {
        let port = free_port();
        let mut helper = Helper::start("as-bare");
        assert_eq!(helper.ask(&json!(port)).await, json!(true));
        Self { helper, webhook: format!("127.0.0.1:{port}/platform/webhook") }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.helper.id()
    }
}

/// That process: its input says the port, and then nothing until it ends.
pub fn main() {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("a line");
    let port: u16 = line.trim().parse().expect("a port");
    let served = actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| {
            App::new().app_data(web::PayloadConfig::new(1 << 24)).route("/platform/webhook", web::post().to(verify_and_split))
        })
        .disable_signals()
        .bind(("127.0.0.1", port))?
        .run();
        println!("{}", Value::Bool(true));
        server.await
    });
    served.expect("it serves");
}

async fn verify_and_split(request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = request.headers().get("x-hub-signature-256").and_then(|value| value.to_str().ok());
    if signature::verify_sha256(&[SECRET.as_bytes()], &body, header).is_err() {
        return HttpResponse::Unauthorized().finish();
    }
    match webhook::parse(&body, Timestamp::from_millis(0)) {
        Ok(_) => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("EVENT_RECEIVED"),
        Err(_) => HttpResponse::BadRequest().finish(),
    }
}
