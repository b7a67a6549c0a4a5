//! One error type for the crate: what went wrong, at which byte, and where in the value.

use crate::magic;
use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why bytes could not be decoded or a value could not be encoded.
///
/// One word wide (boxed), so that results on the hot path stay small. [`Error::kind`] tells the reason,
/// [`Error::offset`] the byte of the input at which it was noticed and [`Error::path`] the place in the value.
#[derive(Debug)]
pub struct Error {
    /// `None` is the serializer's private signal "this class is not defined yet"; it never leaves the crate.
    inner: Option<Box<Inner>>,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    offset: Option<u64>,
    path: Vec<Segment>,
    /// What the underlying stream said.
    source: Option<std::io::Error>,
}

/// A step of an error's path, innermost first while it is collected.
#[derive(Debug)]
enum Segment {
    Field(Cow<'static, str>),
    Index(u64),
}

/// The reason of an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input ends inside a value: at least `needed` more bytes are wanted. Not a fault of the sender when more
    /// input may follow; see [`Error::is_incomplete`].
    Incomplete {
        /// Lower bound of the bytes that are missing.
        needed: usize,
    },
    /// A byte that the grammar does not allow here.
    UnexpectedByte {
        /// The byte that was found.
        found: u8,
        /// What the grammar allows at this place.
        expected: &'static str,
    },
    /// A value of another type than the target asked for (and that cannot be converted to it).
    UnexpectedType {
        /// The type on the wire.
        found: &'static str,
        /// What the target asked for.
        expected: Cow<'static, str>,
    },
    /// Text that is neither UTF-8 nor the surrogate-pair form that Java writes.
    InvalidText,
    /// Half of a surrogate pair: Java can write it, Rust's `str` cannot hold it.
    LoneSurrogate,
    /// An object names a class that has not been defined in this stream.
    UnknownClass {
        /// The number that was named.
        number: i64,
        /// How many classes are defined.
        defined: usize,
    },
    /// A list or map names a type that has not been met in this stream.
    UnknownType {
        /// The number that was named.
        number: i64,
        /// How many types have been met.
        defined: usize,
    },
    /// A reference to a list, map or object that does not exist (yet) in this packet.
    UnknownReference {
        /// The number that was named.
        number: i64,
        /// How many containers have been started.
        defined: usize,
    },
    /// A reference to a container that still encloses it, decoded into a type that cannot hold a cycle.
    Cycle {
        /// The number of the reference.
        number: u32,
    },
    /// A negative length, field count or chunk size.
    NegativeLength(i64),
    /// One of the [`Limits`](crate::Limits) was reached.
    Limit {
        /// The name of the field of [`Limits`](crate::Limits).
        limit: &'static str,
        /// Its value.
        max: u64,
    },
    /// Bytes remain after the value.
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A call with another number of arguments than its method takes.
    ArgumentCount {
        /// How many were sent.
        found: usize,
        /// How many the method takes.
        expected: usize,
    },
    /// A packet frame header that no sender of this framing writes.
    InvalidFrame(&'static str),
    /// An envelope whose body is not what its method says.
    InvalidEnvelope(&'static str),
    /// A value that Hessian has no form for, such as an integer above `i64::MAX`.
    Unrepresentable(&'static str),
    /// A value that the reader it is meant for is known to misread, with the reason; see
    /// [`grammar::Tutorial`](crate::grammar::Tutorial).
    Refused(&'static str),
    /// A message of serde or of a `Serialize`/`Deserialize` implementation.
    Message(String),
    /// Reading or writing the underlying stream failed; the stream's own error is the
    /// [`source`](std::error::Error::source).
    Io(std::io::ErrorKind),
}

impl Error {
    /// An error without a place in the input.
    #[cold]
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self { inner: Some(Box::new(Inner { kind, offset: None, path: Vec::new(), source: None })) }
    }

    /// An error noticed at byte `offset` of the input.
    #[cold]
    pub(crate) fn at(offset: u64, kind: ErrorKind) -> Self {
        Self { inner: Some(Box::new(Inner { kind, offset: Some(offset), path: Vec::new(), source: None })) }
    }

    /// The serializer's signal that a class definition has to be written first. Costs nothing.
    pub(crate) const fn undefined_class() -> Self {
        Self { inner: None }
    }

    pub(crate) const fn is_undefined_class(&self) -> bool {
        self.inner.is_none()
    }

    /// Adds the offset unless one is known already.
    #[cold]
    pub(crate) fn or_at(mut self, offset: u64) -> Self {
        if let Some(inner) = &mut self.inner {
            inner.offset.get_or_insert(offset);
        }
        self
    }

    /// The input began at this byte of a message.
    #[cold]
    pub(crate) fn behind(mut self, start: usize) -> Self {
        if let Some(offset) = self.inner.as_mut().and_then(|inner| inner.offset.as_mut()) {
            *offset += start as u64;
        }
        self
    }

    /// Adds the enclosing field to the path.
    #[cold]
    pub(crate) fn in_field(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        if let Some(inner) = &mut self.inner {
            inner.path.push(Segment::Field(name.into()));
        }
        self
    }

    /// Adds the enclosing map entry to the path: its key, cut short if it is long.
    #[cold]
    pub(crate) fn in_entry(self, key: &str) -> Self {
        const MAX_KEY: usize = 128;
        self.in_field(shown(&key, MAX_KEY))
    }

    /// The error is in a key of the enclosing map: adds the entry's position to the path.
    #[cold]
    pub(crate) fn in_key(self, entry: u64) -> Self {
        self.in_field(format!("<key {entry}>"))
    }

    /// Adds the enclosing list position to the path.
    #[cold]
    pub(crate) fn in_element(mut self, index: u64) -> Self {
        if let Some(inner) = &mut self.inner {
            inner.path.push(Segment::Index(index));
        }
        self
    }

    /// The reason.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        const SIGNAL: ErrorKind =
            ErrorKind::Unrepresentable("a struct whose fields change while it is written");
        match &self.inner {
            Some(inner) => &inner.kind,
            None => &SIGNAL,
        }
    }

    /// The byte of the input (of the packet, of the stream for framing errors) at which it was noticed.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.inner.as_ref().and_then(|inner| inner.offset)
    }

    /// Where in the value, as `ticks[3].price`; empty at the top. An entry of a map goes by its key if that is text, else by
    /// its position (while encoding always); `<key 3>` is a key itself. Allocates.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::new();
        for segment in self.inner.iter().flat_map(|inner| inner.path.iter().rev()) {
            match segment {
                Segment::Field(name) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                }
                Segment::Index(index) => path.push_str(&format!("[{index}]")),
            }
        }
        path
    }

    /// What the underlying stream said, for [`ErrorKind::Io`].
    fn io(&self) -> Option<&std::io::Error> {
        self.inner.as_ref().and_then(|inner| inner.source.as_ref())
    }

    /// True when the input is a proper beginning of a value: more bytes could complete it.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        matches!(self.kind(), ErrorKind::Incomplete { .. })
    }

    /// True when one of the [`Limits`](crate::Limits) stopped it.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self.kind(), ErrorKind::Limit { .. })
    }

    /// True when the bytes themselves are at fault, not the type they were decoded into.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        !matches!(
            self.kind(),
            ErrorKind::Incomplete { .. }
                | ErrorKind::UnexpectedType { .. }
                | ErrorKind::ArgumentCount { .. }
                | ErrorKind::Limit { .. }
                | ErrorKind::Cycle { .. }
                | ErrorKind::Unrepresentable(_)
                | ErrorKind::Refused(_)
                | ErrorKind::Message(_)
                | ErrorKind::Io(_)
        )
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete { needed } => {
                write!(f, "input ends inside a value, at least {needed} more bytes expected")
            }
            Self::UnexpectedByte { found, expected } => {
                write!(f, "byte 0x{found:02x} where {expected} was expected")
            }
            Self::UnexpectedType { found, expected } => write!(f, "{found} where {expected} was expected"),
            Self::InvalidText => f.write_str("text is neither UTF-8 nor surrogate pairs of three bytes each"),
            Self::LoneSurrogate => f.write_str("text has half a surrogate pair"),
            Self::UnknownClass { number, defined } => {
                write!(f, "object of class number {number}, but {defined} classes are defined")
            }
            Self::UnknownType { number, defined } => {
                write!(f, "type number {number}, but {defined} types were met")
            }
            Self::UnknownReference { number, defined } => {
                write!(f, "reference to container number {number}, but {defined} were started")
            }
            Self::Cycle { number } => {
                write!(
                    f,
                    "reference {number} leads back to a value that contains it, which this type cannot hold"
                )
            }
            Self::NegativeLength(length) => write!(f, "length {length} is negative"),
            Self::Limit { limit, max } => write!(f, "limit {limit} = {max} reached"),
            Self::TrailingBytes { count } => write!(f, "{count} bytes follow the value"),
            Self::ArgumentCount { found, expected } => {
                write!(f, "{found} arguments where {expected} were expected")
            }
            Self::InvalidFrame(what) => write!(f, "packet framing: {what}"),
            Self::InvalidEnvelope(what) => write!(f, "envelope: {what}"),
            Self::Unrepresentable(what) => write!(f, "Hessian has no form for {what}"),
            Self::Refused(what) => write!(f, "old readers mistake {what}"),
            Self::Message(message) => f.write_str(message),
            Self::Io(kind) => write!(f, "{kind}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.io() {
            Some(error) => write!(f, "{error}")?,
            None => write!(f, "{}", self.kind())?,
        }
        if let Some(offset) = self.offset() {
            write!(f, " at byte {offset}")?;
        }
        let path = self.path();
        if !path.is_empty() {
            write!(f, " in {path}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.io().map(|error| error as _)
    }
}

/// Bytes of an [`ErrorKind::Message`] at most: messages name what they do not like, which may be megabytes of a stranger's
/// text. Control characters are escaped.
pub const MAX_MESSAGE: usize = 1024;

/// A text for a message or a path: cut after `max` bytes, control characters escaped.
#[derive(Debug)]
struct Shown {
    text: String,
    max: usize,
}

impl fmt::Write for Shown {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.text.len() + character.len_utf8() > self.max {
                self.text.push('…');
                return Err(fmt::Error);
            }
            match character.is_control() {
                true => self.text.extend(character.escape_debug()),
                false => self.text.push(character),
            }
        }
        Ok(())
    }
}

fn shown(message: &impl fmt::Display, max: usize) -> String {
    let mut shown = Shown { text: String::new(), max };
    // Whoever writes stops when the rest is cut off.
    let _ = write!(shown, "{message}");
    shown.text
}

/// The crate's own error, where it comes back through somebody else's code.
fn custom(message: &impl fmt::Display) -> Error {
    magic::take_error().unwrap_or_else(|| Error::new(ErrorKind::Message(shown(message, MAX_MESSAGE))))
}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        custom(&message)
    }
}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        custom(&message)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        // One of ours that went through a reader or writer, perhaps of `tokio_util`, is itself again.
        error.downcast().unwrap_or_else(|error| {
            let mut wrapped = Self::new(ErrorKind::Io(error.kind()));
            if let Some(inner) = &mut wrapped.inner {
                inner.source = Some(error);
            }
            wrapped
        })
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Io(kind) => *kind,
            ErrorKind::Incomplete { .. } => std::io::ErrorKind::UnexpectedEof,
            _ => std::io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

const _: () = assert!(size_of::<Error>() == size_of::<usize>());

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn what_a_stream_said_is_kept() {
        let error = Error::from(io::Error::new(io::ErrorKind::ConnectionReset, "tls: bad certificate"));
        assert_eq!(error.kind(), &ErrorKind::Io(io::ErrorKind::ConnectionReset));
        assert_eq!(error.to_string(), "tls: bad certificate");
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.downcast_ref::<io::Error>().is_some());
    }

    #[test]
    fn an_error_that_goes_through_a_stream_comes_back_as_it_was() {
        let error = Error::at(7, ErrorKind::InvalidText).in_field("name");
        let text = error.to_string();
        let back = Error::from(io::Error::from(error));
        assert_eq!(
            (back.kind(), back.offset(), back.path().as_str()),
            (&ErrorKind::InvalidText, Some(7), "name")
        );
        assert_eq!(back.to_string(), text);
    }
}
