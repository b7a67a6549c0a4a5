//! The socket of one connection, as the connection's task sees it.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::callbacks::Input;
use super::error::Error;
use super::input::{BadBody, Decoder, Piece};
use super::output::{GATHER, Output};
use super::settings::READ;

/// How long a connection that ends within a request body is read on, so that the client gets to read the answer: a
/// socket that is closed with something unread resets the connection, and takes back what is on its way.
const LINGER: Duration = Duration::from_secs(1);

/// What has come from the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    Input(Input),
    /// The client has ended its direction. It may still read, or be gone. Told once.
    HalfClosed,
}

/// Why nothing more can go over it.
#[derive(Debug)]
pub(super) enum Failure {
    /// The client has gone.
    Gone,
    Failed(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<BadBody> for Failure {
    fn from(bad: BadBody) -> Self {
        Self::Failed(bad.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut};
        match error.kind() {
            // The last: the kernel has given up on it (`Limits::unacknowledged`).
            BrokenPipe | ConnectionReset | ConnectionAborted | NotConnected | TimedOut => Self::Gone,
            _ => Self::Failed(Error::Socket(error)),
        }
    }
}

/// What the connection's task needs of a connection: the seam for other kinds than an HTTP request. A WebSocket
/// would give its messages as further kinds of [`Input`], and frame what is sent by an
/// [`Envelope`](super::output::Envelope) of its own; nothing else of a controller would change.
pub(super) trait Wire: Send {
    /// Writes the front of `out`, which is not empty; ready when something of it was taken.
    fn poll_write(&mut self, cx: &mut Context<'_>, out: &mut Output) -> Poll<io::Result<()>>;

    /// The next thing that the client sends. Cancel safe.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Failure>>;

    /// Whether the client has answered what was sent with a reset, as one does that has closed altogether.
    fn is_gone(&self) -> bool;

    /// Whether the next request may follow on the same connection.
    fn is_reusable(&self) -> bool;
}

/// A socket that was taken over from HTTP after a request head.
#[derive(Debug)]
pub(super) struct HttpWire {
    socket: TcpStream,
    /// What arrived with the head.
    arrived: Bytes,
    body: Decoder,
    /// Whether to look for what follows on the request, rather than to read and drop it.
    keeps: bool,
    is_watching: bool,
    is_half_closed: bool,
    ignored: usize,
    max_ignored: usize,
}

impl HttpWire {
    pub(super) const fn new(
        socket: TcpStream,
        arrived: Bytes,
        body: Decoder,
        keeps: bool,
        max_ignored: usize,
    ) -> Self {
        Self { socket, arrived, body, keeps, is_watching: true, is_half_closed: false, ignored: 0, max_ignored }
    }

    /// The socket, for the next request.
    pub(super) fn into_socket(self) -> TcpStream {
        self.socket
    }

    /// Closes without sending what the kernel still holds; a reset gives that memory back at once.
    pub(super) fn abort(self) {
        if let Err(error) = self.socket.set_zero_linger() {
            tracing::debug!(%error, "the socket is closed without a reset");
        }
    }

    /// Closes so that what was sent arrives.
    pub(super) async fn finish(mut self) {
        if self.body.is_done() || self.is_half_closed {
            return;
        }
        let rest = async {
            self.socket.shutdown().await?;
            let mut ignored = 0;
            while ignored <= self.max_ignored {
                self.socket.readable().await?;
                match self.socket.try_read(&mut [0; READ]) {
                    Ok(0) => break,
                    Ok(read) => ignored += read,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        let _ = timeout(LINGER, rest).await;
    }

    fn half_closed(&mut self) -> Poll<Result<Received, Failure>> {
        self.is_half_closed = true;
        if !self.body.is_done() {
            return Poll::Ready(Err(BadBody::EndedEarly.into()));
        }
        Poll::Ready(Ok(Received::HalfClosed))
    }
}

impl Wire for HttpWire {
    fn poll_write(&mut self, cx: &mut Context<'_>, out: &mut Output) -> Poll<io::Result<()>> {
        loop {
            let mut slices = [IoSlice::new(&[]); GATHER];
            let count = out.slices(&mut slices);
            match self.socket.try_write_vectored(&slices[..count]) {
                Ok(taken) => {
                    out.taken(taken);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_write_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Failure>> {
        loop {
            // What arrived may be more than one piece should be.
            let mut front = self.arrived.slice(..self.arrived.len().min(READ));
            let before = front.len();
            let piece = self.body.next(&mut front)?;
            self.arrived = self.arrived.slice(before - front.len()..);
            match piece {
                Some(Piece::Data(data)) => return Poll::Ready(Ok(Received::Input(Input::Data(data)))),
                Some(Piece::End) => return Poll::Ready(Ok(Received::Input(Input::End))),
                None if self.is_half_closed || !self.is_watching => return Poll::Pending,
                None if !self.body.is_done() && !self.arrived.is_empty() => continue,
                None => {}
            }
            if self.body.is_done() && self.keeps {
                let mut byte = [0];
                match ready!(self.socket.poll_peek(cx, &mut ReadBuf::new(&mut byte)))? {
                    0 => return self.half_closed(),
                    // The next request. It waits for its turn.
                    _ => self.is_watching = false,
                }
                return Poll::Pending;
            }
            let mut buffer = [0; READ];
            match self.socket.try_read(&mut buffer) {
                Ok(0) => return self.half_closed(),
                Ok(read) if self.body.is_done() => {
                    self.ignored += read;
                    if self.ignored > self.max_ignored {
                        return Poll::Ready(Err(BadBody::Ignored { max: self.max_ignored }.into()));
                    }
                }
                Ok(read) => self.arrived = Bytes::copy_from_slice(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_read_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    fn is_gone(&self) -> bool {
        !matches!(self.socket.take_error(), Ok(None))
    }

    fn is_reusable(&self) -> bool {
        self.body.is_done() && self.arrived.is_empty() && !self.is_half_closed && self.keeps
    }
}
