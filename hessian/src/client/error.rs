//! Why a call or a stream failed.

use crate::rpc::ServiceFault;
use std::time::Duration;
use std::{fmt, io};

/// Result with this module's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call or a stream failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The address is none: what was given, and what is wrong with it.
    Address(String, &'static str),
    /// This system's certificates cannot be read.
    Tls(io::Error),
    /// There is no connection, or it broke.
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
    /// What was sent or received is not Hessian, or not what was asked for.
    Codec(crate::Error),
    /// The service answered with a fault: its method threw, or there is none of that name.
    Fault(Box<ServiceFault>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address, wrong) => write!(f, "{address:?} is no address: {wrong}"),
            Self::Tls(error) => write!(f, "the certificates of this system: {error}"),
            Self::Io(error) => error.fmt(f),
            Self::Timeout { what, after } => write!(f, "{what}: nothing after {after:?}"),
            Self::Status { status, body } if body.is_empty() => write!(f, "the server answered {status}"),
            Self::Status { status, body } => write!(f, "the server answered {status}: {body}"),
            Self::Codec(error) => error.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tls(error) | Self::Io(error) => Some(error),
            Self::Codec(error) => Some(error),
            Self::Fault(fault) => Some(fault),
            Self::Address(..) | Self::Timeout { .. } | Self::Status { .. } => None,
        }
    }
}

impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Self {
        Self::Codec(error)
    }
}
