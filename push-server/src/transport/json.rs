//! Messages and notices as JSON objects of one line: the lines of `xhr`, the parts of `multipart`, the messages in
//! the answers to polls.
//!
//! The table of them stands in the documentation of [`transport`](super#json-objects).

use std::io::Write as _;
use std::time::Duration;

use super::Farewell;
use crate::hub::Resume;
use crate::position::Position;

/// The beginning of a response.
pub(crate) fn begin(
    position: Position,
    resume: Resume,
    heartbeat: Duration,
    rotate_after: Option<Duration>,
    out: &mut Vec<u8>,
) {
    let heartbeat = heartbeat.as_secs_f64();
    let rotate = rotate_after.map_or_else(|| "null".to_owned(), |time| time.as_secs_f64().to_string());
    write(
        out,
        format_args!(
            r#"{{"event":"begin","position":"{position}","resume":"{resume}","heartbeat":{heartbeat},"rotate":{rotate}}}"#
        ),
    );
}

/// One message. Blanks between the tokens of raw JSON may be line ends; here they are spaces.
pub(crate) fn message(json: &[u8], position: Option<Position>, out: &mut Vec<u8>) {
    out.reserve(json.len() + 64);
    match position {
        Some(position) => write(out, format_args!(r#"{{"position":"{position}","data":"#)),
        None => out.extend_from_slice(br#"{"data":"#),
    }
    let begin = out.len();
    out.extend_from_slice(json);
    for byte in &mut out[begin..] {
        // Inside strings JSON has no line ends.
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.push(b'}');
}

/// The messages `from..=to.sequence` were skipped.
pub(crate) fn gap(from: u64, to: Position, out: &mut Vec<u8>) {
    let last = to.sequence;
    write(out, format_args!(r#"{{"event":"gap","from":{from},"to":{last},"position":"{to}"}}"#));
}

/// Nothing follows.
pub(crate) fn farewell(why: Farewell, position: Position, out: &mut Vec<u8>) {
    let event = match why {
        Farewell::Complete => "end",
        Farewell::Rotate => "rotate",
    };
    write(out, format_args!(r#"{{"event":"{event}","position":"{position}"}}"#));
}

fn write(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("a vector takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Epoch;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const POSITION: Position = Position { epoch: Epoch::new(0xab), sequence: 7 };

    fn object(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_object_as_documented() {
        let heartbeat = Duration::from_secs(15);
        assert_eq!(
            object(|out| begin(POSITION, Resume::Complete, heartbeat, Some(Duration::from_secs(30)), out)),
            r#"{"event":"begin","position":"ab:7","resume":"complete","heartbeat":15,"rotate":30}"#
        );
        let gap_told = object(|out| {
            begin(POSITION, Resume::Gap { from: 5, to: 7 }, Duration::from_millis(1_500), None, out);
        });
        assert_eq!(
            gap_told,
            r#"{"event":"begin","position":"ab:7","resume":"gap 5-7","heartbeat":1.5,"rotate":null}"#
        );
        assert_eq!(
            object(|out| message(br#"{"value":"Lorem"}"#, Some(POSITION), out)),
            r#"{"position":"ab:7","data":{"value":"Lorem"}}"#
        );
        assert_eq!(object(|out| message(b"1", None, out)), r#"{"data":1}"#);
        assert_eq!(
            object(|out| gap(5, POSITION, out)),
            r#"{"event":"gap","from":5,"to":7,"position":"ab:7"}"#
        );
        assert_eq!(
            object(|out| farewell(Farewell::Rotate, POSITION, out)),
            r#"{"event":"rotate","position":"ab:7"}"#
        );
    }

    proptest! {
        /// Whatever the blanks between the tokens.
        #[test]
        fn a_message_is_one_line_and_keeps_its_value(
            text in "(\\PC|[\u{0}-\u{1f}\"\\\\\u{2028}\u{2029}])*",
            blank in "[ \t\r\n]{0,4}",
        ) {
            let string = serde_json::to_string(&text).unwrap();
            let raw = format!("[{blank}{string}{blank},{blank}{{{blank}{string}{blank}:{blank}1.5{blank}}}]");
            let line = object(|out| message(raw.as_bytes(), Some(POSITION), out));
            prop_assert!(!line.contains(['\n', '\r']));
            let expected = json!({"position": "ab:7", "data": [text, {text: 1.5}]});
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
        }
    }
}
