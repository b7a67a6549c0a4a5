//! What a command reads: a file or standard input, as bytes or as text that stands for bytes.

mod coding;

use super::stop::{Outcome, Stop};
use clap::Args;
use coding::{Base64, Coding, Hex};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

/// Bytes that are read at once.
const READ: usize = 64 << 10;
/// Input that is shorter needs no progress: it is done before it can be read.
const LONG: u64 = 8 << 20;

/// What is read.
#[derive(Debug, Args)]
pub(super) struct InputOptions {
    /// The file; standard input without one and for `-`
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The input is text: hexadecimal digits, in whatever groups, with 0x or \x before them or not
    #[arg(long, short = 'x')]
    hex: bool,
    /// The input is text: base64, of either alphabet, in one line or several
    #[arg(long, conflicts_with = "hex")]
    base64: bool,
}

/// An open input.
pub(super) struct Input {
    name: String,
    reader: Box<dyn Read>,
    /// What the bytes of a text stand for.
    coding: Option<Box<dyn Coding>>,
    progress: ProgressBar,
    buffer: Vec<u8>,
    decoded: Vec<u8>,
}

impl InputOptions {
    /// The bytes of a file, or of standard input.
    pub(super) fn of(file: Option<PathBuf>) -> Self {
        Self { file, hex: false, base64: false }
    }

    /// Opens it.
    pub(super) fn open(&self) -> Outcome<Input> {
        let file = self.file.as_deref().filter(|file| *file != Path::new("-"));
        let (name, len, reader): (String, Option<u64>, Box<dyn Read>) = match file {
            Some(path) => {
                let name = path.display().to_string();
                let cannot = |error: io::Error| Stop::unusable(format_args!("{name}: {error}"));
                let file = File::open(path).map_err(cannot)?;
                let metadata = file.metadata().map_err(cannot)?;
                if metadata.is_dir() {
                    return Err(Stop::unusable(format_args!(
                        "{name}: a file was expected, this is a folder"
                    )));
                }
                let len = metadata.is_file().then_some(metadata.len());
                (name, len, Box::new(file))
            }
            None => ("standard input".to_owned(), None, Box::new(io::stdin().lock())),
        };
        let progress = progress(len);
        let coding: Option<Box<dyn Coding>> = match (self.hex, self.base64) {
            (true, _) => Some(Box::new(Hex::default())),
            (_, true) => Some(Box::new(Base64::default())),
            _ => None,
        };
        Ok(Input { name, reader, coding, progress, buffer: vec![0; READ], decoded: Vec::new() })
    }
}

/// How far the input was read, for a person who waits: on stderr, when that is a terminal that the output does not go to.
fn progress(len: Option<u64>) -> ProgressBar {
    let is_seen = io::stderr().is_terminal() && !super::output::is_terminal();
    if !is_seen || len.is_some_and(|len| len < LONG) {
        return ProgressBar::hidden();
    }
    let bar = len.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let template = match len {
        Some(_) => "{percent:>3} % {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        None => "{spinner} {bytes}, {bytes_per_sec}",
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

impl Input {
    /// What to call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The next bytes, as soon as there are any; none at the end.
    pub(super) fn read(&mut self) -> Outcome<&[u8]> {
        loop {
            let read = match self.reader.read(&mut self.buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Stop::unusable(format_args!("{}: {error}", self.name))),
            };
            self.progress.inc(read as u64);
            if read == 0 {
                self.progress.finish_and_clear();
            }
            let Some(coding) = &mut self.coding else { return Ok(&self.buffer[..read]) };
            self.decoded.clear();
            let decoded = match read {
                // The end is told once more when bytes come with it.
                0 => coding.finish(&mut self.decoded),
                _ => coding.push(&self.buffer[..read], &mut self.decoded),
            };
            decoded.map_err(|error| Stop::failed(format_args!("{}: {error}", self.name)))?;
            if !self.decoded.is_empty() || read == 0 {
                return Ok(&self.decoded);
            }
        }
    }

    /// Adds what follows, up to its end, to the bytes that were read.
    ///
    /// # Errors
    /// More than `max` bytes.
    pub(super) fn read_rest(&mut self, bytes: &mut Vec<u8>, max: u64, limit: &str) -> Outcome {
        while bytes.len() as u64 <= max {
            let read = self.read()?;
            if read.is_empty() {
                return Ok(());
            }
            bytes.extend_from_slice(read);
        }
        Err(Stop::failed(format_args!(
            "{}: longer than {limit} = {max} bytes, which have to be in memory at once; --limit {limit}=NUMBER allows more",
            self.name
        )))
    }
}
