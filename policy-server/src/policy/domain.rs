//! `domain`: which SWFs an entry is for, by the host they were loaded from.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use super::origin::Origin;

/// The `domain` of an entry: `*`, `*.suffix`, an exact host name or an exact IP address.
///
/// Matching is by text and ignores case; nothing is ever looked up in DNS. `*.foo.com` is for `a.foo.com`,
/// `a.b.foo.com` and `foo.com` itself, `*` for everything, local content included. An IP entry is only for
/// SWFs whose URL used that address. Any other form matches nothing, see [`DomainProblem`].
/// Source: Adobe, "Cross Domain Policy File Specification" 2.0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainPattern {
    text: Box<str>,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    Any,
    Suffix,
    Exact,
    Nothing(DomainProblem),
}

/// Why a `domain` matches nothing at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DomainProblem {
    /// Empty text.
    Empty,
    /// A `*` somewhere else than alone or as the first label: `www.foo.*`, `f*o.com`, `*foo.com`, `192.168.*`.
    Wildcard,
    /// A URL; only the host counts.
    Scheme,
    /// A port or path behind the host; ports belong into `to-ports`.
    PortOrPath,
    /// A host cannot contain this character.
    Character(char),
    /// An empty label: two dots in a row, or one at the front.
    EmptyLabel,
}

impl DomainPattern {
    /// Reads a pattern. Never fails, as players read a file with such an entry as well: a form that is not
    /// defined gives a pattern which matches nothing and whose [`problem`](Self::problem) says why.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        let form = match text.strip_prefix("*.") {
            _ if &*text == "*" => Form::Any,
            Some(suffix) => check(suffix).map_or(Form::Suffix, Form::Nothing),
            None if is_ipv6(&text) => Form::Exact,
            None => check(&text).map_or(Form::Exact, Form::Nothing),
        };
        Self { text, form }
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Why the pattern matches nothing; `None` for the defined forms.
    #[must_use]
    pub const fn problem(&self) -> Option<DomainProblem> {
        match self.form {
            Form::Nothing(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether this is `*`.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        matches!(self.form, Form::Any)
    }

    /// Whether this is for every origin that `other` is for, told by the text. Allocates nothing.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let (mine, theirs) = (&*self.text, &*other.text);
        match (self.form, other.form) {
            (Form::Nothing(_), _) | (_, Form::Nothing(_)) => false,
            (Form::Any, _) => true,
            (Form::Exact, Form::Exact) => unbracketed(mine).eq_ignore_ascii_case(unbracketed(theirs)),
            (Form::Suffix, Form::Suffix) => ends_with_labels(&theirs[2..], &mine[2..]),
            // Addresses are in no domain.
            (Form::Suffix, Form::Exact) if is_ipv6(theirs) || theirs.parse::<Ipv4Addr>().is_ok() => false,
            (Form::Suffix, Form::Exact) => ends_with_labels(theirs, &mine[2..]),
            (Form::Exact | Form::Suffix, _) => false,
        }
    }

    /// What it does not match as its author may think, though its form is a defined one.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        match self.form {
            Form::Any | Form::Nothing(_) => None,
            Form::Suffix if ends_in_number(&self.text) => Some(Doubt::NoAddress),
            Form::Exact if is_no_address(&self.text) => Some(Doubt::NoAddress),
            Form::Suffix | Form::Exact if self.text.ends_with('.') => Some(Doubt::TrailingDot),
            Form::Exact => as_browsers_write(&self.text)
                .filter(|address| !unbracketed(&self.text).eq_ignore_ascii_case(address))
                .map(|address| Doubt::AddressForm(address.into())),
            Form::Suffix => None,
        }
    }

    /// Whether a SWF from this origin is meant. Linear in the length of the text; allocates nothing.
    #[must_use]
    pub fn matches(&self, origin: &Origin) -> bool {
        let Some(host) = origin.host() else { return self.is_any() };
        match self.form {
            Form::Any => true,
            Form::Nothing(_) => false,
            Form::Exact => unbracketed(&self.text).eq_ignore_ascii_case(host),
            // An address has no subdomains, even if its text looks so.
            Form::Suffix if origin.is_ip() => false,
            Form::Suffix => ends_with_labels(host, &self.text[2..]),
        }
    }
}

/// Whether `host` is `domain` or in it.
fn ends_with_labels(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.as_bytes(), domain.as_bytes());
    let Some(at) = host.len().checked_sub(domain.len()) else { return false };
    host[at..].eq_ignore_ascii_case(domain) && (at == 0 || host[at - 1] == b'.')
}

/// Why a `domain` of a defined form is still not for the SWFs it seems to be for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// A dot at the end, which hosts in URLs hardly have.
    TrailingDot,
    /// It ends like an IPv4 address, and no URL has such a host.
    NoAddress,
    /// An IPv6 address in another form than this, which browsers write.
    AddressForm(Box<str>),
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What keeps `host` from being the text of a host, if anything does.
pub(super) fn check(host: &str) -> Option<DomainProblem> {
    let in_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') || !c.is_ascii();
    let odd = host.chars().find(|c| !in_host(*c) || c.is_whitespace() || c.is_control());
    match odd {
        _ if host.is_empty() => Some(DomainProblem::Empty),
        _ if host.contains("://") => Some(DomainProblem::Scheme),
        Some('*') => Some(DomainProblem::Wildcard),
        Some(':' | '/') => Some(DomainProblem::PortOrPath),
        Some(c) => Some(DomainProblem::Character(c)),
        None if host.starts_with('.') || host.contains("..") => Some(DomainProblem::EmptyLabel),
        None => None,
    }
}

/// `[::1]` and `::1` are one address; the policy documents say nothing about brackets.
pub(super) fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
}

pub(super) fn is_ipv6(host: &str) -> bool {
    unbracketed(host).parse::<Ipv6Addr>().is_ok()
}

/// An IPv6 address in the one form that browsers give to players; `None` for other hosts.
/// Source: WHATWG, "URL Standard", host serializing.
pub(super) fn as_browsers_write(host: &str) -> Option<String> {
    let address: Ipv6Addr = unbracketed(host).parse().ok()?;
    Some(match (address.to_ipv4_mapped(), address.segments()) {
        // Without the dots that Rust writes.
        (Some(_), [.., high, low]) => format!("::ffff:{high:x}:{low:x}"),
        (None, _) => address.to_string(),
    })
}

/// Whether browsers take a host for an IPv4 address: its last label is a number.
/// Source: WHATWG, "URL Standard", ends-in-a-number checker.
pub(super) fn ends_in_number(host: &str) -> bool {
    let last = without_dot(host).rsplit('.').next().unwrap_or_default();
    !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the host looks like an IPv4 address and is none that a URL in a browser can have.
pub(super) fn is_no_address(host: &str) -> bool {
    ends_in_number(host) && without_dot(host).parse::<Ipv4Addr>().is_err()
}

/// Without the dot at the end that names in DNS may have.
pub(super) fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

impl fmt::Display for DomainProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "is empty"),
            Self::Wildcard => {
                write!(f, "a `*` may only stand alone or as the first label, like *.example.com")
            }
            Self::Scheme => write!(f, "is a URL; expected the host alone"),
            Self::PortOrPath => write!(f, "has a port or path behind the host; expected the host alone"),
            Self::Character(c) => write!(f, "has the character {c:?}, which no host contains"),
            Self::EmptyLabel => write!(f, "has an empty label (a dot too many)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    /// The rules of the specification, one row each: pattern, origins it is for, origins it is not for.
    #[test]
    fn patterns_match_as_documented() {
        for (pattern, matched, unmatched) in [
            ("*", &["a.com", "10.0.0.1", "localhost", "file:///x.swf", "[::1]"][..], &[][..]),
            ("www.foo.com", &["www.foo.com", "WWW.Foo.COM"], &["foo.com", "a.www.foo.com", "file:///x.swf"]),
            (
                "*.foo.com",
                &["a.foo.com", "a.b.foo.com", "foo.com", "A.FOO.com"],
                &["afoo.com", "foo.com.evil"],
            ),
            ("*.Foo.com", &["a.foo.com", "foo.com"], &["com", "oo.com", "xfoo.com", ".foo.com.x"]),
            ("*.com", &["a.com", "com"], &["a.org", "acom"]),
            ("10.0.0.1", &["10.0.0.1"], &["10.0.0.2", "010.0.0.1", "host-10.0.0.1"]),
            ("*.0.0.1", &["a.0.0.1"], &["10.0.0.1"]),
            ("localhost", &["localhost"], &["127.0.0.1", "file:///x.swf"]),
            ("127.0.0.1", &["127.0.0.1"], &["localhost"]),
            ("::1", &["[::1]", "http://[0:0:0:0:0:0:0:1]/"], &["127.0.0.1", "[::2]"]),
            ("[::1]", &["[::1]"], &["localhost"]),
            ("bücher.example", &["bücher.example"], &["b\u{fc}cher.example.org"]),
        ] {
            let pattern = DomainPattern::new(pattern);
            assert_eq!(pattern.problem(), None, "{pattern}");
            for text in matched {
                assert!(pattern.matches(&origin(text)), "{pattern} is for {text}");
            }
            for text in unmatched.iter().filter(|t| !t.starts_with('.')) {
                assert!(!pattern.matches(&origin(text)), "{pattern} is not for {text}");
            }
        }
    }

    #[test]
    fn other_forms_match_nothing_and_say_why() {
        use DomainProblem::*;
        for (text, problem) in [
            ("", Empty),
            ("*.", Empty),
            ("www.foo.*", Wildcard),
            ("f*o.com", Wildcard),
            ("*foo.com", Wildcard),
            ("192.168.*", Wildcard),
            ("*.*", Wildcard),
            ("**", Wildcard),
            ("http://www.foo.com", Scheme),
            ("http://*.foo.com", Scheme),
            ("www.foo.com:8080", PortOrPath),
            ("www.foo.com/app", PortOrPath),
            ("*.foo.com:80", PortOrPath),
            ("*.::1", PortOrPath),
            (" www.foo.com", Character(' ')),
            ("www.foo.com,www.bar.com", Character(',')),
            ("www.foo.com\u{a0}", Character('\u{a0}')),
            ("a<b", Character('<')),
            (".foo.com", EmptyLabel),
            ("*..foo.com", EmptyLabel),
            ("www..com", EmptyLabel),
        ] {
            let pattern = DomainPattern::new(text);
            assert_eq!(pattern.problem(), Some(problem), "{text:?}");
            for host in ["www.foo.com", "foo.com", "192.168.0.1", "localhost", "file:///a.swf", "[::1]"] {
                assert!(!pattern.matches(&origin(host)), "{text:?} must not match {host}");
            }
        }
    }

    #[test]
    fn wide_patterns_cover_narrow_ones() {
        let covers = |wide: &str, narrow: &str| DomainPattern::new(wide).covers(&DomainPattern::new(narrow));
        for (wide, narrow) in [
            ("*", "a.com"),
            ("*", "*.a.com"),
            ("*", "10.0.0.1"),
            ("*.a.com", "a.com"),
            ("*.a.com", "b.A.com"),
            ("*.a.com", "*.b.a.com"),
            ("A.com", "a.com"),
            ("[::1]", "::1"),
        ] {
            assert!(covers(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [
            ("a.com", "*.a.com"),
            ("a.com", "b.a.com"),
            ("*.a.com", "ba.com"),
            ("*.a.com", "*"),
            ("*.b.a.com", "*.a.com"),
            ("*.0.1", "10.0.0.1"),
            ("*", "a.*"),
            ("a.*", "a.com"),
        ] {
            assert!(!covers(wide, narrow), "{wide} {narrow}");
        }
    }
}
