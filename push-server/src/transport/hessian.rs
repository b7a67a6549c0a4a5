//! Hessian streaming packets for rich clients: Java, Flash, Rust.
//!
//! A message is one packet that holds one value: class definitions the reader has not met, then the value
//! (how the numbering of classes is shared by all connections: `Classes` in `encode.rs`). Nothing comes
//! before the first packet and nothing after the last: readers take the end of the body as the end, and the
//! 2008 Flash client reads raw bytes after the response head, so there is no room for anything else.
//!
//! Positions are not in the packets. The response header `push-position` names the place before the first one, and
//! each packet that is not empty counts one from there, unless the response says `push-counting: none`: on a stream
//! that skips messages for slow readers, and to a client that gets direct messages, a count would be wrong, so a
//! reader that has to know where it is takes another transport.

/// The media type of a Hessian stream.
///
/// Caucho's own servlets say `x-application/hessian`, which is not a valid type (there is no top-level type
/// `x-application`), and proxies are free to treat it as unknown data; Spring's exporter says
/// `application/x-hessian`. No reader looks at it. The valid one is sent.
pub const CONTENT_TYPE: &str = "application/x-hessian";

/// Nothing: the end of the body is the farewell.
pub const FAREWELL: &[u8] = b"";
