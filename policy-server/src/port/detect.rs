//! What do the first bytes of a connection mean? Pure: no IO, no clock, no allocation.

/// What a Flash player sends, and then waits: `<policy-file-request/>` and one NUL, 23 bytes.
///
/// Source: Adobe, "Setting up a socket policy file server".
pub const REQUEST: &[u8] = b"<policy-file-request/>\0";

/// The same request as the Flash 8 manual prints it, with a blank before `/>`, 24 bytes. Accepted as well.
pub const REQUEST_WITH_BLANK: &[u8] = b"<policy-file-request />\0";

/// No verdict ever needs more bytes than this.
pub const REQUEST_MAX: usize = REQUEST_WITH_BLANK.len();

/// What [`classify`] makes of the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every byte fits so far, but the decision needs more of them. Never more than [`REQUEST_MAX`] in all.
    NeedMore,
    /// A complete policy request. Bytes after its NUL belong to nobody and are to be dropped.
    Policy,
    /// Not the policy protocol: another protocol owns the connection, from its first byte on.
    Other(Protocol),
    /// It began like a policy request (`<` starts no HTTP method and no TLS record) and is none: `at` is
    /// the index of the first byte that does not fit. Whoever sends this must never see the policy.
    Mismatch {
        /// Index of the first wrong byte, 1 to 23.
        at: usize,
    },
}

/// What the first byte of a connection that is not a policy request suggests. A hint to route by, not a
/// check: whoever gets the connection still parses it from byte 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// `A` to `Z`: a method of HTTP (also the preface of HTTP/2).
    Http,
    /// 0x16: a TLS handshake record.
    Tls,
    /// Anything else, for example the 0x0d of a PROXY protocol v2 header.
    Unknown,
}

impl Protocol {
    /// Reads the hint from the first byte of a connection.
    #[must_use]
    pub const fn of(first: u8) -> Self {
        match first {
            b'A'..=b'Z' => Self::Http,
            0x16 => Self::Tls,
            _ => Self::Unknown,
        }
    }
}

/// Decides what a connection is by the bytes it has sent so far.
///
/// One byte decides the branch and 23 decide the answer. Feed it the connection's bytes from the start,
/// any number at a time: the result depends on the bytes alone, not on how they were cut. At most
/// [`REQUEST_MAX`] bytes are looked at. Costs one comparison; neither copies nor allocates.
#[must_use]
pub fn classify(bytes: &[u8]) -> Verdict {
    match bytes.first() {
        None => Verdict::NeedMore,
        Some(&first) if first != REQUEST[0] => Verdict::Other(Protocol::of(first)),
        Some(_) => {
            let (plain, blank) = (common_prefix(bytes, REQUEST), common_prefix(bytes, REQUEST_WITH_BLANK));
            if plain == REQUEST.len() || blank == REQUEST_WITH_BLANK.len() {
                Verdict::Policy
            } else if plain.max(blank) == bytes.len() {
                Verdict::NeedMore
            } else {
                Verdict::Mismatch { at: plain.max(blank) }
            }
        }
    }
}

/// Number of leading bytes that `a` and `b` share.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMS: [&[u8]; 2] = [REQUEST, REQUEST_WITH_BLANK];

    #[test]
    fn the_request_is_the_documented_bytes() {
        let hex = "3c706f6c6963792d66696c652d726571756573742f3e00";
        assert_eq!(REQUEST.iter().map(|b| format!("{b:02x}")).collect::<String>(), hex);
        assert_eq!((REQUEST.len(), REQUEST_MAX), (23, 24));
    }

    #[test]
    fn every_cut_of_the_request_needs_more_and_only_the_whole_is_policy() {
        for form in FORMS {
            for cut in 0..form.len() {
                assert_eq!(classify(&form[..cut]), Verdict::NeedMore, "after {cut} bytes");
            }
            assert_eq!(classify(form), Verdict::Policy);
        }
    }

    #[test]
    fn every_single_byte_mutation_is_caught_at_its_byte() {
        for form in FORMS {
            for (index, value) in (0..form.len()).flat_map(|i| (0..=255u8).map(move |v| (i, v))) {
                let mut bytes = form.to_vec();
                bytes[index] = value;
                // The two forms part at the same byte: one may be mutated into the head of the other.
                let head_of_other =
                    FORMS.iter().any(|f| *f != form && f.get(..=index) == bytes.get(..=index));
                let expected = match index {
                    _ if bytes == form => Verdict::Policy,
                    0 => Verdict::Other(Protocol::of(value)),
                    _ if head_of_other => Verdict::Mismatch { at: index + 1 },
                    _ => Verdict::Mismatch { at: index },
                };
                assert_eq!(classify(&bytes), expected, "byte {index} set to {value:#04x}");
                // No later byte can turn a mismatch into the policy.
                if let Verdict::Mismatch { at } = expected {
                    assert_eq!(classify(&bytes[..=at]), expected);
                    bytes.extend_from_slice(form);
                    assert_eq!(classify(&bytes), expected);
                }
            }
        }
    }

    #[test]
    fn every_deletion_and_insertion_is_refused() {
        for index in 1..REQUEST.len() {
            let mut short = REQUEST.to_vec();
            short.remove(index);
            assert!(!matches!(classify(&short), Verdict::Policy), "without byte {index}");
            for value in 0..=255u8 {
                let mut long = REQUEST.to_vec();
                long.insert(index, value);
                assert_eq!(
                    classify(&long) == Verdict::Policy,
                    long.starts_with(REQUEST) || long.starts_with(REQUEST_WITH_BLANK),
                    "{value:#04x} inserted before byte {index}"
                );
            }
        }
    }

    #[test]
    fn the_first_byte_routes_everything_else() {
        for first in (0..=255u8).filter(|b| *b != b'<') {
            let expected = match first {
                b'A'..=b'Z' => Protocol::Http,
                0x16 => Protocol::Tls,
                _ => Protocol::Unknown,
            };
            assert_eq!(classify(&[first]), Verdict::Other(expected));
        }
        // The request inside the body of something else is not a request.
        let mut body = b"GET / HTTP/1.1\r\n\r\n".to_vec();
        body.extend_from_slice(REQUEST);
        assert_eq!(classify(&body), Verdict::Other(Protocol::Http));
    }

    #[test]
    fn bytes_after_the_request_change_nothing() {
        for tail in [&b"\n"[..], b"\0", b"GET / HTTP/1.1\r\n\r\n", REQUEST] {
            assert_eq!(classify(&[REQUEST, tail].concat()), Verdict::Policy);
        }
    }

    #[test]
    fn case_encoding_and_the_other_names_of_the_request_are_refused() {
        for bytes in [
            &b"<cross-domain-request/>\0"[..],
            b"<POLICY-FILE-REQUEST/>\0",
            b"<policy-file-request/>\n",
            b"<policy-file-request  />\0",
            b"<policy-file-request></policy-file-request>\0",
            b"<?xml version=\"1.0\"?><policy-file-request/>\0",
            b"<\0p\0o\0l\0i\0c\0y\0",
        ] {
            assert!(matches!(classify(bytes), Verdict::Mismatch { .. }), "{bytes:?}");
        }
        assert_eq!(classify(b"\xef\xbb\xbf<policy-file-request/>\0"), Verdict::Other(Protocol::Unknown));
        assert_eq!(classify(b" <policy-file-request/>\0"), Verdict::Other(Protocol::Unknown));
    }
}
