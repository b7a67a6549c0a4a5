//! Server-sent events, as the WHATWG HTML standard defines them (section "Server-sent events").
//!
//! The id of each event is its position, so a browser that reconnects by itself says where it was
//! (`Last-Event-ID`).

use std::time::Duration;

use super::Farewell;
use crate::hub::Resume;
use crate::position::Position;

/// The media type of the stream.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// A comment line: resets the timers of proxies and means nothing to the page.
pub const HEARTBEAT: &[u8] = b":\n\n";

/// How long a browser waits before it connects again.
pub const RETRY: Duration = Duration::from_secs(2);

/// The beginning of the stream: the retry time, and the position before the first event, so that a browser
/// cut off before it got one still knows where it was. A reader that came back is told what it missed, in an
/// event of the type `resume`, since a page cannot see the response head.
#[must_use]
pub fn preamble(position: Position, resume: Resume) -> Vec<u8> {
    let mut text = format!("retry: {}\nid: {position}\n", RETRY.as_millis());
    if resume != Resume::Fresh {
        text.push_str(&format!("event: resume\ndata: {resume}\n"));
    }
    text.push('\n');
    text.into_bytes()
}

/// One message: an event with the JSON body as data. A body with line ends (raw JSON may have some between
/// its tokens) becomes several data lines, which the browser joins again. A direct message has no position, so its
/// event has no id: the browser's last id stays.
pub(crate) fn message(json: &[u8], position: Option<Position>, out: &mut Vec<u8>) {
    if let Some(position) = position {
        out.extend_from_slice(format!("id: {position}\n").as_bytes());
    }
    let mut rest = json;
    while let Some(at) = rest.iter().position(|b| matches!(b, b'\n' | b'\r')) {
        data_line(&rest[..at], out);
        let end = if rest[at..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[at + end..];
    }
    data_line(rest, out);
    out.push(b'\n');
}

/// An event of the type `gap`: the messages `from..=to` were skipped. Its id is the place after them.
pub(crate) fn gap(from: u64, to: Position, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("id: {to}\nevent: gap\ndata: {from}-{}\n\n", to.sequence).as_bytes());
}

/// An event of the type `end`, for pages that want to show that the server said goodbye, or `rotate`, with the
/// position: the browser comes back by itself, and begins there.
pub(crate) fn farewell(why: Farewell, position: Position, out: &mut Vec<u8>) {
    match why {
        Farewell::Complete => out.extend_from_slice(b"event: end\ndata: complete\n\n"),
        Farewell::Rotate => {
            out.extend_from_slice(format!("event: rotate\ndata: {position}\n\n").as_bytes());
        }
    }
}

fn data_line(line: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(line);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Epoch;

    const POSITION: Position = Position { epoch: Epoch::new(0xab), sequence: 7 };

    fn event(json: &str) -> String {
        let mut out = Vec::new();
        message(json.as_bytes(), Some(POSITION), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_event_has_its_position_as_id() {
        assert_eq!(event(r#"{"value":"Lorem"}"#), "id: ab:7\ndata: {\"value\":\"Lorem\"}\n\n");
    }

    #[test]
    fn every_kind_of_line_end_starts_a_new_data_line() {
        assert_eq!(event("[1,\n2,\r\n3,\r4]"), "id: ab:7\ndata: [1,\ndata: 2,\ndata: 3,\ndata: 4]\n\n");
        assert_eq!(event("1\n"), "id: ab:7\ndata: 1\ndata: \n\n");
    }

    #[test]
    fn the_preamble_says_when_to_retry_and_where_the_stream_is() {
        assert_eq!(preamble(POSITION, Resume::Fresh), b"retry: 2000\nid: ab:7\n\n");
        let gap = Resume::Gap { from: 3, to: 7 };
        let told = b"retry: 2000\nid: ab:7\nevent: resume\ndata: gap 3-7\n\n";
        assert_eq!(preamble(POSITION, gap), told);
    }

    #[test]
    fn what_is_not_a_broadcast_is_told_apart() {
        let text = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(&|out| message(b"1", None, out)), "data: 1\n\n");
        assert_eq!(text(&|out| gap(5, POSITION, out)), "id: ab:7\nevent: gap\ndata: 5-7\n\n");
        assert_eq!(text(&|out| farewell(Farewell::Rotate, POSITION, out)), "event: rotate\ndata: ab:7\n\n");
    }
}
