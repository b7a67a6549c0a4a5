//! Fifteen thousand connections that say nothing, or begin to say something, or only listen: what each is given, what they cost, and that
//! nobody else notices.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use push_server::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};

use crate::crowd::spent;
use crate::demo::Demo;

const CONNECTIONS: usize = 15_000;

/// Addresses that they come from, as the port bounds what one address may have open.
const ADDRESSES: usize = 10;

/// Connections under way at a time.
const AT_ONCE: usize = 256;

/// What a busy machine takes to close so many.
const SLACK: Duration = Duration::from_secs(5);

/// What a reader may wait for a line that comes every 2 s, while thousands of connections end at one moment on the same cores.
const LONGEST_GAP: Duration = Duration::from_secs(5);

/// What they are to the server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// They send nothing.
    Silent,
    /// They send a part of a request head.
    HalfARequest,
    /// They subscribe.
    Listening,
}

impl Kind {
    const fn sends(self) -> &'static str {
        match self {
            Self::Silent => "",
            Self::HalfARequest => "GET /comet HTTP/1.1\r\nHost: x\r\n",
            Self::Listening => "GET /comet/sse HTTP/1.0\r\n\r\n",
        }
    }
}

/// A connection, and when it began.
async fn connect(server: SocketAddr, number: usize) -> (TcpStream, Instant) {
    let begin = Instant::now();
    let socket = TcpSocket::new_v4().expect("a descriptor");
    let host = u8::try_from(number % ADDRESSES + 1).expect("few addresses");
    socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into()).expect("all of 127.0.0.0/8 is this machine");
    (socket.connect(server).await.expect("the backlog takes them"), begin)
}

/// How long the server lets a connection be, and what it says; as long as `patience`, if it does not end it.
async fn stay(
    (mut socket, begin): (TcpStream, Instant),
    kind: Kind,
    patience: Duration,
) -> (Option<Duration>, Vec<u8>) {
    let mut said = Vec::new();
    // Closed at once, it may refuse to be written to.
    let _ = socket.write_all(kind.sends().as_bytes()).await;
    let ended = timeout(patience, socket.read_to_end(&mut said)).await;
    (ended.ok().map(|_| begin.elapsed()), said)
}

/// Reads the demo's lines for as long as it is let, on a thread of its own; the longest time between two of them.
fn longest_gap(server: SocketAddr) -> Duration {
    let mut socket = std::net::TcpStream::connect(server).expect("the port is open");
    socket.write_all(Kind::Listening.sends().as_bytes()).expect("the server reads");
    let (mut last, mut longest, mut buffer) = (None, Duration::ZERO, [0; 4_096]);
    while let Ok(read @ 1..) = socket.read(&mut buffer) {
        if buffer[..read].windows(6).any(|part| part == b"data: ") {
            let now = Instant::now();
            let gap = last.replace(now).map_or(Duration::ZERO, |last| now - last);
            longest = longest.max(gap);
        }
    }
    longest
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 15,000 descriptors and a minute: bash .ci/interop.sh stream"]
async fn fifteen_thousand_connections_that_say_nothing() {
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).expect("a limit");
    assert!(descriptors > CONNECTIONS as u64 + 100, "{descriptors} descriptors are too few for this");
    let (limits, port) = (Limits::default(), policy_server::Limits::default());
    for (kind, least, most) in [
        // Half as many as the port takes get the whole time for the first byte, the others a short one.
        (Kind::Silent, port.first_byte_crowded, Some(port.first_byte)),
        (Kind::HalfARequest, limits.header_read, Some(limits.header_read)),
        (Kind::Listening, Duration::ZERO, None),
    ] {
        let demo = Demo::start();
        let server = demo.address();
        let other = spawn_blocking(move || longest_gap(server));
        sleep(Duration::from_secs(1)).await;
        let (before, _) = spent(demo.id());
        let patience = most.map_or(limits.heartbeat * 2, |most| most + 2 * SLACK);
        let begin = Instant::now();
        let (mut crowd, mut connecting) = (JoinSet::new(), JoinSet::new());
        for number in 0..CONNECTIONS {
            if connecting.len() == AT_ONCE {
                let socket = connecting.join_next().await.expect("one of them").expect("it connects");
                crowd.spawn(stay(socket, kind, patience));
            }
            connecting.spawn(connect(server, number));
        }
        while let Some(socket) = connecting.join_next().await {
            crowd.spawn(stay(socket.expect("it connects"), kind, patience));
        }
        let took = begin.elapsed();
        let (with_all, _) = spent(demo.id());
        let (mut times, mut said) = (Vec::new(), Vec::new());
        while let Some(stayed) = crowd.join_next().await {
            let (time, bytes) = stayed.expect("it waits");
            times.extend(time);
            said.push(bytes);
        }
        let (after, _) = spent(demo.id());
        demo.stop();
        let gap = other.await.expect("it reads");
        times.sort();
        let at =
            |part: usize| times.get(times.len().saturating_sub(1) * part / 100).copied().unwrap_or_default();
        println!(
            "{kind:?}: connected in {took:.1?}; closed by the server: {} of {CONNECTIONS}, after {:.1?}, {:.1?}, {:.1?} (least, median, \
             most); said {:?}; resident {before} KiB before, {with_all} with them ({} bytes each), {after} afterwards; \
             longest gap in the lines of a reader: {gap:.2?}",
            times.len(),
            at(0),
            at(50),
            at(100),
            String::from_utf8_lossy(said[0].split(|byte| *byte == b'\r').next().unwrap_or_default()),
            with_all.saturating_sub(before) * 1024 / CONNECTIONS as u64,
        );
        match most {
            Some(most) => {
                assert_eq!(times.len(), CONNECTIONS, "nobody is kept");
                assert!(at(0) >= least, "{:?} is too short", at(0));
                assert!(at(100) <= most + SLACK, "{:?} is too long", at(100));
            }
            None => {
                assert!(times.is_empty(), "{} of those that listen were closed", times.len());
                let heard = |bytes: &Vec<u8>| bytes.windows(6).any(|part| part == b"data: ");
                assert!(said.iter().all(heard), "somebody has heard nothing");
            }
        }
        assert!(
            gap > Duration::ZERO && gap <= LONGEST_GAP,
            "a reader waited {gap:?} for a line that comes every 2 s"
        );
    }
}
