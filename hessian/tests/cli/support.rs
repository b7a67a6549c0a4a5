//! Running the command, and servers for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};

/// The command, with nothing of this process's surroundings that changes what it prints.
pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hessian"));
    command.args(arguments);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it gave.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).expect("text")
    }

    /// Ended well, and told nothing.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""));
        self
    }

    /// Ended with this code, after one line that holds these words.
    #[track_caller]
    pub(crate) fn told(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} was expected in {:?}", self.err);
        }
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        self
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: output.stdout,
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// Runs it with an input.
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Ended {
    let mut child = command(arguments).spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // Who does not read its input to the end closes it.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let ended = child.wait_with_output().expect("the command ends").into();
    writer.join().expect("the input is written");
    ended
}

/// The same where the input has a name: a file of the vectors, or what was recorded.
pub(crate) fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// A command whose output is read while it runs.
pub(crate) struct Running {
    pub(crate) child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).spawn().expect("the command starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, out }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.child.stdin.as_mut().expect("open").write_all(bytes).expect("read");
    }

    /// The next line, as soon as it is there.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("text");
        line
    }

    /// Closes the input and takes the rest.
    pub(crate) fn end(mut self) -> Ended {
        drop(self.child.stdin.take());
        let mut out = Vec::new();
        self.out.read_to_end(&mut out).expect("read");
        let mut ended: Ended = self.child.wait_with_output().expect("the command ends").into();
        ended.out = out;
        ended
    }

    /// Closes the output, as `head` does.
    pub(crate) fn close_output(self) -> Child {
        drop(self.out);
        self.child
    }
}

/// A server on a port of its own: each connection in turn is given to the next of these.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<()>,
}

type Serve = Box<dyn FnOnce(Connection) + Send>;

impl Server {
    pub(crate) fn start(connections: Vec<Serve>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let thread = thread::spawn(move || {
            for serve in connections {
                let (stream, _) = listener.accept().expect("a connection");
                serve(Connection::new(stream));
            }
        });
        Self { address, thread }
    }

    /// One answer to one request.
    pub(crate) fn answering(answer: impl FnOnce(&Request) -> Vec<u8> + Send + 'static) -> Self {
        Self::start(vec![Box::new(|mut connection: Connection| {
            let request = connection.request();
            let answer = answer(&request);
            connection.send(&answer);
        })])
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All connections were served.
    pub(crate) fn join(self) {
        self.thread.join().expect("no assertion of the server failed");
    }
}

pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header field.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self { reader: BufReader::new(stream) }
    }

    /// Reads a request whose body has a length, or is chunked.
    pub(crate) fn request(&mut self) -> Request {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.reader.read_line(&mut head).expect("a head"), 0, "{head}");
        }
        let mut request = Request { head, body: Vec::new() };
        if request.header("transfer-encoding").is_some() {
            loop {
                let mut size = String::new();
                self.reader.read_line(&mut size).expect("a chunk");
                let size = usize::from_str_radix(size.trim(), 16).expect("a size");
                let mut chunk = vec![0; size + 2];
                self.reader.read_exact(&mut chunk).expect("a chunk");
                request.body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    break;
                }
            }
        } else {
            let length =
                request.header("content-length").map_or(0, |length| length.parse().expect("a number"));
            request.body = vec![0; length];
            self.reader.read_exact(&mut request.body).expect("a body");
        }
        request
    }

    /// Sends bytes; who has gone does not mind.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.reader.get_mut().write_all(bytes);
    }

    /// Waits until the other end closes.
    pub(crate) fn wait_for_end(&mut self) {
        let _ = self.reader.read_to_end(&mut Vec::new());
    }
}

/// An answer with a body.
pub(crate) fn http(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// The head of an answer that ends with its connection.
pub(crate) const STREAM: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-hessian\r\nConnection: close\r\n\r\n";
