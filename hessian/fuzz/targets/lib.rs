//! What the fuzz targets check, apart from the fuzzer: `tests/regressions.rs` replays their corpora on stable Rust.

pub mod check;
pub mod explain;
pub mod generate;
#[cfg(feature = "json")]
pub mod json;
pub mod messages;
pub mod packets;
pub mod plain;
pub mod trace;
pub mod typed;

use hessian::grammar::{Draft, Final, One, Tutorial};
use hessian::{Graph, Limits};

/// Limits that keep an execution fast.
pub fn limits() -> Limits {
    let mut limits = Limits::new();
    limits.max_expansion = 1 << 16;
    limits.max_inflated = 1 << 20;
    limits
}

/// Any bytes, decoded in every way: no panic, no contradiction.
pub fn decode(data: &[u8]) {
    check::any::<Final>(data);
}

/// Any bytes into Rust types that borrow, that own, and enums over classes.
pub fn typed(data: &[u8]) {
    typed::decode(data);
}

/// Any bytes explained, as a value of each grammar, as packets and as a message.
pub fn dump(data: &[u8]) {
    explain::dump(data);
}

/// Any graph as JSON and back; any text as JSON.
#[cfg(feature = "json")]
pub fn json(data: &[u8]) {
    json::read(data);
    json::round_trip(data);
}

/// Any bytes in pieces of any size: as if they came at once.
pub fn push_equals_slice(data: &[u8]) {
    let Some((&count, rest)) = data.split_first() else { return };
    let Some((sizes, input)) = rest.split_at_checked(usize::from(count % 8) + 1) else { return };
    check::pushed::<Final>(input, sizes);
}

/// A graph made of the bytes: decoded, encoded and decoded again it is the same, in every grammar.
pub fn round_trip(data: &[u8]) {
    let bytes = generate::value(data);
    let graph = Graph::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:02x?}"));
    check::any::<Final>(&bytes);
    check::pushed::<Final>(&bytes, &[1]);
    check::survives::<Draft>(&graph);
    check::survives_as_maps::<One>(&graph);
    // What the oldest readers would mistake is refused, nothing else goes wrong.
    let mut out = Vec::new();
    if graph.encode_to::<Tutorial>(&mut out).is_err() {
        assert!(out.is_empty());
    }
}

/// Any bytes as a stream of packets, and any packets as a stream.
pub fn packets(data: &[u8]) {
    packets::decode(data);
    packets::frame(data);
}

/// Any bytes as a value of the draft.
pub fn draft(data: &[u8]) {
    check::any::<Draft>(data);
    check::pushed::<Draft>(data, &[1, 5, 2]);
}

/// Any bytes as a value of Hessian 1.
pub fn one(data: &[u8]) {
    check::any::<One>(data);
    check::pushed::<One>(data, &[1, 5, 2]);
}

/// Any bytes as a call, a reply or an envelope.
pub fn messages(data: &[u8]) {
    messages::parse(data);
}
