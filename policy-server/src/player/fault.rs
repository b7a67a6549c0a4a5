//! What keeps a player from reading a policy, and what else is odd about an answer.

use std::{fmt, time::Duration};

use crate::policy::{Error, ErrorKind, MAX_FILE_SIZE, Problem};

/// Why no policy was read. `Display` says what happened, [`remedy`](Self::remedy) what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The name of the host does not resolve.
    NoSuchHost(Box<str>),
    /// The name of the host was not found in time.
    LookUpTimedOut(Duration),
    /// Nothing listens there.
    Refused,
    /// The connection could not be made, for this reason.
    Unreachable(Box<str>),
    /// The connection was not made in time.
    ConnectTimedOut(Duration),
    /// Connected, and not a byte came in time.
    Silent(Duration),
    /// Bytes came, but no NUL and no end, and they are no policy.
    Unfinished {
        /// How many came.
        received: usize,
        /// In what time.
        after: Duration,
    },
    /// A policy, but no NUL after it.
    NoNul {
        /// Whether the stream ended there.
        closed: bool,
    },
    /// The stream ended without a byte.
    Empty,
    /// The connection was reset, after so many bytes.
    Reset {
        /// How many came.
        received: usize,
    },
    /// An HTTP server answered; this is its status line.
    Http(Box<str>),
    /// A TLS alert: the server takes the request for a broken handshake.
    Tls,
    /// Two bytes with the length stand before the policy, as Java's `writeUTF` puts them.
    LengthPrefix,
    /// The text is UTF-16.
    Utf16,
    /// More bytes than a policy may have.
    TooLarge,
    /// It is no policy file.
    Unreadable(Error),
    /// Another IO error while asking.
    Failed(Box<str>),
}

/// What is odd about an answer that a player reads all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// The server left the connection open after the NUL.
    NotClosed,
    /// Bytes came after the NUL.
    Trailing {
        /// How many; counting stops at some thousands.
        bytes: usize,
    },
    /// Blanks or line ends before the first `<`.
    LeadingBlank,
    /// It took this long, which is near the 3 s of the master or would be under load.
    Slow(Duration),
}

impl Fault {
    /// Whether there was no connection at all.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::NoSuchHost(_)
                | Self::LookUpTimedOut(_)
                | Self::Refused
                | Self::Unreachable(_)
                | Self::ConnectTimedOut(_)
        )
    }

    /// Short name for scripts: lower case, `-` between words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoSuchHost(_) => "no-such-host",
            Self::LookUpTimedOut(_) => "look-up-timed-out",
            Self::Refused => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::ConnectTimedOut(_) => "connect-timed-out",
            Self::Silent(_) => "silent",
            Self::Unfinished { .. } => "unfinished",
            Self::NoNul { .. } => "no-nul",
            Self::Empty => "empty",
            Self::Reset { .. } => "reset",
            Self::Http(_) => "http",
            Self::Tls => "tls",
            Self::LengthPrefix => "length-prefix",
            Self::Utf16 => "utf-16",
            Self::TooLarge => "too-large",
            Self::Unreadable(_) => "unreadable",
            Self::Failed(_) => "failed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoSuchHost(_) => "check the name; players need it in DNS as well",
            Self::LookUpTimedOut(_) => "check the name servers of this machine, and the name",
            Self::Refused => "start a policy server on this port",
            Self::Unreachable(_) => "check the address and the routes to it",
            Self::ConnectTimedOut(_) => {
                "let the firewall pass this port, or make it refuse instead of dropping, so that players do not wait"
            }
            Self::Silent(_) => {
                "answer as soon as the 23 bytes <policy-file-request/> and NUL are there; no line end and no close follows them"
            }
            Self::Unfinished { .. } => "send the policy, a NUL, and close",
            Self::NoNul { closed: true } => "send one NUL after the policy, before the close",
            Self::NoNul { closed: false } => "send one NUL after the policy, and close",
            Self::Empty => {
                "make this port answer the policy request; if it does, it refuses this address or is at a limit"
            }
            Self::Reset { .. } => {
                "read all 23 bytes of the request before closing, or the reset overtakes the answer"
            }
            Self::Http(_) => {
                "put a port that knows both in front of the HTTP server (policy-server serve --upstream), or serve the policy on 843"
            }
            Self::Tls => {
                "answer the request in clear before the TLS handshake begins, or serve the policy on 843"
            }
            Self::LengthPrefix => "send the bytes of the text alone (in Java: getBytes, not writeUTF)",
            Self::Utf16 => "send UTF-8 without a byte order mark",
            Self::TooLarge => "join hosts of one domain to one entry, like *.example.com",
            Self::Unreadable(e) if matches!(e.kind(), ErrorKind::WrongRoot(_) | ErrorKind::NoRoot) => {
                "send the policy file and nothing before it"
            }
            Self::Unreadable(e) => Problem::Unreadable(e.clone()).remedy(),
            Self::Failed(_) => "try again; if it stays, look at the server's log",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchHost(why) => write!(f, "the host is not known: {why}"),
            Self::LookUpTimedOut(after) => write!(f, "the name of the host was not found in {after:.1?}"),
            Self::Refused => write!(f, "connection refused, nothing listens there"),
            Self::Unreachable(why) => write!(f, "no connection: {why}"),
            Self::ConnectTimedOut(after) => write!(f, "no connection in {after:.1?}, something drops it"),
            Self::Silent(after) => write!(f, "connected, and timed out: not a byte in {after:.1?}"),
            Self::Unfinished { received, after } => {
                write!(f, "timed out: {received} bytes in {after:.1?}, and neither a policy nor an end")
            }
            Self::NoNul { closed: true } => {
                write!(
                    f,
                    "the policy ends without a NUL; that players read it all the same is not documented"
                )
            }
            Self::NoNul { closed: false } => {
                write!(f, "a policy, but no NUL and no close: players wait for more")
            }
            Self::Empty => write!(f, "the server closed without a byte"),
            Self::Reset { received: 0 } => write!(f, "the server reset the connection"),
            Self::Reset { received } => write!(f, "the server reset the connection after {received} bytes"),
            Self::Http(status) => {
                write!(f, "an HTTP server answered `{status}`, players read no policy from it")
            }
            Self::Tls => write!(f, "a TLS server answered with an alert"),
            Self::LengthPrefix => write!(f, "two bytes with its length stand before the policy"),
            Self::Utf16 => write!(f, "the policy is UTF-16; expected UTF-8 or plain ASCII"),
            Self::TooLarge => write!(f, "more than {MAX_FILE_SIZE} bytes without a NUL"),
            Self::Unreadable(e) => write!(f, "no policy file, {e}"),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

impl std::error::Error for Fault {}

impl Remark {
    /// Short name for scripts: lower case, `-` between words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotClosed => "not-closed",
            Self::Trailing { .. } => "trailing",
            Self::LeadingBlank => "leading-blank",
            Self::Slow(_) => "slow",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NotClosed => "close after the NUL; players close, but others hold the connection",
            Self::Trailing { .. } => "send nothing after the NUL",
            Self::LeadingBlank => "begin the answer with `<`",
            Self::Slow(_) => "answer within some hundred milliseconds: after 3 s players go on from port 843",
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotClosed => write!(f, "the server never closes"),
            Self::Trailing { bytes } => write!(f, "{bytes} bytes after the NUL"),
            Self::LeadingBlank => write!(f, "blanks before the policy"),
            Self::Slow(after) => write!(f, "the answer took {after:.1?}"),
        }
    }
}
