//! `java.lang`, `java.io`, `java.net`, `java.util`, `java.sql`: small objects.

use super::object::{object, read_object, wrapper};
use super::spelling::{Spelled, Spelling, class, sealed};
use crate::binary::Binary;
use crate::date::Date;
use crate::error::{Error, ErrorKind};
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

wrapper! {
    /// `java.lang.Byte` where Java has an object of it (in a collection, or a field of type `Object`): a `ByteHandle`.
    /// A plain `i8` decodes from it too; this is what to send.
    pub struct ByteHandle(i8): "com.caucho.hessian.io.ByteHandle", "ByteHandle";
    field "_value";
    read visit_i64(i64) visit_u64(u64);
}

wrapper! {
    /// `java.lang.Short` as an object: a `ShortHandle`. A plain `i16` decodes from it too.
    pub struct ShortHandle(i16): "com.caucho.hessian.io.ShortHandle", "ShortHandle";
    field "_value";
    read visit_i64(i64) visit_u64(u64);
}

wrapper! {
    /// `java.lang.Float` as an object: a `FloatHandle`. A plain `f32` decodes from it too.
    pub struct FloatHandle(f32): "com.caucho.hessian.io.FloatHandle", "FloatHandle";
    field "_value";
    read visit_f64(f64) visit_i64(i64) visit_u64(u64);
}

wrapper! {
    /// `java.util.Locale` in Java's own notation, such as `en_US`: a `LocaleHandle`.
    #[derive(Eq, Hash)]
    pub struct Locale(String): "com.caucho.hessian.io.LocaleHandle", "LocaleHandle";
    field "value";
    read visit_str(&str) visit_string(String);
}

wrapper! {
    /// `java.lang.Class`, by its name: `java.lang.String`, `int`, `[I`. Only a name: nothing is ever loaded.
    #[derive(Eq, Hash)]
    pub struct Class(String): "java.lang.Class";
    field "name";
    read visit_str(&str) visit_string(String);
}

wrapper! {
    /// `java.io.File`, by its path as Java wrote it.
    #[derive(Eq, Hash)]
    pub struct File(String): "java.io.File";
    field "value";
    read visit_str(&str) visit_string(String);
}

wrapper! {
    /// `javax.management.ObjectName`.
    #[derive(Eq, Hash)]
    pub struct ObjectName(String): "javax.management.ObjectName";
    field "value";
    read visit_str(&str) visit_string(String);
}

wrapper! {
    /// `java.sql.Date`. Java's reader makes it of the milliseconds.
    #[derive(Copy, Eq, Hash)]
    pub struct SqlDate(Date): "java.sql.Date";
    field "value";
    read visit_i64(i64) visit_u64(u64);
}

wrapper! {
    /// `java.sql.Time`.
    #[derive(Copy, Eq, Hash)]
    pub struct SqlTime(Date): "java.sql.Time";
    field "value";
    read visit_i64(i64) visit_u64(u64);
}

wrapper! {
    /// `java.sql.Timestamp`. Hessian loses its nanoseconds: milliseconds travel.
    #[derive(Copy, Eq, Hash)]
    pub struct SqlTimestamp(Date): "java.sql.Timestamp";
    field "value";
    read visit_i64(i64) visit_u64(u64);
}

object! {
    /// `java.util.Calendar`: a `CalendarHandle`. Time zone and locale do not travel.
    #[derive(Eq, Hash)]
    pub struct Calendar: "com.caucho.hessian.io.CalendarHandle", "CalendarHandle" {
        /// Its class; `None` for `java.util.GregorianCalendar`.
        pub class: Option<Class> = "type",
        /// Its time.
        pub date: Date = "date",
    }
}

object! {
    /// An object that stays with its server: `com.caucho.hessian.io.HessianRemote`.
    #[derive(Eq, Hash)]
    pub struct Remote: "com.caucho.hessian.io.HessianRemote", "HessianRemote" {
        /// The interface.
        pub interface: String = "type",
        /// Where it can be called.
        pub url: String = "url",
    }
}

object! {
    /// `java.lang.StackTraceElement` with the fields of JDK 9 and later; those of JDK 8 suffice when reading.
    #[derive(Eq, Hash)]
    pub struct StackTraceElement: "java.lang.StackTraceElement" {
        /// Since JDK 9.
        pub class_loader_name: Option<String> = "classLoaderName",
        /// Since JDK 9.
        pub module_name: Option<String> = "moduleName",
        /// Since JDK 9.
        pub module_version: Option<String> = "moduleVersion",
        /// The class.
        pub declaring_class: Option<String> = "declaringClass",
        /// The method.
        pub method_name: Option<String> = "methodName",
        /// The source file, if known.
        pub file_name: Option<String> = "fileName",
        /// The line, negative if unknown; -2 for a native method.
        pub line_number: i32 = "lineNumber",
        /// How Java prints it; since JDK 9.
        pub format: Option<i32> = "format",
    }
}

impl StackTraceElement {
    /// A frame with what JDK 8 knows.
    #[must_use]
    pub fn new(class: &str, method: &str, file: Option<&str>, line: i32) -> Self {
        Self {
            class_loader_name: None,
            module_name: None,
            module_version: None,
            declaring_class: Some(class.to_owned()),
            method_name: Some(method.to_owned()),
            file_name: file.map(str::to_owned),
            line_number: line,
            format: Some(0),
        }
    }
}

impl fmt::Display for StackTraceElement {
    /// As Java: `a.B.m(B.java:3)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "null".to_owned());
        write!(f, "{}.{}(", or(&self.declaring_class), or(&self.method_name))?;
        match (&self.file_name, self.line_number) {
            (_, -2) => f.write_str("Native Method)"),
            (None, _) => f.write_str("Unknown Source)"),
            (Some(file), ..0) => write!(f, "{file})"),
            (Some(file), line) => write!(f, "{file}:{line})"),
        }
    }
}

/// `java.util.UUID`. In text formats the usual hyphenated form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid(pub u128);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            bits >> 96,
            bits >> 80 & 0xffff,
            bits >> 64 & 0xffff,
            bits >> 48 & 0xffff,
            bits & 0xffff_ffff_ffff
        )
    }
}

impl FromStr for Uuid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let groups: Vec<&str> = text.split('-').collect();
        let is_uuid = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
            && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match u128::from_str_radix(&groups.concat(), 16) {
            Ok(bits) if is_uuid => Ok(Self(bits)),
            _ => Err(Error::new(ErrorKind::Message("not a UUID: 8-4-4-4-12 hex digits expected".into()))),
        }
    }
}

/// The two longs of a UUID.
struct Halves {
    most: i64,
    least: i64,
}

read_object! {
    Halves: "java.util.UUID" {
        most: i64 = "mostSigBits",
        least: i64 = "leastSigBits",
    }
}

impl From<Halves> for Uuid {
    fn from(halves: Halves) -> Self {
        let half = |bits: i64| u128::from(bits.cast_unsigned());
        Self(half(halves.most) << 64 | half(halves.least))
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        #[expect(clippy::cast_possible_truncation, reason = "two halves")]
        let (most, least) = ((self.0 >> 64) as i64, self.0 as i64);
        let mut object = serializer.serialize_struct("java.util.UUID", 2)?;
        object.serialize_field("mostSigBits", &most)?;
        object.serialize_field("leastSigBits", &least)?;
        object.end()
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Uuid;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a UUID")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Uuid, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Uuid, A::Error> {
                Halves::deserialize(de::value::MapAccessDeserializer::new(map)).map(Uuid::from)
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Uuid, A::Error> {
                Halves::deserialize(de::value::SeqAccessDeserializer::new(seq)).map(Uuid::from)
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Uuid, D::Error> {
                if deserializer.is_human_readable() {
                    deserializer.deserialize_any(self)
                } else {
                    deserializer.deserialize_struct("java.util.UUID", &["mostSigBits", "leastSigBits"], self)
                }
            }
        }

        deserializer.deserialize_newtype_struct(crate::magic::ANY, Visitor)
    }
}

/// `java.net.InetAddress`: an `InetAddressHandle`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InetAddress {
    /// The name it was made of, if any.
    pub host: Option<String>,
    /// The address.
    pub address: IpAddr,
}

impl sealed::Sealed for InetAddress {}

impl Spelled for InetAddress {
    fn spell<S: Serializer>(&self, spelling: Spelling, serializer: S) -> Result<S::Ok, S::Error> {
        struct Bytes<'a>(&'a [u8]);

        impl Serialize for Bytes<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(self.0)
            }
        }

        let class = class!(spelling, "com.caucho.hessian.io.InetAddressHandle", "InetAddressHandle");
        let mut object = serializer.serialize_struct(class, 2)?;
        object.serialize_field("hostName", &self.host)?;
        match self.address {
            IpAddr::V4(address) => object.serialize_field("address", &Bytes(&address.octets()))?,
            IpAddr::V6(address) => object.serialize_field("address", &Bytes(&address.octets()))?,
        }
        object.end()
    }
}

impl Serialize for InetAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.spell(Spelling::Plain, serializer)
    }
}

/// On the wire.
struct RawAddress {
    host: Option<String>,
    address: Binary,
}

read_object! {
    RawAddress: "java.net.InetAddress" {
        host: Option<String> = "hostName",
        address: Binary = "address",
    }
}

impl<'de> Deserialize<'de> for InetAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let RawAddress { host, address } = RawAddress::deserialize(deserializer)?;
        let bytes = address.to_bytes();
        let address = if let Ok(octets) = <[u8; 4]>::try_from(&bytes[..]) {
            IpAddr::from(octets)
        } else if let Ok(octets) = <[u8; 16]>::try_from(&bytes[..]) {
            IpAddr::from(octets)
        } else {
            return Err(de::Error::invalid_length(bytes.len(), &"an address of 4 or 16 bytes"));
        };
        Ok(Self { host, address })
    }
}
