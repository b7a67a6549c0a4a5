//! The request body, decoded as it arrives: RFC 9112, sections 6 and 7. Pure: bytes in, pieces out.
//!
//! hyper has read the head, and refused heads that are ambiguous about the body, before a controller gets the socket.

use bytes::{Buf, Bytes};

/// Bytes of chunk extensions and trailers together, in one request. They mean nothing here and are dropped; more
/// fails the request.
pub(super) const MAX_EXTRAS: u32 = 4 << 10;

/// What the request says about its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    Nothing,
    Length(u64),
    Chunked,
}

/// The request body is not what was announced, or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadBody {
    /// Bytes that are no chunk.
    #[error("not chunked as announced: expected {expected}, not byte {found:#04x}")]
    Chunk {
        /// What should have come.
        expected: &'static str,
        /// What came.
        found: u8,
    },
    /// Chunk extensions and trailers beyond 4 KiB.
    #[error("more than {MAX_EXTRAS} bytes of chunk extensions and trailers")]
    Extras,
    /// More than the connection takes.
    #[error("more than input_bytes = {max} bytes")]
    TooLong {
        /// [`Suspend::input_bytes`](super::Suspend::input_bytes).
        max: u64,
    },
    /// The client ended its direction within the body.
    #[error("it ended early")]
    EndedEarly,
    /// After the request came more than is ignored.
    #[error("more than ignored_input = {max} bytes after its end")]
    Ignored {
        /// [`Limits::ignored_input`](crate::Limits::ignored_input).
        max: usize,
    },
}

/// A part of the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Data(Bytes),
    End,
}

/// Where in the body the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Bytes of the body that are left.
    Length(u64),
    /// Hexadecimal digits, so many so far.
    Size { size: u64, digits: u8 },
    /// From `;` or a blank to the end of the line.
    Extension { size: u64 },
    SizeLf { size: u64 },
    /// Bytes of the chunk that are left.
    Data(u64),
    DataCr,
    DataLf,
    /// The beginning of a trailer, or of the empty line that ends the body.
    Line,
    Trailer,
    TrailerLf,
    LastLf,
    /// Everything was given but the end.
    Ended,
    Done,
}

/// Cuts pieces out of what arrives.
#[derive(Debug)]
pub(super) struct Decoder {
    state: State,
    extras: u32,
    left: u64,
    max: u64,
}

/// Digits of a chunk size, leading zeros too.
const MAX_DIGITS: u8 = 16;

impl Decoder {
    /// For a body of `max` bytes at most.
    pub(super) const fn new(announced: Announced, max: u64) -> Self {
        let state = match announced {
            Announced::Nothing | Announced::Length(0) => State::Done,
            Announced::Length(length) => State::Length(length),
            Announced::Chunked => State::Size { size: 0, digits: 0 },
        };
        Self { state, extras: 0, left: max, max }
    }

    /// Whether the end was given, or there is no body.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the next piece from the front of `input`: a reference count, no copy. `None`: more has to arrive, or
    /// it is done; then `input` is what follows.
    ///
    /// # Errors
    ///
    /// [`BadBody`], after which this must not be called again.
    pub(super) fn next(&mut self, input: &mut Bytes) -> Result<Option<Piece>, BadBody> {
        loop {
            match self.state {
                State::Done => return Ok(None),
                State::Ended => {
                    self.state = State::Done;
                    return Ok(Some(Piece::End));
                }
                State::Length(left) | State::Data(left) => {
                    if left > self.left {
                        return Err(BadBody::TooLong { max: self.max });
                    }
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let piece = input.split_to(usize::try_from(left).unwrap_or(usize::MAX).min(input.len()));
                    let rest = left - piece.len() as u64;
                    self.left -= piece.len() as u64;
                    self.state = match self.state {
                        State::Length(_) if rest == 0 => State::Ended,
                        State::Length(_) => State::Length(rest),
                        _ if rest == 0 => State::DataCr,
                        _ => State::Data(rest),
                    };
                    return Ok(Some(Piece::Data(piece)));
                }
                _ => {
                    let Some(&byte) = input.first() else { return Ok(None) };
                    self.state = self.after(byte)?;
                    input.advance(1);
                }
            }
        }
    }

    /// The state after a byte of what is around the chunks. Lines end with CR LF and nothing less: who takes a bare
    /// LF for the end of a line sees other chunks than a proxy that does not.
    fn after(&mut self, byte: u8) -> Result<State, BadBody> {
        let bad = |expected| Err(BadBody::Chunk { expected, found: byte });
        Ok(match (self.state, byte) {
            (State::Size { size, digits }, _) if byte.is_ascii_hexdigit() => {
                if digits == MAX_DIGITS {
                    return Err(BadBody::TooLong { max: self.max });
                }
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                State::Size { size: size << 4 | digit, digits: digits + 1 }
            }
            (State::Size { size, digits: 1.. }, b'\r') => State::SizeLf { size },
            (State::Size { size, digits: 1.. }, b';' | b' ' | b'\t') => State::Extension { size },
            (State::Size { .. }, _) => return bad("the digits of a chunk size"),
            (State::Extension { size }, b'\r') => State::SizeLf { size },
            (State::SizeLf { size: 0 }, b'\n') => State::Line,
            (State::SizeLf { size }, b'\n') => State::Data(size),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { size: 0, digits: 0 },
            (State::Line, b'\r') => State::LastLf,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerLf, b'\n') => State::Line,
            (State::LastLf, b'\n') => State::Ended,
            (same @ State::Extension { .. }, b' '.. | b'\t') => self.extra(same)?,
            (State::Line | State::Trailer, b' '.. | b'\t') => self.extra(State::Trailer)?,
            _ => return bad("CR LF"),
        })
    }

    fn extra(&mut self, state: State) -> Result<State, BadBody> {
        self.extras += 1;
        if self.extras > MAX_EXTRAS { Err(BadBody::Extras) } else { Ok(state) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Everything that comes of `wire` when it arrives in pieces of these lengths, and what is left of it.
    fn decode(
        announced: Announced,
        max: u64,
        wire: &[u8],
        cuts: &[usize],
    ) -> Result<(Vec<u8>, bool, Vec<u8>), BadBody> {
        let (mut decoder, mut body, mut ended) = (Decoder::new(announced, max), Vec::new(), false);
        let (mut arrived, mut rest) = (Bytes::new(), wire);
        let mut cuts = cuts.iter().copied().cycle();
        loop {
            while let Some(piece) = decoder.next(&mut arrived)? {
                match piece {
                    Piece::Data(data) => body.extend_from_slice(&data),
                    Piece::End => ended = true,
                }
            }
            if rest.is_empty() || decoder.is_done() {
                return Ok((body, ended, [&arrived, rest].concat()));
            }
            let cut = cuts.next().unwrap().clamp(1, rest.len());
            arrived = [&arrived, &rest[..cut]].concat().into();
            rest = &rest[cut..];
        }
    }

    fn chunked(wire: &str) -> Result<(Vec<u8>, bool, Vec<u8>), BadBody> {
        decode(Announced::Chunked, 1_000, wire.as_bytes(), &[usize::MAX])
    }

    #[test]
    fn a_body_of_a_known_length_ends_there() {
        let got = decode(Announced::Length(5), 5, b"hello, next", &[3]);
        assert_eq!(got, Ok((b"hello".to_vec(), true, b", next".to_vec())));
        assert_eq!(decode(Announced::Length(6), 5, b"", &[1]), Err(BadBody::TooLong { max: 5 }));
        assert_eq!(decode(Announced::Length(6), 6, b"hell", &[1]), Ok((b"hell".to_vec(), false, vec![])));
        for nothing in [Announced::Nothing, Announced::Length(0)] {
            assert_eq!(decode(nothing, 5, b"next", &[4]), Ok((vec![], false, b"next".to_vec())));
        }
    }

    #[test]
    fn extensions_and_trailers_are_dropped() {
        let got = chunked("5;a=\"b\"\r\nhello\r\n00A \r\n, world!!!\r\n0\r\nx: y\r\nz:\r\n\r\nGET");
        assert_eq!(got, Ok((b"hello, world!!!".to_vec(), true, b"GET".to_vec())));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for wire in [
            "\r\n", ";\r\n", "g\r\n", "-1\r\n", "0x5\r\n", "5\nhello", "5\r\r", "5;a\nhello", "5\r\nhello5",
            "5\r\nhello\n", "0\r\n\n", "0\r\nx: y\n\r\n", "0\r\n\r\r", "5;\0\r\n",
        ] {
            assert!(matches!(chunked(wire), Err(BadBody::Chunk { .. })), "{wire:?}: {:?}", chunked(wire));
        }
        let too_long = Err(BadBody::TooLong { max: 1_000 });
        for wire in ["3e9\r\n", "ffffffffffffffff\r\n", "00000000000000001\r\n"] {
            assert_eq!(chunked(wire), too_long, "{wire}");
        }
        let longest = "a".repeat(MAX_EXTRAS as usize);
        assert!(chunked(&format!("1;{longest}\r\n")).is_ok());
        assert_eq!(chunked(&format!("1;{longest}a\r\n")), Err(BadBody::Extras));
        assert_eq!(chunked(&format!("0\r\n{longest}a")), Err(BadBody::Extras));
    }

    proptest! {
        /// Wherever the network cuts it.
        #[test]
        fn chunks_give_what_was_put_into_them(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            cuts in prop::collection::vec(1..9_usize, 1..9),
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\nrest");
            let (body, ended, rest) = decode(Announced::Chunked, 1_000, &wire, &cuts).unwrap();
            prop_assert_eq!(body, chunks.concat());
            prop_assert!(ended);
            prop_assert!(b"rest".starts_with(&rest[..]) || rest == b"rest");
        }

        /// No panic, and never more than allowed.
        #[test]
        fn noise_is_an_error_or_bounded(wire in "[0-9a-f;x\r\n ]{0,64}", cuts in prop::collection::vec(1..9_usize, 1..4)) {
            if let Ok((body, ..)) = decode(Announced::Chunked, 20, wire.as_bytes(), &cuts) {
                prop_assert!(body.len() <= 20);
            }
        }
    }
}
