//! Answers policy requests, and hands everything else on. The IO half of [`detect`](super::detect).

use std::{
    fmt,
    future::poll_fn,
    io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};

use super::{
    answer,
    detect::{Protocol, REQUEST, REQUEST_MAX, Verdict, classify},
    gate::Gate,
    limits::Limits,
    metrics::{Counter, Metrics},
    prefixed::Prefixed,
};
use crate::policy::PolicyFile;

/// A policy ready to be served, with the limits and the counters of its port. Clones share all of it; see
/// [`for_another_port`](Self::for_another_port) for several ports.
#[derive(Clone)]
pub struct Responder(Arc<Shared>);

struct Shared {
    common: Arc<Common>,
    metrics: Metrics,
}

/// What several ports share.
struct Common {
    /// The rendered answer: a request takes a reference to it, never a copy.
    wire: RwLock<Bytes>,
    limits: Limits,
    gate: Gate,
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
    /// Serves `policy` within the default [`Limits`]. Takes its bytes once.
    #[must_use]
    pub fn new(policy: &PolicyFile) -> Self {
        Self::with_limits(policy, Limits::default())
    }

    /// Serves `policy` within `limits`. Takes its bytes once.
    #[must_use]
    pub fn with_limits(policy: &PolicyFile, limits: Limits) -> Self {
        let (wire, gate) = (RwLock::new(policy.to_wire()), Gate::new(&limits));
        let common = Arc::new(Common { wire, limits, gate });
        Self(Arc::new(Shared { common, metrics: Metrics::default() }))
    }

    /// For one more port of the same server: the same policy, also when it is replaced, and the same bounds,
    /// which hold for the connections of all these ports together. The counters are its own.
    #[must_use]
    pub fn for_another_port(&self) -> Self {
        let common = Arc::clone(&self.0.common);
        Self(Arc::new(Shared { common, metrics: Metrics::default() }))
    }

    /// Connections that are open now, on all ports that share these bounds.
    #[must_use]
    pub fn open(&self) -> usize {
        self.gate().open()
    }

    /// Serves another policy from now on, in every clone and on every port. Answers under way keep the one they began with.
    pub fn replace(&self, policy: &PolicyFile) {
        let wire = policy.to_wire();
        *self.0.common.wire.write().unwrap_or_else(PoisonError::into_inner) = wire;
        self.count(Counter::Replaced);
    }

    /// The answer to a policy request: the document and one NUL. Costs a reference count.
    #[must_use]
    pub fn wire(&self) -> Bytes {
        self.0.common.wire.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.common.limits
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.0.common.gate
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

    /// The same for connections that cannot be peeked at: the inside of TLS, Unix sockets, pipes in memory.
    ///
    /// Up to 24 bytes are read; whatever is not a policy request gets them again through [`Prefixed`].
    /// Deadlines and cost are those of [`sniff`](Self::sniff).
    ///
    /// # Errors
    ///
    /// IO errors of the connection. It is closed then.
    pub async fn sniff_io<Io>(&self, io: Io) -> io::Result<Sniffed<Prefixed<Io>>>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        self.sniff_io_within(io, self.limits().first_byte).await
    }

    /// The same with `patience` for the first byte.
    pub(super) async fn sniff_io_within<Io>(
        &self,
        mut io: Io,
        patience: Duration,
    ) -> io::Result<Sniffed<Prefixed<Io>>>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let mut head = Head::default();
        let first = match timeout(patience, head.fill(&mut io)).await {
            Err(_) => Err(Reason::Silent.into()),
            Ok(result) => result.map(|()| head.bytes[0]),
        };
        let result = match first {
            Ok(first) if first != REQUEST[0] => {
                let io = Prefixed::new(io, head.bytes, head.len);
                Ok(Sniffed::Other(io, Protocol::of(first)))
            }
            Ok(_) => self.serve_io(&mut io, head).await.map(|()| Sniffed::Policy),
            Err(end) => Err(end),
        };
        self.settle(result)
    }

    /// First half of [`sniff`](Self::sniff): only looks. The outcome is not counted yet.
    pub(super) async fn first_byte(&self, stream: &TcpStream, patience: Duration) -> Result<u8, End> {
        let mut first = [0];
        // Half the size of `TcpStream::peek`, and this is all that a silent connection holds.
        let peek = poll_fn(|cx| stream.poll_peek(cx, &mut ReadBuf::new(&mut first)));
        match timeout(patience, peek).await {
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
        let result = self.serve_tcp(&mut stream).await.map(|()| Sniffed::Policy);
        self.settle(result)
    }

    /// Sends what is left of an answer to a request that was read already.
    pub(super) async fn answer(&self, mut stream: TcpStream, rest: Bytes) -> io::Result<Sniffed<TcpStream>> {
        let result = self.answered(answer::send_tcp(&mut stream, &rest)).await;
        if result.is_ok() {
            self.drained(&mut stream).await;
        }
        self.settle(result.map(|()| Sniffed::Policy))
    }

    async fn serve_tcp(&self, stream: &mut TcpStream) -> Result<(), End> {
        self.read(stream, Head::default()).await?;
        self.answered(answer::send_tcp(stream, &self.wire())).await?;
        self.drained(stream).await;
        Ok(())
    }

    async fn serve_io<Io>(&self, io: &mut Io, head: Head) -> Result<(), End>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        self.read(io, head).await?;
        self.answered(answer::send(io, &self.wire())).await?;
        self.drained(io).await;
        Ok(())
    }

    /// Reads the rest of the request, however it is cut.
    async fn read<Io: AsyncRead + Unpin>(&self, io: &mut Io, head: Head) -> Result<(), End> {
        timeout(self.limits().request, head.read_request(io)).await.map_err(|_| Reason::Stalled)?
    }

    /// Waits until the answer and the end of stream are the kernel's.
    async fn answered(&self, answer: impl Future<Output = io::Result<()>>) -> Result<(), End> {
        timeout(self.limits().answer, answer).await.map_err(|_| Reason::Unread)??;
        self.count(Counter::Served);
        Ok(())
    }

    /// Waits until the peer has the answer, which it says by ending its side.
    async fn drained<Io: AsyncRead + Unpin>(&self, io: &mut Io) {
        let limits = self.limits();
        if !timeout(limits.drain, answer::drain(io, limits.drain_bytes)).await.unwrap_or(false) {
            self.count(Counter::Undrained);
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

/// What was read of a connection so far.
#[derive(Default)]
struct Head {
    bytes: [u8; REQUEST_MAX],
    len: usize,
}

impl Head {
    /// Reads what there is, at least one byte and not one further than the longest form of a request.
    async fn fill<Io: AsyncRead + Unpin>(&mut self, io: &mut Io) -> Result<(), End> {
        match io.read(&mut self.bytes[self.len..]).await? {
            0 => Err(Reason::EndedEarly.into()),
            n => {
                self.len += n;
                Ok(())
            }
        }
    }

    /// Reads until it is decided whether this is a request.
    async fn read_request<Io: AsyncRead + Unpin>(mut self, io: &mut Io) -> Result<(), End> {
        loop {
            match classify(&self.bytes[..self.len]) {
                Verdict::Policy => return Ok(()),
                Verdict::NeedMore => self.fill(io).await?,
                Verdict::Mismatch { at } => return Err(Reason::Mismatch { at }.into()),
                // Another byte than the one that was looked at: cannot be, and would be a mismatch.
                Verdict::Other(_) => return Err(Reason::Mismatch { at: 0 }.into()),
            }
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
