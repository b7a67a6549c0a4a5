//! The bytes of one connection, as they are asked for.

use crate::client::error::{Error, Result};
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::{fmt, io};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// Bytes that are read ahead of the packet that is asked for, at most; with them, a response head is bounded.
/// What waits beyond them waits in the kernel and at the server.
pub const READ_AHEAD: usize = 64 << 10;

/// Room that is made for one read from a bare connection.
const READ_ROOM: usize = 16 << 10;

/// A connection, with or without TLS.
pub(super) type Io = MaybeHttpsStream<TokioIo<TcpStream>>;

/// What is read from. Nothing happens but while it is polled: there is no task behind it, and dropping it closes the
/// connection.
pub(super) enum Source {
    Http(Box<Http>),
    Raw(Box<TokioIo<Io>>),
}

/// A response whose body is a stream.
pub(super) struct Http {
    pub(super) connection: Connection<Io, Full<Bytes>>,
    pub(super) body: Incoming,
    /// As long as it lives, hyper does not think of closing.
    pub(super) _sender: SendRequest<Full<Bytes>>,
    pub(super) is_over: bool,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http(_) => "Http",
            Self::Raw(_) => "Raw",
        })
    }
}

impl Source {
    /// Appends what has arrived; false at the end of the stream. Copies what HTTP gives: its pieces share the buffer of
    /// the connection, and a packet may begin in one of them and end in another.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<bool>> {
        match self {
            Self::Http(http) => match ready!(http.poll_piece(cx))? {
                Some(piece) => {
                    buffer.extend_from_slice(&piece);
                    Poll::Ready(Ok(true))
                }
                None => Poll::Ready(Ok(false)),
            },
            Self::Raw(io) => {
                buffer.reserve(READ_ROOM);
                let mut room = buffer.limit(READ_AHEAD);
                // A read that is given up has read nothing.
                let read = ready!(Future::poll(pin!(io.read_buf(&mut room)), cx));
                Poll::Ready(read.map(|count| count > 0).map_err(Error::Io))
            }
        }
    }
}

impl Http {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending if self.is_over => {
                    return Poll::Ready(Err(Error::Io(io::ErrorKind::UnexpectedEof.into())));
                }
                Poll::Pending => {
                    // The connection reads what the body gives: it first, so that what it has read is given at once.
                    self.is_over = Pin::new(&mut self.connection).poll(cx).is_ready();
                    match Pin::new(&mut self.body).poll_frame(cx) {
                        Poll::Ready(frame) => frame,
                        Poll::Pending if self.is_over => continue,
                        Poll::Pending => return Poll::Pending,
                    }
                }
            };
            match frame {
                None => return Poll::Ready(Ok(None)),
                Some(Err(error)) => return Poll::Ready(Err(Error::transport(error))),
                // Trailers say nothing of packets.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => return Poll::Ready(Ok(Some(data))),
                    Err(_) => {}
                },
            }
        }
    }
}
