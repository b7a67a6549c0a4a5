//! How a command ends that does not end well.

use std::fmt::Display;
use std::io::{self, Write as _, stderr};
use std::process::ExitCode;

/// What was read is malformed or cut off, a vector fails, the service answered with a fault.
const FAILED: u8 = 1;
/// Arguments or files that cannot be used; the same as clap's.
const UNUSABLE: u8 = 2;
/// The server cannot be reached, does not answer, or answers with something else.
const UNREACHABLE: u8 = 3;
/// Ctrl-C, as shells have it: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

/// The codes, for `--help`.
pub(super) const TABLE: &str = "\
Exit codes:
  0    done; also when nobody reads the output any more (| head)
  1    what was read is malformed or cut off; a vector fails; the service answered with a fault
  2    arguments or files that cannot be used
  3    the server cannot be reached, takes too long, or answers with an error or with something
       that is not Hessian
  130  ended by Ctrl-C";

/// Why a command ends early: its exit code, and what the person is told, one line.
#[derive(Debug)]
pub(super) struct Stop {
    code: u8,
    message: Option<String>,
}

/// What a command gives.
pub(super) type Outcome<T = ()> = Result<T, Stop>;

impl Stop {
    /// What was read is not what it should be.
    pub(super) fn failed(message: impl Display) -> Self {
        Self { code: FAILED, message: Some(message.to_string()) }
    }

    /// The same, where it has been told already.
    pub(super) fn told() -> Self {
        Self { code: FAILED, message: None }
    }

    /// Something that the person gave cannot be used.
    pub(super) fn unusable(message: impl Display) -> Self {
        Self { code: UNUSABLE, message: Some(message.to_string()) }
    }

    /// The server is not there, or is none.
    pub(super) fn unreachable(message: impl Display) -> Self {
        Self { code: UNREACHABLE, message: Some(message.to_string()) }
    }

    /// The person has ended it.
    pub(super) fn interrupted() -> Self {
        Self { code: INTERRUPTED, message: None }
    }

    /// Output cannot be written: who has gone is not told.
    pub(super) fn unwritable(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { code: 0, message: None },
            _ => Self::unusable(format_args!("cannot write: {error}")),
        }
    }

    /// Tells the person; the exit code.
    pub(super) fn end(self) -> ExitCode {
        if let Some(message) = self.message {
            tell(message);
        }
        ExitCode::from(self.code)
    }
}

/// Tells the person something, one line on stderr, or nobody: nothing ends because it cannot be told.
pub(super) fn tell(message: impl Display) {
    let _ = writeln!(stderr(), "hessian: {message}");
}
