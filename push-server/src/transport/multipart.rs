//! `multipart/x-mixed-replace`: each message a part that takes the place of the one before it (Netscape's "server
//! push" of 1995; the form is that of RFC 2046, section 5.1).
//!
//! Each part is one JSON object of the [table](super#json-objects), of the type `application/json`. Readers take a part
//! for complete when they see the boundary after it, and some only with the head of the next part; so every frame is a
//! body, the boundary, and the head of the next part, and nothing that is complete waits for the next message. Between
//! two frames the stream always stands at the beginning of a body, where a line feed means nothing in JSON: that is
//! the heartbeat. The boundary cannot come up inside a body: no JSON has a line that begins with two hyphens.

use std::time::Duration;

use super::{Farewell, json};
use crate::hub::Resume;
use crate::position::Position;

/// The media type of the stream.
pub const CONTENT_TYPE: &str = "multipart/x-mixed-replace; boundary=push-server-part";

/// A line feed before the object of the part that is open.
pub const HEARTBEAT: &[u8] = b"\n";

const FIRST: &[u8] = b"--push-server-part\r\nContent-Type: application/json\r\n\r\n";
const NEXT: &[u8] = b"\r\n--push-server-part\r\nContent-Type: application/json\r\n\r\n";
const LAST: &[u8] = b"\r\n--push-server-part--\r\n";

/// The first part, the notice `begin`, and the head of the second.
#[must_use]
pub fn preamble(
    position: Position,
    resume: Resume,
    heartbeat: Duration,
    rotate_after: Option<Duration>,
) -> Vec<u8> {
    let mut out = FIRST.to_vec();
    json::begin(position, resume, heartbeat, rotate_after, &mut out);
    out.extend_from_slice(NEXT);
    out
}

/// The body of the part that is open, and the head of the next.
pub(crate) fn message(json: &[u8], position: Option<Position>, out: &mut Vec<u8>) {
    json::message(json, position, out);
    out.extend_from_slice(NEXT);
}

/// What was skipped, a part like the others.
pub(crate) fn gap(from: u64, to: Position, out: &mut Vec<u8>) {
    json::gap(from, to, out);
    out.extend_from_slice(NEXT);
}

/// The last part, and the boundary that nothing follows.
pub(crate) fn farewell(why: Farewell, position: Position, out: &mut Vec<u8>) {
    json::farewell(why, position, out);
    out.extend_from_slice(LAST);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Epoch;

    const POSITION: Position = Position { epoch: Epoch::new(0xab), sequence: 7 };

    /// The bodies of the complete parts, as a reader by RFC 2046 finds them; and whether the last boundary came.
    fn parts(stream: &str) -> (Vec<String>, bool) {
        let mut parts = Vec::new();
        let mut rest = stream.strip_prefix("--push-server-part").unwrap();
        while let Some((part, next)) = rest.split_once("\r\n--push-server-part") {
            let (head, body) = part.split_once("\r\n\r\n").unwrap();
            assert_eq!(head, "\r\nContent-Type: application/json");
            parts.push(body.to_owned());
            rest = next;
        }
        (parts, rest == "--\r\n")
    }

    #[test]
    fn every_frame_ends_where_a_part_is_complete_and_the_next_has_begun() {
        let mut stream = preamble(POSITION, Resume::Fresh, Duration::from_secs(15), None);
        let mut expected = vec![
            r#"{"event":"begin","position":"ab:7","resume":"fresh","heartbeat":15,"rotate":null}"#.to_owned(),
        ];
        let mut frames = [const { Vec::new() }; 4];
        message(b"[1,\r\n--2]", Some(POSITION), &mut frames[0]);
        message(b"2", None, &mut frames[1]);
        frames[2] = HEARTBEAT.to_vec();
        gap(5, POSITION, &mut frames[3]);
        let bodies = [
            Some(r#"{"position":"ab:7","data":[1,  --2]}"#),
            Some(r#"{"data":2}"#),
            None,
            Some("\n{\"event\":\"gap\",\"from\":5,\"to\":7,\"position\":\"ab:7\"}"),
        ];
        for (frame, body) in frames.into_iter().zip(bodies) {
            stream.extend_from_slice(&frame);
            expected.extend(body.map(ToOwned::to_owned));
            assert_eq!(parts(std::str::from_utf8(&stream).unwrap()), (expected.clone(), false));
            // A cut at any place, also here, ends in the middle of a part that has no value yet.
            let mut cut = stream.clone();
            farewell(Farewell::Rotate, POSITION, &mut cut);
            let (found, is_last) = parts(std::str::from_utf8(&cut).unwrap());
            assert_eq!(found.last().unwrap().trim_start(), r#"{"event":"rotate","position":"ab:7"}"#);
            assert!(is_last && found.len() == expected.len() + 1);
        }
    }
}
