//! Why a policy file was refused: one kind per malformation, with the line where it stands.

use std::fmt;

use super::{domain::DomainProblem, ports::PortsError};

/// A policy file that cannot be read, or a builder given values no policy file can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    line: Option<u32>,
    kind: ErrorKind,
}

/// What is wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Larger than [`MAX_FILE_SIZE`](super::MAX_FILE_SIZE); not even looked at.
    TooLarge {
        /// Bytes in the file.
        size: usize,
    },
    /// Not UTF-8 from this byte on.
    NotUtf8 {
        /// Offset of the first byte that is not UTF-8.
        at: usize,
    },
    /// A byte order mark before the XML: players read nothing behind it.
    ByteOrderMark,
    /// A control character XML does not allow. U+0000 for instance: the server adds the one NUL itself.
    Control(char),
    /// Not well-formed XML; the text is the XML reader's.
    Xml(Box<str>),
    /// The XML declaration is not the first thing in the file.
    LateDeclaration,
    /// The XML declaration names an encoding other than the one the bytes are in, which is UTF-8.
    Encoding(Box<str>),
    /// A DOCTYPE with declarations of its own (`[...]`). Nothing of a DTD is ever fetched or expanded.
    InternalSubset,
    /// A DOCTYPE that is out of place or for another root than `cross-domain-policy`.
    Doctype,
    /// An entity reference other than the five of XML and character references.
    Entity(Box<str>),
    /// The root element is not `cross-domain-policy`.
    WrongRoot(Box<str>),
    /// No element at all.
    NoRoot,
    /// A second element beside the root.
    SecondRoot(Box<str>),
    /// The file ends inside this element.
    Unclosed(Box<str>),
    /// Text where only elements belong.
    Text,
    /// An element inside one that is always empty.
    Nested(Box<str>),
    /// The element lacks an attribute it cannot do without.
    MissingAttribute {
        /// The element.
        element: &'static str,
        /// The attribute it lacks.
        attribute: &'static str,
    },
    /// An attribute whose value is none of the defined ones.
    BadValue {
        /// The attribute.
        attribute: &'static str,
        /// What it says.
        value: Box<str>,
        /// What it may say.
        expected: &'static str,
    },
    /// More than one `site-control`.
    SecondSiteControl,
    /// A `to-ports` that is no list of ports.
    Ports(PortsError),
    /// A domain that matches nothing. Only builders refuse it: players read such files, and so does the
    /// parser, so that the linter can name every line.
    Domain(DomainProblem),
}

impl Error {
    pub(crate) const fn new(line: Option<u32>, kind: ErrorKind) -> Self {
        Self { line, kind }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Line of the file, from 1; `None` when the fault is not in one line or there is no file.
    #[must_use]
    pub const fn line(&self) -> Option<u32> {
        self.line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        self.kind.fmt(f)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { size } => {
                write!(f, "{size} bytes; a policy file may have {} at most", super::MAX_FILE_SIZE)
            }
            Self::NotUtf8 { at } => write!(f, "byte {at} is not UTF-8; expected UTF-8 or plain ASCII"),
            Self::ByteOrderMark => write!(f, "starts with a byte order mark; expected `<`"),
            Self::Control('\0') => {
                write!(f, "contains a NUL; leave it out, the server ends its answer with one")
            }
            Self::Control(c) => write!(f, "contains the control character U+{:04X}", u32::from(*c)),
            Self::Xml(message) => write!(f, "not well-formed XML: {message}"),
            Self::LateDeclaration => write!(f, "`<?xml ...?>` must be the first bytes of the file"),
            Self::Encoding(name) => write!(f, "declares the encoding {name:?}; the bytes are read as UTF-8"),
            Self::InternalSubset => write!(f, "DOCTYPE with declarations of its own; expected none"),
            Self::Doctype => write!(f, "expected one DOCTYPE for `cross-domain-policy` before it, or none"),
            Self::Entity(name) => {
                write!(f, "reference to the entity {name:?}; only &lt; &gt; &amp; &apos; &quot; are known")
            }
            Self::WrongRoot(name) => write!(f, "root element is <{name}>; expected <cross-domain-policy>"),
            Self::NoRoot => write!(f, "no element; expected <cross-domain-policy>"),
            Self::SecondRoot(name) => write!(f, "<{name}> after the end of <cross-domain-policy>"),
            Self::Unclosed(name) => write!(f, "<{name}> is never closed"),
            Self::Text => write!(f, "text where only elements belong"),
            Self::Nested(name) => write!(f, "<{name}> inside an element that must be empty"),
            Self::MissingAttribute { element, attribute } => {
                write!(f, "<{element}> lacks the attribute `{attribute}`")
            }
            Self::BadValue { attribute, value, expected } => {
                write!(f, "{attribute}={value:?}; expected {expected}")
            }
            Self::SecondSiteControl => write!(f, "a second <site-control>; expected one at most"),
            Self::Ports(e) => write!(f, "to-ports: {e}"),
            Self::Domain(problem) => write!(f, "domain: {problem}"),
        }
    }
}

impl std::error::Error for Error {}
