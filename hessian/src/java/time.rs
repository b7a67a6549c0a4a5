//! `java.time`.
//!
//! Caucho's library cannot write these classes (it recurses without end); its forks can. Three forms are in use, all are
//! read:
//!
//! | form | class of a date | to write it |
//! | --- | --- | --- |
//! | the JDK's private fields | `java.time.LocalDate` | the value itself |
//! | SOFA's fork | `com.caucho.hessian.io.java8.LocalDateHandle` | [`Caucho`](super::Caucho) |
//! | hessian-lite (Dubbo) | `com.alibaba.com.caucho.hessian.io.java8.LocalDateHandle` | [`Alibaba`](super::Alibaba) |
//!
//! The types carry fields, they do not calculate; values outside of the calendar are errors when read.

use super::object::{object, read_object};
use super::spelling::{In, Spelled, Spelling, class, sealed};
use crate::date::Date;
use crate::error::{Error, ErrorKind};
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;
use std::time::SystemTime;

const NANOS: i32 = 1_000_000_000;

object! {
    /// `java.time.LocalDate`.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub struct LocalDate: "java.time.LocalDate", "java8.LocalDateHandle" {
        /// The year, negative before year 0.
        pub year: i32 = "year",
        /// 1 to 12.
        pub month: u8 = "month",
        /// 1 to 31.
        pub day: u8 = "day",
    }
    check |date: &LocalDate| in_calendar(Some(date.year), date.month, date.day);
}

object! {
    /// `java.time.LocalTime`.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub struct LocalTime: "java.time.LocalTime", "java8.LocalTimeHandle" {
        /// 0 to 23.
        pub hour: u8 = "hour",
        /// 0 to 59.
        pub minute: u8 = "minute",
        /// 0 to 59.
        pub second: u8 = "second",
        /// 0 to 999,999,999.
        pub nano: i32 = "nano",
    }
    check |time: &LocalTime| match time {
        LocalTime { hour: 0..24, minute: 0..60, second: 0..60, nano: 0..NANOS } => Ok(()),
        _ => Err("a time that no day has"),
    };
}

object! {
    /// `java.time.LocalDateTime`.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub struct LocalDateTime: "java.time.LocalDateTime", "java8.LocalDateTimeHandle" {
        /// The date.
        pub date: LocalDate = "date",
        /// The time.
        pub time: LocalTime = "time",
    }
}

object! {
    /// `java.time.Instant`.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub struct Instant: "java.time.Instant", "java8.InstantHandle" {
        /// Seconds since 1970 UTC.
        pub seconds: i64 = "seconds",
        /// Nanoseconds after that: 0 to 999,999,999.
        pub nanos: i32 = "nanos",
    }
    check |instant: &Instant| in_second(instant.nanos);
}

object! {
    /// `java.time.Duration`.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub struct Duration: "java.time.Duration", "java8.DurationHandle" {
        /// Seconds, towards negative infinity.
        pub seconds: i64 = "seconds",
        /// Nanoseconds after that: 0 to 999,999,999.
        pub nanos: i32 = "nanos",
    }
    check |duration: &Duration| in_second(duration.nanos);
}

object! {
    /// `java.time.Period`.
    #[derive(Copy, Eq, Hash)]
    pub struct Period: "java.time.Period", "java8.PeriodHandle" {
        /// Years.
        pub years: i32 = "years",
        /// Months.
        pub months: i32 = "months",
        /// Days.
        pub days: i32 = "days",
    }
}

object! {
    /// `java.time.Year`.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub struct Year: "java.time.Year", "java8.YearHandle" {
        /// The year.
        pub year: i32 = "year",
    }
}

object! {
    /// `java.time.YearMonth`.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub struct YearMonth: "java.time.YearMonth", "java8.YearMonthHandle" {
        /// The year.
        pub year: i32 = "year",
        /// 1 to 12.
        pub month: u8 = "month",
    }
    check |month: &YearMonth| in_calendar(None, month.month, 1);
}

object! {
    /// `java.time.MonthDay`.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub struct MonthDay: "java.time.MonthDay", "java8.MonthDayHandle" {
        /// 1 to 12.
        pub month: u8 = "month",
        /// 1 to 31.
        pub day: u8 = "day",
    }
    check |day: &MonthDay| in_calendar(None, day.month, day.day);
}

object! {
    /// `java.time.OffsetDateTime`.
    #[derive(Copy, Eq, Hash)]
    pub struct OffsetDateTime: "java.time.OffsetDateTime", "java8.OffsetDateTimeHandle" {
        /// Date and time at the place.
        pub date_time: LocalDateTime = "dateTime",
        /// The place's distance from UTC.
        pub offset: ZoneOffset = "offset",
    }
}

/// Whether there is such a day: in `year` of the Gregorian calendar, or in some year.
fn in_calendar(year: Option<i32>, month: u8, day: u8) -> Result<(), &'static str> {
    let is_leap = year.is_none_or(|year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return Err("a month that no year has"),
    };
    if (1..=days).contains(&day) { Ok(()) } else { Err("a date that the year does not have") }
}

#[cfg(test)]
mod tests {
    use super::in_calendar;

    #[test]
    fn days_that_are_not_in_the_calendar_are_refused() {
        for (year, month, day) in [(2024, 2, 29), (2000, 2, 29), (-4, 2, 29), (1999, 12, 31), (1999, 4, 30)] {
            assert_eq!(in_calendar(Some(year), month, day), Ok(()), "{year}-{month}-{day}");
        }
        for (year, month, day) in [
            (2023, 2, 29),
            (1900, 2, 29),
            (2024, 2, 30),
            (1999, 4, 31),
            (1999, 13, 1),
            (1999, 0, 1),
            (1999, 1, 0),
        ] {
            assert!(in_calendar(Some(year), month, day).is_err(), "{year}-{month}-{day}");
        }
        assert_eq!(in_calendar(None, 2, 29), Ok(()));
        assert!(in_calendar(None, 2, 30).is_err());
    }
}

fn in_second(nanos: i32) -> Result<(), &'static str> {
    if (0..NANOS).contains(&nanos) { Ok(()) } else { Err("nanoseconds that no second has") }
}

/// `java.time.ZoneOffset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ZoneOffset {
    /// Seconds east of UTC.
    pub seconds: i32,
}

/// `java.time.OffsetTime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OffsetTime {
    /// The time at the place.
    pub time: LocalTime,
    /// The place's distance from UTC.
    pub offset: ZoneOffset,
}

/// `java.time.ZonedDateTime`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ZonedDateTime {
    /// Date and time at the place.
    pub date_time: LocalDateTime,
    /// The place's distance from UTC then.
    pub offset: ZoneOffset,
    /// The zone's id, such as `Europe/Paris`, or an offset as `+02:00` or `Z`.
    pub zone: String,
}

/// `java.time.ZoneId` of a region, such as `Europe/Paris`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ZoneId {
    /// The id.
    pub id: String,
}

macro_rules! plain {
    ($($name:ident)*) => {
        $(impl sealed::Sealed for $name {}

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.spell(Spelling::Plain, serializer)
            }
        })*
    };
}

plain! { ZoneOffset OffsetTime ZonedDateTime ZoneId }

impl Spelled for ZoneOffset {
    fn spell<S: Serializer>(&self, spelling: Spelling, serializer: S) -> Result<S::Ok, S::Error> {
        let class = class!(spelling, "java.time.ZoneOffset", "java8.ZoneOffsetHandle");
        let mut object = serializer.serialize_struct(class, 1)?;
        let field = if spelling == Spelling::Plain { "totalSeconds" } else { "seconds" };
        object.serialize_field(field, &self.seconds)?;
        object.end()
    }
}

read_object! {
    ZoneOffset: "java.time.ZoneOffset" { seconds: i32 = "totalSeconds" | "seconds", }
    check |offset: &ZoneOffset| match offset.seconds {
        -64_800..=64_800 => Ok(()),
        _ => Err("more than 18 hours from UTC"),
    };
}

impl Spelled for OffsetTime {
    fn spell<S: Serializer>(&self, spelling: Spelling, serializer: S) -> Result<S::Ok, S::Error> {
        let class = class!(spelling, "java.time.OffsetTime", "java8.OffsetTimeHandle");
        let (time, offset) = match spelling {
            Spelling::Plain => ("time", "offset"),
            _ => ("localTime", "zoneOffset"),
        };
        let mut object = serializer.serialize_struct(class, 2)?;
        object.serialize_field(time, &In(spelling, &self.time))?;
        object.serialize_field(offset, &In(spelling, &self.offset))?;
        object.end()
    }
}

read_object! {
    OffsetTime: "java.time.OffsetTime" {
        time: LocalTime = "time" | "localTime",
        offset: ZoneOffset = "offset" | "zoneOffset",
    }
}

impl Spelled for ZoneId {
    fn spell<S: Serializer>(&self, spelling: Spelling, serializer: S) -> Result<S::Ok, S::Error> {
        let class = class!(spelling, "java.time.ZoneRegion", "java8.ZoneIdHandle");
        let field = if spelling == Spelling::Plain { "id" } else { "zoneId" };
        let mut object = serializer.serialize_struct(class, 1)?;
        object.serialize_field(field, &self.id)?;
        object.end()
    }
}

read_object! {
    ZoneId: "java.time.ZoneRegion" { id: String = "id" | "zoneId", }
}

impl Spelled for ZonedDateTime {
    fn spell<S: Serializer>(&self, spelling: Spelling, serializer: S) -> Result<S::Ok, S::Error> {
        let class = class!(spelling, "java.time.ZonedDateTime", "java8.ZonedDateTimeHandle");
        let mut object = serializer.serialize_struct(class, 3)?;
        // Java writes fields of java.lang classes first.
        if spelling != Spelling::Plain {
            object.serialize_field("zoneId", &self.zone)?;
        }
        object.serialize_field("dateTime", &In(spelling, &self.date_time))?;
        object.serialize_field("offset", &In(spelling, &self.offset))?;
        if spelling == Spelling::Plain {
            if self.zone == self.offset.to_string() {
                object.serialize_field("zone", &self.offset)?;
            } else {
                object.serialize_field("zone", &ZoneId { id: self.zone.clone() })?;
            }
        }
        object.end()
    }
}

/// On the wire.
struct Zoned {
    date_time: LocalDateTime,
    offset: ZoneOffset,
    zone: Zone,
}

read_object! {
    Zoned: "java.time.ZonedDateTime" {
        date_time: LocalDateTime = "dateTime",
        offset: ZoneOffset = "offset",
        zone: Zone = "zoneId" | "zone",
    }
}

/// A zone's id, a region, or an offset.
struct Zone(String);

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Zone;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time zone")
            }
            fn visit_str<E: de::Error>(self, id: &str) -> Result<Zone, E> {
                Ok(Zone(id.to_owned()))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Zone, A::Error> {
                let mut zone = None;
                let names = super::object::Name(&[&["id", "zoneId"], &["totalSeconds", "seconds"]]);
                while let Some(name) = map.next_key_seed(names)? {
                    match name {
                        Some(0) => zone = Some(map.next_value()?),
                        Some(_) => zone = Some(ZoneOffset { seconds: map.next_value()? }.to_string()),
                        None => {
                            map.next_value::<de::IgnoredAny>()?;
                        }
                    }
                }
                zone.map(Zone).ok_or_else(|| de::Error::missing_field("zoneId"))
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Zone, D::Error> {
                deserializer.deserialize_any(self)
            }
        }

        deserializer.deserialize_newtype_struct(crate::magic::ANY, Visitor)
    }
}

impl<'de> Deserialize<'de> for ZonedDateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Zoned { date_time, offset, zone } = Zoned::deserialize(deserializer)?;
        Ok(Self { date_time, offset, zone: zone.0 })
    }
}

impl From<SystemTime> for Instant {
    /// Times beyond `i64` seconds become its ends.
    fn from(time: SystemTime) -> Self {
        let (seconds, nanos) = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => (i128::from(after.as_secs()), after.subsec_nanos()),
            Err(before) => {
                match (i128::from(before.duration().as_secs()), before.duration().subsec_nanos()) {
                    (seconds, 0) => (-seconds, 0),
                    (seconds, nanos) => (-seconds - 1, NANOS.unsigned_abs() - nanos),
                }
            }
        };
        let end = if seconds < 0 { i64::MIN } else { i64::MAX };
        Self { seconds: i64::try_from(seconds).unwrap_or(end), nanos: nanos.cast_signed() }
    }
}

impl From<Instant> for Date {
    /// Cuts to milliseconds; times beyond `i64` milliseconds become its ends.
    fn from(instant: Instant) -> Self {
        let millis = i128::from(instant.seconds) * 1000 + i128::from(instant.nanos / 1_000_000);
        let end = if millis < 0 { i64::MIN } else { i64::MAX };
        Self::from_millis(i64::try_from(millis).unwrap_or(end))
    }
}

impl From<Date> for Instant {
    fn from(date: Date) -> Self {
        let nanos = date.millis.rem_euclid(1000) * 1_000_000;
        Self {
            seconds: date.millis.div_euclid(1000),
            nanos: i32::try_from(nanos).unwrap_or_default(), // below 10^9
        }
    }
}

impl TryFrom<std::time::Duration> for Duration {
    type Error = Error;

    fn try_from(duration: std::time::Duration) -> Result<Self, Error> {
        match i64::try_from(duration.as_secs()) {
            Ok(seconds) => Ok(Self { seconds, nanos: duration.subsec_nanos().cast_signed() }),
            Err(_) => Err(Error::new(ErrorKind::Unrepresentable("a duration above 2^63 seconds"))),
        }
    }
}

impl TryFrom<Duration> for std::time::Duration {
    type Error = Error;

    fn try_from(duration: Duration) -> Result<Self, Error> {
        match (u64::try_from(duration.seconds), u32::try_from(duration.nanos)) {
            (Ok(seconds), Ok(nanos @ 0..=999_999_999)) => Ok(Self::new(seconds, nanos)),
            _ => Err(Error::new(ErrorKind::Unrepresentable("a negative duration"))),
        }
    }
}

impl fmt::Display for LocalDate {
    /// ISO 8601.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.year {
            0..=9999 => write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day),
            year => write!(f, "{year:+05}-{:02}-{:02}", self.month, self.day),
        }
    }
}

impl fmt::Display for LocalTime {
    /// ISO 8601, as Java: no more digits than needed, in groups of three.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)?;
        match self.nano {
            0 if self.second == 0 => Ok(()),
            0 => write!(f, ":{:02}", self.second),
            nano if nano % 1_000_000 == 0 => write!(f, ":{:02}.{:03}", self.second, nano / 1_000_000),
            nano if nano % 1_000 == 0 => write!(f, ":{:02}.{:06}", self.second, nano / 1_000),
            nano => write!(f, ":{:02}.{nano:09}", self.second),
        }
    }
}

impl fmt::Display for LocalDateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.date, self.time)
    }
}

impl fmt::Display for ZoneOffset {
    /// As Java: `Z`, `+02:00`, `-00:00:01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds == 0 {
            return f.write_str("Z");
        }
        let total = self.seconds.unsigned_abs();
        let sign = if self.seconds < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", total / 3600, total / 60 % 60)?;
        match total % 60 {
            0 => Ok(()),
            seconds => write!(f, ":{seconds:02}"),
        }
    }
}

impl fmt::Display for OffsetDateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.date_time, self.offset)
    }
}

impl fmt::Display for ZonedDateTime {
    /// As Java: `2007-12-03T10:15:30+01:00[Europe/Paris]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.date_time, self.offset)?;
        if self.zone == self.offset.to_string() { Ok(()) } else { write!(f, "[{}]", self.zone) }
    }
}
