//! The other side: one thread that keeps a server busy and costs as little as it can.
//!
//! On loopback `connect` ends in the kernel without waiting for the server, and so a window of connections
//! is kept open with plain blocking calls: the oldest is finished, then a new one begun.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::ensure;
use policy_server::port::REQUEST;

/// Connections that are open at a time.
const WINDOW: usize = 64;

pub(crate) const GET_CLOSE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\nConnection: close\r\n\r\n";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";

/// One connection for each exchange: sends `request` and reads to the end. Returns how many were made.
pub(crate) fn exchanges(
    address: SocketAddr,
    request: &[u8],
    time: Duration,
    is_answer: impl Fn(&[u8]) -> bool,
) -> anyhow::Result<u64> {
    let end = Instant::now() + time;
    let (mut open, mut done, mut answer) = (VecDeque::with_capacity(WINDOW), 0, Vec::with_capacity(4096));
    loop {
        let is_over = Instant::now() >= end;
        if is_over && open.is_empty() {
            return Ok(done);
        }
        while !is_over && open.len() < WINDOW {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(request)?;
            open.push_back(stream);
        }
        let Some(mut stream) = open.pop_front() else { continue };
        answer.clear();
        stream.read_to_end(&mut answer)?;
        ensure!(is_answer(&answer), "not the answer: {}", answer.escape_ascii());
        done += 1;
    }
}

/// Requests on connections that stay. Returns how many were answered.
pub(crate) fn keep_alive(address: SocketAddr, time: Duration) -> anyhow::Result<u64> {
    let mut streams = (0..WINDOW).map(|_| TcpStream::connect(address)).collect::<Result<Vec<_>, _>>()?;
    for stream in &streams {
        stream.set_nodelay(true)?;
    }
    let (end, mut done, mut answer) = (Instant::now() + time, 0, [0; 1024]);
    while Instant::now() < end {
        for stream in &mut streams {
            stream.write_all(GET)?;
        }
        for stream in &mut streams {
            let n = stream.read(&mut answer)?;
            ensure!(is_http(&answer[..n]), "not the answer: {}", answer[..n].escape_ascii());
            done += 1;
        }
    }
    Ok(done)
}

/// Whether this is the whole answer of the HTTP servers here.
pub(crate) fn is_http(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.ends_with(b"\r\n\r\nhello\n")
}

/// How long single exchanges take, one after the other, sorted.
pub(crate) fn latencies(
    address: SocketAddr,
    times: usize,
    is_policy: impl Fn(&[u8]) -> bool,
) -> anyhow::Result<Vec<Duration>> {
    let mut all = Vec::with_capacity(times);
    let mut answer = Vec::with_capacity(4096);
    for n in 0..times {
        let begin = Instant::now();
        let mut stream = TcpStream::connect(address)?;
        let wants_policy = n % 2 == 0;
        stream.write_all(if wants_policy { REQUEST } else { GET_CLOSE })?;
        answer.clear();
        stream.read_to_end(&mut answer)?;
        all.push(begin.elapsed());
        let right = if wants_policy { is_policy(&answer) } else { is_http(&answer) };
        ensure!(right, "not the answer: {}", answer.escape_ascii());
    }
    all.sort_unstable();
    Ok(all)
}
