//! Every bound on what a peer may hold, and for how long.

use std::time::Duration;

/// The bounds of a port. The defaults suit a public one: `Limits::default()`, then change fields.
///
/// A complete request is answered at once, so an answer is late only if the request was. A player
/// gives up on port 843 after 3 s.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// From the accept to the first byte. Against silent connections. Browsers open some ahead of need
    /// and open new ones when these are gone. Default 5 s.
    pub first_byte: Duration,
    /// The same when half of [`unclassified`](Self::unclassified) are in use already, so that a flood
    /// of silent connections has to be renewed this often to keep others out. Default 500 ms.
    pub first_byte_crowded: Duration,
    /// From a first byte `<` to the last of the request. Against senders of one byte a second; a player
    /// sends all 23 in one segment. Default 2 s.
    pub request: Duration,
    /// To hand the answer to the kernel. Against peers that never read. Default 2 s.
    pub answer: Duration,
    /// From the end of the answer to the peer's end of stream. Closing earlier than the peer may reset
    /// the connection and destroy the answer on its way. Default 2 s.
    pub drain: Duration,
    /// Bytes after the request that are read and dropped during [`drain`](Self::drain). Default 1,024.
    pub drain_bytes: usize,
    /// Connections that are open, whatever they are, on all ports that share a
    /// [`Responder`](super::Responder). More are accepted and closed at once, so that a player goes on to
    /// its next port. Default 65,536.
    pub connections: usize,
    /// The same from one IPv4 address or one IPv6 /64 network, so that one party alone cannot hold all of
    /// them. Default 32,768; behind a proxy, where everyone has one address, as many as
    /// [`connections`](Self::connections) are no bound of their own. Peers on Unix sockets have no address and
    /// do not count.
    pub connections_per_address: usize,
    /// Connections that have not shown yet what they are, or are being answered. More are accepted and
    /// closed at once.
    /// Default 16,384.
    pub unclassified: usize,
    /// The same from one IPv4 address or one IPv6 /64 network, so that one party alone cannot fill the
    /// port. High by default, as everyone behind a proxy has one address. Those already handed on do not
    /// count. Default 8,192.
    pub unclassified_per_address: usize,
    /// Pause after an accept that failed for want of descriptors or memory. Default 50 ms.
    pub accept_backoff: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(5),
            first_byte_crowded: Duration::from_millis(500),
            request: Duration::from_secs(2),
            answer: Duration::from_secs(2),
            drain: Duration::from_secs(2),
            drain_bytes: 1024,
            connections: 65_536,
            connections_per_address: 32_768,
            unclassified: 16_384,
            unclassified_per_address: 8192,
            accept_backoff: Duration::from_millis(50),
        }
    }
}
