//! Frames to packets, whatever the pieces in which the bytes arrive.

use super::Framing;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use bytes::{Buf, Bytes, BytesMut};

/// A packet without its frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// Its data: definitions and, normally, one value.
    Data(Bytes),
    /// None: somebody keeps the connection alive.
    Heartbeat,
}

/// Cuts a stream into packets.
///
/// A packet of one frame (all that Java makes below 8 KiB) is a slice that shares the buffer: nothing is copied. The
/// frames of a longer one are joined. Memory: the packet in hand, at most [`Limits::max_packet`] bytes; room is made
/// for what arrives, not for what a header claims.
#[derive(Debug)]
pub struct PacketDecoder {
    /// Unknown until the first byte.
    framing: Option<Framing>,
    max_packet: u64,
    max_empty_frames: u32,
    /// The data of the frames of this packet that have arrived.
    joined: BytesMut,
    /// A frame whose header has been read.
    frame: Option<Frame>,
    /// Frames without data in a row.
    empty: u32,
    offset: u64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) len: usize,
    pub(crate) last: bool,
}

/// What the bytes at the start of a frame tell.
pub(crate) enum Header {
    /// A frame; its header takes so many bytes.
    Frame(Frame, usize),
    /// The packet ends, without a frame of data; the mark takes so many bytes.
    End(usize),
    Incomplete,
}

/// Groups of seven bits in a length: 35 bits, beyond any `max_packet` that makes sense.
const MAX_GROUPS: usize = 5;

impl PacketDecoder {
    /// A decoder of one framing.
    #[must_use]
    pub fn new(framing: Framing, limits: &Limits) -> Self {
        Self { framing: Some(framing), ..Self::recognising(limits) }
    }

    /// A decoder that recognises the framing by the first bytes: `50` and `70` are [`Framing::P`], `05` and `85 7e`
    /// [`Framing::Ws`], `80` [`Framing::Marked`], anything else [`Framing::Varint`]. A varint stream whose first
    /// chunk is of five bytes is taken for `Ws`: choose the framing when you know it.
    #[must_use]
    pub fn recognising(limits: &Limits) -> Self {
        Self {
            framing: None,
            max_packet: limits.max_packet,
            max_empty_frames: limits.max_empty_frames,
            joined: BytesMut::new(),
            frame: None,
            empty: 0,
            offset: 0,
        }
    }

    /// The framing, once it is known.
    #[must_use]
    pub fn framing(&self) -> Option<Framing> {
        self.framing
    }

    /// True between packets: where a stream may end.
    #[must_use]
    pub fn is_between_packets(&self) -> bool {
        self.frame.is_none() && self.joined.is_empty()
    }

    /// Takes the next packet off the front of `buffer`; `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidFrame`] for a header that no sender of this framing writes, and the limits `max_packet` and
    /// `max_empty_frames`. The stream is out of step then: close it.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Packet>> {
        let Some(framing) = self.framing.or_else(|| recognise(buffer)) else { return Ok(None) };
        self.framing = Some(framing);
        loop {
            if let Some(frame) = self.frame {
                if buffer.len() < frame.len {
                    return Ok(None);
                }
                self.frame = None;
                if let Some(packet) = self.take(frame, buffer)? {
                    return Ok(Some(packet));
                }
            }
            match self.header(framing, buffer)? {
                Header::Incomplete => return Ok(None),
                Header::Frame(frame, header) => {
                    self.skip(buffer, header);
                    if (frame.len as u64).saturating_add(self.joined.len() as u64) > self.max_packet {
                        return Err(self.limit("max_packet", self.max_packet));
                    }
                    self.frame = Some(frame);
                }
                Header::End(mark) => {
                    self.skip(buffer, mark);
                    if let Some(packet) = self.end()? {
                        return Ok(Some(packet));
                    }
                }
            }
        }
    }

    /// The data of a frame that has arrived.
    fn take(&mut self, frame: Frame, buffer: &mut BytesMut) -> Result<Option<Packet>> {
        if frame.len == 0 {
            self.empty += 1;
            if self.empty > self.max_empty_frames {
                return Err(self.limit("max_empty_frames", self.max_empty_frames.into()));
            }
            // An empty frame is nothing, an empty last one ends the packet; but not in the `p` framing, where neither
            // Java nor the Flash client let an empty `P` end anything.
            let ends = frame.last && (self.framing != Some(Framing::P) || self.joined.is_empty());
            return if ends { self.end() } else { Ok(None) };
        }
        self.empty = 0;
        self.offset += frame.len as u64;
        let data = buffer.split_to(frame.len);
        if frame.last && self.joined.is_empty() {
            return Ok(Some(Packet::Data(data.freeze())));
        }
        // Frames of one packet have to be joined: a value may be cut anywhere, even inside a character.
        self.joined.extend_from_slice(&data);
        if frame.last { self.end() } else { Ok(None) }
    }

    fn end(&mut self) -> Result<Option<Packet>> {
        // A heartbeat is something that the caller sees: only frames that tell nothing count.
        self.empty = 0;
        if self.joined.is_empty() {
            return Ok(Some(Packet::Heartbeat));
        }
        Ok(Some(Packet::Data(self.joined.split().freeze())))
    }

    fn skip(&mut self, buffer: &mut BytesMut, header: usize) {
        buffer.advance(header);
        self.offset += header as u64;
    }

    pub(crate) fn header(&self, framing: Framing, bytes: &[u8]) -> Result<Header> {
        match framing {
            Framing::Ws => self.ws(bytes),
            Framing::P => match *bytes {
                [tag @ (b'p' | b'P'), high, low, ..] => {
                    let len = usize::from(u16::from_be_bytes([high, low]));
                    Ok(Header::Frame(Frame { len, last: tag == b'P' }, 3))
                }
                [] | [b'p' | b'P', ..] => Ok(Header::Incomplete),
                _ => Err(self.invalid("a frame begins with `p` or `P`")),
            },
            Framing::Varint => self.varint(bytes, 0),
            Framing::Marked => match *bytes {
                [] => Ok(Header::Incomplete),
                [0x80, ..] => self.varint(bytes, 1),
                _ => Err(self.invalid("a frame begins with 80")),
            },
        }
    }

    fn ws(&self, bytes: &[u8]) -> Result<Header> {
        let [flag, len, rest @ ..] = bytes else { return Ok(Header::Incomplete) };
        let last = flag & 0x80 == 0;
        // Java drops the top bit: nobody masks.
        let (len, header) = match len & 0x7f {
            0x7e => match rest.first_chunk() {
                Some(&len) => (u16::from_be_bytes(len).into(), 4),
                None => return Ok(Header::Incomplete),
            },
            0x7f => match rest.first_chunk() {
                Some(&len) => (u64::from_be_bytes(len), 10),
                None => return Ok(Header::Incomplete),
            },
            len => (len.into(), 2),
        };
        match usize::try_from(len) {
            Ok(len) if len as u64 <= self.max_packet => Ok(Header::Frame(Frame { len, last }, header)),
            _ => Err(self.limit("max_packet", self.max_packet)),
        }
    }

    fn varint(&self, bytes: &[u8], mark: usize) -> Result<Header> {
        let mut len = 0;
        for (index, &byte) in bytes[mark..].iter().take(MAX_GROUPS).enumerate() {
            len = len << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                let header = mark + index + 1;
                return Ok(match len {
                    0 => Header::End(header),
                    _ => Header::Frame(Frame { len, last: false }, header),
                });
            }
        }
        if bytes.len() - mark >= MAX_GROUPS {
            return Err(self.invalid("a length of more than five bytes"));
        }
        Ok(Header::Incomplete)
    }

    #[cold]
    fn invalid(&self, what: &'static str) -> Error {
        Error::at(self.offset, ErrorKind::InvalidFrame(what))
    }

    #[cold]
    fn limit(&self, limit: &'static str, max: u64) -> Error {
        Error::at(self.offset, ErrorKind::Limit { limit, max })
    }
}

/// The framing of a stream that begins with these bytes.
pub(crate) fn recognise(bytes: &[u8]) -> Option<Framing> {
    match *bytes {
        [b'p' | b'P', ..] => Some(Framing::P),
        [0x05, ..] | [0x85, 0x7e, ..] => Some(Framing::Ws),
        [0x85] | [] => None,
        [0x80, ..] => Some(Framing::Marked),
        _ => Some(Framing::Varint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(framing: Framing, stream: &'static [u8]) -> Vec<Packet> {
        let mut decoder = PacketDecoder::new(framing, &Limits::new());
        let mut buffer = BytesMut::from(stream);
        std::iter::from_fn(|| decoder.decode(&mut buffer).unwrap()).collect()
    }

    #[test]
    fn an_empty_last_frame_ends_the_packet_but_for_p() {
        let data = |bytes| Packet::Data(Bytes::from_static(bytes));
        assert_eq!(packets(Framing::Ws, b"\x85\x01\x91\x00\x00\x05\x01\x92"), [data(b"\x91"), data(b"\x92")]);
        assert_eq!(packets(Framing::P, b"p\x00\x01\x91P\x00\x00P\x00\x01\x92"), [data(b"\x91\x92")]);
        assert_eq!(packets(Framing::P, b"P\x00\x00P\x00\x01\x92"), [Packet::Heartbeat, data(b"\x92")]);
    }

    #[test]
    fn heartbeats_are_endless_empty_frames_are_not() {
        for framing in [Framing::Ws, Framing::P, Framing::Varint, Framing::Marked] {
            let stream = framing.heartbeat().repeat(5000).leak();
            assert_eq!(packets(framing, stream), vec![Packet::Heartbeat; 5000], "{framing:?}");
        }
        // More frames are announced, but none has data.
        for (framing, frame) in [(Framing::Ws, &b"\x80\x00"[..]), (Framing::P, b"p\x00\x00")] {
            let mut decoder = PacketDecoder::new(framing, &Limits::new());
            let error = decoder.decode(&mut BytesMut::from(&frame.repeat(1025)[..])).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Limit { limit: "max_empty_frames", max: 1024 });
            let mut decoder = PacketDecoder::new(framing, &Limits::new());
            assert_eq!(decoder.decode(&mut BytesMut::from(&frame.repeat(1024)[..])).unwrap(), None);
        }
    }

    #[test]
    fn the_longest_claim_waits_or_is_refused() {
        let mut limits = Limits::new();
        let refused = PacketDecoder::new(Framing::Ws, &limits)
            .decode(&mut BytesMut::from(&b"\x85\x01\x91\x00\x7f\xff\xff\xff\xff\xff\xff\xff\xff"[..]));
        assert!(refused.unwrap_err().is_limit());
        limits.max_packet = u64::MAX;
        let mut decoder = PacketDecoder::new(Framing::Ws, &limits);
        let mut buffer = BytesMut::from(&b"\x85\x01\x91\x00\x7f\xff\xff\xff\xff\xff\xff\xff\xff"[..]);
        assert_eq!(decoder.decode(&mut buffer).unwrap(), None);
    }
}
