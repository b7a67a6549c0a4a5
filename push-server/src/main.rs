//! The `push-server` binary.
fn main() {}
