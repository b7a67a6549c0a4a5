//! Envelopes: a message inside a message, with headers and footers.
//!
//! ```text
//! envelope := [H 02 00] E string(method) int(n) (string value)*n binary(body) int(m) (string value)*m Z
//! ```
//!
//! The method is a class of the Java library. `com.caucho.hessian.io.Deflation` compresses its body (zlib);
//! `com.caucho.hessian.security.X509Encryption` and `X509Signature` are read as they stand: their cryptography is
//! obsolete (AES in ECB mode, keys bound to nothing) and not done here.

use crate::encode::Sink;
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::{Dialect, Final};
use crate::limits::Limits;
use crate::rpc::{Input, MAX_HEADERS};
use crate::table::Tables;
use crate::value::{Graph, View};

/// The method of envelopes whose body is compressed.
pub const DEFLATION: &str = "com.caucho.hessian.io.Deflation";

/// An envelope.
#[derive(Debug, Clone)]
pub struct Envelope<'de> {
    method: Box<str>,
    /// The version before it, if there is one.
    version: Option<[u8; 2]>,
    headers: Vec<Box<str>>,
    footers: Vec<Box<str>>,
    /// The values of the headers, the body, the values of the footers.
    values: Graph<'de>,
}

impl<'de> Envelope<'de> {
    /// Reads an envelope; tells how many bytes it took. A body of one chunk is borrowed from the input.
    ///
    /// # Errors
    /// Malformed or incomplete input, any of the [`Limits`], [`MAX_HEADERS`].
    pub fn parse(input: &'de [u8], limits: &Limits) -> Result<(Self, usize)> {
        let mut tables = Tables::default();
        let version = match *input {
            [b'H', major, minor, ..] => Some([major, minor]),
            [b'H', ..] => return Err(Error::at(0, ErrorKind::Incomplete { needed: 4 - input.len() })),
            _ => None,
        };
        let start = if version.is_some() { 3 } else { 0 };
        let mut input = Input::<Final>::new(input, start, &mut tables, limits);
        input.expect(b'E', "an envelope (`E`)")?;
        let method = input.name("the method of an envelope")?;
        let headers = named(&mut input)?;
        input.binary("the body of an envelope")?;
        let footers = named(&mut input)?;
        input.expect(b'Z', "the end of an envelope")?;
        let (values, used) = input.finish();
        Ok((Self { method, version, headers, footers, values }, used))
    }

    /// The Java class that made it.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// What stands before the body.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, View<'_, 'de>)> {
        self.headers.iter().map(|name| &**name).zip(self.values.roots())
    }

    /// What stands after the body.
    pub fn footers(&self) -> impl ExactSizeIterator<Item = (&str, View<'_, 'de>)> {
        self.footers.iter().map(|name| &**name).zip(self.values.roots().skip(self.headers.len() + 1))
    }

    /// The bytes inside, as they stand: compressed or encrypted by the method.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.values.roots().nth(self.headers.len()).and_then(View::as_bytes).unwrap_or_default()
    }

    /// The message inside a [`DEFLATION`] envelope.
    ///
    /// # Errors
    /// Another method, headers or footers (as in the Java library), data that is not zlib's, and the limit
    /// `max_inflated`: room is made for what comes out, not for what is claimed.
    #[cfg(feature = "deflate")]
    pub fn inflate(&self, limits: &Limits) -> Result<Vec<u8>> {
        use std::io::Read;

        if &*self.method != DEFLATION {
            return Err(Error::new(ErrorKind::UnexpectedType {
                found: "an envelope of another method",
                expected: DEFLATION.into(),
            }));
        }
        if !self.headers.is_empty() || !self.footers.is_empty() {
            return Err(Error::new(ErrorKind::UnexpectedType {
                found: "an envelope with headers or footers",
                expected: "one without".into(),
            }));
        }
        let max = limits.max_inflated;
        let mut inflated = Vec::new();
        flate2::read::ZlibDecoder::new(self.body())
            .take(max.saturating_add(1))
            .read_to_end(&mut inflated)
            .map_err(|_| Error::new(ErrorKind::InvalidEnvelope("the body is no zlib data, or is cut off")))?;
        if inflated.len() as u64 > max {
            return Err(Error::new(ErrorKind::Limit { limit: "max_inflated", max }));
        }
        Ok(inflated)
    }

    /// Appends the envelope.
    ///
    /// # Errors
    /// More elements than Hessian counts; the buffer is then as it was before.
    pub fn write<S: Sink>(&self, out: &mut S) -> Result<()> {
        let start = out.position();
        if let Some([major, minor]) = self.version {
            out.put(&[b'H', major, minor]);
        }
        out.put(b"E");
        Final::string(out, &self.method);
        let (headers, footers) = (&self.headers, &self.footers);
        Final::int(out, length(headers));
        let done = self.values.encode_between::<Final, S>(out, |index, out| {
            let footer = match index.checked_sub(headers.len()) {
                None => {
                    Final::string(out, &headers[index]);
                    return Ok(());
                }
                Some(0) => return Ok(()),
                Some(footer) => footer - 1,
            };
            if footer == 0 {
                Final::int(out, length(footers));
            }
            match footers.get(footer) {
                Some(name) => Final::string(out, name),
                None => out.put(b"Z"),
            }
            Ok(())
        });
        done.inspect_err(|_| out.cut(start))
    }
}

/// Appends a [`DEFLATION`] envelope around a message. The message is compressed as zlib does by default.
#[cfg(feature = "deflate")]
pub fn deflate(message: &[u8], out: &mut impl Sink) {
    use std::io::Read;

    let mut body = Vec::new();
    // Reading from memory into memory cannot fail.
    let _ = flate2::read::ZlibEncoder::new(message, flate2::Compression::default()).read_to_end(&mut body);
    out.put(b"E");
    Final::string(out, DEFLATION);
    Final::int(out, 0);
    Final::binary(out, &body);
    Final::int(out, 0);
    out.put(b"Z");
}

fn named(input: &mut Input<'_, '_, Final>) -> Result<Vec<Box<str>>> {
    let count = input.count(MAX_HEADERS, "MAX_HEADERS", "an int (how many headers follow)")?;
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(input.name("the name of a header")?);
        input.value()?;
    }
    Ok(names)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "at most MAX_HEADERS")]
fn length(names: &[Box<str>]) -> i32 {
    names.len() as i32
}

#[cfg(all(test, feature = "deflate"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_deflated_is_inflated() {
        let message = b"\x53\x20\x00".iter().copied().chain([b'x'; 0x2000]).collect::<Vec<_>>();
        let mut out = Vec::new();
        deflate(&message, &mut out);
        let (envelope, used) = Envelope::parse(&out, &Limits::new()).unwrap();
        assert_eq!((envelope.method(), used), (DEFLATION, out.len()));
        assert_eq!(envelope.inflate(&Limits::new()).unwrap(), message);
        let mut again = Vec::new();
        envelope.write(&mut again).unwrap();
        assert_eq!(again, out);
    }

    #[test]
    fn a_damaged_body_is_told() {
        for body in [&b"\x78\x9c\x01"[..], b"no zlib", b""] {
            let mut out = b"E".to_vec();
            Final::string(&mut out, DEFLATION);
            Final::int(&mut out, 0);
            Final::binary(&mut out, body);
            out.extend_from_slice(b"\x90Z");
            let (envelope, _) = Envelope::parse(&out, &Limits::new()).unwrap();
            let error = envelope.inflate(&Limits::new()).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::InvalidEnvelope(_)) && error.is_malformed(), "{error}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_by_its_limit() {
        let mut out = Vec::new();
        deflate(&vec![0; 1 << 20], &mut out);
        assert!(out.len() < 2048);
        let mut limits = Limits::new();
        limits.max_inflated = 1 << 16;
        let (envelope, _) = Envelope::parse(&out, &limits).unwrap();
        let error = envelope.inflate(&limits).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Limit { limit: "max_inflated", max: 1 << 16 });
    }
}
