//! The `push-server` binary: reads the world (arguments, signals, the clock) and hands values to the library.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use policy_server::{ListenConfig, PolicyFile, Responder};
use push_server::{Epoch, Hub, Limits, Server, demo};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Streams values to many clients as they become available: Hessian packets, script tags, server-sent events.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the streaming tutorial's demo: a line of Latin every two seconds, in every form.
    Demo(Demo),
}

#[derive(Args)]
struct Demo {
    /// Address and port to listen on; port 0 lets the system choose.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

/// Exit code for what the caller got wrong: arguments (as clap has it), an address that cannot be used.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let Command::Demo(demo) = Cli::parse().command;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    // A connection is a descriptor; the soft limit is often 1,024.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "cannot raise the number of open files");
    }
    match run(&demo) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("push-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(demo: &Demo) -> anyhow::Result<ExitCode> {
    let listener = match ListenConfig::default().bind(demo.listen) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("push-server: {error}; choose another with --listen ADDR");
            return Ok(ExitCode::from(USAGE));
        }
    };
    serve_demo(listener).await?;
    Ok(ExitCode::SUCCESS)
}

async fn serve_demo(listener: TcpListener) -> anyhow::Result<()> {
    // Before the address is told: who reads it may send a signal at once.
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let address = listener.local_addr().context("cannot tell the listening address")?;
    let shards = std::thread::available_parallelism().map_or(1, usize::from);
    let hub = Hub::start(Epoch::now(), Limits::default(), shards);
    let stream = demo::open(&hub)?;
    let policy = PolicyFile::builder().allow("*", &address.port().to_string()).build()?;
    let router = demo::router(hub.clone(), &stream, policy.to_string());
    let server = Server::new(hub.clone(), router, Responder::new(&policy));

    print!("{}", welcome(address));
    let lines = tokio::spawn(async move { demo::publish(&stream, demo::PACE).await });
    let shutdown = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        println!("\nEnding: telling every stream.");
    };
    server.serve(listener, shutdown).await;
    lines.abort();
    println!("Ended after {} streaming connections.", hub.stats().opened);
    Ok(())
}

/// What is served and one command for each client.
fn welcome(address: SocketAddr) -> String {
    let (host, port) = (reachable(address), address.port());
    let url = format!("http://{host}");
    let nc_host = host.ip();
    format!(
        "push-server demo: a line of Latin every two seconds. Ctrl-C ends it.

  Browser      {url}/
  Rust         cargo run --release -p examples --example listen -- {url}/comet
  Java         examples/java/run ReadComet {url}/comet 5
  curl         curl -sN {url}/comet | xxd
  HTTP/1.0     curl -sN --http1.0 {url}/comet | xxd
  SSE          curl -sN {url}/comet/sse
  Script tags  curl -sN {url}/comet/script
  Policy       printf '<policy-file-request/>\\0' | nc -q3 {nc_host} {port} | xxd
               curl -s {url}/crossdomain.xml

"
    )
}

/// An address that a client on this machine can use: the unspecified one listens everywhere.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback = match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    address
}
