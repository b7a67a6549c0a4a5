//! What the benchmarks share: payloads, the cases that are measured on them, and the goals.

pub mod cases;
pub mod goals;
pub mod payloads;
