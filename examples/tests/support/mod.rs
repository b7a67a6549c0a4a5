//! The examples as programs, as a user starts and ends them.
#![allow(dead_code)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{env, thread};

/// How long an example may take to say where it listens, and to end when asked to or to say the next thing, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An example, as cargo built it beside the tests.
pub(crate) fn program(example: &str) -> PathBuf {
    let tests = env::current_exe().expect("a test is a program");
    let program =
        tests.parent().and_then(|deps| deps.parent()).expect("target/debug").join("examples").join(example);
    assert!(program.exists(), "no {}: cargo build -p examples --examples", program.display());
    program
}

/// An example that serves; ended when dropped.
#[derive(Debug)]
pub(crate) struct Example {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Example {
    /// On a free port of loopback.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        Self::start_at(name, ([127, 0, 0, 1], 0).into(), arguments)
    }

    /// Waits until it has printed the address to open.
    pub(crate) fn start_at(name: &str, address: SocketAddr, arguments: &[&str]) -> Self {
        Self::start_program(&program(name), address, arguments)
    }

    /// The same with the example as this file.
    pub(crate) fn start_program(program: &Path, address: SocketAddr, arguments: &[&str]) -> Self {
        let mut process = Command::new(program)
            .args(["--listen", &address.to_string()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo built it");
        let stdout = process.stdout.take().expect("stdout is a pipe");
        // Ended from here on, whatever happens.
        let mut example = Self { process, address };
        let (say, said) = mpsc::channel::<SocketAddr>();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            let address =
                lines.find_map(|line| line.strip_prefix("Open http://")?.split('/').next()?.parse().ok());
            if let Some(address) = address {
                let _ = say.send(address);
            }
            // Reads on, so that it can never be stopped by a full pipe.
            lines.for_each(drop);
        });
        match said.recv_timeout(PATIENCE) {
            Ok(address) => example.address = address,
            Err(why) => panic!(
                "{} has not said which address to open: {why}; its status is {:?}",
                program.display(),
                example.process.try_wait()
            ),
        }
        example
    }

    /// Of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends it without a farewell to anybody, as a crash does.
    pub(crate) fn kill(mut self) -> SocketAddr {
        self.process.kill().expect("a child of ours");
        self.process.wait().expect("a child of ours");
        self.address
    }

    /// Sends Ctrl-C's signal, and wants a clean end, whatever clients are connected.
    pub(crate) fn stop(mut self) -> SocketAddr {
        let sent =
            Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().expect("kill");
        assert!(sent.success(), "it ended before it was asked to");
        let asked = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("a child of ours") {
                assert!(status.success(), "after Ctrl-C it ended with {status}");
                return self.address;
            }
            assert!(asked.elapsed() < PATIENCE, "still running {PATIENCE:?} after Ctrl-C");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The whole answer to a request, which must end by itself.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut socket = TcpStream::connect(self.address).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a good time");
        write!(socket, "GET {path} HTTP/1.0\r\n\r\n").expect("a request is small");
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
