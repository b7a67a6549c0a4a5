//! Binary results of any size.

use super::super::error::{Error, Result};
use super::builder::Settings;
use super::pieces::Pieces;
use super::reply::{self, none};
use crate::error::ErrorKind;
use crate::event::Event;
use crate::grammar::One;
use crate::limits::Limits;
use crate::parser::{Parser, Step};
use crate::rpc::{Form, value_of};
use bytes::{Buf, Bytes, BytesMut};
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::{fmt, io};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

/// Bytes before the value of a reply at most: headers, which no service is known to send.
const MAX_BEFORE: usize = 4 << 10;

/// Chunks without anything in them in a row at most. Stops a flood that never gets anywhere.
const MAX_EMPTY_CHUNKS: u32 = 1024;

/// A binary result that is read while it arrives: an [`AsyncRead`], a [`Stream`] of [`Bytes`], or piece by piece with
/// [`chunk`](Self::chunk). Memory does not depend on its size, and nothing is copied in the latter two.
///
/// A reply that is cut off is an error, never an end. Whoever is slow to read slows the service down; the connection is kept for
/// further calls when it was read to its end, and closed when it is dropped before.
pub struct BinaryReply {
    pieces: Pieces,
    parser: Chunks,
    /// Where the value starts in the reply, for messages.
    start: usize,
    /// What the parser has not read yet.
    input: Bytes,
    state: State,
    /// A piece that was read already.
    ready: Option<Bytes>,
    received: u64,
    empty_chunks: u32,
    ignore_trailing: bool,
    /// A call on its way, until this is dropped.
    _permit: OwnedSemaphorePermit,
}

enum Chunks {
    One(Parser<One>),
    Two(Parser),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Inside the binary.
    Binary,
    /// Behind its last chunk; Hessian 1 has a byte there.
    Tail,
    /// Behind the reply.
    Behind,
    /// At the end of the response, or after an error.
    End,
}

impl BinaryReply {
    /// Reads up to the first bytes of the binary.
    pub(super) async fn begin(
        mut pieces: Pieces,
        content_type: &str,
        settings: &Settings,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self> {
        let Some(mut input) = pieces.next().await? else { return Err(none(content_type)) };
        if let Some(error) = reply::is_none(&input) {
            let body = reply::excerpt(input, &mut pieces, settings.max_excerpt).await;
            return Err(Error::NoReply { content_type: content_type.to_owned(), body, error });
        }
        let (form, start) = loop {
            match value_of(&input, &settings.limits) {
                Ok(Some(found)) => break found,
                Ok(None) => {
                    let bytes = reply::collect_from(input, &mut pieces, settings).await?;
                    return Err(reply::fault(&bytes, settings));
                }
                Err(error) if error.is_incomplete() => {
                    if input.len() > MAX_BEFORE {
                        let max = MAX_BEFORE as u64;
                        let kind = ErrorKind::Limit { limit: "MAX_BEFORE", max };
                        return Err(crate::Error::at(max, kind).into());
                    }
                    let Some(next) = pieces.next().await? else { return Err(error.into()) };
                    input = joined(&input, &next);
                }
                Err(error) => return Err(error.into()),
            }
        };
        input.advance(start);
        // It goes through: no length of it costs anything.
        let limits = Limits { max_binary: u64::MAX, ..settings.limits };
        let parser = match form {
            Form::One => Chunks::One(Parser::new(limits)),
            Form::Two => Chunks::Two(Parser::new(limits)),
        };
        let mut reply = Self {
            pieces,
            parser,
            start,
            input,
            state: State::Binary,
            ready: None,
            received: 0,
            empty_chunks: 0,
            ignore_trailing: settings.ignore_trailing,
            _permit: permit,
        };
        // A value of another type is told here, not in the middle of what the caller does with it.
        reply.ready = reply.chunk().await?;
        reply.received = 0;
        Ok(reply)
    }

    /// The next piece, which is not empty; `None` at the end.
    ///
    /// # Errors
    /// A reply that is cut off, silent for too long or malformed. Then it is at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// Bytes that were given out.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let piece = match self.ready.take() {
            Some(piece) => Ok(Some(piece)),
            None => ready!(self.poll_piece(cx)),
        };
        match &piece {
            Ok(Some(piece)) => self.received += piece.len() as u64,
            Ok(None) => {}
            Err(_) => self.state = State::End,
        }
        Poll::Ready(piece)
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            if let Some(piece) = self.step()? {
                return Poll::Ready(Ok(Some(piece)));
            }
            if self.state == State::End {
                return Poll::Ready(Ok(None));
            }
            match ready!(self.pieces.poll_next(cx))? {
                Some(piece) if self.input.is_empty() => self.input = piece,
                Some(piece) => self.input = joined(&self.input, &piece),
                None if self.state == State::Behind => self.state = State::End,
                None => {
                    let told = format!("the reply is cut off after {} bytes of the binary", self.received);
                    return Poll::Ready(Err(Error::Io(io::Error::new(io::ErrorKind::UnexpectedEof, told))));
                }
            }
        }
    }

    /// A piece of what is there.
    fn step(&mut self) -> Result<Option<Bytes>> {
        while !self.input.is_empty() {
            match self.state {
                State::Binary => {
                    let step = match &mut self.parser {
                        Chunks::One(parser) => parser.step(&self.input),
                        Chunks::Two(parser) => parser.step(&self.input),
                    };
                    match step.map_err(|error| error.behind(self.start))? {
                        Step::Event { event: Event::Binary { bytes, last }, used } => {
                            let piece = self.input.slice_ref(bytes);
                            self.input.advance(used);
                            if last {
                                self.state = State::Tail;
                            }
                            if !piece.is_empty() {
                                self.empty_chunks = 0;
                                return Ok(Some(piece));
                            }
                            self.empty_chunks += 1;
                            if self.empty_chunks > MAX_EMPTY_CHUNKS {
                                let max = MAX_EMPTY_CHUNKS.into();
                                let kind = ErrorKind::Limit { limit: "MAX_EMPTY_CHUNKS", max };
                                return Err(crate::Error::new(kind).into());
                            }
                        }
                        Step::Event { event, .. } => {
                            let (found, expected) = (name_of(&event), "binary".into());
                            let (at, kind) =
                                (self.start as u64, ErrorKind::UnexpectedType { found, expected });
                            return Err(crate::Error::at(at, kind).into());
                        }
                        Step::NeedMore { used, .. } => {
                            self.input.advance(used);
                            return Ok(None);
                        }
                        Step::Done => self.state = State::Tail,
                    }
                }
                State::Tail => {
                    self.state = State::Behind;
                    if let (Chunks::One(_), found) = (&self.parser, self.input[0]) {
                        if found != b'z' {
                            let kind =
                                ErrorKind::UnexpectedByte { found, expected: "the end of a reply (`z`)" };
                            return Err(crate::Error::new(kind).into());
                        }
                        self.input.advance(1);
                    }
                }
                State::Behind if self.ignore_trailing => {
                    self.input.clear();
                    // What may follow without end is not waited for.
                    self.state = State::End;
                }
                State::Behind => {
                    let count = self.input.len();
                    return Err(crate::Error::new(ErrorKind::TrailingBytes { count }).into());
                }
                State::End => return Ok(None),
            }
        }
        if self.state == State::Tail && matches!(self.parser, Chunks::Two(_)) {
            self.state = State::Behind;
        }
        Ok(None)
    }
}

/// The beginning of a token, and what follows it.
fn joined(beginning: &[u8], next: &[u8]) -> Bytes {
    let mut joined = BytesMut::with_capacity(beginning.len() + next.len());
    joined.extend_from_slice(beginning);
    joined.extend_from_slice(next);
    joined.freeze()
}

fn name_of(event: &Event<'_>) -> &'static str {
    match event {
        Event::Null => "null",
        Event::Bool(_) => "a boolean",
        Event::Int(_) => "an int",
        Event::Long(_) => "a long",
        Event::Double(_) => "a double",
        Event::Date(_) => "a date",
        Event::Text { .. } | Event::Surrogate { .. } => "a string",
        Event::List { .. } => "a list",
        Event::Map { .. } => "a map",
        Event::Object { .. } | Event::Definition(_) => "an object",
        Event::Remote { .. } => "a remote object",
        Event::Reference(_) => "a reference",
        Event::Binary { .. } | Event::End => "an end",
    }
}

impl Stream for BinaryReply {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.get_mut().poll_chunk(cx).map(Result::transpose)
    }
}

impl AsyncRead for BinaryReply {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let reply = self.get_mut();
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let Some(mut piece) = ready!(reply.poll_chunk(cx))? else { return Poll::Ready(Ok(())) };
        out.put_slice(&piece.split_to(piece.len().min(out.remaining())));
        if !piece.is_empty() {
            reply.received -= piece.len() as u64;
            reply.ready = Some(piece);
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for BinaryReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BinaryReply").field("received", &self.received).finish_non_exhaustive()
    }
}
