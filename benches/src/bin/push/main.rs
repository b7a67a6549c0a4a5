//! What pushing costs: the push server against a bare epoll loop and against its peers, in one run.
//!
//! `cargo run --release -p benches --bin push -- [SCENARIO]` starts each server in a process of its own and is
//! itself the client: one thread, any number of subscribers. Processor time and memory are those of the
//! server's processes, as Linux tells them. Contenders run in interleaved rounds whose order rotates; figures
//! are medians, and each stands beside its ratio to the floor of the same round, the only figure that a busy
//! machine leaves alone.

mod control;
mod crowd;
mod form;
mod measure;
mod payload;
mod process;
mod scenario;
mod server;
mod table;
mod target;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use scenario::Scenario;
use target::Target;

/// Measures the push server against a bare epoll loop and its peers.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    server: Option<Server>,
    /// What to measure.
    #[arg(value_enum, default_values_t = [Scenario::All])]
    scenario: Vec<Scenario>,
    #[command(flatten)]
    options: Options,
}

/// How much to measure, and against whom.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Numbers of subscribers.
    #[arg(long, value_delimiter = ',', default_value = "1000,5000,15000")]
    n: Vec<usize>,
    /// Lengths of a message in bytes, 33 at least.
    #[arg(long, value_delimiter = ',', default_value = "64,1024")]
    bytes: Vec<usize>,
    /// Times that each contender runs.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Whom to measure.
    #[arg(long, value_delimiter = ',', value_enum, default_value = "floor,ours,nchan,axum,pushpin")]
    against: Vec<Target>,
    /// Seconds of publishing in one run of `rate`, `streams` and `transports`.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Messages that `burst` is ahead of the slowest subscriber at most.
    #[arg(long, value_delimiter = ',', default_value = "4,64")]
    window: Vec<u64>,
    /// Seconds of `churn`.
    #[arg(long, default_value_t = 60)]
    churn_seconds: u64,
    /// Subscribers of `soak`.
    #[arg(long, default_value_t = 10_000)]
    soak_n: usize,
    /// Seconds of `soak`.
    #[arg(long, default_value_t = 120)]
    soak_seconds: u64,
    /// Shards of ours, one per core if not given.
    #[arg(long)]
    shards: Option<usize>,
}

/// A server to be, in a process of its own. Started by the other role.
#[derive(Subcommand)]
enum Server {
    /// Is the floor.
    #[command(name = "serve-floor", hide = true)]
    Floor {
        streams: usize,
        #[arg(long)]
        gather: bool,
    },
    /// Is the push server.
    #[command(name = "serve-ours", hide = true)]
    Ours {
        streams: usize,
        #[arg(long)]
        shards: Option<usize>,
    },
    /// Is axum with a broadcast channel.
    #[command(name = "serve-axum", hide = true)]
    Axum { streams: usize },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        eprintln!("cannot raise the number of open files: {error}");
    }
    let done = match cli.server {
        Some(Server::Floor { streams, gather }) => server::floor::serve(streams, gather),
        Some(Server::Ours { streams, shards }) => server::ours::serve(streams, shards),
        Some(Server::Axum { streams }) => server::axum::serve(streams),
        None => measure(&cli.scenario, cli.options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("push: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(scenarios: &[Scenario], mut options: Options) -> anyhow::Result<()> {
    options.against.retain(|target| match target.missing() {
        None => true,
        Some(missing) => {
            println!("Left out: {missing}.");
            false
        }
    });
    let all = Scenario::value_variants().iter().filter(|scenario| **scenario != Scenario::All);
    let chosen: Vec<_> =
        if scenarios.contains(&Scenario::All) { all.collect() } else { scenarios.iter().collect() };
    chosen.into_iter().try_for_each(|scenario| scenario.run(&options))
}
