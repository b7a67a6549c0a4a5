//! Response heads of streams and controllers, written by ourselves because the socket leaves the HTTP library there.

use std::time::SystemTime;

use axum::response::Response;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode, Version};

/// The head of an endless `200 OK`, and whether its body is chunked; or of what a WebSocket begins with, which has no body.
///
/// An HTTP/1.1 client gets chunks. An HTTP/1.0 client gets a body that ends with the connection, without
/// `Content-Length` or `Transfer-Encoding`: the 2008 Flash client takes everything after the empty line for
/// packets. Both get `Connection: close`, for neither connection serves a second request.
pub(crate) fn stream_head(version: Version, response: &Response) -> (Vec<u8>, bool) {
    let headers = response.headers();
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return (switching_protocols(headers), false);
    }
    let chunked = version >= Version::HTTP_11;
    let extent = if chunked { Extent::Chunked } else { Extent::Close };
    (head(version, StatusCode::OK, headers, extent), chunked)
}

/// Where the body of a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// With its last chunk; the connection ends with it.
    Chunked,
    /// With the connection.
    Close,
    /// After so many bytes.
    Length { bytes: usize, keeps_alive: bool },
}

/// A whole head. What `headers` say about framing is passed over: the router gives a response that is empty in its eyes a
/// length.
pub(crate) fn head(version: Version, status: StatusCode, headers: &HeaderMap, extent: Extent) -> Vec<u8> {
    let mut head = Vec::with_capacity(512);
    head.extend_from_slice(if version >= Version::HTTP_11 { b"HTTP/1.1 " } else { b"HTTP/1.0 " });
    head.extend_from_slice(status.as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    head.extend_from_slice(b"\r\n");
    let framing = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];
    for (name, value) in headers.iter().filter(|(name, _)| !framing.contains(name)) {
        line(&mut head, name.as_str(), value.as_bytes());
    }
    if !headers.contains_key(DATE) {
        line(&mut head, "date", httpdate::fmt_http_date(SystemTime::now()).as_bytes());
    }
    match extent {
        Extent::Chunked => {
            line(&mut head, "connection", b"close");
            line(&mut head, "transfer-encoding", b"chunked");
        }
        Extent::Close => line(&mut head, "connection", b"close"),
        Extent::Length { bytes, keeps_alive } => {
            if status != StatusCode::NO_CONTENT {
                line(&mut head, "content-length", bytes.to_string().as_bytes());
            }
            if !keeps_alive {
                line(&mut head, "connection", b"close");
            }
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The head of `101 Switching Protocols`: nothing but what the handshake needs.
pub(crate) fn switching_protocols(headers: &HeaderMap) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
    for (name, value) in headers.iter().filter(|(name, _)| *name != CONTENT_LENGTH) {
        line(&mut head, name.as_str(), value.as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// A whole answer, for a request that has left the HTTP library and comes to nothing.
pub(crate) fn refusal(version: Version, status: StatusCode, what: &str) -> Vec<u8> {
    let mut answer = super::text(status, what);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let extent = Extent::Length { bytes: what.len() + 1, keeps_alive: false };
    let mut bytes = head(version, status, answer.headers(), extent);
    bytes.extend_from_slice(what.as_bytes());
    bytes.push(b'\n');
    bytes
}

/// What a client is told that asks for a stream after the end.
pub(crate) const SHUTTING_DOWN: &str = "The server is shutting down.";

/// Names and values come from `HeaderMap`, which admits no line ends.
fn line(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(headers: HeaderMap) -> Response {
        let mut response = Response::default();
        *response.headers_mut() = headers;
        response
    }

    fn head_of(version: Version) -> (String, bool) {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/x-hessian"));
        headers.insert("content-length", HeaderValue::from_static("0"));
        headers.insert("date", HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        let (head, chunked) = stream_head(version, &response(headers));
        (String::from_utf8(head).unwrap(), chunked)
    }

    #[test]
    fn http_1_1_is_chunked_and_http_1_0_ends_with_the_connection() {
        let fields = "content-type: application/x-hessian\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        let chunked =
            format!("HTTP/1.1 200 OK\r\n{fields}connection: close\r\ntransfer-encoding: chunked\r\n\r\n");
        let plain = format!("HTTP/1.0 200 OK\r\n{fields}connection: close\r\n\r\n");
        assert_eq!(head_of(Version::HTTP_11), (chunked, true));
        assert_eq!(head_of(Version::HTTP_10), (plain, false));
    }

    #[test]
    fn a_date_is_added() {
        let (head, _) = stream_head(Version::HTTP_11, &response(HeaderMap::new()));
        assert!(String::from_utf8(head).unwrap().contains("\r\ndate: "));
    }
}
