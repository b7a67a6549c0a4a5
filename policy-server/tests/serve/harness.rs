//! Starts the binary, reads what it says, and stops it.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

pub(crate) const REQUEST: &[u8] = b"<policy-file-request/>\0";

/// For things that happen at once on a quiet machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_policy-server")
}

/// A running `policy-server serve`. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// What it said on standard output: `("listen", "127.0.0.1:8080")` and so on.
    ports: Vec<(String, String)>,
    log: Log,
}

impl Server {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.arg("serve").args(args);
        Self::start_command(command)
    }

    /// Waits until it is ready.
    pub(crate) fn start_command(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Log::follow(child.stderr.take().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut ports = Vec::new();
        loop {
            let Some(line) = lines.next() else { panic!("not ready: {}", log.text()) };
            let line = line.unwrap();
            match line.split_once(' ') {
                Some((role, name)) => ports.push((role.to_owned(), name.to_owned())),
                None => break assert_eq!(line, "ready"),
            }
        }
        Self { child, ports, log }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn names(&self, role: &str) -> Vec<&str> {
        self.ports.iter().filter(|(r, _)| r == role).map(|(_, name)| name.as_str()).collect()
    }

    pub(crate) fn address(&self, role: &str) -> SocketAddr {
        self.names(role)[0].parse().unwrap()
    }

    /// A new connection to `--listen`.
    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address("listen"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Waits for a line of the log.
    pub(crate) fn expect_log(&self, text: &str) {
        self.expect_logs(text, 1);
    }

    pub(crate) fn expect_logs(&self, text: &str, times: usize) {
        assert!(self.log.wait(text, times), "no {times} x {text:?} in the log:\n{}", self.log.text());
    }

    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// SIGTERM, and the end.
    pub(crate) fn stop(self) -> (ExitStatus, String) {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.log.finish();
                return (status, self.log.text());
            }
            assert!(Instant::now() < until, "does not end:\n{}", self.log.text());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The value of a line of `/metrics`; `None` if there is no such line.
    pub(crate) fn metric(&self, line: &str) -> Option<u64> {
        let address = self.names("admin").first().copied().unwrap_or_else(|| self.names("listen")[0]);
        let text = get(address.parse().unwrap(), "/metrics").1;
        let prefix = format!("{line} ");
        text.lines().find_map(|l| l.strip_prefix(&prefix)?.parse().ok())
    }

    /// Waits until a metric has a value.
    pub(crate) fn expect_metric(&self, line: &str, value: u64) {
        let until = Instant::now() + PATIENCE;
        loop {
            let now = self.metric(line);
            if now == Some(value) {
                return;
            }
            assert!(Instant::now() < until, "{line} is {now:?}, expected {value}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the binary to its end, which must come by itself: killed, it has no exit code.
pub(crate) fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(binary());
    command.args(args).env_remove("RUST_LOG");
    run_command(command)
}

pub(crate) fn run_command(mut command: Command) -> (Option<i32>, String, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let log = Log::follow(child.stderr.take().unwrap());
    let out = thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).unwrap();
        text
    });
    let code = end_of(&mut child).and_then(|status| status.code());
    log.finish();
    (code, out.join().unwrap(), log.text())
}

/// The end of a process, or `None` after it had to be killed.
pub(crate) fn end_of(child: &mut Child) -> Option<ExitStatus> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// What a process writes to standard error, as it comes.
#[derive(Clone)]
struct Log(Arc<(Mutex<(String, bool)>, Condvar)>);

impl Log {
    fn follow(stderr: impl Read + Send + 'static) -> Self {
        let log = Self(Arc::default());
        let writer = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut state = writer.0.0.lock().unwrap();
                state.0.push_str(&line);
                state.0.push('\n');
                writer.0.1.notify_all();
            }
            writer.0.0.lock().unwrap().1 = true;
            writer.0.1.notify_all();
        });
        log
    }

    fn text(&self) -> String {
        self.0.0.lock().unwrap().0.clone()
    }

    fn wait(&self, text: &str, times: usize) -> bool {
        let state = self.0.0.lock().unwrap();
        let missing = |state: &mut (String, bool)| state.0.matches(text).count() < times && !state.1;
        let (state, _) = self.0.1.wait_timeout_while(state, PATIENCE, missing).unwrap();
        state.0.matches(text).count() >= times
    }

    fn finish(&self) {
        let state = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(state, PATIENCE, |state| !state.1).unwrap());
    }
}

/// Some containers have no IPv6.
pub(crate) fn has_ipv6() -> bool {
    let has = std::net::TcpListener::bind("[::1]:0").is_ok();
    if !has {
        eprintln!("no IPv6 here");
    }
    has
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends `bytes`, ends the direction if asked to, and reads to the end.
pub(crate) fn exchange(mut stream: impl Read + Write, bytes: &[u8]) -> Vec<u8> {
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// What a player gets.
pub(crate) fn policy_of(address: SocketAddr) -> String {
    text_of(exchange(connect(address), REQUEST))
}

pub(crate) fn policy_of_unix(path: &Path) -> String {
    text_of(exchange(UnixStream::connect(path).unwrap(), REQUEST))
}

fn text_of(mut answer: Vec<u8>) -> String {
    assert_eq!(answer.pop(), Some(0), "an answer ends with NUL");
    String::from_utf8(answer).unwrap()
}

/// The head and the body.
pub(crate) fn get(address: SocketAddr, path: &str) -> (String, String) {
    http(connect(address), &format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"))
}

pub(crate) fn http(stream: impl Read + Write, request: &str) -> (String, String) {
    let answer = String::from_utf8(exchange(stream, request.as_bytes())).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

/// A policy file for `domain` and a port.
pub(crate) fn policy_text(domain: &str) -> String {
    format!(
        "<cross-domain-policy><allow-access-from domain=\"{domain}\" to-ports=\"8080\"/></cross-domain-policy>\n"
    )
}

/// A folder that is removed in the end. Its path is short, as those of Unix sockets must be.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("policy-server-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.text(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The end of what a peer sends, which must come by itself.
pub(crate) fn read_to_end(stream: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

pub(crate) fn read_exactly(stream: &mut impl Read, n: usize) -> Vec<u8> {
    let mut bytes = vec![0; n];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

pub(crate) fn end_direction(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).unwrap();
}
