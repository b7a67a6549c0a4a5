//! What the codec is meant to reach, in one place: the tables end with a verdict on each.

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// Time, as a multiple of the reference's in the same run.
    Ratio(f64),
    /// Time in nanoseconds.
    Nanos(f64),
    /// Allocations of one run.
    Allocations(u64),
}

/// One goal for this codec: at most so much.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    /// As in [`Case`](crate::cases::Case).
    pub payload: &'static str,
    /// As in [`Case`](crate::cases::Case).
    pub operation: &'static str,
    /// Its bound.
    pub at_most: Measure,
}

const fn goal(payload: &'static str, operation: &'static str, at_most: Measure) -> Goal {
    Goal { payload, operation, at_most }
}

use Measure::{Allocations, Nanos, Ratio};

/// Time and allocations. The reference of each is named in [`REFERENCES`].
pub const GOALS: [Goal; 32] = [
    goal("c", "encode", Ratio(0.7)),
    goal("c", "owned", Ratio(0.9)),
    goal("c", "borrowed", Ratio(0.9)),
    goal("d", "encode", Ratio(4.0)),
    goal("d", "owned", Ratio(0.35)),
    goal("d", "borrowed", Ratio(0.25)),
    goal("e", "encode", Ratio(1.15)),
    goal("e", "owned", Ratio(1.15)),
    goal("e", "from Bytes", Nanos(1000.0)),
    goal("f", "encode", Ratio(1.0)),
    goal("f", "borrowed", Ratio(0.8)),
    goal("f", "owned", Ratio(0.9)),
    goal("push", "whole", Ratio(1.15)),
    goal("push", "64-byte pieces", Ratio(2.0)),
    goal("push", "doubled", Ratio(2.1)),
    goal("a", "encode into a buffer", Allocations(0)),
    goal("b", "encode into a buffer", Allocations(0)),
    goal("c", "encode into a buffer", Allocations(0)),
    goal("d", "encode into a buffer", Allocations(0)),
    goal("e", "encode into a buffer", Allocations(0)),
    goal("f", "encode into a buffer", Allocations(0)),
    goal("a", "borrowed", Allocations(0)),
    goal("b", "borrowed", Allocations(0)),
    // The vector of the ticks itself.
    goal("c", "borrowed", Allocations(1)),
    goal("d", "borrowed", Allocations(0)),
    goal("d", "borrowed, one chunk", Allocations(0)),
    // The list of the chunks.
    goal("e", "from Bytes", Allocations(1)),
    goal("a", "owned", Allocations(1)),
    goal("b", "owned", Allocations(2)),
    // Two strings in each tick, and the vector.
    goal("c", "owned", Allocations(2001)),
    goal("d", "owned", Allocations(1)),
    goal("e", "owned", Allocations(1)),
];

/// Codecs that others are compared with, where a group of cases has one of them.
pub const REFERENCES: [&str; 5] = ["memcpy", "rmp-serde", "rmpv", "from_slice", "once"];

/// Instructions as a multiple of rmp-serde's, by payload and operation.
pub const INSTRUCTIONS: [(&str, f64); 6] = [
    ("a encode", 0.9),
    ("a decode", 1.0),
    ("a borrow", 1.0),
    ("b encode", 0.9),
    ("b decode", 1.0),
    ("b borrow", 1.0),
];
