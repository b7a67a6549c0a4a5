//! Services: what a Rust service answers, to whom and within which bounds.

mod arguments;
mod bounds;
mod calls;
mod context;
mod downloads;
mod faults;
mod hostile;
mod hygiene;
mod network;
mod support;
