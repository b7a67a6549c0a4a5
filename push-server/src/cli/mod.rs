//! The commands: reads the world (arguments, environment, files, signals, the clock) and hands values to the library.

mod demo;
mod forms;
mod serve;

use std::fmt::Display;
use std::io::{Write as _, stderr, stdout};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use forms::{Grant, address, origin};

/// Streams values to many clients as they become available: Hessian packets, script tags, server-sent events, JSON.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(Box<serve::ServeArgs>),
    Demo(demo::DemoArgs),
}

/// Exit code for what the caller got wrong: arguments (as clap has it), settings, an address that cannot be used.
const MISUSE: u8 = 2;

/// What the caller got wrong, a line for each thing. Ends with exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub(crate) struct Misuse(pub(crate) Vec<String>);

impl Misuse {
    pub(crate) fn new(problems: &[impl Display]) -> Self {
        Self(problems.iter().map(ToString::to_string).collect())
    }
}

impl From<String> for Misuse {
    fn from(problem: String) -> Self {
        Self(vec![problem])
    }
}

pub(crate) fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
    };
    result.unwrap_or_else(|error| match error.downcast_ref::<Misuse>() {
        Some(Misuse(problems)) => {
            problems.iter().for_each(|problem| complain(problem));
            ExitCode::from(MISUSE)
        }
        None => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    })
}

/// Tells the user. Who has gone (`| head -1`) or has no room (`> /dev/full`) is not told, and stops nobody:
/// `println!` would panic, and the streams would end without a farewell.
pub(crate) fn say(text: &str) {
    let mut out = stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Tells the user what went wrong, or nobody.
fn complain(what: &str) {
    let _ = writeln!(stderr(), "push-server: {what}");
}

/// A connection is a descriptor; the soft limit is often 1,024. How many there may be.
pub(crate) fn raise_descriptors() -> Option<u64> {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(most) => Some(most),
        Err(error) => {
            tracing::warn!(%error, "cannot raise the number of open files");
            None
        }
    }
}

/// An address that a client on this machine can use: the unspecified one listens everywhere.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback = match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    address
}
