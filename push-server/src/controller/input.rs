//! What is wrong with a request body. hyper decodes it; what it finds is told here in our own words.

use std::error::Error as StdError;
use std::io;

use super::wire::Failure;

/// The request body is not what its head says, or too long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadBody {
    /// No chunks as announced (RFC 9112, section 7.1).
    #[error("not as announced: {0}")]
    Malformed(String),
    /// More than the connection takes.
    #[error("more than input_bytes = {max} bytes")]
    TooLong {
        /// [`Suspend::input_bytes`](super::Suspend::input_bytes).
        max: u64,
    },
    /// The client ended its direction within the body.
    #[error("it ended early")]
    EndedEarly,
    /// After the request came more than is ignored.
    #[error("more than ignored_input = {max} bytes after its end")]
    Ignored {
        /// [`Limits::ignored_input`](crate::Limits::ignored_input).
        max: usize,
    },
}

/// What an error of the body means for the connection.
pub(super) fn failure(error: &(dyn StdError + 'static)) -> Failure {
    let mut innermost = error;
    let mut causes = Vec::new();
    while let Some(cause) = innermost.source() {
        innermost = cause;
        causes.push(cause);
    }
    causes.insert(0, error);
    for cause in causes {
        if cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message) {
            return BadBody::EndedEarly.into();
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof => BadBody::EndedEarly.into(),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                    BadBody::Malformed(error.to_string()).into()
                }
                kind => io::Error::new(kind, error.to_string()).into(),
            };
        }
    }
    BadBody::Malformed(innermost.to_string()).into()
}
