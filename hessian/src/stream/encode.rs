//! Streams of packets, encoded: values, class tables and frames together.

use crate::encode::Sink;
use crate::encode::dialect::Dialect;
use crate::error::Result;
use crate::grammar::Final;
use crate::packet::Framing;
use crate::ser::{Known, Mark, Serializer};
use crate::value::Graph;
use serde::Serialize;
use std::marker::PhantomData;

/// Bytes of the last packet's buffer that are kept for the next one. A single large packet does not stay in memory for
/// the life of the stream.
const MAX_KEPT: usize = 64 << 10;

/// Encodes the packets of one stream one after the other: a class is defined in the first packet that needs it, a type
/// named where it is first met; later packets have their numbers. References live as long as a packet.
///
/// The bytes are those of Java's `Hessian2StreamingOutput` (where a packet is longer than its buffer, Java cuts it into
/// smaller frames). For one reader whose stream is written in order; [`ClassTable`](crate::ClassTable) is for many readers.
///
/// Memory: the names of the classes and types that the stream has met (4,096 each at most), and the buffer of a packet.
///
/// ```
/// # fn main() -> hessian::Result<()> {
/// use hessian::StreamEncoder;
/// use hessian::packet::Framing;
///
/// #[derive(serde::Serialize)]
/// #[serde(rename = "example.AddString")]
/// struct AddString<'a> { value: &'a str }
///
/// let mut stream = <StreamEncoder>::new(Framing::Ws);
/// let mut out = Vec::new();
/// stream.encode(&AddString { value: "hello" }, &mut out)?;
/// stream.heartbeat(&mut out);
/// stream.encode(&AddString { value: "hi" }, &mut out)?;
/// assert_eq!(out, b"\x05\x21C\x11example.AddString\x91\x05value\x60\x05hello\x05\x00\x05\x04\x60\x02hi");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct StreamEncoder<G = Final> {
    framing: Framing,
    known: Known,
    /// The packet in the making, whose length stands before it.
    packet: Vec<u8>,
    grammar: PhantomData<G>,
}

impl<G: Dialect> StreamEncoder<G> {
    /// An encoder at the beginning of a stream. Does not allocate.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self { framing, known: Known::default(), packet: Vec::new(), grammar: PhantomData }
    }

    /// How packets are cut into frames.
    #[must_use]
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Appends one packet with `value`. The value is encoded into a buffer that is used again, and copied once.
    ///
    /// # Errors
    /// As [`to_vec`](crate::to_vec); also the limits `max_classes` and `max_types` (4,096 each), past which a new class or
    /// type is refused. Nothing is appended then and the stream is as it was: other values can follow.
    pub fn encode<T: Serialize + ?Sized>(&mut self, value: &T, out: &mut impl Sink) -> Result<()> {
        self.packet(out, |serializer| serializer.encode(value))
    }

    /// [`encode`](Self::encode) for a generic value: the same bytes, without the detour through serde. Several roots are
    /// several values of one packet.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_graph(&mut self, graph: &Graph<'_>, out: &mut impl Sink) -> Result<()> {
        self.packet(out, |serializer| serializer.encode_graph(graph))
    }

    /// Appends a packet without data, which every reader passes over. Keeps an idle connection alive.
    pub fn heartbeat(&self, out: &mut impl Sink) {
        out.put(self.framing.heartbeat());
    }

    fn packet(
        &mut self,
        out: &mut impl Sink,
        write: impl FnOnce(&mut Serializer<'_, Vec<u8>, G>) -> Result<()>,
    ) -> Result<()> {
        self.packet.clear();
        let mut lent = Lent::<G>::new(&mut self.known, &mut self.packet);
        write(&mut lent.serializer)?;
        lent.is_written = true;
        drop(lent);
        self.framing.frame(&[&self.packet], out);
        if self.packet.capacity() > MAX_KEPT {
            self.packet = Vec::new();
        }
        Ok(())
    }
}

/// A serializer with what the stream knows, which goes home also when a `Serialize` implementation panics: then without
/// what was defined on the way, because no reader will see it.
struct Lent<'s, G: Dialect> {
    home: &'s mut Known,
    serializer: Serializer<'s, Vec<u8>, G>,
    /// The beginning of the packet.
    start: Mark,
    is_written: bool,
}

impl<'s, G: Dialect> Lent<'s, G> {
    fn new(home: &'s mut Known, packet: &'s mut Vec<u8>) -> Self {
        let serializer = Serializer::resume(packet, std::mem::take(home));
        let start = serializer.mark();
        Self { home, serializer, start, is_written: false }
    }
}

impl<G: Dialect> Drop for Lent<'_, G> {
    fn drop(&mut self) {
        if !self.is_written {
            self.serializer.rewind(self.start);
        }
        *self.home = self.serializer.suspend();
    }
}
