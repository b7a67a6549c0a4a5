//! Many subscribers of the demo's stream: does each get every message in order, and what does the server spend?
//!
//! `cargo run --release -p benches --bin subscribers` starts a server of its own in a second process and
//! watches it with 1,000 subscribers for 20 s; `--server` and `--pid` watch one that runs already. Exit code 1:
//! a message was lost, doubled or out of order, or a connection broke.
//!
//! A subscriber asks as the 2008 Flash client does (HTTP/1.0, body until close) and decodes each packet.
//! What it must get follows from the response head: `push-position` says after which message it begins, and
//! the demo's lines are known.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::{Parser, Subcommand};
use hessian::packet::{Framing, Packet};
use hessian::{Limits, StreamDecoder};
use policy_server::{ListenConfig, PolicyFile, Responder};
use push_server::demo::{self, AddString};
use push_server::{Epoch, Hub, Position, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};

/// Watches the demo's stream with many subscribers.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Role>,
    /// How many subscribers.
    #[arg(long, default_value_t = 1_000)]
    subscribers: usize,
    /// For how long, in seconds, after all are connected.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// The server's address, if it is to be one that runs already.
    #[arg(long, value_name = "ADDR", requires = "pid")]
    server: Option<SocketAddr>,
    /// That server's process, for its memory and time.
    #[arg(long)]
    pid: Option<u32>,
    /// Milliseconds between two messages of a server of its own.
    #[arg(long, default_value_t = 2_000)]
    pace: u64,
}

#[derive(Subcommand)]
enum Role {
    /// Is the server: prints its address and serves until its input ends. Started by the other role.
    Serve {
        /// Milliseconds between two messages.
        pace: u64,
    },
}

/// How long a message may be on its way when the time is over.
const GRACE: Duration = Duration::from_secs(3);

/// Connections that are opened at the same time.
const OPENING: usize = 256;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        eprintln!("cannot raise the number of open files: {error}");
    }
    let done = match cli.command {
        Some(Role::Serve { pace }) => serve(Duration::from_millis(pace)),
        None => watch(&cli),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("subscribers: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve(pace: Duration) -> anyhow::Result<()> {
    let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into())?;
    println!("{}", listener.local_addr()?);
    let shards = std::thread::available_parallelism().map_or(1, usize::from);
    let hub = Hub::start(Epoch::now(), push_server::Limits::default(), shards);
    let stream = demo::open(&hub)?;
    let policy = PolicyFile::default();
    let router = demo::router(hub.clone(), &stream, policy.to_string());
    tokio::spawn(async move { demo::publish(&stream, pace).await });
    let (stopped, stop) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().lines().count();
        let _ = stopped.send(());
    });
    let until_stopped = async {
        let _ = stop.await;
    };
    Server::new(hub, router, Responder::new(&policy)).serve(listener, until_stopped).await;
    Ok(())
}

/// A server of our own; its input ends with this value, and so does it.
struct Own(Child);

impl Own {
    fn start(pace: u64) -> anyhow::Result<(Self, SocketAddr)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", &pace.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut own = Self(command.spawn().context("cannot start the server")?);
        let mut line = String::new();
        BufReader::new(own.0.stdout.take().context("no output")?).read_line(&mut line)?;
        let address = line.trim().parse().context("the server printed no address")?;
        Ok((own, address))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn watch(cli: &Cli) -> anyhow::Result<()> {
    let (_own, address, pid) = match (cli.server, cli.pid) {
        (Some(address), Some(pid)) => (None, address, pid),
        _ => {
            let (own, address) = Own::start(cli.pace)?;
            let pid = own.0.id();
            (Some(own), address, pid)
        }
    };
    let lines = Rc::new(demo::lines().zip(0..).collect::<HashMap<_, u64>>());
    let idle = Spent::of(pid)?;

    let begin = Instant::now();
    let mut subscribers = Vec::with_capacity(cli.subscribers);
    while subscribers.len() < cli.subscribers {
        let batch = OPENING.min(cli.subscribers - subscribers.len());
        let opening: Vec<_> = (0..batch).map(|_| Subscriber::connect(address)).collect();
        for subscriber in futures_util::future::join_all(opening).await {
            subscribers.push(subscriber?);
        }
    }
    let connecting = begin.elapsed();
    // What connecting cost is over, and the first message has gone out.
    sleep(Duration::from_secs(1)).await;
    let connected = Spent::of(pid)?;

    let local = tokio::task::LocalSet::new();
    let end = Instant::now() + Duration::from_secs(cli.seconds);
    let newest = Rc::new(std::cell::Cell::new(0));
    let watching: Vec<_> = subscribers
        .into_iter()
        .map(|subscriber| local.spawn_local(subscriber.watch(end, newest.clone(), lines.clone())))
        .collect();
    let spent = local.run_until(async {
        tokio::time::sleep_until(end).await;
        Spent::of(pid)
    });
    let spent = spent.await?;
    let mut messages = 0;
    let mut broken = 0;
    let results = local.run_until(futures_util::future::join_all(watching)).await;
    for (number, result) in results.into_iter().enumerate() {
        match result? {
            Ok(count) => messages += count,
            Err(error) => {
                broken += 1;
                eprintln!("subscriber {number}: {error:#}");
            }
        }
    }

    let count = cli.subscribers;
    println!("{count} subscribers connected in {connecting:.2?}, watched for {} s", cli.seconds);
    println!(
        "messages received and decoded: {messages}, {broken} subscribers with a loss, last message {}",
        newest.get()
    );
    let each = (spent.resident.saturating_sub(idle.resident)) / count.max(1) as u64;
    println!(
        "server memory (RSS): {} KiB before, {} KiB with all, {} KiB at the end: {each} B each",
        idle.resident >> 10,
        connected.resident >> 10,
        spent.resident >> 10
    );
    println!(
        "server CPU: {:.2} s to connect, {:.2} s to deliver",
        (connected.ticks - idle.ticks) as f64 / TICKS_PER_SECOND,
        (spent.ticks - connected.ticks) as f64 / TICKS_PER_SECOND,
    );
    ensure!(broken == 0, "{broken} of {count} subscribers lost something");
    ensure!(messages > 0, "no message came in {} s", cli.seconds);
    Ok(())
}

/// A connection that has got its response head.
struct Subscriber {
    socket: TcpStream,
    decoder: StreamDecoder,
    /// The last message it has got.
    sequence: u64,
}

impl Subscriber {
    async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let mut socket = TcpStream::connect(address).await.context("cannot connect")?;
        socket.write_all(b"GET /comet HTTP/1.0\r\n\r\n").await?;
        let mut decoder = StreamDecoder::new(Some(Framing::Ws), Limits::default());
        let mut head = Vec::with_capacity(512);
        loop {
            ensure!(socket.read_buf(&mut head).await? > 0, "closed within the response head");
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                decoder.push(&head[end + 4..]);
                head.truncate(end);
                break;
            }
        }
        let head = String::from_utf8(head)?;
        ensure!(head.starts_with("HTTP/1.0 200 "), "refused: {head}");
        let position = head.lines().find_map(|line| line.strip_prefix("push-position: "));
        let position: Position = position.context("no push-position in the head")?.parse()?;
        Ok(Self { socket, decoder, sequence: position.sequence })
    }

    /// Reads until `end`, and then until it has what the others have. Returns the number of messages.
    async fn watch(
        mut self,
        end: Instant,
        newest: Rc<std::cell::Cell<u64>>,
        lines: Rc<HashMap<&'static str, u64>>,
    ) -> anyhow::Result<u64> {
        let first = self.sequence;
        loop {
            while let Some(packet) = self.decoder.next_packet()? {
                let Packet::Data(data) = packet else { continue };
                let AddString { value } = self.decoder.decode(&data)?;
                let line =
                    *lines.get(value.as_str()).with_context(|| format!("no line of the demo: {value}"))?;
                let expected = self.sequence % lines.len() as u64;
                ensure!(line == expected, "after message {} came line {line}, not {expected}", self.sequence);
                self.sequence += 1;
                newest.set(newest.get().max(self.sequence));
            }
            let is_over = Instant::now() >= end;
            if is_over && self.sequence == newest.get() {
                return Ok(self.sequence - first);
            }
            let deadline = if is_over { end + GRACE } else { end };
            match timeout_at(deadline, self.socket.read_buf(self.decoder.buffer_mut())).await {
                Ok(read) => ensure!(read? > 0, "closed after message {}", self.sequence),
                Err(_) if !is_over => {}
                Err(_) => bail!("message {} of {} is missing", self.sequence + 1, newest.get()),
            }
        }
    }
}

/// What a process has used, as Linux tells.
struct Spent {
    /// Bytes of resident memory.
    resident: u64,
    /// Processor time, user and system.
    ticks: u64,
}

/// The unit of `/proc/PID/stat`, on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

impl Spent {
    fn of(pid: u32) -> anyhow::Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            std::fs::read_to_string(&path).with_context(|| path)
        };
        let status = read("status")?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|text| text.trim().strip_suffix(" kB")).context("no VmRSS")?;
        let stat = read("stat")?;
        // The name may hold anything; the numbers follow on the last parenthesis.
        let (_, fields) = stat.rsplit_once(')').context("no name")?;
        let times = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        Ok(Self { resident: resident.trim().parse::<u64>()? << 10, ticks: times.sum::<Result<_, _>>()? })
    }
}
