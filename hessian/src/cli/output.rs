//! Standard output: who has gone ends the command quietly.

use super::stop::{Outcome, Stop};
use anstream::{AutoStream, ColorChoice};
use hessian::dump::Part;
use std::io::{self, IsTerminal, StdoutLock, Write};

/// Standard output.
#[derive(Debug)]
pub(super) struct Output {
    out: StdoutLock<'static>,
}

impl Output {
    pub(super) fn new() -> Self {
        Self { out: io::stdout().lock() }
    }

    /// Writes, and hands on at once what was written.
    pub(super) fn write(&mut self, bytes: impl AsRef<[u8]>) -> Outcome {
        let done = self.out.write_all(bytes.as_ref()).and_then(|()| self.out.flush());
        done.map_err(|error| Stop::unwritable(&error))
    }
}

/// True when a person reads the output.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Bytes on a terminal are noise, or worse: codes that it obeys.
pub(super) fn refuse_terminal(force: bool) -> Outcome {
    if is_terminal() && !force {
        return Err(Stop::unusable(
            "these are bytes, not for a terminal: use --hex, --out FILE, a pipe, or --force to have them all the same",
        ));
    }
    Ok(())
}

/// Colours, if the output has any.
pub(super) fn marks() -> fn(Part) -> [&'static str; 2] {
    match AutoStream::choice(&io::stdout()) {
        ColorChoice::Never => |_| ["", ""],
        _ => colored,
    }
}

const RESET: &str = "\x1b[0m";

/// The sixteen colours that a person's own terminal theme decides on.
fn colored(part: Part) -> [&'static str; 2] {
    let code = match part {
        Part::Offset | Part::Note => "\x1b[90m",
        Part::Opcode => "\x1b[1m",
        Part::Label => "\x1b[36m",
        Part::Number => "\x1b[33m",
        Part::Constant => "\x1b[35m",
        Part::Text | Part::Binary => "\x1b[32m",
        Part::Definition => "\x1b[94m",
        Part::Reference => "\x1b[95m",
        Part::Frame => "\x1b[1;34m",
        Part::Failure => "\x1b[1;31m",
        _ => return ["", ""],
    };
    [code, RESET]
}
