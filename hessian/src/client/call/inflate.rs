//! `Content-Encoding: deflate`, piece by piece in constant memory.

use crate::error::{Error, ErrorKind, Result};
use bytes::{Buf, Bytes, BytesMut};
use flate2::{Decompress, FlushDecompress, Status};

/// Bytes that are decompressed at once.
const PIECE: usize = 32 << 10;

/// Decompresses what a body consists of.
///
/// HTTP means zlib's format by "deflate", and Java's `HessianProxy` takes deflate's own, without zlib's two bytes before it:
/// both are understood. Zlib's first byte would be a block that is stored with padding that is not zero, which nobody writes.
pub(super) struct Inflate {
    /// Unknown until two bytes are there.
    inflate: Option<Decompress>,
    input: Bytes,
    ended: bool,
}

impl Inflate {
    pub(super) fn new() -> Self {
        Self { inflate: None, input: Bytes::new(), ended: false }
    }

    /// Takes a piece. What was there before has to be used up, but for a byte that is too little to begin with.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.input = match self.input.is_empty() {
            true => piece,
            false => [&self.input[..], &piece].concat().into(),
        };
    }

    /// The next piece of what comes out; `None` when more has to go in.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>> {
        let inflate = match (&mut self.inflate, &*self.input) {
            (Some(inflate), _) => inflate,
            (none, &[first, second, ..]) => {
                let zlib = first & 0x0f == 8 && u16::from_be_bytes([first, second]) % 31 == 0;
                none.insert(Decompress::new(zlib))
            }
            _ => return Ok(None),
        };
        if self.ended {
            return match self.input.len() {
                0 => Ok(None),
                count => Err(Error::new(ErrorKind::TrailingBytes { count })),
            };
        }
        let mut out = BytesMut::zeroed(PIECE);
        let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
        let status = inflate
            .decompress(&self.input, &mut out, FlushDecompress::None)
            .map_err(|_| Error::new(ErrorKind::Message("the body is no deflated data".into())))?;
        self.input.advance((inflate.total_in() - before_in) as usize);
        out.truncate((inflate.total_out() - before_out) as usize);
        self.ended = status == Status::StreamEnd;
        match out.is_empty() {
            false => Ok(Some(out.freeze())),
            true if self.ended && !self.input.is_empty() => self.next(),
            true => Ok(None),
        }
    }

    /// The body is at its end.
    pub(super) fn finish(&self) -> Result<()> {
        match self.ended || (self.inflate.is_none() && self.input.is_empty()) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Message("the deflated body is cut off".into()))),
        }
    }
}
