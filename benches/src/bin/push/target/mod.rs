//! The servers that are measured: how each is started, asked to publish, and stopped.

mod capture;
mod nchan;
mod publish;
mod pushpin;

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command as Process, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use crate::control::Command;
use crate::form::{self, Form};
use crate::process;

pub(crate) use capture::capture;
use publish::Publisher;

/// A server to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Target {
    /// A bare epoll loop that writes the same bytes; gathers 1 ms where it is a burst.
    Floor,
    /// This workspace's push server.
    Ours,
    /// nginx with nchan.
    Nchan,
    /// axum's SSE over a broadcast channel.
    Axum,
    /// pushpin, with an origin that answers at once.
    Pushpin,
}

impl Target {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Ours => "**ours**",
            Self::Nchan => "nchan",
            Self::Axum => "axum",
            Self::Pushpin => "pushpin",
        }
    }

    /// Whether it serves this form: the peers know server-sent events.
    pub(crate) fn serves(self, form: &Form) -> bool {
        matches!(self, Self::Floor | Self::Ours) || *form == form::SSE
    }

    /// What is missing on this machine, and how to install it.
    pub(crate) fn missing(self) -> Option<&'static str> {
        match self {
            Self::Nchan if !nchan::is_installed() => {
                Some("nginx with nchan is not installed (Debian: apt-get install nginx libnginx-mod-nchan)")
            }
            Self::Pushpin if !pushpin::is_installed() => {
                Some("pushpin is not installed (Debian: apt-get install pushpin)")
            }
            _ => None,
        }
    }
}

/// Connections on their way at a time, where connecting is not what is measured.
const AT_ONCE: usize = 256;

/// How a server is to be started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    pub(crate) streams: usize,
    /// The form that it will be asked for: the floor replays it.
    pub(crate) form: &'a Form,
    /// Length of the messages in bytes.
    pub(crate) bytes: usize,
    /// The floor gathers 1 ms.
    pub(crate) gather: bool,
    /// Shards of ours; one per core if none.
    pub(crate) shards: Option<usize>,
}

impl<'a> Start<'a> {
    /// A server of one stream.
    pub(crate) const fn new(form: &'a Form, bytes: usize) -> Self {
        Self { streams: 1, form, bytes, gather: false, shards: None }
    }
}

/// A server that runs. It is stopped when this value is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    publisher: Publisher,
    /// Messages published so far.
    pub(crate) published: u64,
    /// Connections that may be on their way at a time.
    pub(crate) at_once: usize,
    pids: Vec<u32>,
    _child: Stopped,
    _directory: Option<Directory>,
}

impl Running {
    pub(crate) fn start(target: Target, start: Start<'_>) -> anyhow::Result<Self> {
        if let Some(missing) = target.missing() {
            bail!(missing);
        }
        let streams = start.streams.to_string();
        match target {
            Target::Floor => {
                let replay = capture(start)?;
                let gather = if start.gather { &["--gather"][..] } else { &[] };
                let mut floor = Self::own([&["serve-floor", &streams], gather].concat())?;
                floor.tell(&Command::Replay(replay))?;
                Ok(floor)
            }
            Target::Ours => {
                let shards = start.shards.map(|shards| shards.to_string());
                let shards = shards.iter().flat_map(|shards| ["--shards", shards]);
                Self::own(["serve-ours", &streams].into_iter().chain(shards))
            }
            Target::Axum => Self::own(["serve-axum", &streams]),
            Target::Nchan => nchan::start(start.streams),
            Target::Pushpin => pushpin::start(start.streams),
        }
        .with_context(|| format!("cannot start {}", target.name()))
    }

    /// A server that this program is itself.
    fn own<'a>(arguments: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Self> {
        let mut command = Process::new(std::env::current_exe()?);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Stopped(command.spawn()?);
        let input = child.0.stdin.take().context("no input")?;
        let mut output = BufReader::new(child.0.stdout.take().context("no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim().parse().context("the server printed no address")?;
        let pids = vec![child.0.id()];
        let publisher = Publisher::of_child(input, output);
        Ok(Self { address, publisher, published: 0, at_once: AT_ONCE, pids, _child: child, _directory: None })
    }

    /// A peer: published to by HTTP, known by its process and those it starts, except `uncounted`.
    fn peer(
        child: Child,
        address: SocketAddr,
        publisher: Publisher,
        uncounted: &str,
        directory: Directory,
    ) -> anyhow::Result<Self> {
        let child = Stopped(child);
        wait_for(address)?;
        let pids = process::family(child.0.id(), uncounted)?;
        Ok(Self {
            address,
            publisher,
            published: 0,
            at_once: AT_ONCE,
            pids,
            _child: child,
            _directory: Some(directory),
        })
    }

    /// Has it publish; [`Publisher::is_done`] tells when all is out.
    pub(crate) fn tell(&mut self, command: &Command) -> anyhow::Result<()> {
        if let Command::Rate { count, .. } | Command::Window { count, .. } = command {
            self.published += count;
        }
        self.publisher.tell(command)
    }

    /// Whether everything told has been published. Answers once for each command that publishes.
    pub(crate) fn is_done(&mut self) -> anyhow::Result<bool> {
        self.publisher.is_done()
    }

    /// Processor seconds used so far.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        process::cpu_seconds(&self.pids)
    }

    /// Bytes of resident memory.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        process::resident(&self.pids)
    }

    /// The server's processes.
    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }
}

/// A process that ends with this value: asked first, for peers stop their workers, then killed.
#[derive(Debug)]
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let pid = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        for _ in 0..50 {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory for a peer's files, removed with this value.
#[derive(Debug)]
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("push-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        Ok(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).any(|directory| Path::new(&directory).join(name).is_file())
}

/// An address that nobody listens on, for servers that want to be told one.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits until a subscription is accepted: a peer of several processes listens before all of them are up.
fn wait_for(address: SocketAddr) -> anyhow::Result<()> {
    let subscribed = || -> io::Result<bool> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        socket.write_all(&form::SSE.request(0, None))?;
        let mut status = [0; 12];
        socket.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    for _ in 0..100 {
        if matches!(subscribed(), Ok(true)) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    bail!("no subscription is accepted at {address}")
}

/// The answers of a child, after its address.
type Answers = BufReader<ChildStdout>;
