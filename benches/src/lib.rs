//! What the benchmarks share: payloads, and the cases that are measured on them.

pub mod cases;
pub mod payloads;
