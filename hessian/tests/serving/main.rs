//! Services: what a Rust service answers, to whom and within which bounds.

mod calls;
mod support;
