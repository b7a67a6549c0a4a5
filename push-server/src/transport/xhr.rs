//! XHR streaming: one JSON object a line, in a response that a script reads while it grows (`responseText` in
//! `readyState` 3, or the body of a `fetch`).
//!
//! The objects are those of the [table](super#json-objects); an empty line is a heartbeat. A line counts once its
//! line feed is there: what comes before a cut is no line, so a reader that resumes after the last position it was
//! told loses nothing and gets nothing twice. The text of an `XMLHttpRequest` grows as long as the request lives:
//! therefore it rotates.

use std::time::Duration;

use super::{Farewell, json};
use crate::hub::Resume;
use crate::position::Position;

/// The media type of the stream: newline-delimited JSON.
pub const CONTENT_TYPE: &str = "application/x-ndjson; charset=utf-8";

/// An empty line.
pub const HEARTBEAT: &[u8] = b"\n";

/// Bytes of the first line at least; blanks fill it. WebKit and Chromium hold back the first KiB of a response that
/// they may have to guess the type of, and Internet Explorer's `XDomainRequest` the first 2 KiB of every one.
pub const PADDING: usize = 2_048;

/// The first line: the notice `begin`, padded.
#[must_use]
pub fn preamble(
    position: Position,
    resume: Resume,
    heartbeat: Duration,
    rotate_after: Option<Duration>,
) -> Vec<u8> {
    let mut line = Vec::with_capacity(PADDING + 1);
    json::begin(position, resume, heartbeat, rotate_after, &mut line);
    line.resize(line.len().max(PADDING), b' ');
    line.push(b'\n');
    line
}

/// One message, one line.
pub(crate) fn message(json: &[u8], position: Option<Position>, out: &mut Vec<u8>) {
    json::message(json, position, out);
    out.push(b'\n');
}

/// What was skipped.
pub(crate) fn gap(from: u64, to: Position, out: &mut Vec<u8>) {
    json::gap(from, to, out);
    out.push(b'\n');
}

/// The last line.
pub(crate) fn farewell(why: Farewell, position: Position, out: &mut Vec<u8>) {
    json::farewell(why, position, out);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Epoch;

    const POSITION: Position = Position { epoch: Epoch::new(0xab), sequence: 7 };

    #[test]
    fn the_first_line_is_padded_and_still_json() {
        let line = preamble(POSITION, Resume::Fresh, Duration::from_secs(15), None);
        assert_eq!(line.len(), PADDING + 1);
        let text = String::from_utf8(line).unwrap();
        let (object, rest) = text.split_once(' ').unwrap();
        assert_eq!(
            object,
            r#"{"event":"begin","position":"ab:7","resume":"fresh","heartbeat":15,"rotate":null}"#
        );
        assert_eq!(rest.trim_start_matches(' '), "\n");
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }

    #[test]
    fn everything_else_is_a_line() {
        let mut out = Vec::new();
        message(b"[1,\r\n2]", Some(POSITION), &mut out);
        message(b"2", None, &mut out);
        gap(5, POSITION, &mut out);
        farewell(Farewell::Complete, POSITION, &mut out);
        let expected = [
            r#"{"position":"ab:7","data":[1,  2]}"#,
            r#"{"data":2}"#,
            r#"{"event":"gap","from":5,"to":7,"position":"ab:7"}"#,
            r#"{"event":"end","position":"ab:7"}"#,
        ];
        assert_eq!(String::from_utf8(out).unwrap(), expected.map(|line| format!("{line}\n")).concat());
    }
}
