//! The forms in which a stream is asked for. A new transport is one line here.

/// A transport with its framing and HTTP version, as a client asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) name: &'static str,
    /// What follows on `/streams/NAME/`.
    path: &'static str,
    /// `1.1` (chunked) or `1.0` (ends with the connection).
    version: &'static str,
    /// Lines of the request, each with its line end.
    headers: &'static str,
}

const fn form(name: &'static str, path: &'static str, version: &'static str) -> Form {
    Form { name, path, version, headers: "" }
}

pub(crate) const HESSIAN: Form = form("hessian ws", "hessian?framing=ws", "1.1");
/// What a browser says that wants events; nchan answers nobody else with them.
const EVENTS: &str = "Accept: text/event-stream\r\n";

pub(crate) const SSE: Form = Form { headers: EVENTS, ..form("sse", "sse", "1.1") };

/// A handshake of RFC 6455, with its own key, and some more lines.
macro_rules! upgrade {
    ($more:literal) => {
        concat!(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            $more
        )
    };
}

/// Every form that streams, without the rotation that some have by default: what is measured is the sending.
pub(crate) const ALL: &[Form] = &[
    HESSIAN,
    form("hessian ws, HTTP/1.0", "hessian?framing=ws", "1.0"),
    form("hessian p", "hessian?framing=p", "1.1"),
    form("hessian varint", "hessian?framing=varint", "1.1"),
    form("hessian marked", "hessian?framing=marked", "1.1"),
    form("script", "script?rotate=0", "1.1"),
    form("script, HTTP/1.0", "script?rotate=0", "1.0"),
    SSE,
    form("sse, HTTP/1.0", "sse", "1.0"),
    form("xhr", "xhr?rotate=0", "1.1"),
    form("xhr, HTTP/1.0", "xhr?rotate=0", "1.0"),
    form("multipart", "multipart", "1.1"),
    form("multipart, HTTP/1.0", "multipart", "1.0"),
    Form { headers: upgrade!(""), ..form("websocket, JSON", "ws", "1.1") },
    Form {
        headers: upgrade!("Sec-WebSocket-Protocol: push.hessian\r\n"),
        ..form("websocket, Hessian", "ws", "1.1")
    },
    Form {
        headers: upgrade!("Origin: http://localhost\r\n"),
        ..form("movie in Ruffle, p", "ruffle?grammar=final", "1.1")
    },
];

/// Answered message by message: the first request at once, the next ones when there is something. Compared, but no
/// stream.
pub(crate) const LONG_POLL: Form = form("longpoll", "longpoll?wait=0&last=0", "1.1");

impl Form {
    /// What the client asks on the same connection when it has its answer, around the position to go on after.
    pub(crate) fn next_poll(&self, number: usize) -> Option<[String; 2]> {
        let stream = stream_name(number);
        let before = format!("GET /streams/{stream}/longpoll?wait=60&since=");
        (*self == LONG_POLL).then(|| [before, " HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned()])
    }

    /// The request for the stream `number`, going on after the position `since` if there is one.
    pub(crate) fn request(&self, number: usize, since: Option<&str>) -> Vec<u8> {
        let Self { path, version, headers, .. } = self;
        let since = since.map_or_else(String::new, |position| {
            format!("{}since={position}", if path.contains('?') { '&' } else { '?' })
        });
        let stream = stream_name(number);
        format!("GET /streams/{stream}/{path}{since} HTTP/{version}\r\nHost: localhost\r\n{headers}\r\n")
            .into_bytes()
    }
}

/// The name of the stream `number`, in every server.
pub(crate) fn stream_name(number: usize) -> String {
    format!("s{number}")
}

/// The number of the stream that a request line asks for.
pub(crate) fn stream_number(request: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(request).ok()?;
    text.split_once("/streams/s")?.1.split_once('/')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_stream_and_its_place() {
        let request = HESSIAN.request(12, Some("ab:3"));
        assert_eq!(stream_number(&request), Some(12));
        let line = "GET /streams/s12/hessian?framing=ws&since=ab:3 HTTP/1.1\r\n";
        assert!(request.starts_with(line.as_bytes()));
        assert!(SSE.request(0, Some("ab:3")).starts_with(b"GET /streams/s0/sse?since=ab:3 HTTP/1.1\r\n"));
    }
}
