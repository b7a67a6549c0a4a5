//! WebSocket messages (RFC 6455): JSON as text, or Hessian values as binary.
//!
//! # The contract
//!
//! `GET /streams/{stream}/ws`, or `/streams/{stream}`, HTTP/1.1, with the handshake of RFC 6455, section 4. Parameters as of every transport:
//! `?since=epoch:sequence` (or `Last-Event-ID`, which no browser can send here), `?last=N`, `?client=ID`, `?rotate=SECONDS`
//! (default: never, for a browser keeps nothing of what has come).
//!
//! | `Sec-WebSocket-Protocol` offered | chosen |
//! | --- | --- |
//! | none | JSON, and no subprotocol is named in the answer |
//! | some of ours | the first of them, in the client's order: [`JSON_PROTOCOL`] `push.json` or [`HESSIAN_PROTOCOL`] `push.hessian` |
//! | only unknown ones | refused with 400: a browser would fail a connection whose answer names none of those it offered |
//!
//! The answer to the handshake has the header fields `push-position` and `push-resume` as elsewhere, which scripts cannot see.
//! Text messages are the JSON objects of the other transports, in UTF-8:
//!
//! | text message | when |
//! | --- | --- |
//! | `{"event":"begin","position":"ab:6","resume":"complete","heartbeat":15,"rotate":null}` | first, once: the position before the first message; the verdict: `fresh`, `complete`, `gap 3-6` or `epoch-changed`; the longest silence and the time until rotation, in seconds |
//! | `{"position":"ab:7","data":…}` | a message of the stream (`push.json` only) |
//! | `{"data":…}` | a direct message, outside of the stream (`push.json` only) |
//! | `{"event":"direct"}` | the binary message that follows is a direct one (`push.hessian` only) |
//! | `{"event":"gap","from":8,"to":9,"position":"ab:9"}` | the messages 8 to 9 were skipped, for a slow reader of a stream that drops; what follows comes after `position` |
//! | `{"event":"rotate","position":"ab:9"}` | last: come back at once, with `since=` this position |
//! | `{"event":"end","position":"ab:9"}` | last: the stream is over |
//!
//! What has no `event` is a message, what has one is a notice; clients skip notices they do not know. In `push.hessian`
//! the same notices are text and each binary message is one value of Hessian 2.0, without packets around it: the
//! definitions of classes that this connection has not met, then the value. Classes are numbered, from 0, over all
//! binary messages of a connection. Each binary message is the next position, counted from `begin` or from the last
//! `gap`, except the one that follows a `direct`.
//!
//! Where clients may send ([`Access::sends`](crate::web::Access::sends)), a text message of the client is a
//! [message](crate::messages) for the handlers; elsewhere, and on a connection of an alias, it is dropped, and refused with 403:
//!
//! | text message of the client | |
//! | --- | --- |
//! | `{"id":7,"to":"ann","data":…}` | the value `data`, for one client, or without `to` for all. `id` is a number that the answer repeats, 0 to 2^64 - 1; null if there is none. Nothing else is in it |
//!
//! | answer | when |
//! | --- | --- |
//! | `{"event":"sent","id":7,"position":"ab:7","receivers":3}` | it was published |
//! | `{"event":"sent","id":7,"receivers":1,"waits":false}` | it was sent to one client; with 0 and true it waits for the client to come back |
//! | `{"event":"sent","id":7,"reply":…}`, `{"event":"sent","id":7}` | a handler has taken it, and says this, or nothing |
//! | `{"event":"refused","id":7,"status":422,"message":"…"}` | it was refused; the status is HTTP's; with `"people":true` the text is for people, with `"retry":2` another try may do after so many seconds. `id` is null if it could not be read |
//!
//! There is one answer to each, in their order. They are handled one after the other, while the stream goes on; answers come
//! between its messages. More than [`Limits::ws_unanswered`](crate::Limits::ws_unanswered) without an answer end the
//! connection. What has come before the end of a connection is handled all the same, and the answers are lost with it.
//!
//! An idle connection gets a ping without payload each [`Limits::heartbeat`](crate::Limits::heartbeat); pings of the
//! client are answered, the latest one if several wait. After `rotate` and `end` comes a close frame, and the
//! server closes the connection when the client has answered it, or after
//! [`Limits::ws_close`](crate::Limits::ws_close):
//!
//! | code | reason | why |
//! | --- | --- | --- |
//! | 1000 | `complete` | the stream has ended |
//! | 1012 | `rotate` | the connection's time is over, or the server ends: come back |
//! | 1002 | what was wrong | the client broke the protocol: a frame without mask, a reserved bit or opcode, a control frame that is long or in pieces, a message that is out of turn, a close frame that is none |
//! | 1008 | `ws_input` | the client sent more than [`Limits::ws_input`](crate::Limits::ws_input) bytes within one heartbeat |
//! | 1008 | `ws_unanswered` | the client sent more messages than may wait for their answers ([`Limits::ws_unanswered`](crate::Limits::ws_unanswered)) |
//! | 1009 | `ws_message` | the client sent a message longer than [`Limits::ws_message`](crate::Limits::ws_message) |
//! | the client's | | the client closed first; its code comes back |
//!
//! What is too slow, or takes nothing, is cut without a close frame, which it would not read either: a browser
//! reports 1006, and comes back with `since=` its last position. A client that ends its TCP direction without a close
//! frame is gone.
//!
//! No extension is negotiated: compressed messages would have to be compressed for each connection.
//!
//! # Origin
//!
//! Browsers let a page open a WebSocket to any server and say in `Origin` whose page it is. By default
//! ([`Origins`](crate::web::Origins)) a page of this very host is served, like a client that states no origin, which is
//! no browser; another page is refused with 403, as a browser keeps it from reading the other transports.
//!
//! # Cost
//!
//! Frames of a server have no mask, so a message is framed once for all readers of a form, and a delivery costs what one of
//! server-sent events does. What a client sends is read by the shard, without a buffer between two reads.

mod incoming;

use std::time::Duration;

use http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::{Farewell, json};
use crate::hub::Resume;
use crate::position::Position;

pub(crate) use incoming::{Incoming, Input};

/// The subprotocol whose messages are JSON.
pub const JSON_PROTOCOL: &str = "push.json";

/// The subprotocol whose messages are Hessian values, with notices in JSON.
pub const HESSIAN_PROTOCOL: &str = "push.hessian";

/// A ping without payload.
pub const HEARTBEAT: &[u8] = &[0x89, 0];

/// Comes before a direct message where values say nothing about themselves.
const DIRECT: &[u8] = br#"{"event":"direct"}"#;

/// Why a server closes, as RFC 6455 (section 7.4.1) and its registry number it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CloseReason {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

impl From<Farewell> for CloseReason {
    fn from(why: Farewell) -> Self {
        let code = match why {
            Farewell::Complete => 1000,
            // "Service restart": the client may reconnect at once.
            Farewell::Rotate => 1012,
        };
        Self { code, reason: why.as_str() }
    }
}

/// The first message.
pub(crate) fn preamble(
    position: Position,
    resume: Resume,
    heartbeat: Duration,
    rotate_after: Option<Duration>,
    out: &mut Vec<u8>,
) {
    text(|text| json::begin(position, resume, heartbeat, rotate_after, text), out);
}

/// A message as JSON.
pub(crate) fn message(json: &[u8], position: Option<Position>, out: &mut Vec<u8>) {
    text(|text| json::message(json, position, text), out);
}

/// A message as a Hessian value that is in parts.
pub(crate) fn value(parts: &[&[u8]], is_direct: bool, out: &mut Vec<u8>) {
    if is_direct {
        text(|text| text.extend_from_slice(DIRECT), out);
    }
    binary(parts, out);
}

/// Tells what was skipped.
pub(crate) fn gap(from: u64, to: Position, out: &mut Vec<u8>) {
    text(|text| json::gap(from, to, text), out);
}

/// The last notice, and the close frame.
pub(crate) fn farewell(why: Farewell, position: Position, out: &mut Vec<u8>) {
    text(|text| json::farewell(why, position, text), out);
    close(Some(why.into()), out);
}

/// A close frame. Without a code if the client's had none.
pub(crate) fn close(why: Option<CloseReason>, out: &mut Vec<u8>) {
    match why {
        Some(CloseReason { code, reason }) => {
            frame(OpCode::Control(Control::Close), &[&code.to_be_bytes(), reason.as_bytes()], out);
        }
        None => frame(OpCode::Control(Control::Close), &[], out),
    }
}

/// The answer to a ping.
pub(crate) fn pong(payload: &[u8], out: &mut Vec<u8>) {
    frame(OpCode::Control(Control::Pong), &[payload], out);
}

/// Bytes as they are.
pub(crate) fn binary(parts: &[&[u8]], out: &mut Vec<u8>) {
    frame(OpCode::Data(Data::Binary), parts, out);
}

/// A notice that is JSON already.
pub(crate) fn notice(json: &[u8], out: &mut Vec<u8>) {
    frame(OpCode::Data(Data::Text), &[json], out);
}

/// Copies what `write` writes once: the header comes first and knows the length.
fn text(write: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    let mut text = Vec::new();
    write(&mut text);
    frame(OpCode::Data(Data::Text), &[&text], out);
}

/// One whole frame, as a server sends it: without a mask.
fn frame(opcode: OpCode, parts: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    out.reserve(length + header.len(length as u64));
    // Writing to memory does not fail.
    let _ = header.format(length as u64, out);
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Which of our subprotocols to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subprotocol {
    Json,
    Hessian,
}

impl Subprotocol {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => JSON_PROTOCOL,
            Self::Hessian => HESSIAN_PROTOCOL,
        }
    }

    /// The first of ours among those `offered`, and whether it is to be named in the answer. `None`: only others were
    /// offered.
    pub(crate) fn choose<'a>(offered: impl IntoIterator<Item = &'a HeaderValue>) -> Option<(Self, bool)> {
        let mut chosen = Some((Self::Json, false));
        for line in offered {
            for name in line.to_str().unwrap_or_default().split(',').map(str::trim) {
                match name {
                    JSON_PROTOCOL => return Some((Self::Json, true)),
                    HESSIAN_PROTOCOL => return Some((Self::Hessian, true)),
                    _ => chosen = None,
                }
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Epoch;

    const POSITION: Position = Position { epoch: Epoch::new(0xab), sequence: 7 };

    fn bytes(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out);
        out
    }

    /// A text frame of fewer than 126 bytes.
    fn short(text: &str) -> Vec<u8> {
        [&[0x81, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    }

    #[test]
    fn messages_and_notices_are_json_in_text_frames() {
        let text = r#"{"position":"ab:7","data":{"value":"Lorem"}}"#;
        assert_eq!(bytes(|out| message(br#"{"value":"Lorem"}"#, Some(POSITION), out)), short(text));
        assert_eq!(bytes(|out| message(b"1", None, out)), short(r#"{"data":1}"#));
        let begin = |resume| bytes(|out| preamble(POSITION, resume, Duration::from_secs(15), None, out));
        let told = r#"{"event":"begin","position":"ab:7","resume":"gap 3-7","heartbeat":15,"rotate":null}"#;
        assert_eq!(begin(Resume::Gap { from: 3, to: 7 }), short(told));
        assert_eq!(begin(Resume::Fresh), short(&told.replace("gap 3-7", "fresh")));
        let told = r#"{"event":"gap","from":5,"to":7,"position":"ab:7"}"#;
        assert_eq!(bytes(|out| gap(5, POSITION, out)), short(told));
    }

    #[test]
    fn values_are_binary_and_a_direct_one_is_announced() {
        assert_eq!(bytes(|out| value(&[b"C", b"N"], false, out)), b"\x82\x02CN");
        let direct = [&short(r#"{"event":"direct"}"#), &b"\x82\x02CN"[..]].concat();
        assert_eq!(bytes(|out| value(&[b"C", b"N"], true, out)), direct);
    }

    #[test]
    fn the_length_takes_one_three_or_nine_bytes() {
        for (length, header) in [
            (0, &b"\x82\x00"[..]),
            (125, b"\x82\x7d"),
            (126, b"\x82\x7e\x00\x7e"),
            (65_535, b"\x82\x7e\xff\xff"),
            (65_536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
        ] {
            let out = bytes(|out| binary(&[&vec![7; length]], out));
            assert_eq!((&out[..header.len()], out.len()), (header, header.len() + length));
        }
    }

    #[test]
    fn a_farewell_is_a_notice_and_a_close_frame() {
        for (why, event, closing) in [
            (Farewell::Complete, "end", &b"\x88\x0a\x03\xe8complete"[..]),
            (Farewell::Rotate, "rotate", b"\x88\x08\x03\xf4rotate"),
        ] {
            let notice = short(&format!(r#"{{"event":"{event}","position":"ab:7"}}"#));
            assert_eq!(bytes(|out| farewell(why, POSITION, out)), [&notice, closing].concat());
        }
        assert_eq!(bytes(|out| close(None, out)), b"\x88\x00");
        assert_eq!(bytes(|out| pong(b"hi", out)), b"\x8a\x02hi");
    }

    #[test]
    fn the_first_of_our_subprotocols_is_chosen() {
        let choose = |offered: &[&str]| {
            let lines: Vec<_> = offered.iter().map(|line| HeaderValue::from_str(line).unwrap()).collect();
            Subprotocol::choose(&lines)
        };
        assert_eq!(choose(&[]), Some((Subprotocol::Json, false)));
        assert_eq!(choose(&["push.json"]), Some((Subprotocol::Json, true)));
        assert_eq!(choose(&["push.hessian, push.json"]), Some((Subprotocol::Hessian, true)));
        assert_eq!(choose(&["chat,push.json"]), Some((Subprotocol::Json, true)));
        assert_eq!(choose(&["chat", "soap , push.hessian"]), Some((Subprotocol::Hessian, true)));
        for unknown in [&["chat"][..], &["PUSH.JSON"], &["chat, soap"], &[""], &["push.jsonx"]] {
            assert_eq!(choose(unknown), None, "{unknown:?}");
        }
    }
}
