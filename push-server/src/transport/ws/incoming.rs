//! What a client sends on a WebSocket, taken apart as it comes. Pure: bytes in, events out, no buffer for messages.

use std::io::Cursor;

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::CloseReason;

/// Longest header of a frame: two bytes, eight of length, four of mask.
const MAX_HEADER: usize = 14;

/// Longest payload of a control frame (RFC 6455, 5.5).
const MAX_CONTROL: usize = 125;

/// Something that a client has sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input<'a> {
    /// A piece of a text or binary message, in order, unmasked, cut anywhere: between frames, and where a read ended. Whoever
    /// wants whole messages, or text that is UTF-8, puts the pieces together; their sum is bounded.
    Message { is_text: bool, piece: &'a [u8], is_last: bool },
    /// To be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// The answer to a ping of ours, or to none.
    Pong,
    /// The client closes, with this code. Nothing follows.
    Close(Option<u16>),
}

/// How a client broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breach {
    /// RFC 6455, 5.1: else scripts could make proxies see requests in what they send.
    NoMask,
    /// A reserved bit is set, though no extension was negotiated.
    ReservedBit,
    /// An opcode that is not defined.
    Opcode,
    /// A control frame in pieces, or longer than [`MAX_CONTROL`].
    Control,
    /// A continuation of nothing.
    NoBeginning,
    /// A message inside another one.
    Interleaved,
    /// A message longer than the limit.
    TooLong,
    /// A close frame with half a code, or one that no endpoint may send, or a reason that is no text.
    CloseCode,
}

impl Breach {
    /// What the client is told.
    pub(crate) const fn close(self) -> CloseReason {
        let (code, reason) = match self {
            Self::NoMask => (1002, "a client masks its frames"),
            Self::ReservedBit => (1002, "a reserved bit is set"),
            Self::Opcode => (1002, "an unknown opcode"),
            Self::Control => (1002, "a control frame is whole and at most 125 bytes"),
            Self::NoBeginning => (1002, "a continuation of nothing"),
            Self::Interleaved => (1002, "a message inside another one"),
            Self::TooLong => (1009, "ws_message"),
            Self::CloseCode => (1002, "a close frame that is none"),
        };
        CloseReason { code, reason }
    }
}

/// Takes the frames of one client apart. While nothing is half read it is as good as a new one.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    /// The beginning of a header that has not come whole.
    header: [u8; MAX_HEADER],
    header_len: u8,
    /// The frame whose payload is being read.
    frame: Option<Frame>,
    /// A message whose last frame has not begun, and how much of it there has been.
    message: Option<Open>,
    /// The payload of the control frame that is being read.
    control: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Kind,
    is_final: bool,
    left: u64,
    mask: [u8; 4],
    /// Bytes read so far, modulo 4.
    phase: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Message,
    Ping,
    Pong,
    Close,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    is_text: bool,
    length: u64,
}

impl Incoming {
    /// Whether everything fed so far was whole: no half header, frame or message.
    pub(crate) const fn is_clean(&self) -> bool {
        self.header_len == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// Reads on in `bytes`, which are unmasked in place. Calls `hear` for everything in them, and for nothing after a
    /// close frame. No message may be longer than `max_message`. Returns whether there was a close frame.
    ///
    /// # Errors
    ///
    /// [`Breach`], after everything before it was heard. Feed nothing more then.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &mut [u8],
        max_message: usize,
        mut hear: impl FnMut(Input<'_>),
    ) -> Result<bool, Breach> {
        loop {
            if self.frame.is_none() {
                let Some(used) = self.read_header(bytes, max_message)? else { return Ok(false) };
                bytes = &mut bytes[used..];
            }
            let Some(frame) = &mut self.frame else { return Ok(false) };
            let length = bytes.len().min(usize::try_from(frame.left).unwrap_or(usize::MAX));
            let (piece, rest) = bytes.split_at_mut(length);
            for (byte, at) in piece.iter_mut().zip(usize::from(frame.phase)..) {
                *byte ^= frame.mask[at % 4];
            }
            frame.left -= length as u64;
            frame.phase = u8::try_from((usize::from(frame.phase) + length) % 4).unwrap_or(0);
            let Frame { opcode, is_final, left, .. } = *frame;
            bytes = rest;
            if opcode == Kind::Message {
                let is_last = is_final && left == 0;
                if let Some(open) = self.message
                    && (length > 0 || is_last)
                {
                    hear(Input::Message { is_text: open.is_text, piece, is_last });
                }
                if is_last {
                    self.message = None;
                }
            } else {
                self.control.extend_from_slice(piece);
            }
            if left > 0 {
                return Ok(false);
            }
            self.frame = None;
            if opcode != Kind::Message {
                let payload = std::mem::take(&mut self.control);
                match opcode {
                    Kind::Ping => hear(Input::Ping(&payload)),
                    Kind::Close => {
                        hear(Input::Close(close_code(&payload)?));
                        return Ok(true);
                    }
                    _ => hear(Input::Pong),
                }
            }
            if bytes.is_empty() {
                return Ok(false);
            }
        }
    }

    /// Reads a header, or as much as there is of it. Returns how many of `bytes` it took; `None` if all, in vain.
    fn read_header(&mut self, bytes: &[u8], max_message: usize) -> Result<Option<usize>, Breach> {
        let before = usize::from(self.header_len);
        let more = bytes.len().min(MAX_HEADER - before);
        self.header[before..before + more].copy_from_slice(&bytes[..more]);
        let mut cursor = Cursor::new(&self.header[..before + more]);
        // The only error that reading from memory can have.
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| Breach::Opcode)?;
        let Some((header, length)) = parsed else {
            self.header_len = u8::try_from(before + more).unwrap_or(0);
            return Ok(None);
        };
        let used = usize::try_from(cursor.position()).unwrap_or(0) - before;
        self.header_len = 0;
        self.begin(&header, length, max_message)?;
        Ok(Some(used))
    }

    /// Whether this frame may come now.
    fn begin(&mut self, header: &FrameHeader, length: u64, max_message: usize) -> Result<(), Breach> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Breach::ReservedBit);
        }
        let mask = header.mask.ok_or(Breach::NoMask)?;
        let opcode = match header.opcode {
            OpCode::Control(control) => {
                if !header.is_final || length > MAX_CONTROL as u64 {
                    return Err(Breach::Control);
                }
                match control {
                    Control::Ping => Kind::Ping,
                    Control::Pong => Kind::Pong,
                    Control::Close => Kind::Close,
                    Control::Reserved(_) => return Err(Breach::Opcode),
                }
            }
            OpCode::Data(data) => {
                let open = match (data, self.message) {
                    (Data::Continue, Some(open)) => open,
                    (Data::Continue, None) => return Err(Breach::NoBeginning),
                    (Data::Text | Data::Binary, None) => Open { is_text: data == Data::Text, length: 0 },
                    (Data::Text | Data::Binary, Some(_)) => return Err(Breach::Interleaved),
                    (Data::Reserved(_), _) => return Err(Breach::Opcode),
                };
                let length = open.length.saturating_add(length);
                if length > max_message as u64 {
                    return Err(Breach::TooLong);
                }
                self.message = Some(Open { length, ..open });
                Kind::Message
            }
        };
        self.frame = Some(Frame { opcode, is_final: header.is_final, left: length, mask, phase: 0 });
        Ok(())
    }
}

/// The code of a close frame (RFC 6455, 5.5.1 and 7.4).
fn close_code(payload: &[u8]) -> Result<Option<u16>, Breach> {
    match payload {
        [] => Ok(None),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            let is_allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            (is_allowed && std::str::from_utf8(reason).is_ok()).then_some(Some(code)).ok_or(Breach::CloseCode)
        }
        [_] => Err(Breach::CloseCode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: usize = 1_000;

    /// A frame as a client sends it.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 0xff];
        let mut out = vec![first];
        match payload.len() {
            length @ 0..=125 => out.push(0x80 | length as u8),
            length @ 126..=0xffff => {
                out.push(0x80 | 126);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                out.push(0x80 | 127);
                out.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(&mask);
        out.extend(payload.iter().zip(0..).map(|(byte, at)| byte ^ mask[at % 4]));
        out
    }

    /// Owned, with the pieces of a message put together.
    #[derive(Clone, Debug, PartialEq, Eq)]
    enum Heard {
        Message(bool, Vec<u8>),
        Ping(Vec<u8>),
        Pong,
        Close(Option<u16>),
    }

    fn hear(cuts: &[usize], bytes: &[u8]) -> (Vec<Heard>, Result<bool, Breach>, bool) {
        let (mut incoming, mut heard, mut open) = (Incoming::default(), Vec::new(), Vec::new());
        let mut result = Ok(false);
        let mut from = 0;
        for to in cuts.iter().copied().chain([bytes.len()]) {
            let mut part = bytes[from..to].to_vec();
            from = to;
            result = incoming.feed(&mut part, MAX, |input| match input {
                Input::Message { is_text, piece, is_last } => {
                    open.extend_from_slice(piece);
                    if is_last {
                        heard.push(Heard::Message(is_text, std::mem::take(&mut open)));
                    }
                }
                Input::Ping(payload) => heard.push(Heard::Ping(payload.to_vec())),
                Input::Pong => heard.push(Heard::Pong),
                Input::Close(code) => heard.push(Heard::Close(code)),
            });
            if result != Ok(false) {
                break;
            }
        }
        (heard, result, incoming.is_clean())
    }

    #[test]
    fn frames_are_taken_apart() {
        let bytes = [
            frame(0x81, b"hello"),
            frame(0x01, b"a"),
            frame(0x89, b"?"),
            frame(0x00, b""),
            frame(0x80, b"b"),
            frame(0x8a, b""),
            frame(0x82, &[7; 300]),
            frame(0x81, b""),
            frame(0x88, b"\x03\xe8bye"),
            b"whatever".to_vec(),
        ]
        .concat();
        let expected = vec![
            Heard::Message(true, b"hello".to_vec()),
            Heard::Ping(b"?".to_vec()),
            Heard::Message(true, b"ab".to_vec()),
            Heard::Pong,
            Heard::Message(false, vec![7; 300]),
            Heard::Message(true, Vec::new()),
            Heard::Close(Some(1000)),
        ];
        assert_eq!(hear(&[], &bytes), (expected.clone(), Ok(true), true));
        // Wherever it is cut, in one place and in all.
        for cut in 0..bytes.len() {
            assert_eq!(hear(&[cut], &bytes), (expected.clone(), Ok(true), true), "cut at {cut}");
        }
        let all: Vec<_> = (0..bytes.len()).collect();
        assert_eq!(hear(&all, &bytes), (expected, Ok(true), true));
    }

    #[test]
    fn every_breach_is_told_apart() {
        let mut unmasked = frame(0x81, b"hello");
        unmasked[1] &= 0x7f;
        for (bytes, breach) in [
            (unmasked, Breach::NoMask),
            (frame(0xc1, b"x"), Breach::ReservedBit),
            (frame(0xa1, b"x"), Breach::ReservedBit),
            (frame(0x91, b"x"), Breach::ReservedBit),
            (frame(0x83, b"x"), Breach::Opcode),
            (frame(0x8b, b"x"), Breach::Opcode),
            (frame(0x09, b"x"), Breach::Control),
            (frame(0x89, &[0; 126]), Breach::Control),
            (frame(0x80, b"x"), Breach::NoBeginning),
            ([frame(0x01, b"x"), frame(0x81, b"x")].concat(), Breach::Interleaved),
            ([frame(0x01, b"x"), frame(0x02, b"x")].concat(), Breach::Interleaved),
            (frame(0x81, &[0; MAX + 1]), Breach::TooLong),
            ([frame(0x01, &[0; MAX]), frame(0x80, b"x")].concat(), Breach::TooLong),
            (frame(0x82, &[0; 70_000]), Breach::TooLong),
            (frame(0x88, b"\x03"), Breach::CloseCode),
            (frame(0x88, b"\x03\xec"), Breach::CloseCode),
            (frame(0x88, b"\x03\xed"), Breach::CloseCode),
            (frame(0x88, b"\x00\x00"), Breach::CloseCode),
            (frame(0x88, b"\x13\x88"), Breach::CloseCode),
            (frame(0x88, b"\x03\xe8\xff"), Breach::CloseCode),
        ] {
            assert_eq!(hear(&[], &bytes).1, Err(breach));
            for cut in 0..bytes.len().min(200) {
                assert_eq!(hear(&[cut], &bytes).1, Err(breach), "cut at {cut}");
            }
        }
    }

    /// A claim is refused when it is made, before a byte of it has come.
    #[test]
    fn a_length_is_checked_in_the_header() {
        let huge = b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(hear(&[], huge).1, Err(Breach::TooLong));
        assert_eq!(hear(&[], &frame(0x82, &[0; MAX])).1, Ok(false));
    }

    proptest! {
        #[test]
        fn anything_at_all_is_the_same_however_it_is_cut(
            bytes in proptest::collection::vec(prop_oneof![
                any::<u8>(),
                proptest::sample::select(&[0x81, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8a, 0x88, 0x84][..]),
            ], 0..200),
            cuts in proptest::collection::btree_set(0..200usize, 0..8),
        ) {
            let cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < bytes.len()).collect();
            let (heard, result, _) = hear(&[], &bytes);
            let (heard_cut, result_cut, _) = hear(&cuts, &bytes);
            prop_assert_eq!((heard, result), (heard_cut, result_cut));
        }

        #[test]
        fn whole_messages_come_whole(
            messages in proptest::collection::vec(
                (any::<bool>(), proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..150), 1..4)), 0..6),
            cuts in proptest::collection::btree_set(0..2_000usize, 0..8),
        ) {
            let (mut bytes, mut expected) = (Vec::new(), Vec::new());
            for (is_text, pieces) in &messages {
                let last = pieces.len() - 1;
                for (index, piece) in pieces.iter().enumerate() {
                    let opcode = if index > 0 { 0 } else if *is_text { 1 } else { 2 };
                    bytes.append(&mut frame(opcode | if index == last { 0x80 } else { 0 }, piece));
                }
                expected.push(Heard::Message(*is_text, pieces.concat()));
            }
            let cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < bytes.len()).collect();
            prop_assert_eq!(hear(&cuts, &bytes), (expected, Ok(false), true));
        }
    }
}
