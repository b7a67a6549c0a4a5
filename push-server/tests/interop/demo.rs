//! Starts the `push-server` binary, mostly its demo, on a free port and stops it as a user does, with Ctrl-C's signal.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long the demo may take to say where it listens, and to end when asked to.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running demo; ended when dropped.
#[derive(Debug)]
pub(crate) struct Demo {
    process: Child,
    address: SocketAddr,
}

impl Demo {
    /// Starts `push-server demo --listen 127.0.0.1:0` and waits until it has printed its address.
    pub(crate) fn start() -> Self {
        Self::start_as(&["demo"])
    }

    /// The same for `push-server serve`.
    pub(crate) fn serve() -> Self {
        Self::start_as(&["serve", "--drain-window", "0s"])
    }

    /// The same with everything that operators see on its port.
    pub(crate) fn serve_in_public() -> Self {
        Self::start_as(&["serve", "--public", "all", "--drain-window", "0s"])
    }

    /// The same with options of one's own.
    pub(crate) fn serve_with(options: &[&str]) -> Self {
        Self::start_as(&[&["serve", "--drain-window", "0s"], options].concat())
    }

    fn start_as(command: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_push-server"))
            .args(command)
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo built the binary");
        let output = BufReader::new(process.stdout.take().expect("stdout is a pipe"));
        let (found, address) = mpsc::channel();
        // Reads on after the address, so that the demo can never be stopped by a full pipe.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some(address) = address_in(&line) {
                    let _ = found.send(address);
                }
            }
        });
        match address.recv_timeout(PATIENCE) {
            Ok(address) => Self { process, address },
            Err(problem) => {
                let _ = process.kill();
                let status = process.wait();
                panic!(
                    "the demo printed no http://127.0.0.1:PORT ({problem}, patience {PATIENCE:?}); it ended with {status:?}"
                );
            }
        }
    }

    /// Where it listens: HTTP and policy requests alike.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of one of its pages.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its process, for what the system knows of it.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends Ctrl-C's signal and wants a clean end: status 0, within the patience, with whatever clients are still connected.
    pub(crate) fn stop(mut self) {
        let sent =
            Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().expect("kill");
        assert!(sent.success(), "the demo ended before it was asked to");
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Some(status) = self.process.try_wait().expect("a child of ours") {
                assert!(status.success(), "after Ctrl-C the demo ended with {status}");
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the demo was still running {PATIENCE:?} after Ctrl-C");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').unwrap_or(rest.len());
    rest[..end].trim_end_matches(['.', ':']).parse().ok()
}
