//! Streams of packets, decoded: frames, class tables and values together.

use crate::de::Deserializer;
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::{Final, Grammar};
use crate::limits::Limits;
use crate::packet::{Framing, Packet, PacketDecoder};
#[cfg(feature = "client")]
use crate::table::Mark;
use crate::table::Tables;
use crate::value::{Builder, Graph};
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use std::marker::PhantomData;

/// Decodes the packets of one stream one after the other: what earlier ones have defined stays known.
///
/// Use it for packets that something else has cut (a [`PacketDecoder`], a codec, messages of a queue).
#[derive(Debug)]
pub struct ValueDecoder<G = Final> {
    tables: Tables,
    limits: Limits,
    /// A packet that could not be read at all: what it defined is unknown, so nothing after it can be trusted.
    broken: bool,
    grammar: PhantomData<G>,
}

impl<G: Grammar> ValueDecoder<G> {
    /// A decoder at the beginning of a stream. Does not allocate.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { tables: Tables::default(), limits, broken: false, grammar: PhantomData }
    }

    /// Decodes the one value of a packet; text and bytes may be borrowed from it.
    ///
    /// When the value is not what `T` takes, the packet's definitions are taken in all the same: the next packet can
    /// be decoded.
    ///
    /// # Errors
    /// As [`from_slice`](crate::from_slice). After malformed data every later call fails too.
    pub fn decode<'de, T: Deserialize<'de>>(&mut self, packet: &'de [u8]) -> Result<T> {
        self.decode_from(packet, None)
    }

    /// [`decode`](Self::decode) from a shared buffer: a [`Binary`](crate::Binary) shares it, nothing is copied.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_bytes<'de, T: Deserialize<'de>>(&mut self, packet: &'de Bytes) -> Result<T> {
        self.decode_from(packet, Some(packet))
    }

    fn decode_from<'de, T: Deserialize<'de>>(
        &mut self,
        packet: &'de [u8],
        source: Option<&'de Bytes>,
    ) -> Result<T> {
        self.check()?;
        let mark = self.tables.mark();
        let mut deserializer = self.values(packet);
        if let Some(source) = source {
            deserializer = deserializer.sharing(source);
        }
        let decoded = T::deserialize(&mut deserializer).and_then(|value| {
            deserializer.finish()?;
            Ok(value)
        });
        if decoded.is_err() {
            self.tables.rewind(mark);
            let mut again = self.values(packet);
            let mut skipped = Ok(());
            while skipped.is_ok() && !again.is_at_end() {
                skipped = again.skip();
            }
            self.broken = skipped.is_err();
        }
        decoded
    }

    /// Decodes all values of a packet (normally one) without a type.
    ///
    /// # Errors
    /// As [`Graph::from_slice`]. After an error every later call fails too.
    pub fn graph<'de>(&mut self, packet: &'de [u8]) -> Result<Graph<'de>> {
        self.check()?;
        let graph = Builder::<G>::new(&mut self.tables, &self.limits).read_all(packet);
        self.broken = graph.is_err();
        graph
    }

    fn check(&self) -> Result<()> {
        if self.broken {
            return Err(Error::new(ErrorKind::Message(
                "an earlier packet of this stream was malformed".into(),
            )));
        }
        Ok(())
    }

    /// Reads the values of a packet one by one: the honest way when there may be several. Read it to the end: what is
    /// defined in the part that was not read stays unknown.
    ///
    /// # Errors
    /// After malformed data in an earlier packet.
    pub fn deserializer<'de>(&mut self, packet: &'de [u8]) -> Result<Deserializer<'de, '_, G>> {
        self.check()?;
        Ok(self.values(packet))
    }

    /// Whether an earlier packet was malformed.
    #[cfg(feature = "client")]
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// What is defined so far, to go back to it and decode a packet again.
    #[cfg(feature = "client")]
    pub(crate) fn mark(&self) -> Mark {
        self.tables.mark()
    }

    /// Forgets what was defined since.
    #[cfg(feature = "client")]
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.tables.rewind(mark);
    }

    fn values<'de>(&mut self, packet: &'de [u8]) -> Deserializer<'de, '_, G> {
        Deserializer::new(packet, &mut self.tables, &self.limits, false)
    }
}

/// Bytes of a stream in, in pieces of any size; packets and their values out.
///
/// ```
/// # fn main() -> hessian::Result<()> {
/// #[derive(serde::Deserialize, PartialEq, Debug)]
/// struct AddString<'a> { value: &'a str }
///
/// let stream = b"\x05\x21C\x11example.AddString\x91\x05value\x60\x05hello\x05\x00\x05\x04\x60\x02hi";
/// let mut decoder = <hessian::StreamDecoder>::new(None, hessian::Limits::default());
/// let mut seen = Vec::new();
/// for piece in stream.chunks(7) {
///     decoder.push(piece);
///     while let Some(packet) = decoder.next_packet()? {
///         if let hessian::packet::Packet::Data(data) = packet {
///             seen.push(decoder.decode::<AddString<'_>>(&data)?.value.to_owned());
///         }
///     }
/// }
/// assert_eq!(seen, ["hello", "hi"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct StreamDecoder<G = Final> {
    packets: PacketDecoder,
    values: ValueDecoder<G>,
    buffer: BytesMut,
}

impl<G: Grammar> StreamDecoder<G> {
    /// A decoder at the beginning of a stream; without a framing the first bytes tell it
    /// ([`PacketDecoder::recognising`]).
    #[must_use]
    pub fn new(framing: Option<Framing>, limits: Limits) -> Self {
        let packets = match framing {
            Some(framing) => PacketDecoder::new(framing, &limits),
            None => PacketDecoder::recognising(&limits),
        };
        Self { packets, values: ValueDecoder::new(limits), buffer: BytesMut::new() }
    }

    /// Adds bytes that have arrived. Copies them.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Room for bytes that a reader puts in itself: nothing is copied then.
    pub fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next packet; `None` when more bytes are needed.
    ///
    /// # Errors
    /// As [`PacketDecoder::decode`].
    pub fn next_packet(&mut self) -> Result<Option<Packet>> {
        self.packets.decode(&mut self.buffer)
    }

    /// Decodes the one value of a packet.
    ///
    /// # Errors
    /// As [`ValueDecoder::decode`].
    pub fn decode<'de, T: Deserialize<'de>>(&mut self, packet: &'de [u8]) -> Result<T> {
        self.values.decode(packet)
    }

    /// Decodes all values of a packet without a type.
    ///
    /// # Errors
    /// As [`ValueDecoder::graph`].
    pub fn graph<'de>(&mut self, packet: &'de [u8]) -> Result<Graph<'de>> {
        self.values.graph(packet)
    }

    /// Checks that the stream may end here.
    ///
    /// # Errors
    /// [`ErrorKind::Incomplete`] inside a packet.
    pub fn finish(&self) -> Result<()> {
        if self.buffer.is_empty() && self.packets.is_between_packets() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Incomplete { needed: 1 }))
    }

    /// The decoder of the values.
    pub fn values(&mut self) -> &mut ValueDecoder<G> {
        &mut self.values
    }
}
