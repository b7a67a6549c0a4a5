//! Response heads of controllers' connections.

use std::time::SystemTime;

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode, Version};

/// Where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// With its last chunk; the connection ends with it.
    Chunked,
    /// With the connection.
    Close,
    /// After so many bytes.
    Length { bytes: usize, keeps_alive: bool },
}

/// A whole response head.
pub(super) fn head(version: Version, status: StatusCode, headers: &HeaderMap, extent: Extent) -> Vec<u8> {
    let mut head = Vec::with_capacity(512);
    head.extend_from_slice(if version >= Version::HTTP_11 { b"HTTP/1.1 " } else { b"HTTP/1.0 " });
    head.extend_from_slice(status.as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    head.extend_from_slice(b"\r\n");
    let framing = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];
    // Names and values come from `HeaderMap`, which admits no line ends.
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

fn line(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}
