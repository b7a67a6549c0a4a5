//! Binary results that are sent as they are read.

use crate::rpc::Form;
use bytes::{BufMut, Bytes, BytesMut};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of one chunk of a binary that is read from a reader.
const CHUNK: usize = 32 << 10;

/// The head of a chunk: its tag and two bytes of length.
const HEAD: usize = 3;

/// Bytes of one chunk at most.
const MAX_CHUNK: usize = 0xffff;

/// A binary result (Java's `byte[]` or `InputStream`) that is sent as it is read, in constant memory: about 32 KiB from a
/// reader, one piece of a body.
///
/// When reading fails, the connection is closed before the end of the reply: the caller cannot take it for a whole one. No
/// time is set to it: a source that may stall bounds itself.
///
/// A client of Java 4.0.38 reads it into a `byte[]`; its `InputStream` results work from 4.0.63 on (before, the client closes
/// the connection first).
pub struct Download(Source);

enum Source {
    Reader(Pin<Box<dyn AsyncRead + Send>>),
    Body(UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>),
}

impl Download {
    /// What a reader gives, up to its end: a file, a pipe.
    #[must_use]
    pub fn new(reader: impl AsyncRead + Send + 'static) -> Self {
        Self(Source::Reader(Box::pin(reader)))
    }

    /// What an HTTP body has, without copying its pieces: that of another service's response, or a stream of `Bytes`
    /// (`http_body_util::StreamBody`, `axum::body::Body::from_stream`).
    #[must_use]
    pub fn from_body<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        Self(Source::Body(body.map_err(Into::into).boxed_unsync()))
    }

    /// The reply that it is.
    pub(super) fn reply(self, form: Form) -> Reply {
        Reply { source: self.0, form, buffer: BytesMut::new(), rest: Bytes::new(), state: State::Beginning }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").finish_non_exhaustive()
    }
}

/// The bytes of a reply with a binary, in pieces.
pub(super) struct Reply {
    source: Source,
    form: Form,
    buffer: BytesMut,
    /// What is left of a piece whose chunk was begun.
    rest: Bytes,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Beginning,
    Reading,
    /// The head of a chunk was sent: so many bytes of `rest` follow.
    Chunk(usize),
    Done,
}

impl Reply {
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    fn head(&self, len: usize) -> [u8; HEAD] {
        let tag = match self.form {
            Form::One => b'b',
            Form::Two => b'A',
        };
        #[expect(clippy::cast_possible_truncation, reason = "at most MAX_CHUNK")]
        let [high, low] = (len as u16).to_be_bytes();
        [tag, high, low]
    }

    fn end(&mut self) -> Bytes {
        self.state = State::Done;
        Bytes::from_static(match self.form {
            Form::One => b"B\0\0z",
            Form::Two => b"\x20",
        })
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let piece = match self.state {
            State::Done => return Poll::Ready(None),
            State::Beginning => {
                self.state = State::Reading;
                Bytes::from_static(match self.form {
                    Form::One => b"r\x01\0",
                    Form::Two => b"H\x02\0R",
                })
            }
            State::Chunk(len) => {
                self.state = State::Reading;
                self.rest.split_to(len)
            }
            State::Reading => match ready!(self.poll_read(cx)) {
                Ok(piece) => piece.unwrap_or_else(|| self.end()),
                Err(error) => {
                    self.state = State::Done;
                    tracing::warn!(%error, "a download broke off");
                    return Poll::Ready(Some(Err(error)));
                }
            },
        };
        Poll::Ready(Some(Ok(piece)))
    }

    /// The next chunk, or the head of one.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        match &mut self.source {
            Source::Reader(reader) => {
                self.buffer.clear();
                self.buffer.reserve(HEAD + CHUNK);
                self.buffer.put_bytes(0, HEAD);
                // Dropped where it waits: it has read nothing then.
                let mut chunk = (&mut self.buffer).limit(CHUNK);
                let len = ready!(pin!(reader.read_buf(&mut chunk)).poll(cx))?;
                if len == 0 {
                    return Poll::Ready(Ok(None));
                }
                let head = self.head(len);
                self.buffer[..HEAD].copy_from_slice(&head);
                Poll::Ready(Ok(Some(self.buffer.split().freeze())))
            }
            Source::Body(body) => {
                while self.rest.is_empty() {
                    let Some(frame) = ready!(Pin::new(&mut *body).poll_frame(cx)) else {
                        return Poll::Ready(Ok(None));
                    };
                    // Trailers are no data.
                    self.rest = frame.map_err(io::Error::other)?.into_data().unwrap_or_default();
                }
                let len = self.rest.len().min(MAX_CHUNK);
                let head = self.head(len);
                self.state = State::Chunk(len);
                Poll::Ready(Ok(Some(Bytes::copy_from_slice(&head))))
            }
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("form", &self.form).field("state", &self.state).finish_non_exhaustive()
    }
}

/// A piece as a frame.
pub(super) fn frame(piece: io::Result<Bytes>) -> Result<Frame<Bytes>, io::Error> {
    piece.map(Frame::data)
}
