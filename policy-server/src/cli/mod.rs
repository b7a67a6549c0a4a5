//! The commands, and how each of them ends.

mod check;
mod lint;
mod serve;

use std::{
    fmt,
    io::{Write as _, stderr},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// Flash socket policy and HTTP on one port.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(Box<serve::ServeArgs>),
    Check(check::CheckArgs),
    Lint(lint::LintArgs),
}

/// Exit code for what the caller got wrong: arguments (as clap has it), files, addresses.
const MISUSE: u8 = 2;

/// What the caller got wrong, in one line that says what to do about it. Ends with exit code 2.
#[derive(Debug)]
pub(crate) struct Misuse(pub(crate) String);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

pub(crate) fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(args),
        Command::Lint(args) => lint::run(&args),
    };
    result.unwrap_or_else(|error| {
        // Who has closed standard error is not told.
        let _ = writeln!(stderr(), "policy-server: {error:#}");
        if error.is::<Misuse>() { ExitCode::from(MISUSE) } else { ExitCode::FAILURE }
    })
}
