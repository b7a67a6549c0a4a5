//! The client: one thread, one epoll, any number of subscribers.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, SockRef, Socket, Type};

use crate::payload::{self, Mark, Scanner};

/// Bytes read at once, by all connections in turn.
const READ: usize = 256 << 10;

/// Longest response head and what may come with it.
const HEAD: usize = 64 << 10;

/// How long a connection may take until its head has come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a subscriber is to be.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber {
    pub(crate) request: Vec<u8>,
    /// If it polls: what it asks when it has its answer, around the position to go on after.
    pub(crate) next_poll: Option<[String; 2]>,
    /// The number of the first message it must get, if that is known.
    pub(crate) expects: Option<u64>,
    /// How many messages further its next one is.
    pub(crate) step: u64,
    /// Reads the head and then nothing more.
    pub(crate) stalled: bool,
    /// Receive buffer to ask for; the system's default if none.
    pub(crate) buffer: Option<usize>,
    /// Whether its messages count in the latencies.
    pub(crate) timed: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Head(Vec<u8>),
    Streaming,
    Stalled,
    Closed,
}

/// One subscriber's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Option<TcpStream>,
    stage: Stage,
    request: Box<[u8]>,
    polls: Option<Box<Polls>>,
    begun: u64,
    scanner: Scanner,
    expects: Option<u64>,
    step: u64,
    stalled: bool,
    timed: bool,
    /// Messages since the connection was first made.
    pub(crate) messages: u64,
    /// From the response head: where the stream was, and what was said about a resume.
    pub(crate) position: Option<Box<str>>,
    pub(crate) resume: Option<Box<str>>,
}

/// A connection with one answer after the other.
#[derive(Debug)]
struct Polls {
    next: [String; 2],
    /// What has come of the answer.
    answer: Vec<u8>,
}

impl Polls {
    /// Takes in a piece; the next request, once the answer is whole.
    fn feed(&mut self, bytes: &[u8]) -> anyhow::Result<Option<String>> {
        self.answer.extend_from_slice(bytes);
        let Some(end) = memchr::memmem::find(&self.answer, b"\r\n\r\n") else { return Ok(None) };
        let head = std::str::from_utf8(&self.answer[..end]).context("the head of an answer is no text")?;
        ensure!(head.starts_with("HTTP/1.1 200 "), "a poll was refused: {head}");
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let length: usize = field("content-length").context("an answer without a length")?.parse()?;
        let position = field("push-next-position").context("an answer without a position")?;
        if self.answer.len() < end + 4 + length {
            return Ok(None);
        }
        let [before, after] = &self.next;
        let next = format!("{before}{position}{after}");
        self.answer.clear();
        Ok(Some(next))
    }
}

impl Connection {
    pub(crate) fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }

    pub(crate) fn is_streaming(&self) -> bool {
        self.stage == Stage::Streaming
    }

    pub(crate) const fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// The number that the next message must have.
    pub(crate) const fn expects(&self) -> Option<u64> {
        self.expects
    }
}

/// What the subscribers that read have got since the last [`Crowd::take`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    /// Microseconds from the time a message was due until it was read.
    pub(crate) latencies: Vec<u32>,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    /// Connections that the server closed or refused.
    pub(crate) closed: u64,
    /// Messages read by subscribers that were stalled before.
    pub(crate) late: u64,
}

/// How many of the readers have got each message, to tell what everybody has.
#[derive(Debug)]
struct Progress {
    first: u64,
    readers: u64,
    missing: VecDeque<u64>,
}

/// Subscribers of one server.
#[derive(Debug)]
pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    address: SocketAddr,
    pub(crate) connections: Vec<Connection>,
    received: Received,
    progress: Option<Progress>,
    /// Microseconds from `connect` to the response head, of those that got it.
    connected: Vec<u32>,
    /// Connections on their way.
    opening: usize,
}

impl Crowd {
    pub(crate) fn new(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(4_096),
            buffer: vec![0; READ],
            address,
            connections: Vec::new(),
            received: Received::default(),
            progress: None,
            connected: Vec::new(),
            opening: 0,
        })
    }

    /// Adds subscribers, at most `at_once` on their way at a time, and waits until each has its head.
    /// Returns the time each took, in microseconds.
    ///
    /// # Errors
    ///
    /// When one was refused, or took longer than a minute.
    pub(crate) fn join(
        &mut self,
        subscribers: impl IntoIterator<Item = Subscriber>,
        at_once: usize,
    ) -> anyhow::Result<Vec<u32>> {
        self.connected.clear();
        let closed = self.received.closed;
        let mut subscribers = subscribers.into_iter();
        let mut joined = 0;
        let mut last = Instant::now();
        loop {
            while self.opening < at_once {
                let Some(subscriber) = subscribers.next() else { break };
                self.add(subscriber)?;
                joined += 1;
                // Look at what has come between connects: else the first of a burst is read last.
                if joined % 64 == 0 {
                    self.turn(Duration::ZERO)?;
                }
            }
            if self.opening == 0 {
                break;
            }
            let before = self.connected.len();
            self.turn(Duration::from_millis(100))?;
            ensure!(self.received.closed == closed, "a subscriber was refused");
            if self.connected.len() > before {
                last = Instant::now();
            }
            ensure!(last.elapsed() < PATIENCE, "{} subscribers have got no response", self.opening);
        }
        ensure!(self.connected.len() == joined, "{joined} subscribers, {} responses", self.connected.len());
        Ok(std::mem::take(&mut self.connected))
    }

    /// Begins one more connection. Returns its index.
    pub(crate) fn add(&mut self, subscriber: Subscriber) -> anyhow::Result<usize> {
        let index = self.connections.len();
        let connection = self.open(index, subscriber)?;
        self.connections.push(connection);
        Ok(index)
    }

    /// Connects again in the place of `index`, which keeps its count.
    pub(crate) fn again(&mut self, index: usize, subscriber: Subscriber) -> anyhow::Result<()> {
        let messages = self.connections[index].messages;
        self.connections[index] = Connection { messages, ..self.open(index, subscriber)? };
        Ok(())
    }

    fn open(&mut self, index: usize, subscriber: Subscriber) -> anyhow::Result<Connection> {
        let begun = payload::now();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).context("a socket")?;
        socket.set_nonblocking(true)?;
        if let Some(bytes) = subscriber.buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        match socket.connect(&self.address.into()) {
            Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => return Err(error).context("connect"),
            _ => {}
        }
        let mut socket = TcpStream::from_std(socket.into());
        self.poll.registry().register(&mut socket, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        self.opening += 1;
        Ok(Connection {
            socket: Some(socket),
            stage: Stage::Connecting,
            request: subscriber.request.into(),
            polls: subscriber.next_poll.map(|next| Polls { next, answer: Vec::new() }.into()),
            begun,
            scanner: Scanner::new(),
            expects: subscriber.expects,
            step: subscriber.step,
            stalled: subscriber.stalled,
            timed: subscriber.timed,
            messages: 0,
            position: None,
            resume: None,
        })
    }

    /// Cuts a connection: with a reset, so that no port waits.
    pub(crate) fn hang_up(&mut self, index: usize) {
        if let Some(socket) = &self.connections[index].socket {
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
        self.leave(index);
    }

    /// Closes a connection in good order.
    pub(crate) fn leave(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        if matches!(connection.stage, Stage::Connecting | Stage::Head(_)) {
            self.opening -= 1;
        }
        connection.socket = None;
        connection.stage = Stage::Closed;
    }

    /// Has the stalled ones read on.
    pub(crate) fn wake_stalled(&mut self) -> anyhow::Result<()> {
        for index in 0..self.connections.len() {
            if self.connections[index].stage == Stage::Stalled {
                self.connections[index].stage = Stage::Streaming;
                self.read(index, true)?;
            }
        }
        Ok(())
    }

    /// Begins to count what everybody has got of the messages from `first` on.
    pub(crate) fn count_from(&mut self, first: u64) {
        let readers = self.connections.iter().filter(|connection| connection.is_streaming()).count() as u64;
        self.progress = Some(Progress { first, readers, missing: VecDeque::new() });
    }

    /// How many messages everybody has got since [`count_from`](Self::count_from).
    pub(crate) fn everybody_has(&mut self, first: u64) -> u64 {
        let Some(progress) = &mut self.progress else { return 0 };
        while progress.missing.front() == Some(&0) {
            progress.missing.pop_front();
            progress.first += 1;
        }
        progress.first - first
    }

    /// What has been received since the last call.
    pub(crate) fn take(&mut self) -> Received {
        std::mem::take(&mut self.received)
    }

    pub(crate) const fn received(&self) -> &Received {
        &self.received
    }

    /// Waits for events, `timeout` at most, and serves them.
    pub(crate) fn turn(&mut self, timeout: Duration) -> anyhow::Result<()> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let polled = self.poll.poll(&mut events, Some(timeout));
        let result = match polled {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error.into()),
            Ok(()) => events.iter().try_for_each(|event| self.event(event)),
        };
        self.events = events;
        result
    }

    /// Serves events until `end`.
    pub(crate) fn watch(&mut self, end: Instant) -> anyhow::Result<()> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.turn(left)?;
        }
    }

    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        let index = event.token().0;
        match self.connections[index].stage {
            Stage::Connecting if event.is_writable() => {
                let connection = &mut self.connections[index];
                let Some(socket) = &mut connection.socket else { return Ok(()) };
                // A request is far shorter than a socket's buffer.
                match socket.write(&connection.request) {
                    Ok(_) => connection.stage = Stage::Head(Vec::new()),
                    Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
                    Err(_) => self.closed(index),
                }
            }
            Stage::Head(_) | Stage::Streaming if event.is_readable() => {
                self.read(index, event.is_read_closed())?
            }
            Stage::Stalled if event.is_read_closed() || event.is_error() => self.closed(index),
            _ => {}
        }
        Ok(())
    }

    /// The server has ended the connection.
    fn closed(&mut self, index: usize) {
        self.received.closed += 1;
        self.hang_up(index);
    }

    /// Reads what there is; `to_the_end` if nothing will tell of what is left.
    fn read(&mut self, index: usize, to_the_end: bool) -> anyhow::Result<()> {
        loop {
            let connection = &mut self.connections[index];
            let Some(socket) = &mut connection.socket else { return Ok(()) };
            match socket.read(&mut self.buffer) {
                Ok(0) => {
                    self.closed(index);
                    return Ok(());
                }
                Ok(read) => {
                    if matches!(connection.stage, Stage::Head(_)) {
                        self.head(index, read)?;
                    } else {
                        connection.scan(&self.buffer[..read], &mut self.received, &mut self.progress);
                        connection.ask_again(&self.buffer[..read])?;
                    }
                    // Less than was asked for is all there is; what comes later is a new event.
                    if (read < READ && !to_the_end) || self.connections[index].stage == Stage::Stalled {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => {
                    self.closed(index);
                    return Ok(());
                }
            }
        }
    }

    /// The first bytes of the response are in the buffer.
    fn head(&mut self, index: usize, read: usize) -> anyhow::Result<()> {
        let connection = &mut self.connections[index];
        let Stage::Head(head) = &mut connection.stage else { return Ok(()) };
        head.extend_from_slice(&self.buffer[..read]);
        let Some(end) = memchr::memmem::find(head, b"\r\n\r\n") else {
            ensure!(head.len() < HEAD, "the response head has no end");
            return Ok(());
        };
        let head = std::mem::take(head);
        let text = std::str::from_utf8(&head[..end]).context("the response head is no text")?;
        let status = text.get(9..12).unwrap_or_default();
        ensure!(matches!(status, "200" | "101"), "the server refused: {text}");
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(Into::into);
        connection.position = field("push-position: ");
        connection.resume = field("push-resume: ");
        connection.stage = if connection.stalled { Stage::Stalled } else { Stage::Streaming };
        self.opening -= 1;
        self.connected.push(since(connection.begun));
        if connection.stage == Stage::Streaming {
            connection.scan(&head[end..], &mut self.received, &mut self.progress);
            connection.ask_again(&head)?;
        }
        Ok(())
    }
}

impl Connection {
    /// Asks again, if it polls and has its answer.
    fn ask_again(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        if let (Some(polls), Some(socket)) = (&mut self.polls, &mut self.socket)
            && let Some(request) = polls.feed(bytes)?
        {
            // Far shorter than a socket's buffer.
            socket.write_all(request.as_bytes()).context("a poll")?;
        }
        Ok(())
    }

    fn scan(&mut self, bytes: &[u8], received: &mut Received, progress: &mut Option<Progress>) {
        received.bytes += bytes.len() as u64;
        let Self { expects, step, stalled, timed, messages, scanner, .. } = self;
        let now = payload::now();
        scanner.feed(bytes, |Mark { number, due }| {
            *messages += 1;
            let expected = expects.unwrap_or(number);
            if number < expected {
                received.doubled += 1;
                return;
            }
            *expects = Some(number + *step);
            if *stalled {
                received.late += 1;
                return;
            }
            received.lost += (number - expected) / *step;
            received.messages += 1;
            if *timed {
                received.latencies.push(u32::try_from(now.saturating_sub(due) / 1_000).unwrap_or(u32::MAX));
            }
            if let Some(progress) = progress {
                progress.got(number);
            }
        });
    }
}

impl Progress {
    fn got(&mut self, number: u64) {
        let Some(index) = number.checked_sub(self.first) else { return };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        while self.missing.len() <= index {
            self.missing.push_back(self.readers);
        }
        self.missing[index] = self.missing[index].saturating_sub(1);
    }
}

/// Linux's number for a connect that goes on in the background.
const IN_PROGRESS: i32 = 115;

fn since(begun: u64) -> u32 {
    u32::try_from((payload::now() - begun) / 1_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_follows_on_an_answer_wherever_its_pieces_end() {
        let answer = b"HTTP/1.1 200 OK\r\npush-next-position: ab:7\r\ncontent-length: 4\r\n\r\nbody";
        for cut in 0..answer.len() {
            let mut polls = Polls { next: ["GET /?since=".into(), " HTTP/1.1".into()], answer: Vec::new() };
            for _ in 0..2 {
                assert_eq!(polls.feed(&answer[..cut]).unwrap(), None);
                assert_eq!(polls.feed(&answer[cut..]).unwrap().as_deref(), Some("GET /?since=ab:7 HTTP/1.1"));
            }
        }
        let mut polls = Polls { next: Default::default(), answer: Vec::new() };
        assert!(polls.feed(b"HTTP/1.1 503 \r\n\r\n").is_err());
    }
}
