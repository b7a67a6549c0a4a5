//! The demo, started as a user starts it, against clients that are not ours: Caucho's Java library, curl, netcat, Chromium.
//!
//! Plain `cargo test` leaves these out: they need programs beyond the Rust toolchain, and they watch real clocks. `bash .ci/packages.sh`
//! installs the programs and `bash .ci/interop.sh stream` runs the tests.

mod arrivals;
mod browser;
#[path = "../../../policy-server/tests/interop/browser.rs"]
mod chromium;
mod classes;
mod client;
mod console;
mod crowd;
mod curl;
mod demo;
mod flood;
mod gone;
#[allow(dead_code)]
#[path = "../operate/harness.rs"]
mod harness;
#[allow(dead_code, reason = "no movie of these tests is committed")]
#[path = "../../../policy-server/tests/interop/haxe.rs"]
mod haxe;
mod java;
#[path = "../../../hessian/tests/interop/java.rs"]
mod java_library;
mod look;
#[path = "../../../policy-server/tests/interop/npm.rs"]
mod packages;
mod policy;
mod publishers;
mod restart;
mod retries;
mod ruffle;
mod script;
mod silent;
mod site;
mod soak;
#[path = "../support/mod.rs"]
mod support;
mod transports;
mod ws;
