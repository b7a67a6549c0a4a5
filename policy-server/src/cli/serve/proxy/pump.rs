//! Carries bytes both ways between two connections until both directions have ended.

use std::{
    cell::RefCell,
    fmt,
    future::{Future as _, poll_fn},
    io,
    pin::{Pin, pin},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
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

/// Bytes that many connections have carried until now.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) to_upstream: AtomicU64,
    pub(super) to_client: AtomicU64,
}

/// Carries `first` and then everything `client` sends to `upstream`, and back, until both have ended, one
/// fails, or nothing moves for `idle`. An end is passed on as an end, and the other direction goes on; a
/// failure is passed on as a reset.
///
/// `tally` grows with every byte that is carried.
///
/// Holds nothing for a direction whose peer takes the bytes as they come, 64 KiB else. Dropped before it has
/// ended, as a server does that stops, it breaks both sides off: what was carried until then was cut.
pub(super) async fn pump<A: Duplex, B: Duplex>(
    client: &mut A,
    upstream: &mut B,
    first: Vec<u8>,
    idle: Duration,
    tally: &Tally,
) -> (End, Carried) {
    let mut pair = Pair { client, upstream, is_ended: false };
    let (client, upstream) = (&mut *pair.client, &mut *pair.upstream);
    let (mut up, mut down) = (Flow::new(first, &tally.to_upstream), Flow::new(Vec::new(), &tally.to_client));
    let mut deadline = pin!(sleep(idle));
    let mut last = Instant::now();
    let end = poll_fn(|cx| {
        let before = (up.moves, down.moves);
        match up.poll(cx, client, upstream, down.is_done()) {
            // The upstream takes no more, and may have said all the same what it wants to say.
            Poll::Ready(Err(Failure::Write(e))) => {
                // Unless it was reset: the write took the error that the read would have met. One that had
                // ended its direction before gives a broken pipe.
                if e.kind() == io::ErrorKind::ConnectionReset {
                    down.cut = Some(e);
                }
                up.discard();
            }
            Poll::Ready(Err(Failure::Read(e))) => {
                upstream.break_off();
                return Poll::Ready(End::Client(e));
            }
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        match down.poll(cx, upstream, client, up.is_done()) {
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
    pair.is_ended = !matches!(end, End::Idle);
    (end, Carried { to_upstream: up.carried, to_client: down.carried })
}

/// Both sides, broken off if nothing else has ended them.
struct Pair<'a, A: Duplex, B: Duplex> {
    client: &'a mut A,
    upstream: &'a mut B,
    is_ended: bool,
}

impl<A: Duplex, B: Duplex> Drop for Pair<'_, A, B> {
    fn drop(&mut self) {
        if !self.is_ended {
            self.client.break_off();
            self.upstream.break_off();
        }
    }
}

enum Failure {
    Read(io::Error),
    Write(io::Error),
}

/// One direction.
struct Flow<'a> {
    /// Read and not taken by the other side: `pending[at..]`.
    pending: Vec<u8>,
    at: usize,
    state: State,
    /// The reading side was reset: its end, when it is read, is none.
    cut: Option<io::Error>,
    carried: u64,
    /// Of all connections, in this direction.
    tally: &'a AtomicU64,
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

impl<'a> Flow<'a> {
    const fn new(pending: Vec<u8>, tally: &'a AtomicU64) -> Self {
        Self { pending, at: 0, state: State::Open, cut: None, carried: 0, tally, moves: 0 }
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

    /// Moves what can be moved now. Ready when this direction has ended, or failed. The last one to end is
    /// ended by the close that follows.
    fn poll<A: Duplex, B: Duplex>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut A,
        to: &mut B,
        is_last: bool,
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
                    if !is_last {
                        // One that is gone already needs no end.
                        let _ = ready!(Pin::new(&mut *to).poll_shutdown(cx));
                    }
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
        if bytes.is_empty()
            && let Some(reset) = self.cut.take()
        {
            return Poll::Ready(Err(Failure::Read(reset)));
        }
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
                self.tally.fetch_add(n as u64, Relaxed);
                self.moves += 1;
                Ok(n)
            }
            Err(e) => Err(Failure::Write(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicBool};

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        net::TcpListener,
        task::JoinHandle,
    };

    use super::*;

    /// A pipe in memory that remembers whether it was broken off.
    struct Pipe(DuplexStream, Arc<AtomicBool>);

    impl Duplex for Pipe {
        fn break_off(&self) {
            self.1.store(true, Relaxed);
        }
    }

    impl AsyncRead for Pipe {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Pipe {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(cx, buf)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(cx)
        }
    }

    struct Pumped {
        client: DuplexStream,
        upstream: DuplexStream,
        broken: [Arc<AtomicBool>; 2],
        pump: JoinHandle<(End, Carried)>,
    }

    const IDLE: Duration = Duration::from_secs(60);

    /// Each pipe holds 16 bytes, so that most writes are cut.
    fn pumped(first: &[u8]) -> Pumped {
        let ((client, a), (upstream, b)) = (duplex(16), duplex(16));
        let broken: [Arc<AtomicBool>; 2] = Default::default();
        let (mut a, mut b) = (Pipe(a, Arc::clone(&broken[0])), Pipe(b, Arc::clone(&broken[1])));
        let first = first.to_vec();
        let pump = tokio::spawn(async move { pump(&mut a, &mut b, first, IDLE, &Tally::default()).await });
        Pumped { client, upstream, broken, pump }
    }

    impl Pumped {
        fn is_broken(&self) -> [bool; 2] {
            self.broken.each_ref().map(|broken| broken.load(Relaxed))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_other_side_does_not_take_at_once_is_kept_in_order() {
        let Pumped { client, upstream, pump, .. } = pumped(b"header of more than sixteen bytes;");
        let data: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        let (mut from_client, mut to_upstream) = tokio::io::split(client);
        let (mut from_upstream, mut to_client) = tokio::io::split(upstream);
        let (one, two) = (data.clone(), data.clone());
        let up = tokio::spawn(async move {
            to_upstream.write_all(&one).await.unwrap();
            to_upstream.shutdown().await.unwrap();
        });
        let down = tokio::spawn(async move {
            to_client.write_all(&two).await.unwrap();
            to_client.shutdown().await.unwrap();
        });
        let (mut at_upstream, mut at_client) = (Vec::new(), Vec::new());
        let (one, two) = tokio::join!(
            from_upstream.read_to_end(&mut at_upstream),
            from_client.read_to_end(&mut at_client)
        );
        one.and(two).unwrap();
        up.await.unwrap();
        down.await.unwrap();
        assert!(at_upstream.strip_prefix(b"header of more than sixteen bytes;") == Some(&data));
        assert!(at_client == data);
        let (end, carried) = pump.await.unwrap();
        assert!(matches!(end, End::Done), "{end}");
        assert_eq!((carried.to_upstream, carried.to_client), (100_034, 100_000));
    }

    #[tokio::test(start_paused = true)]
    async fn idleness_is_counted_from_the_last_byte_of_either_direction() {
        let start = Instant::now();
        let mut pumped = pumped(b"");
        sleep(IDLE * 2 / 3).await;
        pumped.upstream.write_all(b"x").await.unwrap();
        sleep(IDLE * 2 / 3).await;
        pumped.client.write_all(b"y").await.unwrap();
        assert_eq!(pumped.upstream.read_u8().await.unwrap(), b'y');
        let broken = pumped.broken.clone();
        let (end, carried) = pumped.pump.await.unwrap();
        assert!(matches!(end, End::Idle), "{end}");
        assert_eq!(start.elapsed(), IDLE * 4 / 3 + IDLE);
        assert_eq!(carried, Carried { to_upstream: 1, to_client: 1 });
        assert!(broken.iter().all(|broken| broken.load(Relaxed)), "neither side may take it for an end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_half_closed_connection_is_bounded_as_well() {
        let start = Instant::now();
        let mut pumped = pumped(b"");
        pumped.client.shutdown().await.unwrap();
        let mut rest = Vec::new();
        pumped.upstream.read_to_end(&mut rest).await.unwrap();
        let (end, _) = pumped.pump.await.unwrap();
        assert!(matches!(end, End::Idle), "{end}");
        assert_eq!(start.elapsed(), IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_holds_no_more_than_one_buffer() {
        let mut pumped = pumped(b"");
        // The pipes hold 16 bytes each, the pump one read; the writer stalls until it is idle for too long.
        let mut sent = 0;
        while tokio::time::timeout(Duration::from_secs(1), pumped.client.write_all(&[0; 16])).await.is_ok() {
            sent += 16;
        }
        assert!(sent <= 16 * 4, "{sent} bytes were taken from the client");
        assert_eq!(pumped.is_broken(), [false, false]);
        let (end, carried) = pumped.pump.await.unwrap();
        assert!(matches!(end, End::Idle), "{end}");
        assert_eq!(carried.to_upstream, 16);
    }

    #[tokio::test(start_paused = true)]
    async fn an_upstream_that_has_gone_is_lingered_for_but_not_for_long() {
        let start = Instant::now();
        let mut pumped = pumped(b"");
        pumped.upstream.write_all(b"last words").await.unwrap();
        drop(pumped.upstream);
        let mut words = [0; 10];
        pumped.client.read_exact(&mut words).await.unwrap();
        // Keeps sending, to nobody.
        let mut client = pumped.client;
        let sender = tokio::spawn(async move {
            while client.write_all(b"more").await.is_ok() {
                sleep(Duration::from_millis(100)).await;
            }
        });
        let (end, carried) = pumped.pump.await.unwrap();
        assert!(matches!(end, End::Done), "{end}");
        assert_eq!((start.elapsed(), carried), (LINGER, Carried { to_upstream: 0, to_client: 10 }));
        sender.await.unwrap();
        assert!(pumped.broken.iter().all(|broken| !broken.load(Relaxed)), "its answer must survive");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_dropped_before_its_end_breaks_both_sides_off() {
        let mut pumped = pumped(b"");
        pumped.upstream.write_all(b"half of").await.unwrap();
        pumped.client.read_exact(&mut [0; 7]).await.unwrap();
        pumped.pump.abort();
        assert!(pumped.pump.await.unwrap_err().is_cancelled());
        assert!(
            pumped.broken.iter().all(|broken| broken.load(Relaxed)),
            "neither side may take it for an end"
        );
    }

    /// The kernel tells a reset once, to whichever call comes first.
    #[tokio::test]
    async fn a_reset_that_a_write_meets_first_is_no_end_of_the_response() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let pair = async || {
            let near = TcpStream::connect(address).await.unwrap();
            (near, listener.accept().await.unwrap().0)
        };
        let ((mut client, mut a), (mut b, mut upstream)) = (pair().await, pair().await);
        upstream.write_all(b"partial").await.unwrap();
        upstream.set_zero_linger().unwrap();
        drop(upstream);
        // Until the reset is there.
        b.ready(tokio::io::Interest::ERROR).await.unwrap();
        // There is something to be written before anything is read.
        let (end, carried) =
            pump(&mut a, &mut b, b"more of the request".to_vec(), IDLE, &Tally::default()).await;
        assert!(matches!(&end, End::Upstream(e) if e.kind() == io::ErrorKind::ConnectionReset), "{end}");
        assert_eq!(carried, Carried { to_upstream: 0, to_client: 7 });
        drop((a, b));
        let mut response = [0; 7];
        client.read_exact(&mut response).await.unwrap();
        assert_eq!(&response, b"partial");
        assert_eq!(client.read_u8().await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_has_gone_breaks_the_upstream_off() {
        let mut pumped = pumped(b"");
        drop(pumped.client);
        // Its end arrives first; what cannot be written to it is noticed then.
        let mut rest = Vec::new();
        pumped.upstream.write_all(b"unread").await.unwrap();
        let (end, _) = pumped.pump.await.unwrap();
        assert!(matches!(end, End::Client(_)), "{end}");
        assert!(pumped.broken[1].load(Relaxed));
        pumped.upstream.read_to_end(&mut rest).await.unwrap();
    }
}
