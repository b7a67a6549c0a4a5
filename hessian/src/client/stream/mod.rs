//! Endless streams of Hessian packets, over as many connections as they take.

mod answer;
mod backoff;
mod blocking;
mod builder;
mod connect;
mod connection;
mod decoding;
mod event;
mod listener;
mod packets;
mod position;
mod source;
mod target;

pub use answer::{LEAST_HEARTBEAT, LONGEST_HEARTBEAT};
pub use backoff::{AT_ONCE, GOOD_TIME};
pub use blocking::Blocking;
pub use builder::{
    CONNECT_TIMEOUT, FIRST_WAIT, HEAD_TIMEOUT, LONGEST_RETRY_AFTER, LONGEST_WAIT, Listen, SILENCE, listen,
};
pub use event::{Connected, Event, Lost, Packet, Verdict};
pub use listener::{Listener, MAX_REFUSALS};
pub use packets::{Packets, Values};
pub use position::{BadPosition, Position};
pub use source::READ_AHEAD;
