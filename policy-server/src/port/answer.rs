//! Sending the answer so that it arrives: all of it, the end of stream, and only then a close.

use std::io;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// `MSG_MORE` of `send(2)`, the same on every architecture.
#[cfg(target_os = "linux")]
const MORE: i32 = 0x8000;

/// Sends `wire` and ends this side of the stream.
pub(super) async fn send<Io: AsyncWrite + Unpin>(io: &mut Io, wire: &[u8]) -> io::Result<()> {
    io.write_all(wire).await?;
    io.flush().await?;
    end(io).await
}

/// The same over TCP. On Linux the kernel is told that more follows, and so the end of stream travels in
/// the same segment as the answer: one packet to send and one wake of the peer instead of two.
pub(super) async fn send_tcp(stream: &mut TcpStream, wire: &[u8]) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use std::{
            future::poll_fn,
            task::{Context, Poll, ready},
        };

        use socket2::SockRef;
        use tokio::io::Interest;

        let mut sent = 0;
        // By hand because `TcpStream::async_io` doubles the size of the future.
        let send_all = |cx: &mut Context<'_>| {
            while sent < wire.len() {
                ready!(stream.poll_write_ready(cx))?;
                let send = || SockRef::from(&*stream).send_with_flags(&wire[sent..], MORE);
                match stream.try_io(Interest::WRITABLE, send) {
                    Ok(n) => sent += n,
                    // No longer ready: asking again registers the task.
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                    Err(e) => return Poll::Ready(Err(e)),
                }
            }
            Poll::Ready(Ok(()))
        };
        poll_fn(send_all).await?;
        end(stream).await
    }
    #[cfg(not(target_os = "linux"))]
    send(stream, wire).await
}

/// Sends what the kernel takes at once of `wire`, and tells how much. To be followed by [`end_now`].
pub(super) fn send_now(stream: &std::net::TcpStream, wire: &[u8]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    return socket2::SockRef::from(stream).send_with_flags(wire, MORE);
    #[cfg(not(target_os = "linux"))]
    return io::Write::write(&mut &*stream, wire);
}

/// Ends this side of the stream.
pub(super) fn end_now(stream: &std::net::TcpStream) -> io::Result<()> {
    ended(stream.shutdown(std::net::Shutdown::Write))
}

async fn end<Io: AsyncWrite + Unpin>(io: &mut Io) -> io::Result<()> {
    ended(io.shutdown().await)
}

fn ended(result: io::Result<()>) -> io::Result<()> {
    match result {
        // The peer has closed already: it saw the NUL.
        Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
        result => result,
    }
}

/// Reads until the peer ends its stream, which says that it has the answer: a close with input unread
/// would reset the connection and might destroy it. False if the peer sends more than `limit` bytes.
pub(super) async fn drain<Io: AsyncRead + Unpin>(io: &mut Io, limit: usize) -> bool {
    let (mut scratch, mut left) = ([0; 64], limit);
    loop {
        match io.read(&mut scratch).await {
            Ok(0) | Err(_) => return true,
            Ok(n) if n > left => return false,
            Ok(n) => left -= n,
        }
    }
}
