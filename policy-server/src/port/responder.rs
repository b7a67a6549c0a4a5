//! Answers policy requests, and hands everything else on. The IO half of [`detect`](super::detect).

use std::{
    fmt, io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    detect::{Protocol, REQUEST, REQUEST_MAX, Verdict, classify},
    limits::Limits,
    metrics::{Counter, Metrics},
};
use crate::policy::PolicyFile;

/// A policy ready to be served, with the limits and the counters of its port. Clones share all of it.
#[derive(Clone)]
pub struct Responder(Arc<Shared>);

struct Shared {
    /// The rendered answer: a request takes a reference to it, never a copy.
    wire: RwLock<Bytes>,
    limits: Limits,
    metrics: Metrics,
}

/// What became of a connection.
#[derive(Debug)]
pub enum Sniffed<Io> {
    /// It was a policy request. It is answered and closed.
    Policy,
    /// It is something else: the connection as it came, and what its first byte suggests.
    Other(Io, Protocol),
    /// It is closed, without an answer, for this reason.
    Closed(Reason),
}

/// Why a connection was closed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It began like a policy request; the byte with this index did not fit.
    Mismatch {
        /// Index of the first wrong byte.
        at: usize,
    },
    /// No byte came within [`Limits::first_byte`].
    Silent,
    /// A request began and did not end within [`Limits::request`].
    Stalled,
    /// The peer did not take the answer within [`Limits::answer`].
    Unread,
    /// The peer ended the stream before it showed what it is.
    EndedEarly,
}

impl Responder {
    /// Serves `policy` within the default [`Limits`]. Renders it once.
    #[must_use]
    pub fn new(policy: &PolicyFile) -> Self {
        Self::with_limits(policy, Limits::default())
    }

    /// Serves `policy` within `limits`. Renders it once.
    #[must_use]
    pub fn with_limits(policy: &PolicyFile, limits: Limits) -> Self {
        let wire = RwLock::new(policy.to_wire());
        Self(Arc::new(Shared { wire, limits, metrics: Metrics::default() }))
    }

    /// Serves another policy from now on, in every clone. Answers under way keep the one they began with.
    pub fn replace(&self, policy: &PolicyFile) {
        let wire = policy.to_wire();
        *self.0.wire.write().unwrap_or_else(PoisonError::into_inner) = wire;
        self.count(Counter::Replaced);
    }

    /// The answer to a policy request: the document and one NUL. Costs a reference count.
    #[must_use]
    pub fn wire(&self) -> Bytes {
        self.0.wire.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Decides what a TCP connection is. A policy request is answered and closed here; anything else is
    /// handed back with not a byte taken from it, so that reads and writes on it cost what they always do.
    ///
    /// One byte is peeked at, which stays in the kernel's buffer. Only if it is `<` is anything read. Ends
    /// within [`Limits::first_byte`], or after a first byte `<` within the sum of the other deadlines. The
    /// future is small (some hundred bytes) and allocates nothing. May be cancelled by dropping it, which
    /// closes the connection. To be run in a task of its own: a loop of `accept` and `sniff` lets one
    /// silent connection hold up all others ([`serve`](super::serve) does it right).
    ///
    /// # Errors
    ///
    /// IO errors of the connection, resets mostly. It is closed then.
    pub async fn sniff(&self, stream: TcpStream) -> io::Result<Sniffed<TcpStream>> {
        match self.first_byte(&stream, self.limits().first_byte).await {
            Ok(first) => self.follow(stream, first).await,
            Err(end) => self.settle(Err(end)),
        }
    }

    /// First half of [`sniff`](Self::sniff): only looks. The outcome is not counted yet.
    pub(super) async fn first_byte(&self, stream: &TcpStream, patience: Duration) -> Result<u8, End> {
        let mut first = [0];
        match timeout(patience, stream.peek(&mut first)).await {
            Err(_) => Err(Reason::Silent.into()),
            Ok(Ok(0)) => Err(Reason::EndedEarly.into()),
            Ok(Ok(_)) => Ok(first[0]),
            Ok(Err(e)) => Err(e.into()),
        }
    }

    /// Second half of [`sniff`](Self::sniff), once the first byte is known.
    pub(super) async fn follow(&self, mut stream: TcpStream, first: u8) -> io::Result<Sniffed<TcpStream>> {
        if first != REQUEST[0] {
            return self.settle(Ok(Sniffed::Other(stream, Protocol::of(first))));
        }
        let result = self.request(&mut stream).await.map(|()| Sniffed::Policy);
        self.settle(result)
    }

    /// Reads the request, however it is cut, and answers it.
    async fn request<Io: AsyncRead + AsyncWrite + Unpin>(&self, io: &mut Io) -> Result<(), End> {
        let limits = self.limits();
        timeout(limits.request, read_request(io)).await.map_err(|_| Reason::Stalled)??;
        timeout(limits.answer, self.answer(io)).await.map_err(|_| Reason::Unread)??;
        self.count(Counter::Served);
        match timeout(limits.drain, drain(io, limits.drain_bytes)).await {
            Ok(true) => {}
            Ok(false) | Err(_) => self.count(Counter::Undrained),
        }
        Ok(())
    }

    async fn answer<Io: AsyncWrite + Unpin>(&self, io: &mut Io) -> io::Result<()> {
        io.write_all(&self.wire()).await?;
        io.flush().await?;
        match io.shutdown().await {
            // The peer has closed already: it saw the NUL.
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }

    /// The one place where outcomes are counted.
    pub(super) fn settle<Io>(&self, result: Result<Sniffed<Io>, End>) -> io::Result<Sniffed<Io>> {
        match result {
            Ok(sniffed) => {
                if let Sniffed::Other(..) = sniffed {
                    self.count(Counter::HandedOn);
                }
                Ok(sniffed)
            }
            Err(End::Closed(reason)) => {
                self.count(reason.counter());
                Ok(Sniffed::Closed(reason))
            }
            Err(End::Io(e)) => {
                self.count(Counter::Failed);
                Err(e)
            }
        }
    }

    pub(super) fn count(&self, counter: Counter) {
        self.0.metrics.count(counter);
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder")
            .field("wire", &self.wire())
            .field("limits", self.limits())
            .field("metrics", &self.metrics().snapshot())
            .finish()
    }
}

/// Reads to the end of the request and not one byte further than the longest form of it.
async fn read_request<Io: AsyncRead + Unpin>(io: &mut Io) -> Result<(), End> {
    let (mut bytes, mut len) = ([0; REQUEST_MAX], 0);
    loop {
        match io.read(&mut bytes[len..]).await? {
            0 => return Err(Reason::EndedEarly.into()),
            n => len += n,
        }
        match classify(&bytes[..len]) {
            Verdict::Policy => return Ok(()),
            Verdict::NeedMore => {}
            Verdict::Mismatch { at } => return Err(Reason::Mismatch { at }.into()),
            // Another byte than the one peeked at: cannot be, and would be a mismatch.
            Verdict::Other(_) => return Err(Reason::Mismatch { at: 0 }.into()),
        }
    }
}

/// Reads until the peer ends its stream, which says that it has the answer. False if it keeps sending.
async fn drain<Io: AsyncRead + Unpin>(io: &mut Io, limit: usize) -> bool {
    let (mut scratch, mut left) = ([0; 64], limit);
    loop {
        match io.read(&mut scratch).await {
            Ok(0) | Err(_) => return true,
            Ok(n) if n > left => return false,
            Ok(n) => left -= n,
        }
    }
}

/// How a connection ends other than by being answered or handed on.
pub(super) enum End {
    Closed(Reason),
    Io(io::Error),
}

impl From<Reason> for End {
    fn from(reason: Reason) -> Self {
        Self::Closed(reason)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Reason {
    const fn counter(self) -> Counter {
        match self {
            Self::Mismatch { .. } => Counter::Mismatch,
            Self::Silent => Counter::Silent,
            Self::Stalled => Counter::Stalled,
            Self::Unread => Counter::Unread,
            Self::EndedEarly => Counter::EndedEarly,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch { at } => write!(f, "began like a policy request, byte {at} does not fit"),
            Self::Silent => write!(f, "sent nothing within the limit"),
            Self::Stalled => write!(f, "began a policy request and did not end it within the limit"),
            Self::Unread => write!(f, "did not take the answer within the limit"),
            Self::EndedEarly => write!(f, "ended before it showed what it is"),
        }
    }
}
