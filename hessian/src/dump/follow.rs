//! Dumps of bytes as they arrive.

use super::Dump;
use super::lines::{Failure, Lines, State};
use super::packets::{Broken, Packets};
use super::walk::{Fed, Walk};
use crate::grammar::{Final, Grammar};
use crate::packet::Framing;
use std::fmt;

/// A dump of bytes as they arrive: each line is written as soon as what it tells is complete, a packet by the time that
/// its last byte is there.
///
/// Memory: O(depth), the names of classes and types, 1.5 MiB for the places that references may name, and at most a token
/// (strings and binaries pass through); so there is no end to how long it may go on.
///
/// ```
/// let mut text = String::new();
/// let mut follow = <hessian::dump::Dump>::new().follow_packets(None);
/// follow.push(b"\x05\x02", &mut text)?;
/// follow.push(b"\x91\x92\x05", &mut text)?;
/// assert_eq!(follow.packets(), 1);
/// follow.finish(&mut text)?;
/// assert_eq!(follow.failure().unwrap().to_string(), "byte 5: cut off: in the header of a frame");
/// # Ok::<(), std::fmt::Error>(())
/// ```
#[derive(Debug)]
pub struct Follow<G = Final> {
    state: State,
    /// Bytes before the next ones.
    at: u64,
    what: What<G>,
    is_over: bool,
}

#[derive(Debug)]
enum What<G> {
    Values(Walk<G>),
    Packets(Packets<G>),
}

impl<G: Grammar> Follow<G> {
    pub(super) fn values(dump: &Dump<G>) -> Self {
        Self { state: State::new(dump), at: 0, what: What::Values(Walk::new(dump)), is_over: false }
    }

    pub(super) fn packets_of(dump: &Dump<G>, framing: Option<Framing>) -> Self {
        let what = What::Packets(Packets::new(dump, framing));
        Self { state: State::new(dump), at: 0, what, is_over: false }
    }

    /// Writes what becomes clear by bytes that have arrived.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut dyn fmt::Write) -> fmt::Result {
        if self.is_over() {
            return Ok(());
        }
        let lines = &mut Lines { out, state: &mut self.state };
        match &mut self.what {
            What::Values(walk) => {
                let mut at = 0;
                while at < bytes.len() {
                    if !walk.is_inside() {
                        walk.begin("");
                    }
                    match walk.feed(lines, &bytes[at..], self.at + at as u64)? {
                        Fed::Done(used) => at += used,
                        Fed::More => break,
                        Fed::Failed => {
                            self.is_over = true;
                            break;
                        }
                    }
                }
            }
            What::Packets(packets) => {
                if let Err(Broken) = packets.push(lines, bytes, self.at)? {
                    self.is_over = true;
                }
            }
        }
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Writes what is missing, if the input ends here.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(&mut self, out: &mut dyn fmt::Write) -> fmt::Result {
        if self.is_over() {
            return Ok(());
        }
        self.is_over = true;
        let lines = &mut Lines { out, state: &mut self.state };
        match &mut self.what {
            What::Values(walk) if walk.is_inside() => walk.cut_off(lines, self.at),
            What::Values(_) => Ok(()),
            What::Packets(packets) => packets.finish(lines, self.at),
        }
    }

    /// True when nothing more will be written: after a failure that leaves no way on, at the limit of lines, and after
    /// [`finish`](Self::finish). A value that fails ends its packet, not the stream of them.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over || self.state.is_full()
    }

    /// The first thing that was wrong.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.state.failure.as_ref()
    }

    /// Packets that are complete, heartbeats among them; 0 for values without packets.
    #[must_use]
    pub fn packets(&self) -> u64 {
        match &self.what {
            What::Values(_) => 0,
            What::Packets(packets) => packets.count(),
        }
    }
}
