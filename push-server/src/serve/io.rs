//! The socket as hyper sees it, with one thing remembered: whether a write is unfinished.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A socket that says whether everything hyper has written has gone to the kernel.
///
/// hyper writes its whole buffer whenever it is polled, until the socket refuses. So if the last write did
/// not refuse, the buffer is empty, and the socket may be taken away between two polls without losing the
/// response of an earlier request on the same connection. It does happen that hyper (1.12) routes a request
/// while the response before it, if that is a head only, waits for a full socket.
#[derive(Debug)]
pub(super) struct WatchedIo {
    inner: TokioIo<TcpStream>,
    unfinished: Arc<AtomicBool>,
}

impl WatchedIo {
    pub(super) fn new(socket: TcpStream, unfinished: Arc<AtomicBool>) -> Self {
        Self { inner: TokioIo::new(socket), unfinished }
    }

    pub(super) fn into_inner(self) -> TcpStream {
        self.inner.into_inner()
    }

    fn watch<T>(&self, poll: Poll<T>) -> Poll<T> {
        self.unfinished.store(poll.is_pending(), Ordering::Relaxed);
        poll
    }
}

impl Read for WatchedIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl Write for WatchedIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watch(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watch(poll)
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
