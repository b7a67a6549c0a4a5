//! Why a call or a stream failed.

use crate::rpc::ServiceFault;
use std::error::Error as StdError;
use std::time::Duration;
use std::{fmt, io};

/// Result with this module's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call or a stream failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The address is none: what was given (without its password), and what is wrong with it.
    Address(String, &'static str),
    /// A setting of a builder cannot be.
    Setting {
        /// Which.
        name: &'static str,
        /// What is wrong with it.
        wrong: String,
    },
    /// This system's certificates cannot be read.
    Tls(io::Error),
    /// There is no connection: nothing was sent.
    Connect {
        /// The address, without a password.
        to: String,
        /// Why.
        error: io::Error,
    },
    /// The connection broke, or what came over it is not HTTP.
    Io(io::Error),
    /// Something took longer than it may.
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// How long.
        after: Duration,
    },
    /// The server answered with something else than 200.
    Status {
        /// Its status.
        status: http::StatusCode,
        /// The beginning of its body, where that is text.
        body: String,
    },
    /// The server answered that the service is elsewhere. That is not followed: a call and what authorizes it go
    /// where they were addressed to.
    Redirect {
        /// Its status.
        status: http::StatusCode,
        /// Where it points.
        location: String,
    },
    /// An argument cannot be encoded: nothing was sent.
    Arguments(crate::Error),
    /// The source of an upload failed. A part of the call may have been sent.
    Upload(io::Error),
    /// What the server answered is no Hessian reply at all, such as a page of a proxy.
    NoReply {
        /// What the server says that it is.
        content_type: String,
        /// How it begins, where that is text.
        body: String,
        /// What was noticed, and at which byte.
        error: crate::Error,
    },
    /// What was sent or received is not Hessian, or not what was asked for.
    Codec(crate::Error),
    /// The service answered with a fault: its method threw, or there is none of that name.
    Fault(Box<ServiceFault>),
}

impl Error {
    /// True when the service has certainly not seen the call: it may be sent again whatever it does.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Address(..)
            | Self::Setting { .. }
            | Self::Tls(_)
            | Self::Connect { .. }
            | Self::Arguments(_) => true,
            Self::Timeout { what, .. } => *what == CONNECTION,
            _ => false,
        }
    }

    /// True when something took longer than it may.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// What the service says went wrong, if it said so.
    #[must_use]
    pub fn fault(&self) -> Option<&ServiceFault> {
        match self {
            Self::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}

/// What was waited for.
pub(super) const CONNECTION: &str = "a connection";

impl fmt::Display for Error {
    /// One line, but for what a service's message has itself; with `{:#}` a fault is told with Java's whole stack trace, as `printStackTrace` does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address, wrong) => write!(f, "{address:?} is no address: {wrong}"),
            Self::Setting { name, wrong } => write!(f, "the setting {name}: {wrong}"),
            Self::Tls(error) => write!(f, "the certificates of this system: {error}"),
            Self::Connect { to, error } => write!(f, "no connection to {to}: {error}"),
            Self::Io(error) => error.fmt(f),
            Self::Timeout { what, after } => write!(f, "waited for {what}: nothing after {after:?}"),
            Self::Status { status, body } if body.is_empty() => write!(f, "the server answered {status}"),
            Self::Status { status, body } => write!(f, "the server answered {status}: {body}"),
            Self::Redirect { status, location } => {
                write!(
                    f,
                    "the server answered {status}: the service is at {location:?}, which is not followed"
                )
            }
            Self::Arguments(error) => write!(f, "the arguments: {error}"),
            Self::Upload(error) => write!(f, "the source of an upload: {error}"),
            Self::NoReply { body, error, .. } if body.is_empty() && error.is_incomplete() => {
                f.write_str("the reply is empty: the service failed before it wrote anything")
            }
            Self::NoReply { content_type, body, error } => {
                write!(f, "no Hessian reply ({error})")?;
                if !content_type.is_empty() {
                    write!(f, ", but {content_type}")?;
                }
                if body.is_empty() { Ok(()) } else { write!(f, ": {body}") }
            }
            Self::Codec(error) => error.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Tls(error) | Self::Io(error) | Self::Upload(error) | Self::Connect { error, .. } => {
                Some(error)
            }
            Self::Codec(error) | Self::Arguments(error) | Self::NoReply { error, .. } => Some(error),
            Self::Fault(fault) => Some(fault),
            Self::Address(..)
            | Self::Setting { .. }
            | Self::Timeout { .. }
            | Self::Status { .. }
            | Self::Redirect { .. } => None,
        }
    }
}

impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Self {
        Self::Codec(error)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Connect { error, .. } | Error::Io(error) | Error::Upload(error) => error.kind(),
            Error::Timeout { .. } => io::ErrorKind::TimedOut,
            Error::Codec(_) | Error::NoReply { .. } => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl Error {
    /// What HTTP's machinery says, in the words of whatever it was that failed.
    pub(super) fn transport(error: impl StdError + Send + Sync + 'static) -> Self {
        match ours(&error) {
            Some(error) => error,
            None => Self::Io(told(error)),
        }
    }
}

/// A timeout of ours that went through somebody else's code.
fn ours(error: &(dyn StdError + 'static)) -> Option<Error> {
    chain(error).find_map(|error| match error.downcast_ref() {
        Some(&Error::Timeout { what, after }) => Some(Error::Timeout { what, after }),
        _ => None,
    })
}

fn chain<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// An error as one of input and output: its kind where one is known, and all that it was caused by.
pub(super) fn told(error: impl StdError + Send + Sync + 'static) -> io::Error {
    let mut kind = io::ErrorKind::Other;
    let mut text = String::new();
    for (depth, error) in chain(&error).enumerate() {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            kind = error.kind();
        }
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message) {
            kind = io::ErrorKind::UnexpectedEof;
        }
        let said = error.to_string();
        // "client error (SendRequest)" tells nothing that its cause does not.
        if depth == 0 && error.source().is_some() && error.is::<hyper_util::client::legacy::Error>() {
            continue;
        }
        if !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
    }
    io::Error::new(kind, Told { text, error: Box::new(error) })
}

/// An error with the words of its causes.
#[derive(Debug)]
struct Told {
    text: String,
    error: Box<dyn StdError + Send + Sync>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Told {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.error)
    }
}
