//! Asking one port for its policy, as a player does.

use std::{io, net::IpAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, lookup_host},
    time::{Instant, timeout_at},
};

use super::fault::{Fault, Remark};
use crate::{
    policy::{ErrorKind, MAX_FILE_SIZE, PolicyFile},
    port::REQUEST,
};

/// Makes the connections of a player.
///
/// For tests, and for checks through something else than TCP.
pub trait Dial {
    /// A host that was looked up.
    type Host;
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin;

    /// Looks the host up: once for a question, before any port of it is asked. An error says that the name is
    /// not known. Waits as long as it takes; the caller has the deadlines.
    fn look_up(&self, host: &str) -> impl Future<Output = io::Result<Self::Host>>;

    /// Connects. Waits as long as it takes; the caller has the deadlines.
    fn dial(&self, host: &Self::Host, port: u16) -> impl Future<Output = io::Result<Self::Io>>;
}

/// Connects over TCP, to the addresses of a host one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpDial;

impl Dial for TcpDial {
    type Host = Vec<IpAddr>;
    type Io = TcpStream;

    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        // Without a service: names are looked up, ports are not.
        let addresses = lookup_host((host, 0)).await?.map(|address| address.ip());
        Ok(addresses.collect())
    }

    async fn dial(&self, host: &Vec<IpAddr>, port: u16) -> io::Result<TcpStream> {
        let mut failed = io::Error::other("the name has no address");
        for address in host {
            match TcpStream::connect((*address, port)).await {
                Ok(stream) => return Ok(stream),
                Err(e) => failed = e,
            }
        }
        Err(failed)
    }
}

/// A policy as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What was read.
    pub file: PolicyFile,
    /// Its text, without the NUL.
    pub text: Box<[u8]>,
    /// What is odd about it.
    pub remarks: Vec<Remark>,
}

/// Answers that take longer get a remark.
const SLOW: Duration = Duration::from_secs(1);

/// Bytes after the NUL that are counted.
const TRAILING_MAX: usize = 4096;

/// An answer whose connection may still be open.
pub(super) struct Answered<Io> {
    fetched: Fetched,
    io: Io,
    /// Bytes that came with the answer, after the NUL.
    trailing: usize,
}

/// Connects, asks and reads until `deadline`.
pub(super) async fn fetch<D: Dial>(
    dial: &D,
    host: &D::Host,
    port: u16,
    deadline: Instant,
) -> Result<Answered<D::Io>, Fault> {
    let begin = Instant::now();
    let mut io = match timeout_at(deadline, dial.dial(host, port)).await {
        Err(_) => return Err(Fault::ConnectTimedOut(begin.elapsed())),
        Ok(Err(e)) => return Err(no_connection(&e)),
        Ok(Ok(io)) => io,
    };
    let mut answer = Vec::with_capacity(1024);
    let asked = timeout_at(deadline, ask(&mut io, &mut answer)).await;
    let after = begin.elapsed();
    let nul = match asked {
        Ok(Ok(nul)) => nul,
        // A reset after the NUL is of no interest, and is not read.
        Ok(Err(e)) => return Err(failed(&e, &answer)),
        Err(_) if answer.is_empty() => return Err(Fault::Silent(after)),
        Err(_) => {
            return Err(match read(&answer) {
                Ok(_) => Fault::NoNul { closed: false },
                Err(Fault::Unreadable(_)) => Fault::Unfinished { received: answer.len(), after },
                Err(fault) => fault,
            });
        }
    };
    let Some(nul) = nul else {
        if answer.is_empty() {
            return Err(Fault::Empty);
        }
        return Err(match read(&answer) {
            Ok(_) => Fault::NoNul { closed: true },
            Err(fault) => fault,
        });
    };
    let file = read_to(&answer, nul)?;

    let mut remarks = Vec::new();
    if answer.first().is_some_and(u8::is_ascii_whitespace) {
        remarks.push(Remark::LeadingBlank);
    }
    if after > SLOW {
        remarks.push(Remark::Slow(after));
    }
    let trailing = answer.len() - nul - 1;
    answer.truncate(nul);
    Ok(Answered { fetched: Fetched { file, text: answer.into(), remarks }, io, trailing })
}

impl<Io: AsyncRead + Unpin> Answered<Io> {
    /// Looks for the close, for `patience` at most. No player waits for it.
    pub(super) async fn close(mut self, patience: Duration) -> Fetched {
        let Fetched { remarks, .. } = &mut self.fetched;
        if timeout_at(Instant::now() + patience, rest(&mut self.io, &mut self.trailing)).await.is_err() {
            remarks.push(Remark::NotClosed);
        }
        if self.trailing > 0 {
            remarks.push(Remark::Trailing { bytes: self.trailing });
        }
        self.fetched
    }
}

/// Sends the request and reads to the first NUL, whose index it returns, or to the end of the stream.
async fn ask<Io: AsyncRead + AsyncWrite + Unpin>(
    io: &mut Io,
    answer: &mut Vec<u8>,
) -> io::Result<Option<usize>> {
    // A server that answers on connect may be gone already; what it said counts.
    let sent = match io.write_all(REQUEST).await {
        Ok(()) => io.flush().await,
        failed => failed,
    };
    loop {
        let from = answer.len();
        match io.read_buf(answer).await {
            Ok(0) if answer.is_empty() => return sent.map(|()| None),
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(e) => return Err(e),
        }
        if let Some(nul) = answer[from..].iter().position(|byte| *byte == 0) {
            return Ok(Some(from + nul));
        }
        if answer.len() > MAX_FILE_SIZE || is_http(answer) && answer.contains(&b'\n') {
            return Ok(None);
        }
    }
}

/// Reads on to the end of the stream.
async fn rest<Io: AsyncRead + Unpin>(io: &mut Io, trailing: &mut usize) {
    let mut scratch = [0; 512];
    while let Ok(n @ 1..) = io.read(&mut scratch).await {
        *trailing += n;
        if *trailing >= TRAILING_MAX {
            break;
        }
    }
}

fn is_http(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/")
}

/// Reads an answer whose NUL, if any, plays no part.
fn read(answer: &[u8]) -> Result<PolicyFile, Fault> {
    read_to(answer, answer.len())
}

fn read_to(answer: &[u8], nul: usize) -> Result<PolicyFile, Fault> {
    let text = &answer[..nul];
    if is_http(text) {
        let line = text.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        // What a stranger wrote goes to a terminal.
        let line = String::from_utf8_lossy(&line[..line.len().min(STATUS_MAX)]);
        return Err(Fault::Http(line.chars().filter(|c| !c.is_control()).collect()));
    }
    match *answer {
        [TLS_ALERT, 3, ..] => return Err(Fault::Tls),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..] | [0, b'<', 0, ..] => return Err(Fault::Utf16),
        // Long policies have a first byte above 0 there, short ones are cut off by it.
        [high, low, b'<', ..] if is_length(usize::from(u16::from_be_bytes([high, low])), &answer[2..]) => {
            return Err(Fault::LengthPrefix);
        }
        _ => {}
    }
    PolicyFile::from_bytes(text).map_err(|e| match e.kind() {
        ErrorKind::TooLarge { .. } => Fault::TooLarge,
        _ => Fault::Unreadable(e),
    })
}

/// Whether `claimed` is the length of what came after it, its NUL counted or not. Two bytes of a text may
/// stand for any number: `<<` for 15,420.
fn is_length(claimed: usize, rest: &[u8]) -> bool {
    match rest.iter().position(|byte| *byte == 0) {
        Some(nul) => claimed == nul || claimed == nul + 1,
        None => claimed == rest.len(),
    }
}

/// First byte of a TLS record that is an alert.
const TLS_ALERT: u8 = 0x15;

/// Bytes of a status line that are told.
const STATUS_MAX: usize = 80;

fn no_connection(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::Refused,
        // The system gives up before the deadline.
        _ => Fault::Unreachable(error.to_string().into()),
    }
}

fn failed(error: &io::Error, answer: &[u8]) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            match read(answer) {
                // It says more than the reset.
                Err(fault @ (Fault::Http(_) | Fault::Tls)) => fault,
                _ => Fault::Reset { received: answer.len() },
            }
        }
        _ => Fault::Failed(error.to_string().into()),
    }
}
