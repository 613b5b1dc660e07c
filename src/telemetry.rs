//! Logs and metrics. Neither ever holds a secret, a message's text or an app's metadata at level info.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Bounds of histograms whose name ends in `_seconds`: from a fast commit to a slow platform.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Bounds of histograms that count things.
const COUNTS: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 5_000.0];

/// Logs or metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is none.
    #[error("`{0}` is not a log filter: write a level as `info`, or `info,baton::ledger=debug`")]
    Filter(String),
    /// Somebody else set them up before.
    #[error("{0}")]
    SetUp(String),
}

/// Starts logging to standard error.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn start_logs(filter: &str, format: LogFormat) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(filter).map_err(|_| TelemetryError::Filter(filter.into()))?;
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Auto if !terminal => builder.json().flatten_event(true).try_init(),
        LogFormat::Auto | LogFormat::Text => builder.with_ansi(terminal).with_target(false).try_init(),
    };
    done.map_err(|error| TelemetryError::SetUp(error.to_string()))
}

/// Starts counting. What the handle renders is the answer of `/metrics`.
///
/// # Errors
/// When another recorder is there already.
pub fn start_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let set_up = |error: metrics_exporter_prometheus::BuildError| TelemetryError::SetUp(error.to_string());
    PrometheusBuilder::new()
        .set_buckets(&COUNTS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS))
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(set_up)
}
