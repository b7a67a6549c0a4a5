//! Java's types that are no plain scalar, list, map or object, through serde.
//!
#![doc = include_str!("mapping.md")]

pub mod enumeration;
mod lang;
mod number;
mod object;
mod spelling;
mod throwable;
pub mod time;

pub use lang::{
    ByteHandle, Calendar, Class, File, FloatHandle, InetAddress, Locale, ObjectName, Remote, ShortHandle,
    SqlDate, SqlTime, SqlTimestamp, StackTraceElement, Uuid,
};
pub use number::{BigDecimal, BigInteger, MAX_DIGITS};
pub use spelling::{Alibaba, Caucho, Spelled, alibaba, caucho};
pub use throwable::{MAX_EXCEPTIONS, Throwable};
