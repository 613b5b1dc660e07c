//! Names to addresses that may be called.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::AddressPolicy;

/// Every address of a name is one that may not be called.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address that may be called")]
pub(super) struct NotPermitted;

/// Resolves names, and keeps only addresses that may be called.
#[derive(Debug, Clone)]
pub(super) struct FilteringResolver {
    pub policy: Arc<AddressPolicy>,
}

impl Service<Name> for FilteringResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let permitted: Vec<SocketAddr> = found.iter().copied().filter(|address| policy.permits(address.ip())).collect();
            if permitted.is_empty() && !found.is_empty() {
                return Err(NotPermitted.into());
            }
            Ok(permitted.into_iter())
        })
    }
}
