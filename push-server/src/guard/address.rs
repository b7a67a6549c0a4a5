//! Whose address a request counts for: the peer's, or the one that a trusted proxy says.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

/// Most networks of trusted proxies.
pub const MAX_PROXIES: usize = 256;

/// So many proxies in a row are looked through.
const MAX_HOPS: usize = 32;

/// The field in which proxies say whom they serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedBy {
    /// `X-Forwarded-For: 192.0.2.1, 10.0.0.7`.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=192.0.2.1, for="[2001:db8::1]:4711"` (RFC 7239).
    Forwarded,
}

/// Proxies in front whose word about their clients counts. Default: none, so nobody can say to be somebody else.
///
/// Only one of the two fields is read: a client writes the other as it likes, and the proxy passes it on.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    networks: Arc<[IpNet]>,
    by: ForwardedBy,
}

/// The text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadProxies {
    /// It is no address and no network.
    #[error("a proxy is an address or a network, such as 10.0.0.7, 10.0.0.0/8 or fd00::/8")]
    Network,
    /// There are more than [`MAX_PROXIES`].
    #[error("there are {MAX_PROXIES} proxies at most")]
    TooMany,
}

impl Proxies {
    /// These, addresses or networks, which say whom they serve in the field `by`.
    ///
    /// # Errors
    ///
    /// [`BadProxies`].
    pub fn new<'a>(networks: impl IntoIterator<Item = &'a str>, by: ForwardedBy) -> Result<Self, BadProxies> {
        let networks: Arc<[IpNet]> = networks.into_iter().map(network_of).collect::<Result<_, _>>()?;
        if networks.len() > MAX_PROXIES { Err(BadProxies::TooMany) } else { Ok(Self { networks, by }) }
    }

    /// Whether this is one of them.
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Who stands behind `peer`: the last address of the field that is no proxy's. What is no address ends the search,
    /// and the proxy that has said it counts itself.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = peer.to_canonical();
        if self.networks.is_empty() || !self.trust(address) {
            return address;
        }
        const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
        let name = match self.by {
            ForwardedBy::XForwardedFor => X_FORWARDED_FOR,
            ForwardedBy::Forwarded => header::FORWARDED,
        };
        // From behind, and so split at every comma: what a client has written in front, an open quotation mark among
        // it, cannot hide what the proxy has added.
        let lines = headers.get_all(name).iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or("").rsplit(','));
        for hop in hops.take(MAX_HOPS) {
            let said = match self.by {
                ForwardedBy::XForwardedFor => node(hop.trim()),
                ForwardedBy::Forwarded => forwarded_for(hop).and_then(node),
            };
            let Some(said) = said else { break };
            address = said;
            if !self.trust(address) {
                break;
            }
        }
        address
    }
}

fn network_of(text: &str) -> Result<IpNet, BadProxies> {
    let address = text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    address.ok().or_else(|| text.parse().ok()).ok_or(BadProxies::Network)
}

/// The value of `for` in one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with or without a port and brackets.
fn node(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address = text.parse().ok().or_else(bare).or_else(with_port)?;
    Some(address.to_canonical())
}

/// What counts as one address: whoever has one of IPv6 has the 2^64 beside it.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn client(proxies: &Proxies, peer: &str, fields: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    const XFF: &str = "x-forwarded-for";

    #[test]
    fn only_proxies_that_are_named_are_believed() {
        let nobody = Proxies::default();
        assert_eq!(client(&nobody, "127.0.0.1", &[(XFF, "192.0.2.1")]), "127.0.0.1");
        let proxies = Proxies::new(["10.0.0.0/8", "::1"], ForwardedBy::XForwardedFor).unwrap();
        for (peer, fields, expected) in [
            ("192.0.2.9", &[(XFF, "192.0.2.1")][..], "192.0.2.9"),
            ("10.0.0.7", &[], "10.0.0.7"),
            ("10.0.0.7", &[(XFF, "192.0.2.1")], "192.0.2.1"),
            ("::ffff:10.0.0.7", &[(XFF, "192.0.2.1")], "192.0.2.1"),
            ("::1", &[(XFF, "2001:db8::1")], "2001:db8::1"),
            // What the client has written itself stands in front of what the proxy saw.
            ("10.0.0.7", &[(XFF, "1.1.1.1, 192.0.2.1")], "192.0.2.1"),
            ("10.0.0.7", &[(XFF, "1.1.1.1"), (XFF, "192.0.2.1")], "192.0.2.1"),
            // Through two proxies.
            ("10.0.0.7", &[(XFF, "1.1.1.1,192.0.2.1 , 10.9.9.9")], "192.0.2.1"),
            ("10.0.0.7", &[(XFF, "10.1.1.1, 10.2.2.2")], "10.1.1.1"),
            ("10.0.0.7", &[(XFF, "192.0.2.1:4711")], "192.0.2.1"),
            ("10.0.0.7", &[(XFF, "[2001:db8::1]:4711")], "2001:db8::1"),
            ("10.0.0.7", &[(XFF, "[2001:db8::1]")], "2001:db8::1"),
            ("10.0.0.7", &[(XFF, "::ffff:192.0.2.1")], "192.0.2.1"),
            // No address: the proxy counts itself.
            ("10.0.0.7", &[(XFF, "1.1.1.1, unknown")], "10.0.0.7"),
            ("10.0.0.7", &[(XFF, "1.1.1.1, unknown, 10.0.0.8")], "10.0.0.8"),
            ("10.0.0.7", &[(XFF, "")], "10.0.0.7"),
            ("10.0.0.7", &[(XFF, "\u{e9}")], "10.0.0.7"),
            // The other field is the client's own word.
            ("10.0.0.7", &[("forwarded", "for=1.1.1.1")], "10.0.0.7"),
        ] {
            assert_eq!(client(&proxies, peer, fields), expected, "{peer} {fields:?}");
        }
        let many = vec!["10.0.0.1"; 10_000].join(",");
        assert_eq!(client(&proxies, "10.0.0.7", &[(XFF, &format!("192.0.2.1,{many}"))]), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_has_it() {
        let proxies = Proxies::new(["10.0.0.0/8"], ForwardedBy::Forwarded).unwrap();
        for (field, expected) in [
            ("for=192.0.2.1", "192.0.2.1"),
            ("by=10.0.0.1;For=\"192.0.2.1:80\";proto=http", "192.0.2.1"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=1.1.1.1, for=192.0.2.1", "192.0.2.1"),
            ("for=192.0.2.1, for=10.0.0.9", "192.0.2.1"),
            // An open quotation mark hides nothing.
            ("for=\"1.1.1.1, for=192.0.2.1", "192.0.2.1"),
            ("for=_hidden", "10.0.0.7"),
            ("for=unknown", "10.0.0.7"),
            ("proto=http", "10.0.0.7"),
            ("", "10.0.0.7"),
        ] {
            assert_eq!(client(&proxies, "10.0.0.7", &[("forwarded", field)]), expected, "{field}");
        }
        assert_eq!(client(&proxies, "10.0.0.7", &[(XFF, "1.1.1.1")]), "10.0.0.7");
    }

    #[test]
    fn networks_are_checked_and_bounded() {
        for good in
            ["10.0.0.7", "10.0.0.0/8", "10.1.2.3/8", "fd00::/8", "::1", "::ffff:10.0.0.1", "0.0.0.0/0"]
        {
            assert!(Proxies::new([good], ForwardedBy::default()).is_ok(), "{good}");
        }
        for bad in ["", "10.0.0", "10.0.0.0/33", "localhost", "10.0.0.7:80", "*"] {
            let problem = Proxies::new([bad], ForwardedBy::default()).unwrap_err();
            assert_eq!(problem, BadProxies::Network, "{bad}");
        }
        let many = vec!["10.0.0.7"; MAX_PROXIES + 1];
        assert_eq!(Proxies::new(many, ForwardedBy::default()).unwrap_err(), BadProxies::TooMany);
        assert!(Proxies::new(["10.1.2.3/8"], ForwardedBy::default()).unwrap().trust([10, 9, 9, 9].into()));
    }

    #[test]
    fn an_address_of_ipv6_stands_for_its_network() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!((of("::ffff:10.0.0.1"), of("10.0.0.1")), ("10.0.0.1".into(), "10.0.0.1".into()));
    }
}
