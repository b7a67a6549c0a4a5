//! Calls.

use super::read::{self, Input};
use super::{Form, MAX_ARGUMENTS};
use crate::encode::Sink;
use crate::error::Result;
use crate::grammar::{Dialect, Final};
use crate::limits::Limits;
use crate::table::Tables;
use crate::value::{Graph, View};

/// For messages.
pub(super) const EXPECTED: &str = "a call (`H` or `c`)";

pub(super) const EXPECTED_TWO: &str = "a call (`C`)";
pub(super) const NAME: &str = "the name of a method";
pub(super) const HOW_MANY: &str = "an int (how many arguments follow)";

/// Which form the reply to a call has to be in.
pub(super) fn reply_form(form: Form, version: [u8; 2]) -> Form {
    match (form, version) {
        (Form::One, [..2, _]) => Form::One,
        _ => Form::Two,
    }
}

/// A call: a method and its arguments.
#[derive(Debug, Clone)]
pub struct Call<'de> {
    pub(super) form: Form,
    pub(super) version: [u8; 2],
    pub(super) headers: Vec<Box<str>>,
    pub(super) method: Box<str>,
    /// The values of the headers, then the arguments.
    pub(super) values: Graph<'de>,
}

impl<'de> Call<'de> {
    /// Reads a call; tells how many bytes it took. Java ignores what follows. Borrows text and bytes from the input.
    ///
    /// # Errors
    /// Malformed or incomplete input, any of the [`Limits`], [`MAX_ARGUMENTS`] and
    /// [`MAX_HEADERS`](super::MAX_HEADERS).
    pub fn parse(input: &'de [u8], limits: &Limits) -> Result<(Self, usize)> {
        let (tag, version) = read::version(input, *b"Hc", EXPECTED)?;
        let mut tables = Tables::default();
        if tag == b'H' {
            let mut input = Input::<Final>::new(input, 3, &mut tables, limits);
            input.expect(b'C', EXPECTED_TWO)?;
            let method = input.name(NAME)?;
            let count = input.count(MAX_ARGUMENTS, "MAX_ARGUMENTS", HOW_MANY)?;
            for _ in 0..count {
                input.value()?;
            }
            let (values, used) = input.finish();
            return Ok((Self { form: Form::Two, version, headers: Vec::new(), method, values }, used));
        }
        Self::parse_one(input, version, &mut tables, limits)
    }

    /// Which grammar the call is in.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Which grammar its reply has to be in.
    #[must_use]
    pub fn reply_form(&self) -> Form {
        reply_form(self.form, self.version)
    }

    /// The name of the method, as it stands in the call: plain, or with the types of overloaded arguments
    /// (`add_int_int`).
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The arguments.
    pub fn arguments(&self) -> impl ExactSizeIterator<Item = View<'_, 'de>> {
        self.values.roots().skip(self.headers.len())
    }

    /// The headers: Hessian 1 alone has them.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, View<'_, 'de>)> {
        self.headers.iter().map(|name| &**name).zip(self.values.roots())
    }

    /// The values of the headers, then the arguments, in one graph: they share references.
    #[must_use]
    pub fn values(&self) -> &Graph<'de> {
        &self.values
    }

    /// Appends the call: what Java wrote gives the same bytes again, but for chunks of another size.
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
                out.put(&[b'H', major, minor, b'C']);
                Final::string(out, &self.method);
                let count = self.values.roots().len();
                #[expect(clippy::cast_possible_truncation, reason = "at most MAX_ARGUMENTS")]
                Final::int(out, count as i32);
                self.values.encode_to::<Final>(out)
            }
            Form::One => self.append_one(out),
        }
    }
}
