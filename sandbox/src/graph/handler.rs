//! One HTTP request to the Graph side: faults before and after, the answer, the journal.

use std::time::Duration;

use actix_web::body::BodyStream;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde_json::{Value, json};

use super::error::GraphError;
use super::request;
use super::route;
use crate::faults::{FaultKind, Refused};
use crate::journal::Call;
use crate::platform::Platform;
use crate::random;

/// Answers a Graph call.
pub async fn handle(request: HttpRequest, payload: Payload, platform: Data<Platform>) -> HttpResponse {
    let platform = platform.into_inner();
    let call = match request::read(&request, payload).await {
        Ok(call) => call,
        Err(error) => return respond(error.status, error.body(), "v25.0", None),
    };
    let trouble = platform.faults.for_call(call.edge());
    let answer = match trouble.refused.map(refused) {
        Some(error) => Err(error),
        None => route::answer(&platform, &call).await,
    };
    let answer = if trouble.late_error { Err(GraphError::unexpected()) } else { answer };
    if trouble.slow_ms > 0 {
        tokio::time::sleep(Duration::from_millis(trouble.slow_ms)).await;
    }
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => (error.status, error.body()),
    };
    let silent = trouble.drop_answer || trouble.refused.is_some_and(|refused| refused.kind == FaultKind::DropCall);
    platform.journal.call(Call {
        method: call.method.clone(),
        path: request.path().to_owned(),
        params: call.params.to_value(),
        app_id: route::caller_app(&platform, &call),
        status: if silent { 0 } else { status.as_u16() },
        answer: body.clone(),
        at: platform.clock.now_ms(),
    });
    if silent { no_answer() } else { respond(status, body, &call.version, trouble.refused) }
}

fn refused(refused: Refused) -> GraphError {
    match refused.kind {
        FaultKind::ExpiredToken => GraphError::expired_token(),
        FaultKind::Throttle => GraphError::throttled(refused.code),
        FaultKind::TooManyRequests => GraphError { status: StatusCode::TOO_MANY_REQUESTS, ..GraphError::throttled(4) },
        _ => GraphError::unexpected(),
    }
}

/// Closes the connection without a byte: a body that fails before its head is flushed.
fn no_answer() -> HttpResponse {
    let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("answer dropped on purpose")) });
    HttpResponse::Ok().force_close().body(BodyStream::new(broken))
}

fn respond(status: StatusCode, body: Value, version: &str, refused: Option<Refused>) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header(("facebook-api-version", version));
    response.insert_header(("x-fb-trace-id", random::trace_id()));
    if body["error"]["code"] == json!(190) {
        let challenge = "OAuth \"Facebook Platform\" \"invalid_token\" \"Invalid OAuth access token\"";
        response.insert_header(("WWW-Authenticate", challenge));
    }
    if let Some(refused) = refused.filter(|refused| matches!(refused.kind, FaultKind::Throttle | FaultKind::TooManyRequests)) {
        let usage = json!({"call_count": 100, "total_cputime": 25, "total_time": 25});
        response.insert_header(("X-App-Usage", usage.to_string()));
        let kind = if refused.code == 80_002 { "instagram" } else { "messenger" };
        let minutes = refused.regain_minutes;
        let usage = json!({
            "100": [{"type": kind, "call_count": 100, "total_cputime": 25, "total_time": 25, "estimated_time_to_regain_access": minutes}],
        });
        response.insert_header(("X-Business-Use-Case-Usage", usage.to_string()));
        if let Some(seconds) = refused.retry_after_s {
            response.insert_header(("Retry-After", seconds.to_string()));
        }
    }
    response.json(body)
}
