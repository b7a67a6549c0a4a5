//! Calls per second, latencies and processor time: our client against Java's on the same Java server, and our server against Java's under the
//! same Java client.
//!
//! `cargo run --release -p benches --bin calls` compiles the Java programs, starts each end in a process of its own, warms all of them up, and prints
//! tables. The ends of a comparison take turns in each round; told are medians of the rounds. Needs a JDK and `libhessian-java`.

mod orders;
mod process;

use clap::{Parser, Subcommand};
use process::{Java, Process};
use std::time::Duration;

/// Lines of an order whose encoding has about 10 KB.
const LINES: i32 = 130;

/// How many calls are made before anything is measured: Java compiles what it has run often.
const WARM_UP: Duration = Duration::from_secs(6);

/// Measures calls.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    /// How many rounds.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How long each pair of ends is under load in each round, in milliseconds.
    #[arg(long, default_value_t = 1_500)]
    milliseconds: u64,
}

#[derive(Clone, Copy, Subcommand)]
enum Role {
    /// Is our server. Started by the main program, as the others are.
    #[command(hide = true)]
    Serve,
    /// Is our client.
    #[command(hide = true)]
    Load,
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
struct Figures {
    /// Calls per second.
    rate: f64,
    p50: f64,
    p99: f64,
    /// Microseconds of processor time a call.
    client: f64,
    server: f64,
}

const MEASURES: [fn(&Figures) -> f64; 5] = [|f| f.rate, |f| f.p50, |f| f.p99, |f| f.client, |f| f.server];

/// A server with its address.
struct Server {
    process: Process,
    url: String,
}

impl Server {
    fn of(mut process: Process) -> anyhow::Result<Self> {
        let url = format!("http://{}/orders", process.line()?);
        Ok(Self { process, url })
    }
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match cli.role {
        Some(Role::Serve) => return runtime.block_on(orders::serve()),
        Some(Role::Load) => return runtime.block_on(orders::load()),
        None => drop(runtime),
    }
    let java = Java::compile()?;
    let size = hessian::to_vec(&orders::sample(LINES))?.len();
    println!("Load of the machine before, last minute: {}", load()?);
    println!("`add`: two ints and one back. `echo`: {size} bytes each way.\n");

    let mut clients = [Process::role("load")?, java.start("bench.Load")?];
    let servers = [Server::of(Process::role("serve")?)?, Server::of(java.start("bench.Server")?)?];
    eprintln!("warming up");
    for (client, server) in [(1, 1), (1, 0), (0, 1)] {
        for (connections, lines) in [(16, 0), (16, LINES), (1, 0), (1, LINES)] {
            measure(&mut clients[client], &servers[server], connections, lines, WARM_UP / 4)?;
        }
    }

    println!("Java's server, called by our client : by Java's client\n\n{HEAD}");
    compare(&cli, |ours, connections, lines, time| {
        measure(&mut clients[usize::from(!ours)], &servers[1], connections, lines, time)
    })?;
    println!("\nJava's client, calling our server : Java's server\n\n{HEAD}");
    compare(&cli, |ours, connections, lines, time| {
        measure(&mut clients[1], &servers[usize::from(!ours)], connections, lines, time)
    })?;
    println!("\nLoad of the machine after, last minute: {}", load()?);
    Ok(())
}

/// Of the tables.
const HEAD: &str = "| | connections | calls a second | ratio | p50, µs | p99, µs | client CPU a call, µs | server CPU a call, µs |\n\
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// Threads that want a processor, averaged over the last minute: what else goes on, before the measurement.
fn load() -> anyhow::Result<String> {
    let averages = std::fs::read_to_string("/proc/loadavg")?;
    Ok(averages.split(' ').next().unwrap_or_default().to_owned())
}

/// Measures the four cases, ours and Java's in turn, and prints their medians.
fn compare(
    cli: &Cli,
    mut run: impl FnMut(bool, usize, i32, Duration) -> anyhow::Result<Figures>,
) -> anyhow::Result<()> {
    for (name, lines) in [("`add`", 0), ("`echo`", LINES)] {
        for connections in [1, 16] {
            let mut rounds = [Vec::new(), Vec::new()];
            for round in 0..cli.rounds {
                for turn in 0..2 {
                    // Who begins takes turns, too.
                    let ours = (round + turn) % 2 == 0;
                    let time = Duration::from_millis(cli.milliseconds);
                    rounds[usize::from(!ours)].push(run(ours, connections, lines, time)?);
                }
            }
            let [ours, java] = rounds.map(|rounds| MEASURES.map(|measure| median(&rounds, measure)));
            let pair = |measure: usize| format!("{:.0} : {:.0}", ours[measure], java[measure]);
            let ratio = ours[0] / java[0];
            let [rate, p50, p99, client, server] = [0, 1, 2, 3, 4].map(pair);
            println!(
                "| {name} | {connections} | {rate} | {ratio:.2} | {p50} | {p99} | {client} | {server} |"
            );
        }
    }
    Ok(())
}

fn median(rounds: &[Figures], measure: fn(&Figures) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(measure).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Puts a server under the load of a client.
fn measure(
    client: &mut Process,
    server: &Server,
    connections: usize,
    lines: i32,
    time: Duration,
) -> anyhow::Result<Figures> {
    let before = (client.cpu()?, server.process.cpu()?);
    client.tell(&format!("{} {connections} {lines} {}", server.url, time.as_millis()))?;
    let line = client.line()?;
    let after = (client.cpu()?, server.process.cpu()?);
    let numbers = line.split(' ').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let &[calls, p50, p99] = numbers.as_slice() else { anyhow::bail!("{line:?} are no figures") };
    let each = |spent: Duration| spent.as_secs_f64() * 1e6 / calls;
    Ok(Figures {
        rate: calls / time.as_secs_f64(),
        p50: p50 / 1e3,
        p99: p99 / 1e3,
        client: each(after.0 - before.0),
        server: each(after.1 - before.1),
    })
}
