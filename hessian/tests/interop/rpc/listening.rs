//! Our stream client against `Hessian2StreamingOutput` behind three kinds of server: HTTP/1.1 with chunks, HTTP/1.0 whose body ends with its
//! connection, and a bare socket.
//!
//! What "none lost, none twice" can mean depends on the server. One that tells positions goes on where the client asks it to, so nothing may be
//! lost even where a cut connection drops what was on its way. One that knows none decides by itself where it goes on: the one here goes on after
//! the last packet that it wrote as a whole, and closes what it cuts in such a way that all it wrote arrives. No client can get more from such a
//! server; one that gave out a packet that was cut, or dropped a whole one before the cut, would be found out.

use hessian::client::listen;
use hessian::client::stream::{Event, Listen, Verdict};
use serde::Deserialize;
use std::time::{Duration, Instant};

use super::process::{Memory, Running};
use crate::peer;

/// Memory that may come and go however much passes through: packets of 10 MiB are held as a whole, and grow into their buffer.
const FLAT: u64 = 48 << 20;

/// `listening.Numbered`.
#[derive(Debug, Deserialize)]
struct Numbered<'a> {
    number: i64,
    #[serde(borrow, with = "serde_bytes")]
    content: std::borrow::Cow<'a, [u8]>,
}

impl Numbered<'_> {
    /// The content tells the number, too.
    fn check(&self, size: usize) {
        assert_eq!(self.content.len(), size, "object {}", self.number);
        let number = self.number as u8;
        let wrong = self
            .content
            .iter()
            .enumerate()
            .find(|&(i, &byte)| byte != number.wrapping_add((i * 7) as u8).wrapping_add((i >> 8) as u8));
        assert_eq!(wrong, None, "object {}", self.number);
    }
}

/// A kind of server, and what it knows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Chunked { positions: bool },
    Http10 { positions: bool },
    Bare,
}

const KINDS: [Kind; 5] = [
    Kind::Chunked { positions: true },
    Kind::Chunked { positions: false },
    Kind::Http10 { positions: true },
    Kind::Http10 { positions: false },
    Kind::Bare,
];

impl Kind {
    fn listen(self, server: &Running) -> Listen {
        let path = |positions| if positions { "/positions" } else { "/plain" };
        let url = match self {
            Self::Chunked { positions } => format!("http://127.0.0.1:{}{}", server.ports[0], path(positions)),
            Self::Http10 { positions } => format!("http://127.0.0.1:{}{}", server.ports[1], path(positions)),
            Self::Bare => format!("tcp://127.0.0.1:{}", server.ports[2]),
        };
        listen(url).backoff(Duration::from_millis(1), Duration::from_millis(5))
    }

    fn has_positions(self) -> bool {
        matches!(self, Self::Chunked { positions: true } | Self::Http10 { positions: true })
    }
}

/// What a run is about.
#[derive(Debug, Clone, Copy)]
struct Run {
    count: i64,
    size: usize,
    cuts: usize,
    /// So many objects are taken, then nothing for this long.
    pause: Option<(i64, Duration)>,
}

fn server(run: &Run) -> Running {
    let mut command = peer::java().command("listening.StreamServer");
    command.args([run.count.to_string(), run.size.to_string(), run.cuts.to_string(), "2007".into()]);
    Running::start(command)
}

/// Reads the whole stream: each object once and in order, as many connections as there are cuts and one more, memory flat.
async fn read(kind: Kind, server: &Running, run: &Run) {
    let started = Instant::now();
    let mut listener = kind.listen(server).open().expect("a listener");
    let (mut next, mut connections, mut lost) = (1, 0, 0);
    let mut memory = Memory::watch();
    while next <= run.count {
        match listener
            .next()
            .await
            .expect("an endless stream")
            .unwrap_or_else(|error| panic!("{kind:?}, {next}: {error}"))
        {
            Event::Packet(packet) => {
                let object: Numbered<'_> = listener.decode(&packet).expect("an object");
                assert_eq!(object.number, next, "{kind:?}, connection {connections}");
                if run.size > 100_000 || next % 1000 == 0 || run.size == 0 {
                    object.check(run.size);
                    memory.look();
                }
                let position = packet.position().map(|position| position.sequence as i64);
                assert_eq!(position, kind.has_positions().then_some(next));
                next += 1;
                if let Some((every, pause)) = run.pause
                    && next % every == 0
                {
                    tokio::time::sleep(pause).await;
                    memory.look();
                }
            }
            Event::Connected(connected) => {
                let verdict = match (connections, kind.has_positions()) {
                    (0, _) => Verdict::Fresh,
                    (_, true) => Verdict::Complete,
                    (_, false) => Verdict::Unknown,
                };
                assert_eq!(connected.verdict, verdict, "{kind:?}");
                connections += 1;
            }
            Event::Reconnecting { .. } => lost += 1,
            Event::Heartbeat => panic!("{kind:?}: a heartbeat before object {next}"),
            other => panic!("{kind:?}: {other:?}"),
        }
    }
    // Nothing follows but heartbeats.
    loop {
        match listener.next().await.expect("an endless stream").expect("no error") {
            Event::Heartbeat => break,
            Event::Reconnecting { .. } => lost += 1,
            Event::Connected(_) => connections += 1,
            other => panic!("{kind:?}: after the last object: {other:?}"),
        }
    }
    assert_eq!(lost, connections - 1, "{kind:?}");
    assert!(run.cuts == 0 || connections > 1, "{kind:?}: no connection was cut");
    let growth = memory.growth();
    println!(
        "{kind:?}: {} objects of {} bytes over {connections} connections in {:.1} s, memory grew by {} KiB at most",
        run.count,
        run.size,
        started.elapsed().as_secs_f64(),
        growth >> 10
    );
    assert!(growth < FLAT, "{kind:?}: memory grew by {growth} bytes");
}

async fn read_all(run: Run) {
    for kind in KINDS {
        // A server each: one that knows no positions counts the connections of all its readers.
        read(kind, &server(&run), &run).await;
    }
}

#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn a_hundred_thousand_objects_over_cut_connections() {
    read_all(Run { count: 100_000, size: 10, cuts: 40, pause: None }).await;
}

#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn packets_of_64_kib() {
    read_all(Run { count: 1500, size: 64 << 10, cuts: 10, pause: None }).await;
}

#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn packets_of_10_mib() {
    read_all(Run { count: 12, size: 10 << 20, cuts: 3, pause: None }).await;
}

/// A reader that stops again and again holds up the server, and keeps no more than one that does not.
#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn a_slow_reader() {
    read_all(Run { count: 1000, size: 64 << 10, cuts: 2, pause: Some((50, Duration::from_millis(20))) })
        .await;
}
