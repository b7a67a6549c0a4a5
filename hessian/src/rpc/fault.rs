//! A fault by itself: what a client keeps of a reply, what a service answers with.

use super::reply::Fault;
use crate::error::Result;
use crate::java::Throwable;
use crate::value::{Graph, to_graph};
use std::fmt;
use std::sync::Arc;

/// The code of a fault: a method threw.
pub const SERVICE_EXCEPTION: &str = "ServiceException";

/// The code of a fault: the service has no such method.
pub const NO_SUCH_METHOD: &str = "NoSuchMethodException";

/// The code of a fault: the method takes another number of arguments.
pub const ARGUMENT_COUNT: &str = "NoSuchMethod";

/// The code of a fault: the call cannot be read.
pub const PROTOCOL_EXCEPTION: &str = "ProtocolException";

/// Why a call failed, owned: the code, the message and, from Java's services, the exception.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ServiceFault {
    /// What kind of fault it is: [`SERVICE_EXCEPTION`], [`NO_SUCH_METHOD`], …
    pub code: Arc<str>,
    /// What happened.
    pub message: String,
    /// What the method threw, where the detail is an exception: of any class, with causes and stack trace.
    pub exception: Option<Box<Throwable>>,
    /// The detail as it came, where it is no exception, or one that is no tree of exceptions ([`Throwable::from_view`]).
    pub detail: Option<Box<Graph<'static>>>,
}

impl ServiceFault {
    /// A fault with a code and a message.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), exception: None, detail: None }
    }

    /// A fault because the method threw.
    #[must_use]
    pub fn thrown(exception: Throwable) -> Self {
        let message = exception.message.clone().unwrap_or_else(|| exception.to_string());
        Self { exception: Some(Box::new(exception)), ..Self::new(SERVICE_EXCEPTION, message) }
    }

    /// Keeps a fault of a reply. Copies it.
    ///
    /// # Errors
    /// A detail that cannot be copied.
    pub fn of(fault: Fault<'_, '_>) -> Result<Self> {
        let mut kept = Self::new(fault.code(), fault.message());
        match fault.detail() {
            Some(detail) if detail.is_null() => {}
            // One that leads back to itself, or whose cause is none: code and message are worth more than its shape.
            Some(detail) => match Throwable::from_view(detail) {
                Ok(exception) => kept.exception = Some(Box::new(exception)),
                Err(_) => kept.detail = Some(Box::new(to_graph(&detail)?)),
            },
            None => {}
        }
        Ok(kept)
    }
}

impl fmt::Display for ServiceFault {
    /// The exception as Java's `toString`, else code and message; with `{:#}` as Java's `printStackTrace`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.exception, &*self.code, &*self.message) {
            (Some(exception), ..) => exception.fmt(f),
            (None, "", "") => f.write_str("a fault of which nothing is told"),
            (None, told, "") | (None, "", told) => f.write_str(told),
            (None, code, message) => write!(f, "{code}: {message}"),
        }
    }
}

impl std::error::Error for ServiceFault {
    /// The cause of the exception, which is told by itself already.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.exception.as_deref().and_then(std::error::Error::source)
    }
}

impl From<Throwable> for ServiceFault {
    /// The method threw it.
    fn from(exception: Throwable) -> Self {
        Self::thrown(exception)
    }
}

impl From<std::io::Error> for ServiceFault {
    /// What Java's services throw then: a `java.io.IOException`.
    fn from(error: std::io::Error) -> Self {
        Self::thrown(Throwable::new("java.io.IOException", &error.to_string()))
    }
}

impl From<crate::Error> for ServiceFault {
    /// A value that a method cannot read or write.
    fn from(error: crate::Error) -> Self {
        Self::new(SERVICE_EXCEPTION, error.to_string())
    }
}
