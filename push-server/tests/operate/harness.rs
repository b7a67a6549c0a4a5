//! Starts the binary, reads what it says, speaks HTTP to it, and stops it.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// For things that happen at once on a quiet machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_push-server")
}

/// The command, without whatever the environment of the tests says.
pub(crate) fn serve(args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("serve").args(args).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// A running `push-server serve`. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// What it said on standard output: `("listen", address)` and so on.
    ports: Vec<(String, SocketAddr)>,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// On a port of the system's choice.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_command(serve(&[&["--listen", "127.0.0.1:0"], args].concat()))
    }

    /// Waits until it is ready.
    pub(crate) fn start_command(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (mut stderr, written) = (child.stderr.take().unwrap(), log.clone());
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                written.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut ports = Vec::new();
        loop {
            let Some(line) = lines.next() else {
                let _ = child.wait();
                panic!("not ready: {}", log.lock().unwrap())
            };
            let line = line.unwrap();
            match line.split_once(' ') {
                Some((role, rest)) => {
                    let address = rest.split(' ').next().unwrap().parse().unwrap();
                    ports.push((role.to_owned(), address));
                }
                None => break assert_eq!(line, "ready"),
            }
        }
        Self { child, ports, log }
    }

    pub(crate) fn address(&self, role: &str) -> SocketAddr {
        self.ports.iter().find(|(name, _)| name == role).expect(role).1
    }

    pub(crate) fn clients(&self) -> SocketAddr {
        self.address("listen")
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        get(self.clients(), path)
    }

    pub(crate) fn publish(&self, stream: &str, json: &str) -> Answer {
        let request = format!(
            "POST /streams/{stream}/messages HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
            json.len()
        );
        ask(self.clients(), &request)
    }

    /// A reader whose response has begun.
    pub(crate) fn read(&self, path: &str) -> Reader {
        Reader::new(self.clients(), path)
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for the end.
    pub(crate) fn status(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "it does not end: {}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until it has logged this so often.
    pub(crate) fn expect_log(&self, text: &str, times: usize) {
        wait_for(|| self.log().matches(text).count() >= times, || format!("no {text:?}: {}", self.log()));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn wait_for(mut is_so: impl FnMut() -> bool, problem: impl Fn() -> String) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{}", problem());
        thread::sleep(Duration::from_millis(5));
    }
}

/// An answer of HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n"))
}

pub(crate) fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut text = Vec::new();
    socket.read_to_end(&mut text).unwrap();
    let text = String::from_utf8_lossy(&text);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// What a port says to a player.
pub(crate) fn policy_of(address: SocketAddr) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(b"<policy-file-request/>\0").unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    text
}

/// A response that goes on.
pub(crate) struct Reader(BufReader<TcpStream>);

impl Reader {
    pub(crate) fn new(address: SocketAddr, path: &str) -> Self {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).unwrap();
        let mut reader = Self(BufReader::new(socket));
        let status = reader.line();
        assert!(status.contains(" 200 "), "{status}");
        reader
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// Reads until a line has this in it.
    pub(crate) fn until(&mut self, text: &str) -> String {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "ended before {text:?}");
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn rest(mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        rest
    }
}

/// A folder that is removed in the end.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}
