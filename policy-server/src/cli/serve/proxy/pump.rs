//! Carries bytes both ways between two connections until both directions have ended.

use std::{
    cell::RefCell,
    fmt,
    future::{Future as _, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    time::{Instant, sleep},
};

/// Read at once. Each thread has one such buffer; what the other side does not take of it at once is kept
/// by the connection, so that this is also the most that a direction ever holds.
const BUFFER: usize = 64 * 1024;

/// How long the client may keep sending to an upstream that has gone: closing with bytes unread would reset
/// the connection, and might destroy the last response on its way.
const LINGER: Duration = Duration::from_secs(2);

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into_boxed_slice());
}

/// A connection that can be broken off so that its peer sees an error and not an end.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin {
    /// Makes closing a reset. A response that was cut must not look complete.
    fn break_off(&self);
}

impl Duplex for TcpStream {
    fn break_off(&self) {
        // Fails only for a connection that is gone anyway.
        let _ = self.set_zero_linger();
    }
}

impl Duplex for UnixStream {
    /// There is no such thing; unread bytes make one, the rest is an end.
    fn break_off(&self) {}
}

/// How it ended.
#[derive(Debug)]
pub(super) enum End {
    /// Both directions ended.
    Done,
    /// Nothing moved within the limit.
    Idle,
    /// The client's side failed: a reset, mostly.
    Client(io::Error),
    /// The upstream's side failed.
    Upstream(io::Error),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => write!(f, "both sides ended"),
            Self::Idle => write!(f, "idle for too long"),
            Self::Client(e) => write!(f, "client: {e}"),
            Self::Upstream(e) => write!(f, "upstream: {e}"),
        }
    }
}

/// Bytes that were carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Carried {
    pub(super) to_upstream: u64,
    pub(super) to_client: u64,
}

/// Carries `first` and then everything `client` sends to `upstream`, and back, until both have ended, one
/// fails, or nothing moves for `idle`. An end is passed on as an end, and the other direction goes on; a
/// failure is passed on as a reset.
///
/// Holds nothing for a direction whose peer takes the bytes as they come, 64 KiB else.
pub(super) async fn pump<A: Duplex, B: Duplex>(
    client: &mut A,
    upstream: &mut B,
    first: Vec<u8>,
    idle: Duration,
) -> (End, Carried) {
    let (mut up, mut down) = (Flow::new(first), Flow::new(Vec::new()));
    let mut deadline = pin!(sleep(idle));
    let mut last = Instant::now();
    let end = poll_fn(|cx| {
        let before = (up.moves, down.moves);
        match up.poll(cx, client, upstream) {
            // The upstream takes no more, and may have said all the same what it wants to say.
            Poll::Ready(Err(Failure::Write(_))) => up.discard(),
            Poll::Ready(Err(Failure::Read(e))) => {
                upstream.break_off();
                return Poll::Ready(End::Client(e));
            }
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        match down.poll(cx, upstream, client) {
            Poll::Ready(Err(Failure::Write(e))) => {
                upstream.break_off();
                return Poll::Ready(End::Client(e));
            }
            Poll::Ready(Err(Failure::Read(e))) => {
                client.break_off();
                return Poll::Ready(End::Upstream(e));
            }
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        if up.is_done() && down.is_done() {
            return Poll::Ready(End::Done);
        }
        // A client that never stops sending to nobody does not prolong this.
        let lingers = up.is_discarding() && down.is_done();
        if (up.moves, down.moves) != before && !lingers {
            last = Instant::now();
        }
        let patience = if lingers { LINGER.min(idle) } else { idle };
        if deadline.deadline() > last + patience {
            deadline.as_mut().reset(last + patience);
        }
        loop {
            ready!(deadline.as_mut().poll(cx));
            if Instant::now() >= last + patience {
                return Poll::Ready(if lingers { End::Done } else { End::Idle });
            }
            deadline.as_mut().reset(last + patience);
        }
    })
    .await;
    if let End::Idle = end {
        client.break_off();
        upstream.break_off();
    }
    (end, Carried { to_upstream: up.carried, to_client: down.carried })
}

enum Failure {
    Read(io::Error),
    Write(io::Error),
}

/// One direction.
struct Flow {
    /// Read and not taken by the other side: `pending[at..]`.
    pending: Vec<u8>,
    at: usize,
    state: State,
    carried: u64,
    /// Grows with everything that happens.
    moves: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The reading side has ended; the writing side is to be ended.
    Ending,
    /// The writing side has failed: what is still read goes nowhere.
    Discarding,
    Done,
}

impl Flow {
    const fn new(pending: Vec<u8>) -> Self {
        Self { pending, at: 0, state: State::Open, carried: 0, moves: 0 }
    }

    fn is_done(&self) -> bool {
        self.state == State::Done
    }

    fn is_discarding(&self) -> bool {
        self.state == State::Discarding
    }

    fn discard(&mut self) {
        (self.pending, self.at) = (Vec::new(), 0);
        // Whether the reading side has ended is seen by reading.
        self.state = State::Discarding;
    }

    /// Moves what can be moved now. Ready when this direction has ended, or failed.
    fn poll<A: Duplex, B: Duplex>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut A,
        to: &mut B,
    ) -> Poll<Result<(), Failure>> {
        loop {
            while self.at < self.pending.len() {
                let n = ready!(Pin::new(&mut *to).poll_write(cx, &self.pending[self.at..]));
                self.at += self.wrote(n)?;
            }
            if self.at > 0 {
                (self.pending, self.at) = (Vec::new(), 0);
            }
            match self.state {
                State::Done => return Poll::Ready(Ok(())),
                State::Ending => {
                    // One that is gone already needs no end.
                    let _ = ready!(Pin::new(&mut *to).poll_shutdown(cx));
                    self.state = State::Done;
                    self.moves += 1;
                }
                State::Open | State::Discarding => {
                    ready!(SCRATCH.with_borrow_mut(|scratch| self.carry(cx, from, to, scratch)))?;
                }
            }
        }
    }

    /// One read, and the write of what it gave.
    fn carry<A: Duplex, B: Duplex>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut A,
        to: &mut B,
        scratch: &mut [u8],
    ) -> Poll<Result<(), Failure>> {
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(from).poll_read(cx, &mut buffer)).map_err(Failure::Read)?;
        self.moves += 1;
        let bytes = buffer.filled();
        match (bytes.is_empty(), self.state) {
            (true, State::Discarding) => self.state = State::Done,
            (true, _) => self.state = State::Ending,
            (false, State::Discarding) => {}
            (false, _) => match Pin::new(to).poll_write(cx, bytes) {
                Poll::Pending => self.pending = bytes.to_vec(),
                Poll::Ready(result) => {
                    let n = self.wrote(result)?;
                    if n < bytes.len() {
                        self.pending = bytes[n..].to_vec();
                    }
                }
            },
        }
        Poll::Ready(Ok(()))
    }

    fn wrote(&mut self, result: io::Result<usize>) -> Result<usize, Failure> {
        match result {
            Ok(0) => Err(Failure::Write(io::ErrorKind::WriteZero.into())),
            Ok(n) => {
                self.carried += n as u64;
                self.moves += 1;
                Ok(n)
            }
            Err(e) => Err(Failure::Write(e)),
        }
    }
}
