//! What a subscriber of ours gets for one message, so that the floor can write the same.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::{Running, Start, Target};
use crate::control::{Command, Replay};
use crate::payload;

/// Silence after which nothing more of the response's beginning comes.
const QUIET: Duration = Duration::from_millis(200);

/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Messages before the one that is read.
const FIRST: u64 = 100;

/// Bytes of a mark up to its time.
const BEGINNING: usize = 12;

/// Starts ours for a moment and reads one message in the form asked for.
pub(crate) fn capture(start: Start<'_>) -> anyhow::Result<Replay> {
    let mut server = Running::start(Target::Ours, Start { streams: 1, ..start })?;
    // Positions of three digits, as most in a measurement have.
    server.tell(&Command::Rate { per_second: 1e6, count: FIRST, bytes: start.bytes })?;
    while !server.is_done()? {
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut socket = TcpStream::connect(server.address)?;
    socket.write_all(&start.form.request(0, None))?;
    let head = read(&mut socket, |bytes| memchr::memmem::find(bytes, b"\r\n\r\n").is_some())?;
    // The first message may carry more than the others do, so the second one counts.
    let mut frame = Vec::new();
    for _ in 0..2 {
        server.tell(&Command::Rate { per_second: 1_000.0, count: 1, bytes: start.bytes })?;
        frame = read(&mut socket, |bytes| bytes.len() > start.bytes)?;
    }
    let mark = &payload::text(FIRST + 1, 0, 0)[..BEGINNING];
    let begin = memchr::memmem::find(&frame, mark.as_bytes()).context("no message")?;
    let end = begin + start.bytes.max(payload::MARK);
    ensure!(end <= frame.len(), "{} does not carry the message in one piece", start.form.name);
    Ok(Replay { head, before: frame[..begin].to_vec(), after: frame[end..].to_vec() })
}

/// Reads until what came `is_enough` and it is quiet.
fn read(socket: &mut TcpStream, is_enough: impl Fn(&[u8]) -> bool) -> anyhow::Result<Vec<u8>> {
    socket.set_read_timeout(Some(QUIET))?;
    let begin = Instant::now();
    let mut bytes = Vec::new();
    let mut buffer = [0; 64 << 10];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => anyhow::bail!("closed: {}", String::from_utf8_lossy(&bytes)),
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                if is_enough(&bytes) {
                    return Ok(bytes);
                }
            }
            Err(error) => return Err(error.into()),
        }
        ensure!(begin.elapsed() < PATIENCE, "no message within {} s", PATIENCE.as_secs());
    }
}
