//! The `hessian` command.

mod vectors;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code of a check that failed.
const FAILED: u8 = 1;
/// Exit code of arguments or files that cannot be used; the same as clap's.
const UNUSABLE: u8 = 2;

/// How often inputs are cut; the push parser is asked at every byte in any case.
const EFFORT: vectors::Effort =
    vectors::Effort { all: 40 << 10, edge: 1024, stride: 61, messages: usize::MAX };

/// Looks at Hessian data and checks the codec.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks the codec against files of vectors, one JSON object a line; exit code 1 when any line fails.
    Vectors {
        /// Files of vectors (.jsonl).
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Prints the failures and the total only.
        #[arg(short, long)]
        quiet: bool,
    },
}

/// Runs the command that the arguments name.
pub(crate) fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Vectors { files, quiet } => check_vectors(&files, quiet),
    }
}

fn check_vectors(files: &[PathBuf], quiet: bool) -> ExitCode {
    let (mut passed, mut failed, mut long, mut unusable) = (0, 0, 0, false);
    for file in files {
        let report = match vectors::check_file(file, EFFORT) {
            Ok(report) => report,
            Err(error) => {
                eprintln!("{}: {error}", file.display());
                unusable = true;
                continue;
            }
        };
        for failure in &report.failures {
            println!("{}:{}: {}: {}", file.display(), failure.line, failure.name, failure.reason);
        }
        if !quiet {
            println!("{}: {} passed, {} failed", file.display(), report.passed, report.failures.len());
        }
        passed += report.passed;
        failed += report.failures.len();
        long += report.long;
    }
    if !quiet {
        let vectors::Effort { all, edge, stride, .. } = EFFORT;
        println!(
            "cut at every byte: values and streams through the push decoders, messages, and values of up to {all} bytes as a graph, passed \
             over, through serde and as a packet; {long} longer values so at every byte of their first and last {edge} and at one in \
             {stride} between"
        );
    }
    println!("{passed} passed, {failed} failed");
    match (unusable, failed) {
        (true, _) => ExitCode::from(UNUSABLE),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::from(FAILED),
    }
}
