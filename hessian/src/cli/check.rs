//! `hessian vectors`: the codec against files of vectors.

use super::output::Output;
use super::stop::{Outcome, Stop, tell};
use super::vectors;
use clap::Args;
use std::path::PathBuf;

/// How often inputs are cut; the push parser is asked at every byte in any case.
const EFFORT: vectors::Effort =
    vectors::Effort { all: 40 << 10, edge: 1024, stride: 61, messages: usize::MAX };

pub(super) const EXAMPLES: &str = "\
Examples:
  hessian vectors hessian/tests/vectors/*.jsonl           every line, and the totals
  hessian vectors --quiet mine.jsonl                      the failures and the total only";

#[derive(Debug, Args)]
pub(super) struct VectorsOptions {
    /// Files of vectors (.jsonl)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Prints the failures and the total only
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(options: &VectorsOptions) -> Outcome {
    let mut out = Output::new();
    let (mut passed, mut failed, mut long, mut unusable) = (0, 0, 0, None);
    for file in &options.files {
        let report = match vectors::check_file(file, EFFORT) {
            Ok(report) => report,
            Err(error) => {
                let error = format!("{}: {error}", file.display());
                if let Some(told) = unusable.replace(error) {
                    tell(told);
                }
                continue;
            }
        };
        let mut text = String::new();
        for failure in &report.failures {
            text += &format!("{}:{}: {}: {}\n", file.display(), failure.line, failure.name, failure.reason);
        }
        if !options.quiet {
            let failed = report.failures.len();
            text += &format!("{}: {} passed, {failed} failed\n", file.display(), report.passed);
        }
        out.write(text)?;
        passed += report.passed;
        failed += report.failures.len();
        long += report.long;
    }
    if !options.quiet {
        let vectors::Effort { all, edge, stride, .. } = EFFORT;
        out.write(format!(
            "cut at every byte: values and streams through the push decoders, messages, and values of up to {all} bytes as a graph, passed \
             over, through serde and as a packet; {long} longer values so at every byte of their first and last {edge} and at one in \
             {stride} between\n"
        ))?;
    }
    out.write(format!("{passed} passed, {failed} failed\n"))?;
    match (unusable, failed) {
        (Some(error), _) => Err(Stop::unusable(error)),
        (None, 0) => Ok(()),
        (None, _) => Err(Stop::told()),
    }
}
