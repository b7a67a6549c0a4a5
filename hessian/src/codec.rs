//! Packets as a `tokio_util` codec: all logic is in [`packet`](crate::packet).

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::packet::{Framing, Packet, PacketDecoder};
use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

/// Packets of one framing for `tokio_util::codec::{FramedRead, FramedWrite, Framed}`.
#[derive(Debug)]
pub struct PacketCodec {
    decoder: PacketDecoder,
    framing: Framing,
}

impl PacketCodec {
    /// A codec for one framing in both directions.
    #[must_use]
    pub fn new(framing: Framing, limits: &Limits) -> Self {
        Self { decoder: PacketDecoder::new(framing, limits), framing }
    }

    /// A codec that recognises the framing of what it reads; it writes [`Framing::Ws`] until it has.
    #[must_use]
    pub fn recognising(limits: &Limits) -> Self {
        Self { decoder: PacketDecoder::recognising(limits), framing: Framing::Ws }
    }
}

impl Decoder for PacketCodec {
    type Item = Packet;
    type Error = Error;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Packet>> {
        self.decoder.decode(source)
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<Packet>> {
        match self.decode(source)? {
            None if !source.is_empty() || !self.decoder.is_between_packets() => {
                Err(Error::new(crate::ErrorKind::Incomplete { needed: 1 }))
            }
            packet => Ok(packet),
        }
    }
}

impl Encoder<Packet> for PacketCodec {
    type Error = Error;

    fn encode(&mut self, packet: Packet, out: &mut BytesMut) -> Result<()> {
        let framing = self.decoder.framing().unwrap_or(self.framing);
        match packet {
            Packet::Data(data) => framing.frame(&[&data], out),
            Packet::Heartbeat => out.extend_from_slice(framing.heartbeat()),
        }
        Ok(())
    }
}

impl Encoder<Bytes> for PacketCodec {
    type Error = Error;

    fn encode(&mut self, data: Bytes, out: &mut BytesMut) -> Result<()> {
        self.encode(Packet::Data(data), out)
    }
}
