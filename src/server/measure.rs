//! Counts and times requests. Their queries may hold tokens, so nothing but the path is ever logged, and that only for debugging.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use metrics::{Counter, Histogram, counter, histogram};

/// What is measured of requests, by face, method and status.
type Meters = HashMap<(&'static str, &'static str, u16), (Counter, Histogram)>;

thread_local! {
    /// Looked up once by each worker: to find a measure by its labels takes longer than to count.
    static METERS: RefCell<Meters> = RefCell::default();
}

/// Wraps every request.
pub(super) async fn measured(request: ServiceRequest, next: Next<impl MessageBody>) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let (face, method) = (face(request.path()), method(request.method().as_str()));
    let response = next.call(request).await?;
    let status = response.status().as_u16();
    count(face, method, status, started.elapsed());
    tracing::debug!(method, path = response.request().path(), status, "answered");
    Ok(response)
}

fn count(face: &'static str, method: &'static str, status: u16, took: Duration) {
    METERS.with_borrow_mut(|meters| {
        let (requests, seconds) = meters.entry((face, method, status)).or_insert_with(|| {
            let requests = counter!("baton_http_requests_total", "face" => face, "method" => method, "status" => status.to_string());
            (requests, histogram!("baton_http_request_seconds", "face" => face))
        });
        requests.increment(1);
        seconds.record(took);
    });
}

/// Whose address it is: one of a few names, so that nobody can make up new time series.
fn face(path: &str) -> &'static str {
    match path.split('/').nth(1) {
        Some("platform") => "platform",
        Some("login" | "logout" | "inbox" | "static") => "people",
        Some("live") => "live",
        Some("healthz" | "readyz" | "metrics") => "health",
        _ => "apps",
    }
}

fn method(name: &str) -> &'static str {
    match name {
        "GET" => "GET",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_faces() {
        let cases = [
            ("/platform/webhook", "platform"),
            ("/inbox/1/2", "people"),
            ("/login", "people"),
            ("/live", "live"),
            ("/readyz", "health"),
            ("/v25.0/me/messages", "apps"),
            ("/", "apps"),
            ("/inboxes", "apps"),
        ];
        for (path, expected) in cases {
            assert_eq!(face(path), expected, "{path}");
        }
    }
}
