//! The `push-server` binary.

mod cli;
mod config;
mod operate;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
