//! Whose request it is: the address of the connection, or what a trusted proxy says.

use std::net::IpAddr;
use std::net::Ipv6Addr;

use actix_web::HttpRequest;

/// Where proxies note for whom they ask.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies whose word about addresses is taken.
#[derive(Debug)]
pub(super) struct Proxies(Vec<IpAddr>);

impl Proxies {
    pub(super) fn new(addresses: &[IpAddr]) -> Self {
        Self(addresses.iter().map(IpAddr::to_canonical).collect())
    }

    /// Whether an address is a trusted proxy's.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Who asks. Nothing without a connection: a test.
    pub(super) fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip();
        // A value that is no text stands for an entry that is no address.
        let values = request.headers().get_all(FORWARDED_FOR).map(|value| value.to_str().unwrap_or("?"));
        Some(party(self.behind(peer, values)))
    }

    /// For a connection from a trusted proxy, the last address that a proxy noted and that is no trusted proxy's:
    /// whatever stands before it came from outside. Without one, or if it is no address, the connection's own.
    fn behind<'a>(&self, peer: IpAddr, values: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        for entry in values.rev().flat_map(|value| value.rsplit(',')) {
            match entry.trim().parse() {
                Ok(address) if self.trusts(address) => {}
                Ok(address) => return address,
                Err(_) => return peer,
            }
        }
        peer
    }
}

/// Of an IPv6 address, the network: whoever has one address there has them all.
pub(super) fn party(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entry_that_is_no_trusted_proxy_counts() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let proxies = Proxies::new(&[address("10.0.0.1"), address("10.0.0.2"), address("fd00::1")]);
        for (peer, values, client) in [
            ("10.0.0.1", &["192.0.2.7"][..], "192.0.2.7"),
            ("::ffff:10.0.0.1", &["192.0.2.7"], "192.0.2.7"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
            ("10.0.0.1", &["192.0.2.1, 192.0.2.7 , 10.0.0.2"], "192.0.2.7"),
            ("10.0.0.1", &["192.0.2.1", "192.0.2.7", "10.0.0.2,::ffff:10.0.0.1"], "192.0.2.7"),
            // Nobody else is believed.
            ("192.0.2.9", &["192.0.2.7"], "192.0.2.9"),
            ("10.0.0.3", &["192.0.2.7"], "10.0.0.3"),
            // What is missing or malformed names nobody.
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.2"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.7, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.7,"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.7:80"], "10.0.0.1"),
        ] {
            let found = proxies.behind(address(peer), values.iter().copied());
            assert_eq!(found, address(client), "{peer} {values:?}");
        }
    }

    #[test]
    fn of_ipv6_a_network_is_one_party() {
        let of = |text: &str| party(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
    }
}
