//! HTTP/1.1 chunks around frames, made together with them.

use std::io::Write as _;

use bytes::Bytes;

/// Room for the longest chunk header: eight hexadecimal digits, CR, LF.
const HEADER: usize = 10;

/// Room for a usual message and what is around it, so that most frames are written without moving.
const ROOM: usize = 256;

/// What ends a chunked body.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Bytes of a response body as one chunk, from which the same bytes without the chunk are a slice: HTTP/1.1
/// and HTTP/1.0 readers share one allocation.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    chunk: Bytes,
    header: u8,
}

impl Frame {
    /// Lets `write` append the body bytes and puts the chunk around them. One allocation, no second copy.
    ///
    /// # Panics
    ///
    /// If `write` appends nothing (an empty chunk would end the body) or 4 GiB.
    pub(crate) fn build(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = Vec::with_capacity(ROOM);
        bytes.resize(HEADER, 0);
        write(&mut bytes);
        let length = u32::try_from(bytes.len() - HEADER).expect("a frame is shorter than 4 GiB");
        assert!(length > 0, "an empty chunk ends the body");
        bytes.extend_from_slice(b"\r\n");
        // Frames are kept as long as their messages.
        bytes.shrink_to_fit();
        let digits = 8 - (length.leading_zeros() / 4) as usize;
        let unused = HEADER - digits - 2;
        write!(&mut bytes[unused..HEADER], "{length:x}\r\n").expect("there is room for the digits");
        let header = u8::try_from(HEADER - unused).expect("at most HEADER");
        Self { chunk: Bytes::from(bytes).slice(unused..), header }
    }

    /// The bytes to send. A reference count, no copy.
    pub(crate) fn bytes(&self, chunked: bool) -> Bytes {
        match chunked {
            true => self.chunk.clone(),
            false => self.chunk.slice(usize::from(self.header)..self.chunk.len() - 2),
        }
    }

    /// The bytes to send.
    pub(crate) fn as_slice(&self, chunked: bool) -> &[u8] {
        match chunked {
            true => &self.chunk,
            false => &self.chunk[usize::from(self.header)..self.chunk.len() - 2],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chunk_header_is_the_length_in_hexadecimal() {
        for (length, header) in
            [(1, "1"), (15, "f"), (16, "10"), (255, "ff"), (4_096, "1000"), (1 << 20, "100000")]
        {
            let frame = Frame::build(|out| out.resize(out.len() + length, b'x'));
            let body = "x".repeat(length);
            assert_eq!(frame.bytes(true), format!("{header}\r\n{body}\r\n"));
            assert_eq!(frame.bytes(false), body);
            assert_eq!(
                (frame.as_slice(true), frame.as_slice(false)),
                (&frame.bytes(true)[..], body.as_bytes())
            );
        }
    }

    #[test]
    fn both_forms_share_one_allocation() {
        let frame = Frame::build(|out| out.extend_from_slice(b"hello"));
        assert_eq!(frame.bytes(true)[3..].as_ptr(), frame.bytes(false).as_ptr());
    }

    #[test]
    #[should_panic(expected = "ends the body")]
    fn an_empty_frame_is_a_bug() {
        let _ = Frame::build(|_| {});
    }
}
