//! Servers in processes of their own, and what Linux tells about them.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

/// A server in a process of its own. Ends with this value.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts this very program in a role that prints its address and serves until its input ends.
    pub(crate) fn role(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start a server")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        let address = line.trim().parse().context("the server printed no address")?;
        Ok(Self { child, address })
    }

    /// Starts another program, which will listen on `address`, and waits until it does.
    pub(crate) fn program(path: &Path, arguments: &[&str], address: SocketAddr) -> anyhow::Result<Self> {
        let mut command = Command::new(path);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot start {}", path.display()))?;
        let process = Self { child, address };
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(50));
            if std::net::TcpStream::connect(address).is_ok() {
                return Ok(process);
            }
        }
        anyhow::bail!("{} does not listen on {address}", path.display())
    }

    /// Processor time of all threads so far, user and system, to the nanosecond.
    ///
    /// What ended threads used is not in it; none of the servers here ends threads under load.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let mut nanoseconds = 0;
        for task in std::fs::read_dir(&tasks).with_context(|| tasks.clone())? {
            let path = task?.path().join("schedstat");
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).context(path)?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|text| text.trim().strip_suffix(" kB")).context("no VmRSS")?;
        Ok(kib.trim().parse::<u64>()? << 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A role ends with its input; a program is told to.
        if self.child.stdin.take().is_none() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
