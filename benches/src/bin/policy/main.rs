//! What the dual-mode port costs, in processor time of the server.
//!
//! `cargo run --release -p benches --bin policy` starts every server in a process of its own, loads them in
//! turn from this one, and prints a table. Compared are the medians of several rounds, in which the servers
//! of a comparison take turns. Options choose parts; `--help` lists them.

mod load;
mod process;
mod servers;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::{Parser, Subcommand, ValueEnum};
use policy_server::port::REQUEST;
use process::Process;
use servers::Kind;

/// Measures the dual-mode port.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    /// What to measure; everything if none is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// How many rounds.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// How long each server is under load in each round, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    milliseconds: u64,
    /// How many silent connections.
    #[arg(long, default_value_t = 10_000)]
    silent: usize,
    /// The binary to measure as a proxy.
    #[arg(long, value_name = "PATH", default_value = "target/release/policy-server")]
    policy_server: PathBuf,
    /// HAProxy.
    #[arg(long, value_name = "PATH", default_value = "haproxy")]
    haproxy: PathBuf,
}

#[derive(Subcommand)]
enum Role {
    /// Is one of the servers. Started by the other role.
    #[command(hide = true)]
    Serve {
        #[arg(value_enum)]
        kind: Kind,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Policy answers, against a bare loop.
    Policy,
    /// HTTP that falls through, against hyper alone.
    Http,
    /// The proxy, against HAProxy.
    Proxy,
    /// Silent connections: memory, and the answers to others.
    Silent,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        eprintln!("cannot raise the number of open files: {error}");
    }
    let done = match cli.role {
        Some(Role::Serve { kind }) => servers::run(kind),
        None => measure(&cli),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("policy: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(cli: &Cli) -> anyhow::Result<()> {
    let wanted = |part| cli.parts.is_empty() || cli.parts.contains(&part);
    println!("| load | server | per second | CPU each, µs | CPU against the first |");
    println!("| --- | --- | ---: | ---: | ---: |");
    if wanted(Part::Policy) {
        let servers = [("bare loop", role(Kind::Bare)?), ("policy-server", role(Kind::Dual)?)];
        let wire = servers::policy()?.to_wire();
        compare(cli, "policy", &servers, |address, time| {
            load::exchanges(address, REQUEST, time, |answer| {
                answer.strip_suffix(b"\0") == wire.strip_suffix(b"\0")
            })
        })?;
    }
    if wanted(Part::Http) {
        let servers = [("hyper", role(Kind::Hyper)?), ("policy-server, hyper", role(Kind::Dual)?)];
        compare(cli, "HTTP, keep-alive", &servers, load::keep_alive)?;
        compare(cli, "HTTP, a connection each", &servers, http_exchanges)?;
    }
    if wanted(Part::Proxy) {
        let (upstream, policy) = (role(Kind::Hyper)?, role(Kind::Bare)?);
        let servers = [
            ("HAProxy", haproxy(cli, upstream.address, policy.address)?),
            ("policy-server", proxy(cli, upstream.address)?),
        ];
        compare(cli, "proxied, a connection each", &servers, http_exchanges)?;
        compare(cli, "proxied, keep-alive", &servers, load::keep_alive)?;
    }
    if wanted(Part::Silent) {
        silent(cli)?;
    }
    Ok(())
}

fn role(kind: Kind) -> anyhow::Result<Process> {
    let name = kind.to_possible_value().context("every kind has a name")?;
    Process::role(&["serve", name.get_name()])
}

fn http_exchanges(address: SocketAddr, time: Duration) -> anyhow::Result<u64> {
    load::exchanges(address, load::GET_CLOSE, time, load::is_http)
}

/// Loads the servers in turn and prints a row for each.
fn compare(
    cli: &Cli,
    what: &str,
    servers: &[(&str, Process)],
    load: impl Fn(SocketAddr, Duration) -> anyhow::Result<u64>,
) -> anyhow::Result<()> {
    let time = Duration::from_millis(cli.milliseconds);
    let mut rows = vec![(Vec::new(), Vec::new(), Vec::new()); servers.len()];
    // The first round is for warming up.
    for round in 0..=cli.rounds {
        let mut first = None;
        for (index, (name, server)) in servers.iter().enumerate() {
            let (before, begin) = (server.cpu()?, Instant::now());
            let done = load(server.address, time).with_context(|| format!("{what}, {name}"))?;
            let elapsed = begin.elapsed();
            let each = (server.cpu()? - before).as_secs_f64() * 1e6 / done as f64;
            let first = *first.get_or_insert(each);
            if round > 0 {
                let (rates, costs, ratios) = &mut rows[index];
                rates.push(done as f64 / elapsed.as_secs_f64());
                costs.push(each);
                ratios.push(each / first);
            }
        }
    }
    for ((name, _), (rates, costs, ratios)) in servers.iter().zip(&mut rows) {
        let (rate, cost, ratio) = (median(rates), median(costs), median(ratios));
        println!(
            "| {what} | {name} | {rate:.0} | {cost:.2} | {ratio:.3} ({:.3} to {:.3}) |",
            ratios[0],
            ratios[ratios.len() - 1]
        );
    }
    Ok(())
}

/// Sorts, and takes the middle.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

fn proxy(cli: &Cli, upstream: SocketAddr) -> anyhow::Result<Process> {
    let address = free_port()?;
    let (listen, upstream) = (address.to_string(), upstream.to_string());
    let arguments = ["serve", "--listen", &listen, "--allow", "*.example.com:8080", "--upstream", &upstream];
    Process::program(&cli.policy_server, &arguments, address)
}

/// HAProxy as it is set up for this: tcp mode, and a rule on the first bytes. Policy requests go to a server
/// of their own, as HAProxy 2.6 has no raw answers.
fn haproxy(cli: &Cli, upstream: SocketAddr, policy: SocketAddr) -> anyhow::Result<Process> {
    let address = free_port()?;
    let request: String = REQUEST.iter().map(|byte| format!("{byte:02x}")).collect();
    let config = format!(
        "global
  nbthread 1
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend port
  bind {address}
  tcp-request inspect-delay 3s
  acl policy req.payload(0,{}) -m bin {request}
  tcp-request content accept if policy
  tcp-request content accept if HTTP
  use_backend policy if policy
  default_backend web
backend policy
  server policy {policy}
backend web
  server web {upstream}
",
        REQUEST.len()
    );
    let path = std::env::temp_dir().join(format!("policy-bench-{}.cfg", std::process::id()));
    std::fs::write(&path, config)?;
    let name = path.to_str().context("the temporary directory has an odd name")?;
    let process = Process::program(&cli.haproxy, &["-db", "-f", name], address);
    std::fs::remove_file(&path)?;
    process
}

/// Percentiles that are told.
const PERCENTILES: [usize; 2] = [50, 99];

/// Holds silent connections, and sees what they cost and whether others still get answers.
fn silent(cli: &Cli) -> anyhow::Result<()> {
    let server = role(Kind::Patient)?;
    let wire = servers::policy()?.to_wire();
    let ask = || load::latencies(server.address, 2_000, |answer| answer == wire);
    let alone = ask()?;
    let before = server.resident()?;
    let mut held = Vec::with_capacity(cli.silent);
    for _ in 0..cli.silent {
        held.push(TcpStream::connect(server.address)?);
    }
    std::thread::sleep(Duration::from_millis(500));
    let (resident, cpu) = (server.resident()?, server.cpu()?);
    let crowded = ask()?;
    let asking = server.cpu()? - cpu;
    for stream in &held {
        stream.set_nonblocking(true)?;
        let state = stream.peek(&mut [0]).map_err(|error| error.kind());
        ensure!(state == Err(std::io::ErrorKind::WouldBlock), "a silent connection was closed");
    }
    println!(
        "\n{} silent connections: {} B of the server's memory each",
        cli.silent,
        (resident - before) / cli.silent as u64
    );
    for (name, times) in [("without them", alone), ("with them", crowded)] {
        let at = |percent: usize| times[times.len() * percent / 100];
        let shown = PERCENTILES.map(|percent| format!("p{percent} {:.2?}", at(percent))).join(", ");
        println!("answers to others {name}: {shown}, slowest {:.2?}", times[times.len() - 1]);
    }
    println!("processor time for {} answers with them: {asking:.2?}", 2_000);
    Ok(())
}
