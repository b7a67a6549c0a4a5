//! Programs that are measured, each in a process of its own, and what Linux tells about them.

use anyhow::Context as _;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Where Debian puts Caucho's library.
const LIBRARY: &str = "/usr/share/java/hessian.jar";

/// A program that is talked to by lines. Ends with this value.
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// This very program in another role.
    pub(crate) fn role(role: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(role);
        Self::start(command)
    }

    fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("no output")?);
        Ok(Self { child, input, output })
    }

    /// Sends a line.
    pub(crate) fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        let input = self.input.as_mut().context("no input")?;
        writeln!(input, "{line}")?;
        Ok(input.flush()?)
    }

    /// The next line.
    pub(crate) fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        anyhow::ensure!(self.output.read_line(&mut line)? > 0, "a program ended: {:?}", self.child.wait());
        Ok(line.trim().to_owned())
    }

    /// Processor time so far, user and system, in steps of a hundredth of a second; threads that have ended are counted.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name of the program may have blanks; fields are counted behind it.
        let fields = stat.rsplit_once(") ").context("no stat")?.1;
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// The Java programs, compiled.
pub(crate) struct Java {
    classes: PathBuf,
    options: PathBuf,
}

impl Java {
    pub(crate) fn compile() -> anyhow::Result<Self> {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        let classes = std::env::current_exe()?.with_file_name("calls-java");
        let sources = std::fs::read_dir(benches.join("src/bin/calls/java/bench"))?
            .map(|file| Ok(file?.path()))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let javac = Command::new("javac")
            .args(["-nowarn", "-cp", LIBRARY, "-d"])
            .arg(&classes)
            .args(sources)
            .status();
        anyhow::ensure!(javac.context("no javac")?.success(), "javac failed");
        Ok(Self { classes, options: benches.join("../hessian/tests/interop/java/options") })
    }

    /// `java CLASS`, with the JDK's own classes opened to the library.
    pub(crate) fn start(&self, class: &str) -> anyhow::Result<Process> {
        let mut command = Command::new("java");
        command.arg(format!("@{}", self.options.display()));
        command.arg("-cp").arg(format!("{LIBRARY}:{}", self.classes.display())).arg(class);
        Process::start(command)
    }
}
