//! The `hessian` command: looks at Hessian data, converts it, listens to streams, calls services, checks the codec.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
