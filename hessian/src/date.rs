//! Dates: milliseconds since 1970-01-01 00:00 UTC, as `java.util.Date`.

use crate::encode::Sink;
use crate::encode::dialect::{Dialect, Doubtful};
use crate::error::{Error, ErrorKind, Result};
use crate::magic::refuse;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{self, Impossible, Serialize};
use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

/// The newtype name by which [`Date`] tells this crate's serializer and deserializer what it is.
pub(crate) const NEWTYPE: &str = "$hessian::Date";

/// A point in time in milliseconds, Hessian's date. Through other serde formats it is an `i64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Date {
    /// Milliseconds since 1970-01-01 00:00 UTC, negative before.
    pub millis: i64,
}

impl Date {
    /// The date so many milliseconds after (before, if negative) 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self { millis }
    }
}

impl From<SystemTime> for Date {
    /// Cuts to whole milliseconds (towards the past); times beyond `i64` milliseconds become its ends.
    fn from(time: SystemTime) -> Self {
        let millis = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => {
                let nanos = before.duration().as_nanos();
                i64::try_from(nanos.div_ceil(1_000_000)).map_or(i64::MIN, |millis| -millis)
            }
        };
        Self { millis }
    }
}

impl TryFrom<Date> for SystemTime {
    type Error = Error;

    fn try_from(date: Date) -> Result<Self> {
        let distance = Duration::from_millis(date.millis.unsigned_abs());
        let time = match date.millis {
            0.. => Self::UNIX_EPOCH.checked_add(distance),
            _ => Self::UNIX_EPOCH.checked_sub(distance),
        };
        time.ok_or_else(|| Error::new(ErrorKind::Unrepresentable("a date that SystemTime cannot hold")))
    }
}

impl Serialize for Date {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(NEWTYPE, &self.millis)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Date;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date")
            }
            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Date, E> {
                Ok(Date { millis })
            }
            fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Date, E> {
                i64::try_from(millis).map(Date::from_millis).map_err(E::custom)
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Date, D::Error> {
                deserializer.deserialize_i64(self)
            }
        }

        deserializer.deserialize_newtype_struct(NEWTYPE, Visitor)
    }
}

/// Serializer of the `i64` inside a [`Date`].
pub(crate) struct Millis<'a, S, G> {
    out: &'a mut S,
    grammar: PhantomData<G>,
}

impl<'a, S, G> Millis<'a, S, G> {
    pub(crate) fn new(out: &'a mut S) -> Self {
        Self { out, grammar: PhantomData }
    }
}

fn not_millis() -> Error {
    Error::new(ErrorKind::Unrepresentable("a date that is not a number of milliseconds"))
}

impl<S: Sink, G: Dialect> ser::Serializer for Millis<'_, S, G> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Impossible<(), Error>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_i64(self, millis: i64) -> Result<()> {
        G::check(Doubtful::Date(millis))?;
        G::date(self.out, millis);
        Ok(())
    }

    refuse!(not_millis() => others bytes null containers);

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<()> {
        value.serialize(self)
    }
}
