//! The `hessian` command: checks the codec against vectors.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
