//! Binary results, written while they arrive.

use super::super::output::{self, Output};
use super::super::stop::{Outcome, Stop};
use super::argument::Argument;
use hessian::ErrorKind;
use hessian::client::{Client, Error};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Calls a method and writes the bytes that it gives to a file: one that is there is replaced once all of them have come.
pub(super) async fn run(
    client: &Client,
    method: &str,
    arguments: &[Argument],
    path: &Path,
    failed: impl Fn(&Error) -> Stop,
) -> Outcome {
    let is_output = path == Path::new("-");
    if is_output {
        output::refuse_terminal(false)?;
    }
    let failed = |error: Error| match &error {
        Error::Codec(codec) => match codec.kind() {
            ErrorKind::UnexpectedType { found, .. } => Stop::failed(format_args!(
                "the result is no binary but {found}: nothing was written; without --out it is shown"
            )),
            _ => failed(&error),
        },
        _ => failed(&error),
    };
    let mut reply = client.call_binary(method, arguments).await.map_err(failed)?;
    let mut sink = if is_output { Sink::Output(Output::new()) } else { Sink::create(path)? };
    while let Some(bytes) = reply.chunk().await.map_err(failed)? {
        sink.write(&bytes)?;
    }
    sink.finish()
}

enum Sink {
    Output(Output),
    File(Part),
}

impl Sink {
    fn create(path: &Path) -> Outcome<Self> {
        let path = path.to_owned();
        // A device or pipe cannot be replaced.
        let part = match fs::metadata(&path) {
            Ok(metadata) if !metadata.is_file() => None,
            _ => {
                let mut name = path.file_name().unwrap_or_default().to_owned();
                name.push(".part");
                Some(path.with_file_name(name))
            }
        };
        match File::create(part.as_ref().unwrap_or(&path)) {
            Ok(file) => Ok(Self::File(Part { file, path, part })),
            Err(error) => Err(unusable(&path, &error)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome {
        match self {
            Self::Output(out) => out.write(bytes),
            Self::File(part) => part.file.write_all(bytes).map_err(|error| unusable(&part.path, &error)),
        }
    }

    fn finish(self) -> Outcome {
        match self {
            Self::File(mut file) => match file.part.take() {
                Some(part) => fs::rename(part, &file.path).map_err(|error| unusable(&file.path, &error)),
                None => Ok(()),
            },
            Self::Output(_) => Ok(()),
        }
    }
}

/// A file that is not complete.
struct Part {
    file: File,
    path: PathBuf,
    /// Where it stands until it is.
    part: Option<PathBuf>,
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // What is left of a result that did not come is nobody's; if it stays, it says so by its name.
            let _ = fs::remove_file(part);
        }
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Stop {
    Stop::unusable(format_args!("{}: {error}", path.display()))
}
