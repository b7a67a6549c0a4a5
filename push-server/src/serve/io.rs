//! The socket as hyper sees it, with what has to be known of it beside: whether hyper has read anything, and whether a
//! write is unfinished, and since when.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// A socket that says whether everything hyper has written has gone to the kernel.
///
/// hyper writes its whole buffer whenever it is polled, until the socket refuses. So if the last write did
/// not refuse, the buffer is empty, and the socket may be taken away between two polls without losing the
/// response of an earlier request on the same connection. It does happen that hyper (1.12) routes a request
/// while the response before it, if that is a head only, waits for a full socket.
///
/// A socket that goes on refusing for the stall time fails with [`io::ErrorKind::TimedOut`]: hyper bounds
/// the time of a request head, but waits for ever for a client that does not read its response.
#[derive(Debug)]
pub(super) struct WatchedIo {
    inner: TokioIo<Socket>,
    seen: Arc<Seen>,
    stall: Duration,
    /// Runs while the socket refuses. Most responses fit the socket, so most connections never have one.
    stalled: Option<Pin<Box<Sleep>>>,
}

/// What was seen of a socket.
#[derive(Debug, Default)]
pub(super) struct Seen {
    has_read: AtomicBool,
    unfinished: AtomicBool,
}

impl Seen {
    /// Something of the client has been read.
    pub(super) fn has_read(&self) -> bool {
        self.has_read.load(Ordering::Relaxed)
    }

    /// The last write has not gone to the kernel in whole.
    pub(super) fn is_unfinished(&self) -> bool {
        self.unfinished.load(Ordering::Relaxed)
    }
}

impl WatchedIo {
    /// Watches `socket`, and fails once it has taken nothing of a write for `stall`.
    pub(super) fn new(socket: Arc<TcpStream>, seen: Arc<Seen>, stall: Duration) -> Self {
        Self { inner: TokioIo::new(Socket(socket)), seen, stall, stalled: None }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.seen.unfinished.store(poll.is_pending(), Ordering::Relaxed);
        if poll.is_ready() {
            self.stalled = None;
            return poll;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
        if stalled.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        // The peer has proved that it does not read: a reset gives the kernel's memory back at once.
        if let Err(error) = self.inner.inner().0.set_zero_linger() {
            tracing::debug!(%error, "the socket is closed without a reset");
        }
        let what = format!("the client has taken nothing of its response for stall = {stall:?}");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, what)))
    }
}

impl Read for WatchedIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if read.is_ready() {
            self.seen.has_read.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl Write for WatchedIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watch(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watch(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A socket that somebody else may write to: a controller, while hyper decodes the body of its request.
#[derive(Debug)]
struct Socket(Arc<TcpStream>);

/// Tries until the kernel would block.
macro_rules! try_until_blocked {
    ($ready:expr, $attempt:expr) => {
        loop {
            ready!($ready)?;
            match $attempt {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        try_until_blocked!(self.0.poll_read_ready(cx), self.0.try_read_buf(buf).map(|_| ()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        try_until_blocked!(self.0.poll_write_ready(cx), self.0.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        try_until_blocked!(self.0.poll_write_ready(cx), self.0.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.0).shutdown(Shutdown::Write))
    }
}
