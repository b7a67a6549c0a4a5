//! The codec against Caucho's Java library, both ways, over thousands of random values.
//!
//! Plain `cargo test` leaves these out, because they need a JDK and Debian's `libhessian-java`: `bash .ci/packages.sh` installs both and
//! `bash .ci/interop.sh codec` runs the tests, `bash .ci/interop.sh rpc` those of clients and services. README.md beside this file tells how the two ends talk.

mod java;
mod peer;
mod random;
#[cfg(all(feature = "client", feature = "deflate", feature = "service"))]
mod rpc;
mod streams;
// What the fuzz targets compare by, too.
#[path = "../../fuzz/targets/trace.rs"]
#[expect(dead_code, unreachable_pub, reason = "the targets' other half, and their visibility")]
mod trace;
mod transcript;
mod tree;
mod typed;
mod values;
