//! A crowd for ten seconds, over every form that streams: most are rotated, some are cut and come back, some stop reading. Whoever reads gets every
//! message once, in order; who does not is sent away, and the others do not notice. (`push soak` of `benches` is the long one, with figures.)

use std::time::Duration;

use push_server::hub::Overrun;
use push_server::lifecycle::Close;
use push_server::{Limits, StreamConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::support::forms::{STREAMING, understand};
use crate::support::{EPOCH, TestServer, wait_for};

const SUBSCRIBERS: usize = 500;
const SECONDS: u64 = 10;

/// Messages a second, and what each has beside its number.
const RATE: u64 = 40;
const FILLING: usize = 2 << 10;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a subscriber does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Reads each response to its end, of two seconds.
    Steady,
    /// Is cut after this many bytes, and the next time after more.
    Cut(usize),
}

/// Reads on over as many responses as it takes, until the message `last`. Returns how many those were.
async fn reads(server: std::net::SocketAddr, transport: &str, kind: Kind, last: u64) -> u64 {
    let (mut position, mut next, mut responses) = ("ab:0".to_owned(), 1, 0);
    while next <= last {
        responses += 1;
        let sign = if transport.contains('?') { '&' } else { '?' };
        let path = format!("/streams/soak/{transport}{sign}rotate=2&since={position}");
        let mut socket = TcpStream::connect(server).await.expect("the server listens");
        socket
            .write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
            .await
            .expect("it takes a request");
        let mut response = Vec::new();
        let most = match kind {
            Kind::Steady => usize::MAX,
            Kind::Cut(bytes) => bytes * usize::try_from(responses % 7 + 1).unwrap(),
        };
        while response.len() < most {
            let read = timeout(PATIENCE, socket.read_buf(&mut response)).await.expect("something comes");
            if read.expect("nobody who reads is reset") == 0 {
                break;
            }
        }
        drop(socket);
        assert!(response.starts_with(b"HTTP/1.0 200 OK\r\n"), "{}", response.escape_ascii());
        if !response.windows(4).any(|four| four == b"\r\n\r\n") {
            continue;
        }
        let understood = understand(transport, &response);
        assert_eq!(understood.resume.as_deref(), Some("complete"), "{transport}");
        for message in understood.messages {
            assert_eq!(message[0], next, "{transport}, {kind:?}: after {position}");
            next += 1;
        }
        position = understood.position;
    }
    responses
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 20 s: bash .ci/interop.sh stream"]
async fn a_crowd_that_is_rotated_cut_and_stalled_loses_nothing() {
    const LAST: u64 = RATE * SECONDS;
    let server = TestServer::open(Limits::default(), EPOCH).await;
    // As much as comes in four seconds; the log holds it all.
    let config = StreamConfig::new(&Limits::default()).lag(4 * RATE, 1 << 20, PATIENCE);
    let stream = server.hub.open_with(&"soak".parse().unwrap(), &config).unwrap();
    let mut stalled = Vec::new();
    let mut crowd = JoinSet::new();
    for number in 0..SUBSCRIBERS {
        let transport = STREAMING[number % STREAMING.len()];
        match number / STREAMING.len() % 10 {
            0 => {
                let mut socket = TcpStream::connect(server.address).await.unwrap();
                let request = format!("GET /streams/soak/{transport} HTTP/1.0\r\n\r\n");
                socket.write_all(request.as_bytes()).await.unwrap();
                stalled.push(socket);
            }
            1 => drop(crowd.spawn(reads(server.address, transport, Kind::Cut(5_000 + number * 101), LAST))),
            _ => drop(crowd.spawn(reads(server.address, transport, Kind::Steady, LAST))),
        }
    }
    let readers = SUBSCRIBERS - SUBSCRIBERS / 50;
    wait_for(|| stream.readers() >= readers).await;
    let mut latest = Duration::ZERO;
    let begin = Instant::now();
    let filling = "x".repeat(FILLING);
    for number in 1..=LAST {
        stream.publish(&(number, &filling)).await.unwrap();
        let due =
            begin + Duration::from_secs(1) * u32::try_from(number).unwrap() / u32::try_from(RATE).unwrap();
        latest = latest.max(due.elapsed());
        sleep(due.saturating_duration_since(Instant::now())).await;
    }
    let mut responses = 0;
    let count = crowd.len();
    while let Some(read) = timeout(PATIENCE, crowd.join_next()).await.expect("everybody comes to the end") {
        responses += read.expect("each gets every message once");
    }
    let stats = server.hub.stats();
    let slow = stats.closed[Close::Slow as usize];
    println!(
        "{count} readers, {LAST} messages each over {responses} responses; {slow} of {} that stalled were closed; the publisher was {latest:.0?} late at most",
        stalled.len(),
    );
    let overruns = stream.stats().overruns;
    assert_eq!(slow, stalled.len() as u64, "{overruns:?}");
    assert!(overruns[Overrun::Messages as usize] + overruns[Overrun::Bytes as usize] > 0, "{overruns:?}");
    assert!(responses > count as u64 * 3);
    server.stop().await;
}
