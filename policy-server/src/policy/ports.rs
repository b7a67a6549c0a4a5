//! `to-ports`: which ports of this host an entry grants.

use std::{fmt, ops::RangeInclusive, str::FromStr};

/// A list of ports as `to-ports` writes it: ports and ranges separated by commas, or `*` for all.
///
/// Ports are 1 to 65535. Blanks around an item are read over. Printing gives the list as it was written,
/// without blanks. Source: Adobe, "Setting up a socket policy file server".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ports(Vec<RangeInclusive<u16>>);

/// Every port. As an item of a list it prints as `*`.
const ALL: RangeInclusive<u16> = 1..=u16::MAX;

impl Ports {
    /// Every port: `*`.
    #[must_use]
    pub fn all() -> Self {
        Self(vec![ALL])
    }

    /// Whether this is, or contains, `*` (or the range that means the same).
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.contains(&ALL)
    }

    /// Whether the list names `port`. Linear in the number of items; allocates nothing.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }

    /// The items in the order they were written, as inclusive ranges.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = RangeInclusive<u16>> + '_ {
        self.0.iter().cloned()
    }
}

/// Ports as ranges in ascending order, apart from each other: lists that name the same ports are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Merged(Vec<RangeInclusive<u16>>);

impl Merged {
    pub(super) fn of(ports: &Ports) -> Self {
        let mut ranges = ports.0.clone();
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut merged: Vec<RangeInclusive<u16>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    /// Whether every port of `other` is in here. Linear in both.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let mut mine = self.0.iter().peekable();
        other.0.iter().all(|range| {
            while mine.next_if(|m| m.end() < range.start()).is_some() {}
            mine.peek().is_some_and(|m| m.start() <= range.start() && range.end() <= m.end())
        })
    }
}

impl From<u16> for Ports {
    /// One port. Port 0 names nothing.
    fn from(port: u16) -> Self {
        Self(vec![port..=port])
    }
}

impl FromStr for Ports {
    type Err = PortsError;

    fn from_str(list: &str) -> Result<Self, PortsError> {
        list.split(',').map(|item| range(item.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn range(item: &str) -> Result<RangeInclusive<u16>, PortsError> {
    match item.split_once('-') {
        _ if item == "*" => Ok(ALL),
        None => port(item).map(|p| p..=p),
        Some((from, to)) => {
            let (from, to) = (port(from.trim())?, port(to.trim())?);
            if from > to { Err(PortsError::Reversed { from, to }) } else { Ok(from..=to) }
        }
    }
}

fn port(digits: &str) -> Result<u16, PortsError> {
    // `u16::from_str` takes a sign as well.
    match digits.parse() {
        Ok(port @ 1..) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
        _ => Err(PortsError::NotAPort(digits.into())),
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match (range.start(), range.end()) {
                _ if *range == ALL => write!(f, "{comma}*")?,
                (from, to) if from == to => write!(f, "{comma}{from}")?,
                (from, to) => write!(f, "{comma}{from}-{to}")?,
            }
        }
        Ok(())
    }
}

/// Text that is no list of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PortsError {
    /// An item that is no port.
    NotAPort(Box<str>),
    /// A range that ends before it begins.
    Reversed {
        /// First port of the range.
        from: u16,
        /// Last port of the range.
        to: u16,
    },
}

impl fmt::Display for PortsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPort(item) => {
                write!(f, "{item:?} is no port; expected 1 to 65535, a range like 9000-9010, or *")
            }
            Self::Reversed { from, to } => write!(f, "the range {from}-{to} ends before it begins"),
        }
    }
}

impl std::error::Error for PortsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_and_print() {
        for (text, printed, inside, outside) in [
            ("8080", "8080", &[8080][..], &[8079, 8081][..]),
            ("*", "*", &[1, 80, 65535], &[0]),
            ("80,9000-9010", "80,9000-9010", &[80, 9000, 9005, 9010], &[81, 8999, 9011]),
            (" 80 , 90 - 91 ", "80,90-91", &[80, 90, 91], &[89, 92]),
            ("1-65535", "*", &[1, 65535], &[0]),
            ("80,*", "80,*", &[80, 81], &[0]),
            ("007", "7", &[7], &[8]),
            ("7-7", "7", &[7], &[6]),
        ] {
            let ports: Ports = text.parse().unwrap();
            assert_eq!(ports.to_string(), printed, "{text:?}");
            assert_eq!(ports.to_string().parse::<Ports>(), Ok(ports.clone()));
            assert!(inside.iter().all(|p| ports.contains(*p)), "{text:?}");
            assert!(!outside.iter().any(|p| ports.contains(*p)), "{text:?}");
        }
        assert!(Ports::all().is_all() && !Ports::from(80).is_all());
    }

    #[test]
    fn lists_cover_others_by_the_ports_they_name() {
        let merged = |list: &str| Merged::of(&list.parse().unwrap());
        for (wide, narrow, and_back) in [
            ("*", "1-65535", true),
            ("80,81,82", "80-82", true),
            ("90,80-85,83-87", "80-87,90", true),
            ("*", "80", false),
            ("80-90,100", "85,90,100", false),
            ("1-65534", "65534", false),
            ("65535,1", "65535", false),
        ] {
            assert!(merged(wide).covers(&merged(narrow)), "{wide} {narrow}");
            assert_eq!(merged(narrow).covers(&merged(wide)), and_back, "{wide} {narrow}");
        }
        assert!(!merged("80-90,92-100").covers(&merged("85-95")));
        assert!(!merged("80").covers(&merged("90")));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let bad = |item: &str| PortsError::NotAPort(item.into());
        for (text, error) in [
            ("", bad("")),
            ("80,", bad("")),
            (",80", bad("")),
            ("http", bad("http")),
            ("0", bad("0")),
            ("65536", bad("65536")),
            ("+80", bad("+80")),
            ("-80", bad("")),
            ("80-", bad("")),
            ("80-90-100", bad("90-100")),
            ("80 90", bad("80 90")),
            ("80;90", bad("80;90")),
            ("*-80", bad("*")),
            ("**", bad("**")),
            ("٨٠", bad("٨٠")),
            ("90-80", PortsError::Reversed { from: 90, to: 80 }),
        ] {
            assert_eq!(text.parse::<Ports>(), Err(error), "{text:?}");
        }
    }
}
