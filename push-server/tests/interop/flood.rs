//! Ten times as much as may be published, for ten seconds, against the binary: who publishes too much is told when to
//! come back, the memory stays what it was, and the subscribers of others do not notice. Prints what was seen.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::crowd::spent;
use crate::demo::Demo;

/// Messages a second that one publisher may publish, and at once.
const RATE: u64 = 50;
const TIMES: u64 = 10;
const FLOODERS: u64 = 16;
const PHASE: Duration = Duration::from_secs(10);
const READERS: u64 = 300;
const FLOOD_READERS: u64 = 20;

const QUIET: &str = "token-of-the-quiet-one";
const FLOOD: &str = "token-of-the-flooders";

/// A connection that publishes, request by request.
struct Publisher(BufReader<TcpStream>, &'static str);

impl Publisher {
    async fn new(server: SocketAddr, token: &'static str) -> Self {
        Self(BufReader::new(TcpStream::connect(server).await.expect("it listens")), token)
    }

    /// The status, and `Retry-After`.
    async fn publish(&mut self, stream: &str, body: &str) -> (u16, Option<u64>) {
        let request = format!(
            "POST /streams/{stream}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.1,
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).await.expect("it reads");
        let (mut status, mut length, mut wait) = (0, 0, None);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.expect("it answers");
            match line.trim_end().split_once(": ") {
                Some(("content-length", bytes)) => length = bytes.parse().expect("a number"),
                Some(("retry-after", seconds)) => wait = Some(seconds.parse().expect("a number")),
                Some(_) => {}
                None if line == "\r\n" => break,
                None => status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status"),
            }
        }
        self.0.read_exact(&mut vec![0; length]).await.expect("a body");
        (status, wait)
    }
}

/// Reads events, whose data are the microseconds since `begin` at which each was published; how long each took.
async fn read(server: SocketAddr, stream: &str, begin: Instant, seen: Arc<AtomicU64>) -> Vec<(u64, u64)> {
    let mut socket = BufReader::new(TcpStream::connect(server).await.expect("it listens"));
    let request = format!("GET /streams/{stream}/sse HTTP/1.0\r\n\r\n");
    socket.get_mut().write_all(request.as_bytes()).await.expect("it reads");
    let (mut took, mut line) = (Vec::new(), String::new());
    while socket.read_line(&mut line).await.expect("nobody who reads is cut") > 0 {
        let event = line.strip_prefix("data: [").and_then(|rest| rest.split([',', ']']).next());
        if let Some(at) = event {
            let at: u64 = at.trim().parse().expect("a number");
            took.push((at, u64::try_from(begin.elapsed().as_micros()).expect("short") - at));
            seen.fetch_add(1, Ordering::Relaxed);
        }
        line.clear();
    }
    took
}

fn micros(begin: Instant) -> u128 {
    begin.elapsed().as_micros()
}

fn quantile(sorted: &[u64], of_hundred: usize) -> f64 {
    sorted[(sorted.len() - 1) * of_hundred / 100] as f64 / 1_000.0
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 25 s: bash .ci/interop.sh stream"]
async fn ten_times_the_publish_limit_disturbs_nobody_else() {
    let tokens = format!("access.publish_tokens={QUIET},{FLOOD}");
    let (rate, burst) = (format!("rates.publishes={RATE}"), format!("rates.publishes_burst={RATE}"));
    let server = Demo::serve_with(&["--set", &tokens, "--set", &rate, "--set", &burst, "--public", "all"]);
    let address = server.address();
    let begin = Instant::now();
    let seen = Arc::new(AtomicU64::new(0));
    let flood_seen = Arc::new(AtomicU64::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read(address, "quiet", begin, seen.clone()));
    }
    let mut flood_readers = JoinSet::new();
    for _ in 0..FLOOD_READERS {
        flood_readers.spawn(read(address, "flood", begin, flood_seen.clone()));
    }
    sleep(Duration::from_secs(1)).await;

    // The quiet one, all the time.
    let quiet = tokio::spawn(async move {
        let mut publisher = Publisher::new(address, QUIET).await;
        let mut ticks = interval(Duration::from_millis(50));
        let (start, mut published) = (Instant::now(), 0_u64);
        while start.elapsed() < 2 * PHASE {
            ticks.tick().await;
            let answer = publisher.publish("quiet", &format!("[{}]", micros(begin))).await;
            assert_eq!(answer, (200, None), "the quiet one is not disturbed");
            published += 1;
        }
        published
    });
    sleep(PHASE).await;

    let flood_began = micros(begin);
    let (resident, _) = spent(server.id());
    let filling = "x".repeat(1_000);
    let mut flooders = JoinSet::new();
    for _ in 0..FLOODERS {
        let filling = filling.clone();
        flooders.spawn(async move {
            let mut publisher = Publisher::new(address, FLOOD).await;
            let mut ticks = interval(
                Duration::from_secs(1) * u32::try_from(FLOODERS).unwrap()
                    / u32::try_from(RATE * TIMES).unwrap(),
            );
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let (start, mut counts) = (Instant::now(), [0_u64; 2]);
            while start.elapsed() < PHASE {
                ticks.tick().await;
                match publisher.publish("flood", &format!("[{}, {filling:?}]", micros(begin))).await {
                    (200, None) => counts[0] += 1,
                    (429, Some(1)) => counts[1] += 1,
                    answer => panic!("{answer:?}"),
                }
            }
            counts
        });
    }
    let (mut most, mut accepted, mut refused) = (0, 0, 0);
    while !flooders.is_empty() {
        tokio::select! {
            Some(counts) = flooders.join_next() => {
                let counts = counts.expect("no flooder fails");
                accepted += counts[0];
                refused += counts[1];
            }
            () = sleep(Duration::from_millis(100)) => most = most.max(spent(server.id()).0),
        }
    }
    let flooded = Duration::from_micros(u64::try_from(micros(begin) - flood_began).expect("short"));
    let published = quiet.await.expect("the quiet one does not fail");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        flood_seen.load(Ordering::Relaxed),
        FLOOD_READERS * accepted,
        "what was admitted arrives, once"
    );
    assert_eq!(seen.load(Ordering::Relaxed), READERS * published);
    let metrics = metrics(address).await;
    let line = format!("push_server_refusals_total{{reason=\"publish_rate\"}} {refused}\n");
    assert!(metrics.contains(&line), "{line}{metrics}");
    server.stop();

    let (mut before, mut during) = (Vec::new(), Vec::new());
    while let Some(took) = readers.join_next().await {
        for (at, took) in took.expect("no reader fails") {
            if u128::from(at) < flood_began { before.push(took) } else { during.push(took) }
        }
    }
    before.sort_unstable();
    during.sort_unstable();
    let tried = accepted + refused;
    println!(
        "{tried} requests in {flooded:.1?}, {:.1} times what is admitted: {accepted} accepted, {refused} answered with 429; \
         {READERS} readers of another: p50 / p99 / most {:.2} / {:.2} / {:.2} ms before, {:.2} / {:.2} / {:.2} ms meanwhile; \
         resident {resident} KiB before, {most} KiB at most{}",
        tried as f64 / (RATE * flooded.as_secs()) as f64,
        quantile(&before, 50),
        quantile(&before, 99),
        quantile(&before, 100),
        quantile(&during, 50),
        quantile(&during, 99),
        quantile(&during, 100),
        if cfg!(debug_assertions) { " (debug build)" } else { "" },
    );
    let admitted = RATE + RATE * u64::try_from(flooded.as_millis()).expect("short") / 1_000;
    assert!((admitted * 97 / 100..=admitted + RATE / 10).contains(&accepted), "{accepted} of {admitted}");
    assert!(tried >= 5 * admitted, "the flood was none on this machine: {tried}");
    // What the log of the flooded stream holds is part of it.
    assert!(most < resident + (24 << 10), "{resident} KiB became {most} KiB");
}

async fn metrics(server: SocketAddr) -> String {
    let mut socket = TcpStream::connect(server).await.expect("it listens");
    socket.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.expect("it reads");
    let mut text = String::new();
    socket.read_to_string(&mut text).await.expect("it answers");
    text
}
