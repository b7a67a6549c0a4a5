//! Publishing: a child of our own is told by its pipe, a peer by its HTTP API.

use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::process::ChildStdin;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::Answers;
use crate::control::{self, Command, Publish};

/// Who carries commands out.
#[derive(Debug)]
pub(super) struct Publisher {
    to: To,
    done: Receiver<anyhow::Result<()>>,
}

#[derive(Debug)]
enum To {
    Child(ChildStdin),
    Thread(mpsc::Sender<Command>),
}

/// A request that publishes: `(stream, text)` to path and body.
pub(super) type Request = fn(usize, &str) -> (String, String);

impl Publisher {
    /// A child that publishes by itself, as told on its input.
    pub(super) fn of_child(input: ChildStdin, output: Answers) -> Self {
        let (sender, done) = sync_channel(16);
        std::thread::spawn(move || {
            for line in output.lines() {
                let answer = match line {
                    Ok(line) if line == control::DONE => Ok(()),
                    Ok(line) => Err(anyhow::anyhow!("the server says: {line}")),
                    Err(error) => Err(error.into()),
                };
                if sender.send(answer).is_err() {
                    break;
                }
            }
        });
        Self { to: To::Child(input), done }
    }

    /// A thread that posts to `address`, one message after the other on one connection.
    pub(super) fn by_http(address: SocketAddr, streams: usize, request: Request) -> Self {
        let (sender, done) = sync_channel(16);
        let (commands, receiver) = mpsc::channel(16);
        std::thread::spawn(move || {
            let finished = sender.clone();
            let done = || {
                let _ = finished.send(Ok(()));
            };
            if let Err(error) = post_all(receiver, address, streams, request, done) {
                let _ = sender.send(Err(error.context("publishing by HTTP")));
            }
        });
        Self { to: To::Thread(commands), done }
    }

    pub(super) fn tell(&mut self, command: &Command) -> anyhow::Result<()> {
        match &mut self.to {
            To::Child(input) => writeln!(input, "{command}").context("the server is gone"),
            To::Thread(commands) => commands.blocking_send(command.clone()).context("the publisher is gone"),
        }
    }

    pub(super) fn is_done(&mut self) -> anyhow::Result<bool> {
        match self.done.try_recv() {
            Ok(answer) => answer.map(|()| true),
            Err(TryRecvError::Empty) => Ok(false),
            Err(TryRecvError::Disconnected) => bail!("the server has ended"),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn post_all(
    commands: mpsc::Receiver<Command>,
    address: SocketAddr,
    streams: usize,
    request: Request,
    done: impl FnMut() + Send,
) -> anyhow::Result<()> {
    control::obey(commands, streams, Http { address, request, connection: None }, done).await
}

/// A peer's API, over a connection that is kept.
struct Http {
    address: SocketAddr,
    request: Request,
    connection: Option<TcpStream>,
}

impl Publish for Http {
    async fn publish(&mut self, number: usize, text: String) -> anyhow::Result<()> {
        let mut socket = match self.connection.take() {
            Some(socket) => socket,
            None => TcpStream::connect(self.address).await?,
        };
        socket.set_nodelay(true)?;
        let (path, body) = (self.request)(number, &text);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all((head + &body).as_bytes()).await?;
        if !response(&mut socket).await? {
            self.connection = Some(socket);
        }
        Ok(())
    }
}

/// Reads one response; true if the server will close the connection.
async fn response(socket: &mut TcpStream) -> anyhow::Result<bool> {
    let mut bytes = Vec::with_capacity(1_024);
    let end = loop {
        if let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            break end + 4;
        }
        ensure!(socket.read_buf(&mut bytes).await? > 0, "the answer ended early");
    };
    let head = std::str::from_utf8(&bytes[..end])?.to_ascii_lowercase();
    ensure!(head.get(9..10) == Some("2"), "the message was refused: {head}");
    if head.contains("transfer-encoding: chunked") {
        while !bytes[end..].ends_with(b"0\r\n\r\n") {
            ensure!(socket.read_buf(&mut bytes).await? > 0, "the answer ended early");
        }
    } else {
        let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next());
        let length: usize = length.unwrap_or("0").trim().parse()?;
        while bytes.len() < end + length {
            ensure!(socket.read_buf(&mut bytes).await? > 0, "the answer ended early");
        }
    }
    Ok(head.contains("connection: close"))
}
