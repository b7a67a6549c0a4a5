//! Clients that stop reading, or vanish, without a word: what the server does about each, and when. One reader apiece, all at once, with the
//! default limits and a real kernel's clocks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use policy_server::ListenConfig;
use push_server::Limits;
use push_server::hub::Overrun;
use push_server::lifecycle::Close;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{TestServer, wait_for};

/// Time for a client's part of the connection to come to rest, and for signals to arrive.
const SETTLE: Duration = Duration::from_secs(1);

/// Ticks of the server's wheel, retransmissions of its kernel, and a busy machine.
const SLACK: Duration = Duration::from_secs(8);

/// What is published to a reader.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Traffic {
    /// Nothing: only heartbeats go out.
    Quiet,
    /// 64 KiB a second: fills every buffer within seconds, and is within all bounds on lag for a minute.
    Steady,
    /// 1.6 MiB a second: overruns the bounds on lag before anything else happens.
    Loud,
}

impl Traffic {
    /// Bytes of a message, and the time between two.
    const fn messages(self) -> Option<(usize, Duration)> {
        match self {
            Self::Quiet => None,
            Self::Steady => Some((8 << 10, Duration::from_millis(125))),
            Self::Loud => Some((16 << 10, Duration::from_millis(10))),
        }
    }
}

/// A pair of network interfaces, one of them in a network namespace of its own: a client there is on another machine, as far as TCP can tell.
#[derive(Debug)]
struct Link {
    name: String,
    server: IpAddr,
}

impl Link {
    /// The `index`th link of this process, of two addresses out of those that RFC 2544 keeps for tests.
    fn new(index: u8) -> Self {
        let process = std::process::id();
        let [.., high, low] = process.to_be_bytes();
        let address = |host: u8| Ipv4Addr::new(198, 18 | (high & 1), low, index << 2 | host);
        let link = Self { name: format!("pu{process}-{index}"), server: address(1).into() };
        let Self { name, server } = &link;
        let client = address(2);
        for command in [
            format!("netns add {name}"),
            format!("link add {name}s type veth peer name {name}c netns {name}"),
            format!("address add {server}/30 dev {name}s"),
            format!("link set {name}s up"),
            format!("-n {name} address add {client}/30 dev {name}c"),
            format!("-n {name} link set {name}c up"),
        ] {
            ip(&command);
        }
        link
    }

    /// Nothing passes any more, and neither side is told: the client's end swallows what comes.
    fn cut(&self) {
        let Self { name, .. } = self;
        ip(&format!("-n {name} link set {name}c down"));
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // With it goes its interface, and with that the other one.
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

/// Runs `ip` of iproute2, as root.
fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status();
    let status = status.expect("no ip: apt-get install iproute2");
    assert!(status.success(), "ip {arguments}: {status}; network namespaces need root");
}

/// How a client goes.
#[derive(Debug)]
enum Gone {
    /// `kill -STOP`: its kernel still answers, and takes what its buffer holds.
    Stopped,
    /// Its link is cut.
    Cut(Link),
}

/// A server with one reader, curl.
struct Case {
    gone: Gone,
    form: &'static str,
    traffic: Traffic,
    server: TestServer,
    curl: Child,
}

/// What became of it.
struct Outcome {
    /// Since it went.
    after: Duration,
    why: Option<Close>,
    /// Its system had been told by the server, before it went on.
    is_told: bool,
    curl: ExitStatus,
}

impl Case {
    async fn start(gone: Gone, form: &'static str, traffic: Traffic) -> Self {
        let server_ip = match &gone {
            Gone::Stopped => Ipv4Addr::LOCALHOST.into(),
            Gone::Cut(link) => link.server,
        };
        let listener = ListenConfig::default().bind((server_ip, 0).into()).expect("the address is there");
        let server = TestServer::on(listener, Limits::default()).await;
        let curl = curl(&gone, form, server.address);
        wait_for(|| server.stream.readers() == 1).await;
        Self { gone, form, traffic, server, curl }
    }

    /// Publishes, and tells what becomes of the reader within `patience`.
    async fn run(mut self, patience: Duration) -> (Gone, &'static str, Traffic, Outcome) {
        let stream = self.server.stream.clone();
        let publisher = tokio::spawn(async move {
            let Some((bytes, every)) = self.traffic.messages() else { return };
            let text = "x".repeat(bytes);
            while stream.publish(&text).await.is_ok() {
                sleep(every).await;
            }
        });
        sleep(SETTLE).await;
        match &self.gone {
            Gone::Stopped => signal(&self.curl, "STOP"),
            Gone::Cut(link) => link.cut(),
        }
        let begin = Instant::now();
        let closed = async {
            loop {
                let stats = self.server.hub.stats();
                let why = [Close::Complete, Close::Timeout, Close::Slow, Close::Failed, Close::Peer];
                if let Some(why) = why.into_iter().find(|why| stats.closed[*why as usize] > 0) {
                    return why;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let why = timeout(patience, closed).await.ok();
        let after = begin.elapsed();
        let overruns = self.server.stream.stats().overruns;
        if why == Some(Close::Slow) {
            assert!(
                overruns[Overrun::Messages as usize] + overruns[Overrun::Bytes as usize] > 0,
                "{overruns:?}"
            );
        }
        publisher.abort();
        sleep(SETTLE).await;
        let is_told = !is_connected(&self.gone, self.server.address);
        if let Gone::Stopped = self.gone {
            signal(&self.curl, "CONT");
        }
        if why.is_none() {
            // It reads on as if nothing had been.
            sleep(SETTLE).await;
            assert_eq!(self.curl.try_wait().expect("a child of ours"), None, "the reader is still there");
            self.server.stop().await;
        }
        if let Gone::Cut(_) = self.gone {
            let _ = self.curl.kill();
        }
        let curl = tokio::task::spawn_blocking(move || self.curl.wait().expect("a child of ours"));
        let curl = curl.await.expect("it waits");
        (self.gone, self.form, self.traffic, Outcome { after, why, is_told, curl })
    }
}

fn curl(gone: &Gone, form: &str, server: SocketAddr) -> Child {
    let mut command = match gone {
        Gone::Stopped => Command::new("curl"),
        Gone::Cut(link) => {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &link.name, "curl"]);
            command
        }
    };
    command.args(["-sN", "--output", "/dev/null", &format!("http://{server}/comet/{form}")]);
    if form == "ws" {
        // It takes what follows on the handshake for a body, and answers nothing: neither pings nor a close frame.
        let fields = [
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        command.arg("--http1.1").args(fields.iter().flat_map(|field| ["-H", field]));
    }
    command.stdin(Stdio::null()).spawn().expect("no curl: apt-get install curl iproute2")
}

fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.id().to_string()]).status();
    assert!(sent.expect("kill").success(), "the client ended before its time");
}

/// Whether the client's system still knows the connection: a reset ends that, read or not.
fn is_connected(gone: &Gone, server: SocketAddr) -> bool {
    let table = match gone {
        Gone::Stopped => std::fs::read_to_string("/proc/net/tcp").expect("Linux"),
        Gone::Cut(link) => {
            let output =
                Command::new("ip").args(["netns", "exec", &link.name, "cat", "/proc/net/tcp"]).output();
            String::from_utf8(output.expect("ip").stdout).expect("a table of digits")
        }
    };
    let IpAddr::V4(address) = server.ip() else { panic!("{server} is not IPv4") };
    let server = format!("{:08X}:{:04X}", u32::from_ne_bytes(address.octets()), server.port());
    let mut remotes = table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(2));
    remotes.any(|remote| remote == server)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root, curl and iproute2, takes two minutes: bash .ci/interop.sh stream"]
async fn what_becomes_of_clients_that_stop_or_vanish() {
    let limits = Limits::default();
    // Longer than the longest of the times below.
    let patience = limits.heartbeat + limits.unacknowledged + 2 * SLACK;
    let mut cases = tokio::task::JoinSet::new();
    for (index, (traffic, [stopped, cut])) in [
        (Traffic::Quiet, ["sse", "sse"]),
        (Traffic::Steady, ["sse", "sse"]),
        (Traffic::Loud, ["sse", "sse"]),
        // The others are members of the same shards: each in one place where a difference would show.
        (Traffic::Quiet, ["hessian", "ws"]),
        (Traffic::Steady, ["ws", "hessian"]),
        (Traffic::Loud, ["hessian", "ws"]),
    ]
    .into_iter()
    .enumerate()
    {
        let link = Link::new(u8::try_from(index).expect("six"));
        for (gone, form) in [(Gone::Stopped, stopped), (Gone::Cut(link), cut)] {
            let case = Case::start(gone, form, traffic).await;
            cases.spawn(case.run(patience));
        }
    }
    while let Some(case) = cases.join_next().await {
        let (gone, form, traffic, Outcome { after, why, is_told, curl }) = case.expect("the case is told");
        let is_stopped = matches!(gone, Gone::Stopped);
        let how = if is_stopped { "stopped" } else { "cut off" };
        let told = if is_told { "told by a reset" } else { "not told" };
        println!("{form}, {how}, {traffic:?}: {why:?} after {after:.1?}, {told}; then curl ended: {curl}");
        let (expected, earliest, latest) = match (is_stopped, traffic) {
            // Its kernel takes the heartbeats: it is there.
            (true, Traffic::Quiet) => (None, patience, patience + SLACK),
            (false, Traffic::Quiet) => {
                let latest = limits.heartbeat + limits.unacknowledged + SLACK;
                (Some(Close::Timeout), limits.unacknowledged - SETTLE, latest)
            }
            (_, Traffic::Steady) => (Some(Close::Timeout), limits.stall, limits.stall + SLACK),
            (_, Traffic::Loud) => (Some(Close::Slow), Duration::ZERO, SLACK),
        };
        assert_eq!(why, expected);
        assert!(after >= earliest && after <= latest, "between {earliest:?} and {latest:?}");
        if is_stopped {
            assert_eq!(is_told, why.is_some());
            // curl's "failure in receiving network data", which a reset is; ended by us where nothing had happened.
            assert_eq!(curl.code(), Some(if why.is_some() { 56 } else { 0 }));
        }
    }
}
