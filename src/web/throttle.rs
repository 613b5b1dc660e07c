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

/// An account, hashed, so that a password typed into the wrong field is not kept.
type Account = [u8; 32];

/// Limits per account and per address. One address alone cannot use up what an account may be tried from elsewhere: nobody could keep an agent
/// out by guessing wrong on purpose.
pub struct Throttle {
    pairs: DefaultKeyedRateLimiter<(Account, String)>,
    accounts: DefaultKeyedRateLimiter<Account>,
    addresses: DefaultKeyedRateLimiter<String>,
    proxies: usize,
}

impl Throttle {
    pub fn new(settings: &Settings) -> Self {
        Self {
            pairs: RateLimiter::keyed(quota(settings.tries_per_account)),
            accounts: RateLimiter::keyed(quota(settings.tries_per_account_everywhere)),
            addresses: RateLimiter::keyed(quota(settings.tries_per_address)),
            proxies: settings.proxies,
        }
    }

    /// Counts a try. When there were too many, the answer is how many seconds to wait.
    pub fn count(&self, request: &HttpRequest, email: &str) -> Result<(), u64> {
        self.forget();
        let address = self.address(request);
        let account: Account = Sha256::digest(email.trim().to_lowercase().as_bytes()).into();
        let now = DefaultClock::default().now();
        // What an earlier limit stops does not count for a later one.
        let checked = self.addresses.check_key(&address);
        let checked = checked.and_then(|()| self.pairs.check_key(&(account, address)));
        let checked = checked.and_then(|()| self.accounts.check_key(&account));
        checked.map_err(|not_yet| not_yet.wait_time_from(now).as_secs() + 1)
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
        if self.pairs.len() + self.accounts.len() + self.addresses.len() > 10_000 {
            self.pairs.retain_recent();
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
    use actix_web::test::TestRequest;

    use super::*;

    fn settings() -> Settings {
        Settings::new("http://localhost".parse().unwrap(), vec![0; 32])
    }

    /// How many of so many tries from an address are let through.
    fn let_through(throttle: &Throttle, address: &str, email: &str, tries: usize) -> usize {
        let request = TestRequest::default().peer_addr(format!("{address}:1").parse().unwrap()).to_http_request();
        (0..tries).filter(|_| throttle.count(&request, email).is_ok()).count()
    }

    #[test]
    fn a_stranger_does_not_keep_an_agent_out() {
        let throttle = Throttle::new(&settings());
        assert_eq!(let_through(&throttle, "192.0.2.1", "anna@shop.example", 20), 10);
        assert_eq!(let_through(&throttle, "192.0.2.2", " Anna@shop.example", 5), 5, "from her own address she gets in");
        assert_eq!(let_through(&throttle, "192.0.2.1", "ben@shop.example", 5), 5);
    }

    #[test]
    fn guessing_from_everywhere_ends_as_well() {
        let throttle = Throttle::new(&settings());
        let through: usize = (1..=30).map(|last| let_through(&throttle, &format!("192.0.2.{last}"), "anna@shop.example", 10)).sum();
        assert_eq!(through, 100);
        let throttle = Throttle::new(&settings());
        let through: usize = (0..30).map(|number| let_through(&throttle, "192.0.2.1", &format!("{number}@shop.example"), 10)).sum();
        assert_eq!(through, 60, "one address tries many accounts");
    }

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
