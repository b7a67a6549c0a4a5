//! What the linter finds: how bad it is, in words, and what to do about it.

use std::fmt;

use super::{DomainProblem, Error, ErrorKind, SiteControl};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It works, but perhaps not as meant, or it opens more than it should.
    Warning,
    /// It does not do what it says.
    Error,
}

/// One thing to look at in a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub(super) line: Option<u32>,
    pub(super) problem: Problem,
}

/// What the linter finds. `Display` says what it is, [`remedy`](Self::remedy) what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// It is no policy file.
    Unreadable(Error),
    /// An entry without `to-ports`.
    NoPorts,
    /// A domain that matches nothing.
    Domain(DomainProblem),
    /// A meta-policy that sockets do not have.
    SiteControlNotForSockets(SiteControl),
    /// The file is to be served where no player asks.
    NeverAsked {
        /// The port in question.
        port: u16,
    },
    /// The meta-policy voids every entry of its own file, and of all others.
    EntriesVoid,
    /// A meta-policy in a file that is not the master.
    SiteControlIgnored {
        /// A port where it is ignored.
        port: u16,
    },
    /// An entry names ports below 1024, and a port from 1024 on serves it.
    PrivilegedPorts {
        /// The port that serves it.
        port: u16,
    },
    /// No entry grants the port, to whomever.
    PortNotGranted {
        /// The port in question.
        port: u16,
    },
    /// No entry grants the port, to whomever, as the meta-policy voids them all.
    PortVoid {
        /// The port in question.
        port: u16,
    },
    /// No entry at all.
    NoEntries,
    /// Any SWF may connect to any port.
    EveryoneEverywhere,
    /// Any SWF may connect.
    EveryDomain,
    /// Every port of the host is granted.
    EveryPort,
    /// A domain with a dot at the end.
    TrailingDot,
    /// A domain that ends like an IPv4 address, and that no URL in a browser has.
    NoAddress,
    /// An IPv6 address in another form than browsers write.
    AddressForm {
        /// The form they write.
        browsers: Box<str>,
    },
    /// `*.` and a single label.
    TopLevelDomain,
    /// `localhost` without `127.0.0.1`, or the other way round.
    LocalhostOneName,
    /// A domain with letters outside ASCII.
    NotAscii,
    /// `secure="true"`: over a plain connection it protects nothing.
    SecureOverPlain,
    /// An entry that says what an earlier one says.
    Repeated {
        /// Line of the earlier one.
        first: Option<u32>,
    },
    /// An entry that grants nothing which a wider one does not.
    Covered {
        /// Line of the wider one.
        by: Option<u32>,
    },
    /// Blanks or line ends before the first `<`, which are served like the rest of the file.
    LeadingBlank,
    /// `allow-http-request-headers-from` in a socket policy.
    HeadersNotForSockets,
    /// An element, an attribute or a blank that no player reads.
    Ignored(Box<str>),
    /// An element or attribute that no player reads, where one seems meant that would open less.
    Misspelt {
        /// What stands there.
        written: Box<str>,
        /// The name that seems meant: `site-control` or `secure`.
        meant: &'static str,
    },
}

impl Finding {
    /// Line of the file, from 1; `None` when it is not about one line.
    #[must_use]
    pub const fn line(&self) -> Option<u32> {
        self.line
    }

    /// What it is.
    #[must_use]
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.problem.severity()
    }
}

/// One line for the problem and one for the remedy.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        let severity = if self.severity() == Severity::Error { "error" } else { "warning" };
        write!(f, "{severity}: {}\n  {}", self.problem, self.problem.remedy())
    }
}

impl Problem {
    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Unreadable(_)
            | Self::NoPorts
            | Self::Domain(_)
            | Self::NoAddress
            | Self::Misspelt { .. }
            | Self::SiteControlNotForSockets(_)
            | Self::EntriesVoid
            | Self::PortNotGranted { .. }
            | Self::PortVoid { .. }
            | Self::NeverAsked { .. } => Severity::Error,
            _ => Severity::Warning,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreadable(e) => match e.kind() {
                ErrorKind::TooLarge { .. } => "join hosts of one domain to one entry, like *.example.com",
                ErrorKind::NotUtf8 { .. } => "save the file as UTF-8",
                ErrorKind::ByteOrderMark => "save the file as UTF-8 without a byte order mark",
                ErrorKind::Control('\0') => "remove it",
                ErrorKind::Entity(_) | ErrorKind::InternalSubset => "write the values out",
                _ => "correct the file; no player reads anything from it",
            },
            Self::NoPorts => "add to-ports, with the port the SWF connects to: to-ports=\"8080\"",
            Self::Domain(DomainProblem::Wildcard) => "list the hosts one by one, or write *.example.com",
            Self::Domain(_) => "write the host alone: the one in the URL of the SWF",
            Self::SiteControlNotForSockets(_) => "write all, master-only or none",
            Self::NeverAsked { .. } => "serve it on 843 or on the port the SWF connects to",
            Self::EntriesVoid => "write all or master-only, or remove the entries",
            Self::SiteControlIgnored { .. } => "serve the file on port 843, or leave site-control out",
            Self::PrivilegedPorts { .. } => "serve the file on port 843, or use ports from 1024 on",
            Self::PortNotGranted { .. } => {
                "add the port to the to-ports of an entry; if it is below 1024, serve the file from below 1024, too"
            }
            Self::PortVoid { .. } => "write all or master-only in the site-control, or leave it out",
            Self::NoEntries => "add an entry: <allow-access-from domain=\"...\" to-ports=\"...\"/>",
            Self::EveryoneEverywhere => "name the hosts of your SWFs, and the one port they connect to",
            Self::EveryDomain => "name the hosts of your SWFs",
            Self::EveryPort => "name the ports your SWFs connect to",
            Self::TrailingDot => "leave the dot out",
            Self::NoAddress => {
                "write all four numbers, 0 to 255 each; addresses have no wildcards, list them one by one"
            }
            Self::AddressForm { .. } => "write it as browsers do",
            Self::TopLevelDomain => "name the domain: *.example.com",
            Self::LocalhostOneName => "add an entry for the other name",
            Self::NotAscii => "write the name as it is in DNS, in its xn-- form",
            Self::SecureOverPlain => {
                "leave it out, unless the server takes local connections only; it keeps out SWFs loaded by HTTP"
            }
            Self::Repeated { .. } => "remove one of them",
            Self::Covered { .. } => "remove it, or narrow the wider one",
            Self::LeadingBlank => "begin the file with `<`",
            Self::HeadersNotForSockets => "move it to the URL policy, /crossdomain.xml",
            Self::Ignored(_) => "check its spelling, or remove it",
            Self::Misspelt { meant: "secure", .. } => "write secure=\"true\", in small letters, or remove it",
            Self::Misspelt { .. } => {
                "write <site-control permitted-cross-domain-policies=\"...\"/>, or remove it"
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The line is the finding's.
            Self::Unreadable(e) => write!(f, "{}", e.kind()),
            Self::NoPorts => write!(f, "the entry grants nothing, it has no `to-ports`"),
            Self::Domain(problem) => write!(f, "the entry matches nothing, its domain {problem}"),
            Self::SiteControlNotForSockets(value) => {
                write!(f, "sockets have no meta-policy `{}`", value.as_str())
            }
            Self::NeverAsked { port } => write!(f, "players fetch no policy from port {port}"),
            Self::EntriesVoid => write!(f, "the meta-policy `none` voids every entry"),
            Self::SiteControlIgnored { port } => {
                write!(f, "site-control counts on port 843 only, and is ignored on port {port}")
            }
            Self::PrivilegedPorts { port } => {
                write!(f, "the entry names ports below 1024, which a policy from port {port} cannot grant")
            }
            Self::PortNotGranted { port } => write!(f, "nobody may connect to port {port}"),
            Self::PortVoid { port } => {
                write!(f, "nobody may connect to port {port}, the meta-policy `none` voids every entry")
            }
            Self::NoEntries => write!(f, "the file grants nothing, it has no entries"),
            Self::EveryoneEverywhere => write!(
                f,
                "any page a visitor opens may reach every service of this host, from inside the visitor's network"
            ),
            Self::EveryDomain => {
                write!(f, "any page a visitor opens may connect, from inside the visitor's network")
            }
            Self::EveryPort => write!(f, "the entry grants every service of this host"),
            Self::TrailingDot => {
                write!(f, "the domain ends with a dot, and is only for SWFs in whose URL it does so, too")
            }
            Self::NoAddress => {
                write!(
                    f,
                    "the entry is for no SWF: its domain ends like an IPv4 address, and no URL has such a host"
                )
            }
            Self::AddressForm { browsers } => {
                write!(f, "addresses are compared as text, and browsers write this one `{browsers}`")
            }
            Self::TopLevelDomain => write!(f, "the entry is for a whole top-level domain"),
            Self::LocalhostOneName => {
                write!(f, "`localhost` and `127.0.0.1` are different names, nothing is looked up")
            }
            Self::NotAscii => write!(f, "how players compare letters outside ASCII is not documented"),
            Self::SecureOverPlain => write!(f, "`secure` protects nothing on a plain connection"),
            Self::Repeated { first: Some(line) } => write!(f, "the entry says what line {line} says"),
            Self::Repeated { first: None } => write!(f, "the entry says what an earlier one says"),
            Self::Covered { by: Some(line) } => {
                write!(f, "what the entry grants, line {line} grants as well")
            }
            Self::Covered { by: None } => write!(f, "what the entry grants, another grants as well"),
            Self::LeadingBlank => {
                write!(f, "blanks before the policy; that every player reads over them is not documented")
            }
            Self::HeadersNotForSockets => {
                write!(f, "<allow-http-request-headers-from> has no meaning for sockets")
            }
            Self::Ignored(what) => write!(f, "{what} has no meaning here and is read over"),
            Self::Misspelt { written, meant } => {
                write!(f, "{written} is read over, so more is open than it says; `{meant}` seems meant")
            }
        }
    }
}
