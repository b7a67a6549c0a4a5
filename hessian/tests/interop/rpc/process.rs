//! Programs of others, run to their end or for as long as a test needs them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A server of Java: it ends with its stdin, so at the latest with this process.
#[derive(Debug)]
pub(crate) struct Running {
    process: Child,
    stdin: Option<ChildStdin>,
    /// Where it listens.
    pub(crate) ports: Vec<u16>,
}

impl Running {
    /// Starts it and waits for the line with its ports.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a program that runs");
        let stdin = process.stdin.take();
        let mut line = String::new();
        let output = process.stdout.take().expect("stdout is a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line with ports");
        let ports: Vec<_> = line.split_whitespace().map(|port| port.parse().expect("a port")).collect();
        assert!(!ports.is_empty(), "the server did not start: {:?}", process.wait());
        Self { process, stdin, ports }
    }

    /// An address of the first port.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[0])
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a program of checks found: its last line tells `N passed, N failed`.
#[derive(Debug)]
pub(crate) struct Checks {
    pub(crate) passed: usize,
    /// The lines of the checks that failed, without `FAILED `.
    pub(crate) failed: Vec<String>,
    /// What else it says.
    pub(crate) notes: Vec<String>,
}

impl Checks {
    /// Runs it to its end.
    pub(crate) fn run(mut command: Command) -> Self {
        let output =
            command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().expect("a program that runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
        let mut checks = Self { passed: 0, failed: Vec::new(), notes: Vec::new() };
        let mut failed = None;
        for line in text.lines() {
            if let Some(failure) = line.strip_prefix("FAILED ") {
                checks.failed.push(failure.to_owned());
            } else if let Some((p, f)) = line.split_once(" passed, ") {
                checks.passed = p.parse().expect("a count");
                failed = f.strip_suffix(" failed").and_then(|count| count.parse().ok());
            } else {
                checks.notes.push(line.to_owned());
            }
        }
        assert_eq!(failed, Some(checks.failed.len()), "{command:?} told no totals, or others:\n{text}");
        checks
    }

    /// The names of what failed: the text before the first colon.
    pub(crate) fn failures(&self) -> Vec<&str> {
        self.failed.iter().map(|line| line.split(':').next().unwrap_or(line)).collect()
    }

    /// Everything has to have passed, and there was so much to check.
    pub(crate) fn all_passed(&self, who: &str, checks: usize) {
        for note in &self.notes {
            println!("{who}: {note}");
        }
        println!("{who}:\n{} passed, {} failed", self.passed, self.failed.len());
        assert!(self.failed.is_empty(), "{who}:\n{}", self.failed.join("\n"));
        assert_eq!(self.passed, checks, "{who}: checks");
    }
}

/// This folder's parent.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/interop")
}

/// The values of the test service.
pub(crate) fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/testhessian2.jsonl")
}

/// Bytes of memory that this process has now (not the most it ever had).
pub(crate) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process with memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("kilobytes") << 10
}

/// Watches that memory does not grow with what passes through.
#[derive(Debug)]
pub(crate) struct Memory {
    start: u64,
    most: u64,
}

impl Memory {
    pub(crate) fn watch() -> Self {
        let start = resident();
        Self { start, most: start }
    }

    pub(crate) fn look(&mut self) {
        self.most = self.most.max(resident());
    }

    /// How much it has grown since the beginning, at its most.
    pub(crate) fn growth(&self) -> u64 {
        self.most - self.start
    }
}
