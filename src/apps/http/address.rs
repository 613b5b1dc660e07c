//! Which addresses a callback may have: whoever registers one must not reach what only this machine can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Ranges of IPv4 that are not on the public internet (IANA special-purpose registry), as first address and prefix length.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Carrier-grade NAT.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local; cloud machines answer for their metadata here.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    // Relays of 6to4.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved, and broadcast at its end.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The range of IPv6 that global unicast addresses come from. Loopback, unique-local, link-local, multicast and the rest lie outside.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Ranges inside [`GLOBAL_V6`] that are not on the public internet, or that carry an IPv4 address somewhere else.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments: Teredo, benchmarking, ORCHID.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Addresses behind the well-known NAT64 prefix are IPv4 addresses in other clothes.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// A range of addresses, written `10.0.0.0/8`, `::1/128`, or as one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Of IPv4.
    V4(Ipv4Addr, u32),
    /// Of IPv6.
    V6(Ipv6Addr, u32),
}

/// Text that is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a network such as 127.0.0.0/8 or ::1/128")]
pub struct BadNetwork(String);

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let bad = || BadNetwork(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| bad())?)),
            None => (text, None),
        };
        match (address.trim().parse().map_err(|_| bad())?, bits) {
            (IpAddr::V4(first), bits) if bits.unwrap_or(32) <= 32 => Ok(Self::V4(first, bits.unwrap_or(32))),
            (IpAddr::V6(first), bits) if bits.unwrap_or(128) <= 128 => Ok(Self::V6(first, bits.unwrap_or(128))),
            _ => Err(bad()),
        }
    }
}

impl Network {
    /// Whether the address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (*self, address) {
            (Self::V4(first, bits), IpAddr::V4(address)) => same_prefix_v4(first, address, bits),
            (Self::V6(first, bits), IpAddr::V6(address)) => same_prefix_v6(first, address, bits),
            _ => false,
        }
    }
}

/// Which addresses calls may go to: all of the public internet, and what the admin allows besides.
#[derive(Debug, Clone, Default)]
pub struct AddressPolicy {
    allowed: Vec<Network>,
}

impl AddressPolicy {
    /// A policy that allows these networks besides the public internet. For development: `127.0.0.0/8`.
    #[must_use]
    pub fn allowing(allowed: Vec<Network>) -> Self {
        Self { allowed }
    }

    /// Whether a call may go there.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = embedded_v4(address);
        self.allowed.iter().any(|network| network.contains(address)) || is_public(address)
    }
}

/// The IPv4 address that an IPv4-mapped or NAT64 address stands for; every other address itself.
fn embedded_v4(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return IpAddr::V4(v4);
    }
    if same_prefix_v6(NAT64.0, v6, NAT64.1) {
        let [.., a, b, c, d] = v6.octets();
        return IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    }
    address
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|&(first, bits)| same_prefix_v4(first, address, bits)),
        IpAddr::V6(address) => {
            same_prefix_v6(GLOBAL_V6.0, address, GLOBAL_V6.1)
                && !NOT_PUBLIC_V6.iter().any(|&(first, bits)| same_prefix_v6(first, address, bits))
        }
    }
}

fn same_prefix_v4(a: Ipv4Addr, b: Ipv4Addr, bits: u32) -> bool {
    (a.to_bits() ^ b.to_bits()).leading_zeros() >= bits
}

fn same_prefix_v6(a: Ipv6Addr, b: Ipv6Addr, bits: u32) -> bool {
    (a.to_bits() ^ b.to_bits()).leading_zeros() >= bits
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    #[test]
    fn only_the_public_internet_is_permitted() {
        let policy = AddressPolicy::default();
        for (address, permitted) in [
            ("8.8.8.8", true),
            ("1.1.1.1", true),
            ("100.63.255.255", true),
            ("100.128.0.0", true),
            ("172.15.255.255", true),
            ("172.32.0.0", true),
            ("198.17.255.255", true),
            ("223.255.255.255", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.255.0.1", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.8", false),
            ("192.0.2.1", false),
            ("192.88.99.1", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("198.19.255.255", false),
            ("198.51.100.7", false),
            ("203.0.113.7", false),
            ("224.0.0.1", false),
            ("239.255.255.255", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700:4700::1111", true),
            ("2a00:1450:4001:80b::200e", true),
            ("::", false),
            ("::1", false),
            ("::8.8.8.8", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("64:ff9b::808:808", true),
            ("64:ff9b:1::7f00:1", false),
            ("100::1", false),
            ("2001::1", false),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::", false),
            ("2002:808:808::1", false),
            ("3fff::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(policy.permits(address.parse().unwrap()), permitted, "{address}");
        }
    }

    #[test]
    fn an_allowed_network_opens_itself_and_nothing_else() {
        let policy =
            AddressPolicy::allowing(vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap(), "10.1.2.3".parse().unwrap()]);
        for (address, permitted) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::ffff:127.0.0.1", true),
            ("64:ff9b::7f00:1", true),
            ("::1", false),
            ("fd00::1", true),
            ("fc00::1", false),
            ("10.1.2.3", true),
            ("10.1.2.4", false),
            ("192.168.0.1", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(policy.permits(address.parse().unwrap()), permitted, "{address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "localhost", "127.0.0.0/33", "::1/129", "127.0.0.0/-1", "127.0.0.0/", "127.0.0/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
