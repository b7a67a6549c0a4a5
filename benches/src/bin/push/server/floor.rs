//! The floor: an epoll loop that writes the same pre-encoded bytes to every socket, and nothing else.
//!
//! One thread, no timers, no queues: a socket that does not take a whole message is closed. What is written is
//! what a subscriber of the measured server got ([`Replay`]), with the text of the message put in, so both
//! sides send the same number of bytes. With `gather` the messages of a millisecond go out in one `send`.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mio::net::{TcpListener, TcpStream};
use mio::unix::pipe;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use socket2::{Domain, Socket, Type};

use super::{say_address, say_done};
use crate::control::{Command, Pace, Replay};
use crate::{form, payload};

const LISTENER: Token = Token(usize::MAX);
const INPUT: Token = Token(usize::MAX - 1);

/// How long messages are gathered, counted from the first one.
const GATHER: Duration = Duration::from_millis(1);

/// Longest request head.
const REQUEST: usize = 2_048;

/// A command that is being carried out.
enum Task {
    Rate { pace: Pace, index: u64, count: u64, bytes: usize },
    Window { sent: u64, got: u64, window: u64, count: u64, bytes: usize },
}

struct Floor {
    poll: Poll,
    listener: TcpListener,
    input: pipe::Receiver,
    /// What came in of a command.
    line: Vec<u8>,
    clients: Slab<TcpStream>,
    /// The clients by stream.
    streams: Vec<Vec<usize>>,
    replay: Replay,
    number: u64,
    task: Option<Task>,
    frame: Vec<u8>,
    gather: bool,
    /// When what has been gathered goes out.
    gathered: Option<Instant>,
}

pub(crate) fn serve(streams: usize, gather: bool) -> anyhow::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(4_096)?;
    let mut listener = TcpListener::from_std(socket.into());
    let mut input = pipe::Receiver::from(io::stdin().as_fd().try_clone_to_owned()?);
    input.set_nonblocking(true)?;
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    poll.registry().register(&mut input, INPUT, Interest::READABLE)?;
    say_address(listener.local_addr()?)?;
    let floor = Floor {
        poll,
        listener,
        input,
        line: Vec::new(),
        clients: Slab::new(),
        streams: vec![Vec::new(); streams],
        replay: Replay::default(),
        number: 0,
        task: None,
        frame: Vec::new(),
        gather,
        gathered: None,
    };
    floor.run()
}

impl Floor {
    fn run(mut self) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(1_024);
        loop {
            let wait = self.publish();
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    INPUT => {
                        if !self.read_commands()? {
                            return Ok(());
                        }
                    }
                    Token(index) if self.clients.contains(index) => self.read_client(index),
                    Token(_) => {}
                }
            }
        }
    }

    fn accept(&mut self) -> anyhow::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((mut socket, _)) => {
                    let _ = socket.set_nodelay(true);
                    let slot = self.clients.vacant_entry();
                    self.poll.registry().register(&mut socket, Token(slot.key()), Interest::READABLE)?;
                    slot.insert(socket);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("accept"),
            }
        }
    }

    /// A request comes in one piece from our client, and nothing after it but the end.
    fn read_client(&mut self, index: usize) {
        let mut buffer = [0; REQUEST];
        match self.clients[index].read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(read) if read > 0 => {
                let stream =
                    form::stream_number(&buffer[..read]).filter(|stream| *stream < self.streams.len());
                match stream {
                    Some(stream) if self.clients[index].write(&self.replay.head).is_ok() => {
                        self.streams[stream].push(index);
                    }
                    _ => self.close(index),
                }
            }
            _ => self.close(index),
        }
    }

    fn close(&mut self, index: usize) {
        self.clients.remove(index);
        for stream in &mut self.streams {
            if let Some(place) = stream.iter().position(|client| *client == index) {
                stream.swap_remove(place);
            }
        }
    }

    /// Reads commands; false at the end of the input.
    fn read_commands(&mut self) -> anyhow::Result<bool> {
        let mut buffer = [0; 64 << 10];
        loop {
            match self.input.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(read) => self.line.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("input"),
            }
        }
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            match std::str::from_utf8(&line)?.trim_end().parse()? {
                Command::Replay(replay) => self.replay = replay,
                Command::Rate { per_second, count, bytes } => {
                    self.task = Some(Task::Rate { pace: Pace::new(per_second), index: 0, count, bytes });
                }
                Command::Window { count, window, bytes } => {
                    self.task = Some(Task::Window { sent: 0, got: 0, window, count, bytes });
                }
                Command::Ack(count) => {
                    if let Some(Task::Window { got, .. }) = &mut self.task {
                        *got = count;
                    }
                }
            }
        }
        Ok(true)
    }

    /// Publishes what is due. Returns how long to wait for the next.
    fn publish(&mut self) -> Option<Duration> {
        loop {
            let (due, bytes) = match &mut self.task {
                None => break,
                Some(Task::Rate { pace, index, count, bytes }) if *index < *count => {
                    let due = pace.due(*index);
                    let early = due.saturating_sub(payload::now());
                    if early > 0 {
                        return Some(Duration::from_nanos(early));
                    }
                    *index += 1;
                    (due, *bytes)
                }
                Some(Task::Window { sent, got, window, count, bytes }) if *sent < *count => {
                    if *sent >= *got + *window {
                        break;
                    }
                    *sent += 1;
                    (payload::now(), *bytes)
                }
                Some(_) => {
                    self.task = None;
                    say_done();
                    break;
                }
            };
            self.message(due, bytes);
        }
        let at = self.gathered?;
        let now = Instant::now();
        if now < at {
            return Some(at - now);
        }
        self.gathered = None;
        self.send(0);
        self.frame.clear();
        None
    }

    fn message(&mut self, due: u64, bytes: usize) {
        let stream = usize::try_from(self.number).unwrap_or(0) % self.streams.len();
        let text = payload::text(self.number, due, bytes);
        self.number += 1;
        for part in [&self.replay.before[..], text.as_bytes(), &self.replay.after[..]] {
            self.frame.extend_from_slice(part);
        }
        if self.gather {
            self.gathered.get_or_insert_with(|| Instant::now() + GATHER);
        } else {
            self.send(stream);
            self.frame.clear();
        }
    }

    /// One `send` for each subscriber.
    fn send(&mut self, stream: usize) {
        let mut full = Vec::new();
        for index in &self.streams[stream] {
            match self.clients[*index].write(&self.frame) {
                Ok(taken) if taken == self.frame.len() => {}
                _ => full.push(*index),
            }
        }
        for index in full {
            self.close(index);
        }
    }
}
