//! What is measured: ours, and what it is held against. Each is one thread, as one core is the unit.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use clap::ValueEnum;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use policy_server::port::REQUEST;
use policy_server::{Limits, ListenConfig, PolicyFile, Responder};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// Accept, read, write, close: nothing else.
    Bare,
    /// hyper behind an accept loop of its own.
    Hyper,
    /// The same hyper behind `policy_server::serve`.
    Dual,
    /// As `dual`, without deadlines and with room for all silent connections.
    Patient,
}

const LOOPBACK: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// What policy answers are compared by.
pub(crate) fn policy() -> anyhow::Result<PolicyFile> {
    Ok(PolicyFile::builder()
        .allow("*.example.com", "8080")
        .allow("www.example.org", "8080,9000-9010")
        .build()?)
}

/// The body of HTTP answers.
const BODY: &str = "hello\n";

/// Prints the address and serves until the input ends.
pub(crate) fn run(kind: Kind) -> anyhow::Result<()> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().lines().count();
        std::process::exit(0);
    });
    match kind {
        Kind::Bare => bare(),
        Kind::Hyper => runtime()?.block_on(plain_hyper()),
        Kind::Dual => runtime()?.block_on(dual(Limits::default())),
        Kind::Patient => {
            let mut limits = Limits::default();
            limits.first_byte = Duration::from_secs(3_600);
            limits.unclassified = limits.connections;
            limits.unclassified_per_address = limits.connections;
            runtime()?.block_on(dual(limits))
        }
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn bare() -> anyhow::Result<()> {
    let wire = policy()?.to_wire();
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    listener.bind(&SocketAddr::from(LOOPBACK).into())?;
    listener.listen(4096)?;
    let listener = std::net::TcpListener::from(listener);
    println!("{}", listener.local_addr()?);
    let mut buffer = [0; 64];
    loop {
        let (mut stream, _) = listener.accept()?;
        // On loopback the request comes in one segment.
        if stream.read(&mut buffer).is_ok_and(|n| buffer[..n] == *REQUEST) {
            let _ = stream.write_all(&wire);
        }
    }
}

async fn plain_hyper() -> anyhow::Result<()> {
    let listener = ListenConfig::default().bind(LOOPBACK.into())?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = TcpListener::accept(&listener).await?;
        tokio::spawn(http(stream));
    }
}

async fn dual(limits: Limits) -> anyhow::Result<()> {
    let listener = ListenConfig::default().bind(LOOPBACK.into())?;
    println!("{}", listener.local_addr()?);
    let responder = Responder::with_limits(&policy()?, limits);
    let handler = |stream, _, _| http(stream);
    policy_server::serve(listener, responder, std::future::pending(), handler).await.wait().await;
    Ok(())
}

async fn http(stream: TcpStream) {
    let answer = |_: Request<Incoming>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(BODY.as_bytes()))))
    };
    // A peer that closes is no news.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}
