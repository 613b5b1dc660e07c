//! How often a login may be tried.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::HttpRequest;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use sha2::{Digest, Sha256};

use super::Settings;

/// The time over which tries are counted, in seconds.
const PERIOD: u32 = 900;

/// Limits per account and per address. What is kept of an account is a hash, so that a typed password in the wrong field is not kept.
pub struct Throttle {
    accounts: DefaultKeyedRateLimiter<[u8; 32]>,
    addresses: DefaultKeyedRateLimiter<String>,
    proxies: usize,
}

impl Throttle {
    pub fn new(settings: &Settings) -> Self {
        Self {
            accounts: RateLimiter::keyed(quota(settings.tries_per_account)),
            addresses: RateLimiter::keyed(quota(settings.tries_per_address)),
            proxies: settings.proxies,
        }
    }

    /// Counts a try. When there were too many, the answer is how many seconds to wait.
    pub fn count(&self, request: &HttpRequest, email: &str) -> Result<(), u64> {
        self.forget();
        let address = self.address(request);
        let account: [u8; 32] = Sha256::digest(email.trim().to_lowercase().as_bytes()).into();
        let now = DefaultClock::default().now();
        self.addresses.check_key(&address).map_err(|not_yet| not_yet.wait_time_from(now).as_secs() + 1)?;
        self.accounts.check_key(&account).map_err(|not_yet| not_yet.wait_time_from(now).as_secs() + 1)
    }

    /// Where the request comes from: the peer, or with proxies in front what the outermost trusted one saw.
    fn address(&self, request: &HttpRequest) -> String {
        let peer = || request.peer_addr().map(|peer| network(peer.ip())).unwrap_or_default();
        if self.proxies == 0 {
            return peer();
        }
        let seen: Vec<&str> = request
            .headers()
            .get_all("x-forwarded-for")
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .collect();
        let seen = seen.len().checked_sub(self.proxies).and_then(|index| seen.get(index));
        seen.map_or_else(peer, |address| address.parse().map_or_else(|_| (*address).to_owned(), network))
    }

    /// Lets go of keys that are fresh again once there are many.
    fn forget(&self) {
        if self.accounts.len() + self.addresses.len() > 10_000 {
            self.accounts.retain_recent();
            self.addresses.retain_recent();
        }
    }
}

/// What counts as one address: of IPv6 the network, since everybody has a whole one to choose addresses from.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        },
    }
}

/// So many tries at once, which come back evenly over the period.
fn quota(tries: u32) -> Quota {
    let tries = NonZeroU32::new(tries).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(Duration::from_secs(u64::from(PERIOD)) / tries.get()).unwrap_or_else(|| Quota::per_minute(tries)).allow_burst(tries)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        for (address, counted) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("::1", "::/64"),
        ] {
            assert_eq!(network(address.parse().unwrap()), counted, "{address}");
        }
    }
}
