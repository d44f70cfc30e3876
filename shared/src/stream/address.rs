//! Destinations may only have addresses of the public internet.
//!
//! A stream makes this service send requests to an address that a customer's admin chose. If private addresses were
//! allowed, an admin could reach services that are protected only by the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is public: not private, shared, link-local, loopback, multicast, unspecified, reserved, or for
/// documentation, benchmarks or protocols (IANA special-purpose registries). An IPv6 address that contains an IPv4 address
/// is refused, except for the mapped form of a public one.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(address),
        },
    }
}

/// The IPv4 networks that are not public: IANA IPv4 Special-Purpose Address Registry, and multicast.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, and the reserved addresses up to the broadcast address.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4
        .iter()
        .any(|(network, length)| (address.to_bits() ^ network.to_bits()).leading_zeros() >= *length)
}

/// The public range of IPv6 (IANA IPv6 Address Space).
const PUBLIC_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// The networks in [`PUBLIC_V6`] that are not public.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments: Teredo, benchmarks, ORCHID and others.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4 routes to the IPv4 address that it contains.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn is_public_v6(address: Ipv6Addr) -> bool {
    is_within_v6(address, PUBLIC_V6) && !NOT_PUBLIC_V6.iter().any(|network| is_within_v6(address, *network))
}

fn is_within_v6(address: Ipv6Addr, (network, length): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_reached() {
        fn check(public: bool, addresses: &[&str]) {
            for address in addresses {
                assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
            }
        }
        check(
            true,
            &["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255"],
        );
        check(
            true,
            &[
                "172.32.0.0",
                "192.167.255.255",
                "192.169.0.0",
                "198.17.255.255",
                "198.20.0.0",
                "223.255.255.255",
            ],
        );
        check(true, &["2606:4700::1111", "2a00::1", "::ffff:1.1.1.1", "2001:200::1"]);
        check(false, &["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255"]);
        check(
            false,
            &[
                "127.0.0.1",
                "127.255.255.255",
                "169.254.169.254",
                "169.254.170.2",
                "172.16.0.1",
                "172.31.255.255",
            ],
        );
        check(
            false,
            &["192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255"],
        );
        check(
            false,
            &["198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"],
        );
        check(
            false,
            &["::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1"],
        );
        // NAT64, local NAT64, discard-only, Teredo, 6to4, documentation.
        check(
            false,
            &[
                "64:ff9b::7f00:1",
                "64:ff9b:1::1",
                "100::1",
                "2001::1",
                "2002:7f00:1::1",
                "2001:db8::1",
                "3fff::1",
            ],
        );
        check(
            false,
            &["fc00::1", "fd00:ec2::254", "fe80::1", "febf::1", "fec0::1", "ff02::1", "5f00::1", "4000::1"],
        );
    }
}
