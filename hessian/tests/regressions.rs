//! The corpora of the fuzz targets, and inputs that once failed, replayed without a fuzzer.

#[path = "../fuzz/targets/lib.rs"]
#[allow(
    missing_docs,
    unreachable_pub,
    unnameable_types,
    dead_code,
    reason = "a library of its own in the fuzz folder"
)]
mod targets;

#[path = "../fuzz/replay.rs"]
mod replaying;

use replaying::replay;

#[test]
fn decode() {
    replay("decode", targets::decode);
}

#[test]
fn push_equals_slice() {
    replay("push_equals_slice", targets::push_equals_slice);
}

#[test]
fn round_trip() {
    replay("round_trip", targets::round_trip);
}

#[test]
fn packets() {
    replay("packets", targets::packets);
}

#[test]
fn draft() {
    replay("draft", targets::draft);
}

#[test]
fn one() {
    replay("one", targets::one);
}

#[test]
fn messages() {
    replay("messages", targets::messages);
}

#[test]
fn typed() {
    replay("typed", targets::typed);
}

#[test]
fn dump() {
    replay("dump", targets::dump);
}

#[cfg(feature = "json")]
#[test]
fn json() {
    replay("json", targets::json);
}
