//! Response heads of streams, written by ourselves because the socket leaves the HTTP library there.

use std::time::SystemTime;

use axum::response::Response;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode, Version};

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
    let mut head = Vec::with_capacity(512);
    head.extend_from_slice(if chunked { b"HTTP/1.1 200 OK\r\n" } else { b"HTTP/1.0 200 OK\r\n" });
    // The router gives the response, which is empty in its eyes, a length.
    let framing = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];
    for (name, value) in headers.iter().filter(|(name, _)| !framing.contains(name)) {
        line(&mut head, name.as_str(), value.as_bytes());
    }
    if !headers.contains_key(DATE) {
        line(&mut head, "date", httpdate::fmt_http_date(SystemTime::now()).as_bytes());
    }
    line(&mut head, "connection", b"close");
    if chunked {
        line(&mut head, "transfer-encoding", b"chunked");
    }
    head.extend_from_slice(b"\r\n");
    (head, chunked)
}

/// The head of `101 Switching Protocols`: nothing but what the handshake needs.
fn switching_protocols(headers: &HeaderMap) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
    for (name, value) in headers.iter().filter(|(name, _)| *name != CONTENT_LENGTH) {
        line(&mut head, name.as_str(), value.as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// A whole answer, for a request that has left the HTTP library and comes to nothing. To a client of HTTP/1.1 or of HTTP/1.0.
pub(crate) fn refusal(is_http_1_1: bool, status: StatusCode, what: &str) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(if is_http_1_1 { b"HTTP/1.1 " } else { b"HTTP/1.0 " });
    head.extend_from_slice(status.as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    head.extend_from_slice(b"\r\n");
    line(&mut head, "content-type", b"text/plain; charset=utf-8");
    line(&mut head, "x-content-type-options", b"nosniff");
    line(&mut head, "content-length", (what.len() + 1).to_string().as_bytes());
    line(&mut head, "date", httpdate::fmt_http_date(SystemTime::now()).as_bytes());
    line(&mut head, "connection", b"close");
    head.extend_from_slice(b"\r\n");
    head.extend_from_slice(what.as_bytes());
    head.push(b'\n');
    head
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
    use http::HeaderValue;

    fn response(headers: HeaderMap) -> Response {
        let mut response = Response::default();
        *response.headers_mut() = headers;
        response
    }

    fn head(version: Version) -> (String, bool) {
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
        assert_eq!(head(Version::HTTP_11), (chunked, true));
        assert_eq!(head(Version::HTTP_10), (plain, false));
    }

    #[test]
    fn a_date_is_added() {
        let (head, _) = stream_head(Version::HTTP_11, &response(HeaderMap::new()));
        assert!(String::from_utf8(head).unwrap().contains("\r\ndate: "));
    }
}
