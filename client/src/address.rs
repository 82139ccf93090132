//! The service's address.

use crate::error::ClientError;

/// Characters of an address at most.
const MAX_ADDRESS: usize = 500;

/// A checked address: scheme, host, perhaps a port and a path; no slash at its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Address {
    text: String,
    loopback: bool,
}

impl Address {
    /// Checks an address.
    pub(crate) fn parse(found: &str) -> Result<Self, ClientError> {
        let refuse = |rule| ClientError::Address { found: found.chars().take(80).collect(), rule };
        if found.len() > MAX_ADDRESS || found.chars().any(|c| !c.is_ascii_graphic()) {
            return Err(refuse("write up to 500 visible ASCII characters, as https://ledger.example.org"));
        }
        let Some((scheme @ ("http" | "https"), rest)) = found.split_once("://") else {
            return Err(refuse("it begins with https:// or http://, as https://ledger.example.org"));
        };
        if rest.contains(['?', '#', '\\']) {
            return Err(refuse("it is the ledger's own address, without ? or # and what follows them"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(refuse("a name or password in the address is not used; members sign with their keys"));
        }
        let host = match authority.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map(|(host, port)| (host, port.strip_prefix(':'))),
            None => Some(authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))),
        };
        let Some((host, port)) = host.filter(|(host, _)| !host.is_empty()) else {
            return Err(refuse("it names a host, as https://ledger.example.org"));
        };
        if port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+')) {
            return Err(refuse("the port is a number from 1 to 65535"));
        }
        let loopback =
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        // What is left is for the HTTP library to take or not.
        let text = format!("{scheme}://{authority}{}", path.trim_end_matches('/'));
        text.parse::<ureq::http::Uri>().map_err(|_| refuse("it is no address, as https://ledger.example.org is"))?;
        Ok(Self { text, loopback })
    }

    /// The address.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is this machine's own: then no proxy is asked.
    pub(crate) fn is_loopback(&self) -> bool {
        self.loopback
    }
}

/// A part of a path with everything but letters, digits and `-._~` as its number: names of sites have spaces.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, plain, loopback) in [
            ("https://ledger.example.org", "https://ledger.example.org", false),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080", true),
            ("http://[::1]:8080/ledger/", "http://[::1]:8080/ledger", true),
            ("http://localhost", "http://localhost", true),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.as_str(), address.is_loopback()), (plain, loopback));
        }
        for (bad, rule) in [
            ("", "begins with https://"),
            ("ledger.example.org", "begins with https://"),
            ("ftp://ledger.example.org", "begins with https://"),
            ("https://", "names a host"),
            ("https://:80", "names a host"),
            ("https://me:pw@ledger.example.org", "name or password"),
            ("https://ledger.example.org?x=1", "without ?"),
            ("https://ledger.example.org:99999", "the port is"),
            ("https://ledger.example.org:+80", "the port is"),
            ("https://ledger example.org", "visible ASCII"),
            ("https://[::1", "names a host"),
        ] {
            let refused = Address::parse(bad).unwrap_err().to_string();
            assert!(refused.contains(rule), "{bad}: {refused}");
        }
    }

    #[test]
    fn names_in_paths() {
        assert_eq!(segment("St. Mary's/Ä"), "St.%20Mary%27s%2F%C3%84");
    }
}
