//! `lint`: what is wrong with a policy file, before a player finds it.

use std::{
    fs::File,
    io::{self, Read, Write as _, stdin, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use policy_server::{
    PolicyFile,
    policy::{Finding, Severity, lint},
};
use serde_json::{Value, json};

use super::Misuse;

/// Find what is wrong with a socket policy file, with line and remedy.
///
/// Exit code: 0 no errors (perhaps warnings), 1 errors, 2 wrong arguments or the file cannot be read.
#[derive(Args)]
pub(crate) struct LintArgs {
    /// The policy file; - reads standard input.
    file: PathBuf,
    /// A port that will serve the file; 843 makes it the master. May be repeated.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    served_on: Vec<u16>,
    /// A port that SWFs connect to: an error if no entry grants it. May be repeated.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    to_port: Vec<u16>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Bytes that are read, to tell the size of a file that is too large.
const READ_MAX: u64 = 16 << 20;

pub(crate) fn run(args: &LintArgs) -> anyhow::Result<ExitCode> {
    let text = read(&args.file).map_err(|e| Misuse(format!("{}: {e}", args.file.display())))?;
    let mut findings = lint(&text, &args.served_on);
    if let Ok(file) = PolicyFile::from_bytes(&text) {
        findings.extend(args.to_port.iter().filter_map(|port| file.lint_port(&args.served_on, *port)));
    }
    let errors = findings.iter().filter(|finding| finding.severity() == Severity::Error).count();
    let warnings = findings.len() - errors;

    let shown = if args.json {
        let findings: Value = findings.iter().map(in_json).collect();
        format!("{:#}", json!({ "errors": errors, "warnings": warnings, "findings": findings }))
    } else {
        let mut lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
        lines.push(format!("{}: {errors} errors, {warnings} warnings", args.file.display()));
        lines.join("\n")
    };
    // Who has closed standard output wants the exit code alone.
    let _ = writeln!(stdout(), "{shown}");
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    if path == Path::new("-") {
        stdin().lock().take(READ_MAX).read_to_end(&mut text)?;
    } else {
        File::open(path)?.take(READ_MAX).read_to_end(&mut text)?;
    }
    Ok(text)
}

pub(super) fn in_json(finding: &Finding) -> Value {
    json!({
        "line": finding.line(),
        "severity": if finding.severity() == Severity::Error { "error" } else { "warning" },
        "message": finding.problem().to_string(),
        "remedy": finding.problem().remedy(),
    })
}
