//! Accepting connections without registering them with the runtime, which one that is answered at once never
//! needs.

use std::{
    io,
    net::{SocketAddr, TcpStream},
};

#[cfg(unix)]
use tokio::io::unix::AsyncFd;
use tokio::net::TcpListener;

/// Connections that are accepted in one go, before other tasks have their turn.
pub(super) const BATCH: usize = 64;

/// A listener whose connections come as they are, not blocking, and several at a time.
#[derive(Debug)]
pub(super) struct Acceptor {
    #[cfg(unix)]
    listener: AsyncFd<mio::net::TcpListener>,
    #[cfg(not(unix))]
    listener: TcpListener,
}

#[cfg(unix)]
impl Acceptor {
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe, as types may close or lend their descriptor; mio's do not"
    )]
    pub(super) fn new(listener: TcpListener) -> io::Result<Self> {
        use tokio::io::Interest;

        // mio's own accept makes a connection that does not block with one system call, std's with two.
        let listener = mio::net::TcpListener::from_std(listener.into_std()?);
        Ok(Self { listener: AsyncFd::with_interest(listener, Interest::READABLE)? })
    }

    /// Waits for connections and adds them to `batch`. Loses none if dropped unfinished.
    ///
    /// An error may come with connections that were accepted before it.
    pub(super) async fn accept(&self, batch: &mut Vec<(TcpStream, SocketAddr)>) -> io::Result<()> {
        let mut ready = self.listener.readable().await?;
        for _ in 0..BATCH {
            match ready.get_inner().accept() {
                Ok((stream, peer)) => batch.push((stream.into(), peer)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    ready.clear_ready();
                    break;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

#[cfg(not(unix))]
impl Acceptor {
    #[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(super) fn new(listener: TcpListener) -> io::Result<Self> {
        Ok(Self { listener })
    }

    /// As on Unix, one at a time.
    pub(super) async fn accept(&self, batch: &mut Vec<(TcpStream, SocketAddr)>) -> io::Result<()> {
        let (stream, peer) = self.listener.accept().await?;
        batch.push((stream.into_std()?, peer));
        Ok(())
    }
}
