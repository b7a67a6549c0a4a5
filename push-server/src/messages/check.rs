//! Whether a text is JSON that can be read as any type, without making values of it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Reads one value and drops it. Allocates for strings with escapes only, one buffer for all. (serde's own `IgnoredAny` looks
/// at no escapes: `"\\ud800"` would pass, and fail in the hands of whoever reads it.)
pub(super) fn check(json: &[u8]) -> serde_json::Result<()> {
    serde_json::from_slice::<Checked>(json).map(drop)
}

struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn what_passes_can_be_read() {
        let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
        for (json, passes) in [
            (r#"{"a":[1,-2.5e3,"\u00e4\ud83d\ude00",true,null]}"#, true),
            (" 1 ", true),
            ("", false),
            ("1 2", false),
            (r#""\ud800""#, false),
            (r#"{"\udc00":1}"#, false),
            ("1e999", false),
            ("\"\u{1}\"", false),
            (&deep(127), true),
            (&deep(128), false),
        ] {
            assert_eq!(check(json.as_bytes()).is_ok(), passes, "{json}");
            assert_eq!(serde_json::from_str::<Value>(json).is_ok(), passes, "{json}");
        }
        assert!(check(b"\"\xff\"").is_err());
    }

    proptest! {
        #[test]
        fn as_much_passes_as_there_are_values(
            json in r#"([\[\]{},:"a0-9.e-]|\\\\u[d0][89c]00|null|\\\\n| )*"#,
        ) {
            prop_assert_eq!(check(json.as_bytes()).is_ok(), serde_json::from_str::<Value>(&json).is_ok());
        }
    }
}
