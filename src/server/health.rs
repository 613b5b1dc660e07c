//! `/healthz`: the process lives. `/readyz`: it can do its work. `/metrics`: how it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::ledger::Ledger;
use crate::store::Store;
use crate::store::admin::Schema;

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What readiness and metrics are read from.
pub(super) struct Health {
    pub store: Store,
    pub ledger: Ledger,
    pub stopping: Arc<AtomicBool>,
    pub metrics: PrometheusHandle,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    // Whoever watches often asks by HEAD.
    config
        .service(web::resource("/healthz").route(web::get().to(alive)).route(web::head().to(alive)))
        .service(web::resource("/readyz").route(web::get().to(ready)).route(web::head().to(ready)))
        .route("/metrics", web::get().to(metrics));
}

async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"status": "ok"}))
}

async fn ready(health: Data<Health>) -> HttpResponse {
    let not = |why: &str| HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": "not ready", "reason": why}));
    if health.stopping.load(Ordering::Relaxed) {
        return not("stopping");
    }
    if health.ledger.is_failing() {
        return not("the database does not take what is to be written");
    }
    match tokio::time::timeout(PATIENCE, health.store.schema()).await {
        // A newer schema is one that this program still works with while its successor is being rolled out.
        Ok(Ok(Schema::Current | Schema::Ahead)) => HttpResponse::Ok().json(serde_json::json!({"status": "ready"})),
        Ok(Ok(Schema::Behind(_) | Schema::Broken)) => not("the database's schema is not up to date"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            not("the database does not answer")
        }
        Err(_) => not("the database does not answer"),
    }
}

async fn metrics(health: Data<Health>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(health.metrics.render())
}
