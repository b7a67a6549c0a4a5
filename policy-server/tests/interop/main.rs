//! The port against programs that are not ours: Ruffle and a page in Chromium, curl over HTTP and TLS, npm's `policyfile`.
//!
//! Plain `cargo test --features axum` leaves these out, all but the tests of the bridge: they need programs beyond the Rust toolchain, and
//! they watch real clocks. `bash .ci/packages.sh` installs the programs and `bash .ci/interop.sh policy` runs the tests.

mod bridge;
mod browser;
mod crowd;
mod curl;
mod haxe;
mod movie;
mod npm;
mod page;
mod policyfile;
mod ruffle;
mod service;
mod site;
