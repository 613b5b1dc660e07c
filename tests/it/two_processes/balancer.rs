//! What stands before several processes: hands each webhook to the next of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};

/// A balancer on a port of its own. It stops when it is dropped.
pub struct Balancer {
    /// Where the platform delivers.
    pub url: String,
    handle: ServerHandle,
}

struct Behind {
    next: AtomicUsize,
    bases: Vec<String>,
    http: reqwest::Client,
}

impl Balancer {
    /// Before these processes.
    pub fn start(bases: Vec<String>, http: &reqwest::Client) -> Self {
        let behind = Data::from(Arc::new(Behind { next: AtomicUsize::new(0), bases, http: http.clone() }));
        let server = HttpServer::new(move || App::new().app_data(behind.clone()).default_service(web::to(hand_on)))
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .expect("a free port");
        let url = format!("http://{}/platform/webhook", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, handle }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // The command is sent at once; nobody waits for the outcome.
        drop(self.handle.stop(false));
    }
}

/// 502 when the process whose turn it is does not answer; the platform comes again, and then it is another's turn.
async fn hand_on(request: HttpRequest, body: Bytes, behind: Data<Behind>) -> HttpResponse {
    let base = &behind.bases[behind.next.fetch_add(1, Ordering::Relaxed) % behind.bases.len()];
    let url = format!("{base}{}", request.uri());
    let mut onward = if request.method() == "GET" { behind.http.get(url) } else { behind.http.post(url).body(body) };
    for name in ["content-type", "x-hub-signature", "x-hub-signature-256"] {
        if let Some(value) = request.headers().get(name) {
            onward = onward.header(name, value.as_bytes());
        }
    }
    let Ok(answer) = onward.send().await else { return HttpResponse::BadGateway().finish() };
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    match answer.bytes().await {
        Ok(body) => HttpResponse::build(status).body(body),
        Err(_) => HttpResponse::BadGateway().finish(),
    }
}
