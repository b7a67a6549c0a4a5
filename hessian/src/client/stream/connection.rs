//! One connection: its bytes, cut into packets, and its silence.

use super::listener::Settings;
use super::source::Source;
use crate::client::error::Error;
use crate::packet::{Framing, Packet, PacketDecoder};
use bytes::BytesMut;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// A connection on which packets follow.
#[derive(Debug)]
pub(super) struct Connection {
    source: Source,
    decoder: PacketDecoder,
    /// What has been read and is no packet yet.
    buffer: BytesMut,
    silence: Silence,
    pub(super) opened: Instant,
    /// Each packet is the next position.
    pub(super) counts: bool,
    /// Packets so far, without heartbeats.
    pub(super) packets: u64,
}

/// Why no packet comes.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection is gone.
    Lost(Error),
    /// What comes is no packet, or one beyond the limits.
    Garbage(crate::Error),
}

impl Connection {
    pub(super) fn new(source: Source, settings: &Settings, silence: Option<Duration>, counts: bool) -> Self {
        let decoder = match settings.framing {
            Some(framing) => PacketDecoder::new(framing, &settings.limits),
            None => PacketDecoder::recognising(&settings.limits),
        };
        let (silence, opened) = (Silence::new(silence), Instant::now());
        Self { source, decoder, buffer: BytesMut::new(), silence, opened, counts, packets: 0 }
    }

    pub(super) fn framing(&self) -> Option<Framing> {
        self.decoder.framing()
    }

    /// The number of the packet that has come.
    pub(super) fn count(&mut self) -> u64 {
        self.packets += 1;
        self.packets - 1
    }

    /// The next packet; `None` where the stream ends between two. Reads no more than it takes.
    pub(super) fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Packet>, Broken>> {
        loop {
            if let Some(packet) = self.decoder.decode(&mut self.buffer).map_err(Broken::Garbage)? {
                self.silence.end();
                return Poll::Ready(Ok(Some(packet)));
            }
            match self.source.poll_read(cx, &mut self.buffer) {
                Poll::Ready(Ok(true)) => self.silence.end(),
                Poll::Ready(Ok(false)) if self.buffer.is_empty() && self.decoder.is_between_packets() => {
                    return Poll::Ready(Ok(None));
                }
                Poll::Ready(Ok(false)) => {
                    let what = "the connection has ended inside a packet";
                    let error = io::Error::new(io::ErrorKind::UnexpectedEof, what);
                    return Poll::Ready(Err(Broken::Lost(Error::Io(error))));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Broken::Lost(error))),
                Poll::Pending => {
                    let after = ready!(self.silence.poll(cx));
                    return Poll::Ready(Err(Broken::Lost(Error::Timeout { what: "a sign of life", after })));
                }
            }
        }
    }
}

/// Watches for how long nothing comes while something is waited for.
///
/// Times are looked at where a wait begins, and the timer is moved only when it goes off too early: a packet costs no
/// timer.
#[derive(Debug)]
struct Silence {
    longest: Option<Duration>,
    /// When it will have been too long; `None` while nobody waits.
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    fn new(longest: Option<Duration>) -> Self {
        Self { longest, deadline: None, timer: None }
    }

    /// Something has come.
    fn end(&mut self) {
        self.deadline = None;
    }

    /// Nothing has come: how long that may last, once it has lasted so long.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(longest) = self.longest else { return Poll::Pending };
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + longest);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= deadline {
                return Poll::Ready(longest);
            }
            timer.as_mut().reset(deadline);
        }
    }
}
