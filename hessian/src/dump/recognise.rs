//! What bytes are, told by how they begin.

use super::{Dump, Follow};
use crate::grammar::Grammar;
use crate::packet::{self, Framing};
use std::fmt;

/// What bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Values one after the other: [`Dump::values`].
    Values,
    /// Packets: [`Dump::packets`].
    Packets(Framing),
    /// A call, reply, fault or envelope: [`Dump::rpc`].
    Message,
}

/// Bytes that are looked at, at most.
const ENOUGH: usize = 4096;
/// Bytes without which nothing is said: the header of a frame and the first byte of its data, the head of a message.
const LEAST: usize = 4;

impl<G: Grammar> Dump<G> {
    /// What bytes are, by how they begin; `None` when more of them are needed (four at most; `is_whole` when no more come).
    ///
    /// A message is known by its head. No framing announces itself, and some streams of packets are also values: what
    /// can be read further wins, and packets where both can, but for [`Framing::Varint`], which looks like anything.
    /// Choose yourself what you know. Reads 4 KiB, twice.
    #[must_use]
    pub fn recognise(&self, bytes: &[u8], is_whole: bool) -> Option<Kind> {
        if bytes.len() < LEAST && !is_whole {
            return None;
        }
        if matches!(
            *bytes,
            [b'H', 2, 0, b'C' | b'R' | b'F' | b'E', ..]
                | [b'c', 1 | 2, 0, b'm' | b'H', ..]
                | [b'r', 1 | 2, 0, ..]
                | [b'E', ..]
        ) {
            return Some(Kind::Message);
        }
        let Some(framing) = packet::recognise(bytes) else { return Some(Kind::Values) };
        let quiet = Self::new().max_lines(usize::MAX).max_text(0).limits(self.limits);
        let packets = quiet.follow_packets(Some(framing));
        let values = quiet.follow_values();
        // What a failure may belong to is counted for what is more probable before it is looked at.
        let are_packets = if framing == Framing::Varint {
            read_well(packets, bytes, is_whole, Doubt::Against)
                > read_well(values, bytes, is_whole, Doubt::For)
        } else {
            read_well(packets, bytes, is_whole, Doubt::For)
                >= read_well(values, bytes, is_whole, Doubt::Against)
        };
        Some(if are_packets { Kind::Packets(framing) } else { Kind::Values })
    }
}

/// What is made of the token that has a failure in it, which may be long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// It was read well up to the byte at which it was noticed.
    For,
    /// It was not read well.
    Against,
}

/// How many of the bytes can be read as something; all that are there and more, if there is no failure.
fn read_well<G: Grammar>(mut follow: Follow<G>, bytes: &[u8], is_whole: bool, doubt: Doubt) -> u64 {
    let looked = &bytes[..bytes.len().min(ENOUGH)];
    // The writer never fails.
    let _ = follow.push(looked, &mut Nowhere);
    if is_whole && looked.len() == bytes.len() {
        let _ = follow.finish(&mut Nowhere);
    }
    match (follow.failure(), doubt) {
        (None, _) => u64::MAX,
        (Some(failure), Doubt::For) => failure.offset,
        (Some(failure), Doubt::Against) => failure.start,
    }
}

struct Nowhere;

impl fmt::Write for Nowhere {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognised(bytes: &[u8]) -> Option<Kind> {
        <Dump>::new().recognise(bytes, true)
    }

    #[test]
    fn each_kind_by_its_beginning() {
        for (bytes, kind) in [
            (&b"H\x02\x00C\x03add\x90"[..], Kind::Message),
            (b"H\x02\x00R\x91", Kind::Message),
            (b"c\x01\x00m\x00\x03addz", Kind::Message),
            (b"r\x01\x00N", Kind::Message),
            (b"E\x01a", Kind::Message),
            // A map that begins like none of them.
            (b"H\x01a\x91Z", Kind::Values),
            (b"\x91", Kind::Values),
            (b"", Kind::Values),
            // A string of five, and a packet of a string.
            (b"\x05hello", Kind::Values),
            (b"\x05\x06\x05hello", Kind::Packets(Framing::Ws)),
            (b"\x05\x20C\x03a.B\x91", Kind::Packets(Framing::Ws)),
            (b"\x05\x00", Kind::Packets(Framing::Ws)),
            (b"P\x00\x01\x91", Kind::Packets(Framing::P)),
            (b"\x80\x01\x91\x80\x00", Kind::Packets(Framing::Marked)),
            (b"\x80\x91", Kind::Values),
            (b"\x0aC\x03a.B\x91\x01v`\x91\x00", Kind::Packets(Framing::Varint)),
            (b"\x02hi", Kind::Values),
            // Broken late is better than broken early; `B` begins a binary of any length.
            (
                b"\x05\nC\x03a.B\x91\x01v`\x91\x05\x00\x05\x05z`\x92Q\x91\x05\x02\x40",
                Kind::Packets(Framing::Ws),
            ),
            (b"\x05\x01\x91\x05\x01\x92\x05\x01\x40", Kind::Packets(Framing::Ws)),
        ] {
            assert_eq!(recognised(bytes), Some(kind), "{bytes:02x?}");
        }
    }

    #[test]
    fn four_bytes_are_enough() {
        let dump = <Dump>::new();
        assert_eq!(dump.recognise(b"\x05\x06\x05", false), None);
        assert_eq!(dump.recognise(b"\x05\x06\x05h", false), Some(Kind::Packets(Framing::Ws)));
        assert_eq!(dump.recognise(b"H\x02\x00C", false), Some(Kind::Message));
    }
}
