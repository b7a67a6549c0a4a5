//! Replies and faults.

use super::Form;
use super::read::{self, Input};
use crate::encode::Sink;
use crate::error::{ErrorKind, Result};
use crate::grammar::Final;
use crate::limits::Limits;
use crate::table::Tables;
use crate::value::{Graph, View};
use std::fmt;

/// For messages.
pub(crate) const REPLY: &str = "a reply (`H` or `r`)";
pub(crate) const RESULT: &str = "a reply or a fault (`R` or `F`)";

/// A reply: a value or a fault.
#[derive(Debug, Clone)]
pub struct Reply<'de> {
    pub(super) form: Form,
    pub(super) version: [u8; 2],
    pub(super) headers: Vec<Box<str>>,
    pub(super) fault: bool,
    /// The values of the headers, then the value; of a fault a map, or its keys and values in turn (Hessian 1).
    pub(super) values: Graph<'de>,
}

impl<'de> Reply<'de> {
    /// Reads a reply; tells how many bytes it took. Borrows text and bytes from the input.
    ///
    /// # Errors
    /// Malformed or incomplete input, any of the [`Limits`], [`MAX_HEADERS`](super::MAX_HEADERS).
    pub fn parse(input: &'de [u8], limits: &Limits) -> Result<(Self, usize)> {
        let (tag, version) = read::version(input, *b"Hr", REPLY)?;
        let mut tables = Tables::default();
        if tag == b'H' {
            let mut input = Input::<Final>::new(input, 3, &mut tables, limits);
            let fault = match input.peek()? {
                b'R' => false,
                b'F' => true,
                found => {
                    return Err(input.fail(ErrorKind::UnexpectedByte { found, expected: RESULT }));
                }
            };
            input.take(if fault { b'F' } else { b'R' })?;
            if fault {
                input.map("the map of a fault")?;
            } else {
                input.value()?;
            }
            let (values, used) = input.finish();
            return Ok((Self { form: Form::Two, version, headers: Vec::new(), fault, values }, used));
        }
        Self::parse_one(input, version, &mut tables, limits)
    }

    /// Which grammar the reply is in.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The value, or the fault.
    ///
    /// # Errors
    /// The fault, if the reply is one.
    pub fn result(&self) -> Result<View<'_, 'de>, Fault<'_, 'de>> {
        match self.values.roots().nth(self.headers.len()) {
            Some(value) if !self.fault => Ok(value),
            _ => Err(Fault { reply: self }),
        }
    }

    /// Its values in one graph.
    #[must_use]
    pub fn values(&self) -> &Graph<'de> {
        &self.values
    }

    /// Appends the reply: what Java wrote gives the same bytes again, but for chunks of another size.
    ///
    /// # Errors
    /// More elements than Hessian counts, a name too long for Hessian 1. The buffer is then as it was before.
    pub fn write<S: Sink>(&self, out: &mut S) -> Result<()> {
        let start = out.position();
        self.append(out).inspect_err(|_| out.cut(start))
    }

    fn append<S: Sink>(&self, out: &mut S) -> Result<()> {
        match self.form {
            Form::Two => {
                let [major, minor] = self.version;
                out.put(&[b'H', major, minor, if self.fault { b'F' } else { b'R' }]);
                self.values.encode_to::<Final>(out)
            }
            Form::One => self.append_one(out),
        }
    }
}

/// Why a call failed, as the service tells it.
///
/// Java's codes are `ServiceException` (the method threw; the exception is the detail), `NoSuchMethodException` and
/// `NoSuchMethod` (another number of arguments).
#[derive(Clone, Copy)]
pub struct Fault<'g, 'de> {
    reply: &'g Reply<'de>,
}

impl<'g, 'de> Fault<'g, 'de> {
    /// Every entry that the service sent.
    pub fn entries(self) -> impl Iterator<Item = (View<'g, 'de>, View<'g, 'de>)> {
        let flat: Vec<_> = match self.reply.form {
            Form::One => self.reply.values.roots().skip(self.reply.headers.len()).collect(),
            Form::Two => Vec::new(),
        };
        let entries = match self.reply.form {
            Form::Two => Some(self.reply.values.root().entries()),
            Form::One => None,
        };
        let pairs: Vec<_> = flat.as_chunks::<2>().0.iter().map(|&[key, value]| (key, value)).collect();
        entries.into_iter().flatten().chain(pairs)
    }

    /// The entry of that name.
    #[must_use]
    pub fn get(self, name: &str) -> Option<View<'g, 'de>> {
        self.entries().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
    }

    /// What kind of fault it is.
    #[must_use]
    pub fn code(self) -> &'g str {
        self.get("code").and_then(View::as_str).unwrap_or_default()
    }

    /// What happened. Java's services write `<`, `>` and `&` as `&lt;`, `&gt;` and `&amp;`.
    #[must_use]
    pub fn message(self) -> &'g str {
        self.get("message").and_then(View::as_str).unwrap_or_default()
    }

    /// More about it: Java's exception.
    #[must_use]
    pub fn detail(self) -> Option<View<'g, 'de>> {
        self.get("detail")
    }
}

impl fmt::Debug for Fault<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("code", &self.code())
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Fault<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message())
    }
}

impl std::error::Error for Fault<'_, '_> {}
