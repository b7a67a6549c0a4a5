//! The `policy-server` binary: reads the world (arguments, files, signals, the clock) and hands values to
//! the library.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
