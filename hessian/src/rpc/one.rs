//! The forms of Hessian 1.

use super::read::Input;
use super::{Call, Form, MAX_ARGUMENTS, Reply};
use crate::encode::{self, Sink};
use crate::error::{ErrorKind, Result};
use crate::grammar::One;
use crate::limits::Limits;
use crate::table::Tables;

/// For messages.
pub(super) const METHOD: &str = "the method of a call (`m`)";
/// For messages.
pub(super) const END_OF_REPLY: &str = "the end of a reply (`z`)";

impl<'de> Call<'de> {
    /// A call whose first three bytes were read.
    pub(super) fn parse_one(
        input: &'de [u8],
        version: [u8; 2],
        tables: &mut Tables,
        limits: &Limits,
    ) -> Result<(Self, usize)> {
        let mut input = Input::<One>::new(input, 3, tables, limits);
        let headers = input.headers()?;
        input.expect(b'm', METHOD)?;
        let method = input.short_name()?;
        let mut count = 0;
        // Nothing tells how many arguments there are: the call ends where no value begins.
        while !input.take(b'z')? {
            if count == MAX_ARGUMENTS {
                let max = MAX_ARGUMENTS as u64;
                return Err(input.fail(ErrorKind::Limit { limit: "MAX_ARGUMENTS", max }));
            }
            input.value()?;
            count += 1;
        }
        let (values, used) = input.finish();
        Ok((Self { form: Form::One, version, headers, method, values }, used))
    }

    pub(super) fn append_one<S: Sink>(&self, out: &mut S) -> Result<()> {
        let [major, minor] = self.version;
        out.put(&[b'c', major, minor]);
        self.values.encode_between::<One, S>(out, |index, out| {
            match self.headers.get(index) {
                Some(name) => {
                    out.put(b"H");
                    encode::short_name(out, name)?;
                }
                None if index == self.headers.len() => {
                    out.put(b"m");
                    encode::short_name(out, &self.method)?;
                }
                None => {}
            }
            Ok(())
        })?;
        out.put(b"z");
        Ok(())
    }
}

impl<'de> Reply<'de> {
    /// A reply whose first three bytes were read.
    pub(super) fn parse_one(
        input: &'de [u8],
        version: [u8; 2],
        tables: &mut Tables,
        limits: &Limits,
    ) -> Result<(Self, usize)> {
        let mut input = Input::<One>::new(input, 3, tables, limits);
        let headers = input.headers()?;
        let fault = input.take(b'f')?;
        if fault {
            let mut entries = 0;
            while !input.take(b'z')? {
                if entries == MAX_ARGUMENTS {
                    let max = MAX_ARGUMENTS as u64;
                    return Err(input.fail(ErrorKind::Limit { limit: "MAX_ARGUMENTS", max }));
                }
                input.value()?;
                input.value()?;
                entries += 1;
            }
        } else {
            input.value()?;
        }
        input.expect(b'z', END_OF_REPLY)?;
        let (values, used) = input.finish();
        Ok((Self { form: Form::One, version, headers, fault, values }, used))
    }

    pub(super) fn append_one<S: Sink>(&self, out: &mut S) -> Result<()> {
        let [major, minor] = self.version;
        out.put(&[b'r', major, minor]);
        self.values.encode_between::<One, S>(out, |index, out| {
            if let Some(name) = self.headers.get(index) {
                out.put(b"H");
                encode::short_name(out, name)?;
            } else if self.fault && index == self.headers.len() {
                out.put(b"f");
            }
            Ok(())
        })?;
        out.put(if self.fault { b"zz" } else { b"z" });
        Ok(())
    }
}
