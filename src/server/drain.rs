//! While Baton stops, whoever still asks is answered, and sent away with the answer.

use std::sync::atomic::Ordering;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::web::Data;

use super::health::Health;

/// Wraps every request. A connection that ended without a word could have the next request of its client on the way already.
pub(super) async fn send_away(
    health: Data<Health>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    if health.stopping.load(Ordering::Relaxed) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
