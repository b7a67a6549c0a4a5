//! The socket of one connection, as the connection's task sees it.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as _, Frame};
use socket2::SockRef;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::callbacks::Input;
use super::error::Error;
use super::input::{BadBody, failure};
use super::output::{GATHER, Output};
use super::settings::READ;

/// How long a connection that ends within a request body, or before a further request, is read on, so that the client
/// gets to read the answer: a socket that is closed with something unread resets the connection, and takes back what is
/// on its way.
const LINGER: Duration = Duration::from_secs(1);

/// What has come from the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    Input(Input),
    /// The client has ended its direction. It may still read, or be gone. Told once.
    HalfClosed,
    /// It wants this answer, at once: a pong.
    Ping(Bytes),
    /// It closes in good order, and wants this answer, after which nothing is sent.
    Goodbye(Bytes),
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

/// What the connection's task needs of a connection: an HTTP request ([`HttpWire`]) or a WebSocket
/// ([`SocketWire`](super::socket::SocketWire)).
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

/// A socket that was taken over from HTTP after a request head. What hyper still holds of it is the body of the
/// request, if that has one.
#[derive(Debug)]
pub(super) struct HttpWire {
    socket: Arc<TcpStream>,
    /// Until its end.
    body: Option<Body>,
    /// What asking for the body gave.
    first: Option<Option<Result<Frame<Bytes>, axum::Error>>>,
    /// Of the body: more than one piece should be.
    arrived: Bytes,
    left: u64,
    max: u64,
    /// Whether to look for what follows on the request, rather than to read and drop it.
    keeps: bool,
    is_watching: bool,
    is_half_closed: bool,
    ignored: usize,
    max_ignored: usize,
}

impl HttpWire {
    /// Of a request with `body`, of which `max` bytes are taken. After one without, the next may follow if it `keeps`
    /// the connection.
    pub(super) fn new(
        socket: Arc<TcpStream>,
        body: Option<Body>,
        max: u64,
        keeps: bool,
        max_ignored: usize,
    ) -> Self {
        let keeps = keeps && body.is_none();
        let (arrived, is_watching, is_half_closed) = (Bytes::new(), true, false);
        let first = None;
        Self {
            socket,
            body,
            first,
            arrived,
            left: max,
            max,
            keeps,
            is_watching,
            is_half_closed,
            ignored: 0,
            max_ignored,
        }
    }

    /// Asks for the body, so that hyper tells a client to send it that waits to be told (`100 Continue`), before
    /// anything else is written.
    pub(super) async fn ask(&mut self) {
        let Some(body) = &mut self.body else { return };
        let mut is_asked = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut is_asked, true) {
                return Poll::Ready(());
            }
            if let Poll::Ready(first) = Pin::new(&mut *body).poll_frame(cx) {
                self.first = Some(first);
            }
            // hyper's turn.
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// The socket, for the next request.
    pub(super) fn into_socket(self) -> Option<TcpStream> {
        Arc::into_inner(self.socket)
    }

    /// Closes without sending what the kernel still holds; a reset gives that memory back at once.
    pub(super) fn abort(&mut self) {
        if let Err(error) = self.socket.set_zero_linger() {
            tracing::debug!(%error, "the socket is closed without a reset");
        }
    }

    /// Closes so that what was sent arrives, also to a client that is still sending, or has sent its next request.
    pub(super) async fn finish(&mut self) {
        // What came while a callback was at work, nobody has looked at yet.
        let waits =
            || SockRef::from(&*self.socket).peek(&mut [MaybeUninit::uninit()]).is_ok_and(|read| read > 0);
        let has_unread = self.body.is_some() || (self.keeps && !self.is_watching) || waits();
        if !has_unread || self.is_half_closed {
            return;
        }
        let rest = async {
            SockRef::from(&*self.socket).shutdown(Shutdown::Write)?;
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

    /// The next piece of the body, which is not at its end yet.
    fn poll_body(&mut self, body: &mut Body, cx: &mut Context<'_>) -> Poll<Result<Input, Failure>> {
        while self.arrived.is_empty() {
            // What its head announces, or nothing.
            if body.size_hint().lower() > self.left {
                return Poll::Ready(Err(BadBody::TooLong { max: self.max }.into()));
            }
            let frame = match self.first.take() {
                Some(first) => first,
                None => ready!(Pin::new(&mut *body).poll_frame(cx)),
            };
            match frame {
                // Trailers mean nothing here.
                Some(Ok(frame)) => self.arrived = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Err(failure(&error))),
                None => return Poll::Ready(Ok(Input::End)),
            }
        }
        let piece = self.arrived.split_to(self.arrived.len().min(READ));
        match self.left.checked_sub(piece.len() as u64) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Err(BadBody::TooLong { max: self.max }.into())),
        }
        Poll::Ready(Ok(Input::Data(piece)))
    }
}

/// Writes the front of `out`, which is not empty.
pub(super) fn write(socket: &TcpStream, cx: &mut Context<'_>, out: &mut Output) -> Poll<io::Result<()>> {
    loop {
        let mut slices = [IoSlice::new(&[]); GATHER];
        let count = out.slices(&mut slices);
        match socket.try_write_vectored(&slices[..count]) {
            Ok(taken) => {
                out.taken(taken);
                return Poll::Ready(Ok(()));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(socket.poll_write_ready(cx))?;
            }
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

impl Wire for HttpWire {
    fn poll_write(&mut self, cx: &mut Context<'_>, out: &mut Output) -> Poll<io::Result<()>> {
        write(&self.socket, cx, out)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Failure>> {
        if let Some(mut body) = self.body.take() {
            let polled = self.poll_body(&mut body, cx);
            if !matches!(polled, Poll::Ready(Ok(Input::End))) {
                self.body = Some(body);
            }
            return polled.map_ok(Received::Input);
        }
        while self.is_watching {
            let received = if self.keeps {
                let mut byte = [0];
                ready!(self.socket.poll_peek(cx, &mut ReadBuf::new(&mut byte)))
            } else {
                match self.socket.try_read(&mut [0; READ]) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        ready!(self.socket.poll_read_ready(cx))?;
                        continue;
                    }
                    received => received,
                }
            };
            match received? {
                0 => {
                    (self.is_watching, self.is_half_closed) = (false, true);
                    return Poll::Ready(Ok(Received::HalfClosed));
                }
                // The next request. It waits for its turn.
                _ if self.keeps => self.is_watching = false,
                read => {
                    self.ignored += read;
                    if self.ignored > self.max_ignored {
                        return Poll::Ready(Err(BadBody::Ignored { max: self.max_ignored }.into()));
                    }
                }
            }
        }
        Poll::Pending
    }

    fn is_gone(&self) -> bool {
        !matches!(self.socket.take_error(), Ok(None))
    }

    fn is_reusable(&self) -> bool {
        self.keeps && !self.is_half_closed
    }
}
