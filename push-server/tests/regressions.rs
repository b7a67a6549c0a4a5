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

#[path = "../../hessian/fuzz/replay.rs"]
mod replaying;

use replaying::replay;

#[test]
fn form() {
    replay("form", targets::form);
}

#[test]
fn send() {
    replay("send", targets::send);
}

#[test]
fn publish() {
    replay("publish", targets::publish);
}

#[test]
fn token() {
    replay("token", targets::token);
}
