//! The examples, started as a user starts them, in headless Chromium and with clients that are not ours.
//!
//! Plain `cargo test` leaves these out: they need programs beyond the Rust toolchain, and they watch real clocks. `bash .ci/packages.sh`
//! installs the programs and `bash .ci/interop.sh examples` runs the tests.

mod chat;
#[path = "../../../policy-server/tests/interop/browser.rs"]
mod chromium;
#[path = "../../../policy-server/tests/interop/haxe.rs"]
mod haxe;
mod hessian_comet;
#[path = "../../../hessian/tests/interop/java.rs"]
mod java_library;
mod java_programs;
mod movie;
mod page;
mod publish_from_java;
mod relay;
#[path = "../support/mod.rs"]
mod support;
mod tennis;
mod tennis_load;
mod ticker;
mod timer;
mod weather;
