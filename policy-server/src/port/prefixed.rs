//! A connection whose first bytes were read already, and are read again.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::detect::REQUEST_MAX;

/// A connection that gives the bytes which were taken from it before all others.
///
/// For what cannot be peeked at: TLS, Unix sockets, pipes in memory. The bytes, 24 at most, are held
/// inline and copied once to whoever reads first. Writes go straight through, vectored ones as they are,
/// so that HTTP servers need not flatten theirs. After the first reads [`into_inner`](Self::into_inner)
/// gives the connection back.
pub struct Prefixed<Io> {
    io: Io,
    bytes: [u8; REQUEST_MAX],
    /// What is left of `bytes`: `start..end`.
    start: u8,
    end: u8,
}

impl<Io> Prefixed<Io> {
    /// The first `len` of `bytes`, then `io`.
    pub(super) fn new(io: Io, bytes: [u8; REQUEST_MAX], len: usize) -> Self {
        debug_assert!(len <= REQUEST_MAX);
        Self { io, bytes, start: 0, end: u8::try_from(len).unwrap_or(0) }
    }

    /// The bytes that are still to be read again.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.bytes[usize::from(self.start)..usize::from(self.end)]
    }

    /// The connection itself.
    #[must_use]
    pub const fn get_ref(&self) -> &Io {
        &self.io
    }

    /// The connection itself. Reading from it skips the bytes that are still to be read again.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut Io {
        &mut self.io
    }

    /// Gives the connection back.
    ///
    /// # Errors
    ///
    /// `self`, as long as there are bytes to be read again.
    pub fn into_inner(self) -> Result<Io, Self> {
        if self.prefix().is_empty() { Ok(self.io) } else { Err(self) }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Prefixed<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.start == self.end {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let n = self.prefix().len().min(buf.remaining());
        buf.put_slice(&self.prefix()[..n]);
        // At most REQUEST_MAX.
        self.start += u8::try_from(n).unwrap_or(self.end - self.start);
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Prefixed<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

impl<Io> fmt::Debug for Prefixed<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefixed").field("prefix", &self.prefix()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn prefixed<Io>(io: Io, prefix: &[u8]) -> Prefixed<Io> {
        let mut bytes = [0; REQUEST_MAX];
        bytes[..prefix.len()].copy_from_slice(prefix);
        Prefixed::new(io, bytes, prefix.len())
    }

    #[tokio::test]
    async fn every_prefix_length_reads_back_in_every_read_size() {
        let whole: Vec<u8> = (0..100).collect();
        for prefix in 0..=REQUEST_MAX {
            for size in 1..=REQUEST_MAX + 1 {
                let (mut peer, io) = duplex(1024);
                peer.write_all(&whole[prefix..]).await.unwrap();
                drop(peer);
                let (mut io, mut read) = (prefixed(io, &whole[..prefix]), Vec::new());
                let mut buffer = vec![0; size];
                while let n @ 1.. = io.read(&mut buffer).await.unwrap() {
                    read.extend_from_slice(&buffer[..n]);
                }
                assert_eq!(read, whole, "{prefix} bytes before, reads of {size}");
                assert!(io.into_inner().is_ok());
            }
        }
    }

    #[tokio::test]
    async fn writes_go_through_and_the_connection_comes_back() {
        let (mut peer, io) = duplex(64);
        let mut io = prefixed(io, b"ab");
        assert!(io.is_write_vectored(), "as the pipe itself says");
        let slices = [io::IoSlice::new(b"one "), io::IoSlice::new(b"two")];
        assert_eq!(io.write_vectored(&slices).await.unwrap(), 7, "both slices in one write");
        io.flush().await.unwrap();

        let mut io = io.into_inner().unwrap_err();
        assert_eq!(io.prefix(), b"ab");
        io.read_exact(&mut [0; 2]).await.unwrap();
        let mut io = io.into_inner().unwrap();
        io.shutdown().await.unwrap();
        let mut read = String::new();
        peer.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "one two");
    }
}
