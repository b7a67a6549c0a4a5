//! Policy files: the model, its text, what a player makes of it, and what is wrong with it.
//!
//! Nothing in here does IO.

mod domain;
mod error;
mod finding;
mod lint;
mod origin;
mod ports;
mod spelling;
mod verdict;
mod xml;

use std::{fmt, str::FromStr};

use bytes::Bytes;

pub(crate) use self::verdict::void;
pub use self::{
    domain::{DomainPattern, DomainProblem},
    error::{Error, ErrorKind},
    finding::{Finding, Problem, Severity},
    lint::lint,
    origin::{Origin, OriginError, OriginNote},
    ports::{Ports, PortsError},
    verdict::{FIRST_UNPRIVILEGED_PORT, Loaded, MASTER_PORT, Outcome, Step, Verdict, is_asked, may_connect},
};

/// Largest policy file that is read, in bytes: 20 kB.
///
/// Adobe states no limit; long lists of domains stay below it, and it bounds what parsing may cost.
pub const MAX_FILE_SIZE: usize = 20_000;

/// Where a URL policy is looked for.
pub const URL_POLICY_PATH: &str = "/crossdomain.xml";

/// The content type to serve a URL policy with: the only one that every meta-policy accepts.
pub const URL_POLICY_CONTENT_TYPE: &str = "text/x-cross-domain-policy";

/// A policy file: which SWFs may connect to this host, and to which of its ports.
///
/// Reading ([`FromStr`], [`from_bytes`](Self::from_bytes)) takes whatever a player takes, entries without
/// effect included, and refuses what is malformed; whether it means what its author meant is what the
/// linter is for. Building refuses entries without effect. Printing (`Display`) gives a canonical
/// document in UTF-8: what reads equal prints equal, comments and unknown elements are dropped. Served is
/// what was read, byte for byte ([`to_wire`](Self::to_wire)).
///
/// ```
/// use policy_server::PolicyFile;
///
/// let policy = PolicyFile::builder().allow("*.example.com", "8080,9000-9010").build()?;
/// assert_eq!(policy.to_string().parse::<PolicyFile>()?, policy);
/// # Ok::<(), policy_server::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFile {
    site_control: Option<(SiteControl, Line)>,
    access: Vec<AllowAccess>,
    headers: Vec<AllowHeaders>,
    /// What was read over, for the linter.
    ignored: Ignored,
    source: Source,
}

/// The meta-policy of a host: which of its policy files count. Value of `site-control`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SiteControl {
    /// Every policy file counts. The default for sockets.
    All,
    /// Only the master policy file counts: port 843 for sockets, `/crossdomain.xml` for URLs.
    MasterOnly,
    /// No policy file counts, the master included.
    None,
    /// Only files with the content type `text/x-cross-domain-policy`. For HTTP; invalid for sockets.
    ByContentType,
    /// Only files named `crossdomain.xml`. For FTP; invalid for sockets.
    ByFtpFilename,
}

/// One `allow-access-from`: SWFs of a domain may connect to some ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowAccess {
    domain: DomainPattern,
    to_ports: Option<Ports>,
    secure: Option<bool>,
    line: Line,
}

/// One `allow-http-request-headers-from`: SWFs of a domain may send headers. No meaning for sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowHeaders {
    domain: DomainPattern,
    headers: Box<str>,
    secure: Option<bool>,
    line: Line,
}

impl PolicyFile {
    /// Starts a policy file that grants nothing.
    pub fn builder() -> Builder {
        Builder { file: Ok(Self::default()) }
    }

    /// Reads a policy file.
    ///
    /// No entity is expanded but the five of XML and character references, no DTD is fetched or read.
    /// Linear in the size of the input; allocates for what it keeps, and keeps a copy of the text.
    ///
    /// # Errors
    ///
    /// Whatever [`ErrorKind`] lists, with the line where it stands.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        xml::parse(bytes)
    }

    /// The answer to a policy request: the document, and the one NUL that ends it.
    ///
    /// Of a file that was read, this is its text as it was, comments included: its size is the one that was
    /// checked, and lines that a player or `check` names are lines of the file. Costs a reference count. A
    /// built one is rendered at each call, within the same [`MAX_FILE_SIZE`].
    #[must_use]
    pub fn to_wire(&self) -> Bytes {
        match &self.source.0 {
            Some(wire) => wire.clone(),
            None => with_nul(self.to_string().into_bytes()),
        }
    }

    /// The URL policy that goes with it, to be served by HTTP at [`URL_POLICY_PATH`] as
    /// [`URL_POLICY_CONTENT_TYPE`]: SWFs of the same domains may read what this HTTP server serves.
    ///
    /// URL policies know no ports; entries without effect are left out. Their meta-policy is
    /// `master-only` (the default since player 10) unless the file states another than `all`.
    /// Since player 9.0.124 a URL policy opens no sockets. Renders and allocates.
    #[must_use]
    pub fn to_url_policy(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = xml::write_url(self, &mut text);
        text
    }

    /// Decides by this file alone, served on `policy_port`, whether a SWF from `origin` may connect to
    /// `port`. See [`may_connect`] for several files.
    #[must_use]
    pub fn may_connect(&self, policy_port: u16, origin: &Origin, port: u16) -> Verdict {
        may_connect(&[Loaded { file: self, port: policy_port }], origin, port)
    }

    /// The meta-policy the file states, if any.
    #[must_use]
    pub fn site_control(&self) -> Option<SiteControl> {
        self.site_control.map(|(value, _)| value)
    }

    /// The `allow-access-from` entries in the order of the file.
    #[must_use]
    pub fn access(&self) -> &[AllowAccess] {
        &self.access
    }

    /// The `allow-http-request-headers-from` entries in the order of the file.
    #[must_use]
    pub fn headers(&self) -> &[AllowHeaders] {
        &self.headers
    }
}

impl FromStr for PolicyFile {
    type Err = Error;

    /// As [`PolicyFile::from_bytes`].
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::from_bytes(text.as_bytes())
    }
}

impl fmt::Display for PolicyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        xml::write(self, f)
    }
}

impl SiteControl {
    const ALL: [(Self, &'static str); 5] = [
        (Self::All, "all"),
        (Self::MasterOnly, "master-only"),
        (Self::None, "none"),
        (Self::ByContentType, "by-content-type"),
        (Self::ByFtpFilename, "by-ftp-filename"),
    ];

    /// The value as the file writes it; `X-Permitted-Cross-Domain-Policies` uses the same words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(value, _)| *value)
    }
}

impl AllowAccess {
    /// Whom the entry is for.
    #[must_use]
    pub const fn domain(&self) -> &DomainPattern {
        &self.domain
    }

    /// The ports it grants. Without any, an entry of a socket policy grants nothing.
    #[must_use]
    pub const fn to_ports(&self) -> Option<&Ports> {
        self.to_ports.as_ref()
    }

    /// The `secure` attribute, if it is there. `true` means only SWFs that were loaded by HTTPS. In a
    /// socket policy the default is `false`, in a file served by HTTPS it is `true`.
    #[must_use]
    pub const fn secure(&self) -> Option<bool> {
        self.secure
    }

    /// Line of the file the entry was read from.
    #[must_use]
    pub const fn line(&self) -> Option<u32> {
        self.line.0
    }
}

impl AllowHeaders {
    /// Whom the entry is for.
    #[must_use]
    pub const fn domain(&self) -> &DomainPattern {
        &self.domain
    }

    /// The header names it allows, separated by commas, `*` for all.
    #[must_use]
    pub const fn headers(&self) -> &str {
        &self.headers
    }

    /// The `secure` attribute, if it is there.
    #[must_use]
    pub const fn secure(&self) -> Option<bool> {
        self.secure
    }

    /// Line of the file the entry was read from.
    #[must_use]
    pub const fn line(&self) -> Option<u32> {
        self.line.0
    }
}

/// Builds a [`PolicyFile`] from values. The first bad value is kept and told by [`build`](Self::build).
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    file: Result<PolicyFile, Error>,
}

impl Builder {
    /// SWFs of `domain` may connect to `ports`: `.allow("*.example.com", "8080,9000-9010")`.
    pub fn allow(self, domain: &str, ports: &str) -> Self {
        self.entry(domain, ports, None)
    }

    /// As [`allow`](Self::allow), for SWFs that were loaded by HTTPS only (`secure="true"`).
    pub fn allow_secure(self, domain: &str, ports: &str) -> Self {
        self.entry(domain, ports, Some(true))
    }

    /// States the meta-policy. Only the master (port 843) is asked for it.
    pub fn site_control(self, value: SiteControl) -> Self {
        self.and_then(|file| {
            file.site_control = Some((value, Line(None)));
            Ok(())
        })
    }

    /// The file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Domain`] or [`ErrorKind::Ports`] for the first value that is none,
    /// [`ErrorKind::TooLarge`] for a file that prints to more than [`MAX_FILE_SIZE`] bytes, which no parser
    /// here would read back.
    pub fn build(self) -> Result<PolicyFile, Error> {
        let file = self.file?;
        let size = file.to_string().len();
        if size > MAX_FILE_SIZE {
            return Err(Error::new(None, ErrorKind::TooLarge { size }));
        }
        Ok(file)
    }

    fn entry(self, domain: &str, ports: &str, secure: Option<bool>) -> Self {
        self.and_then(|file| {
            let domain = DomainPattern::new(domain);
            if let Some(problem) = domain.problem() {
                return Err(ErrorKind::Domain(problem));
            }
            let to_ports = Some(ports.parse().map_err(ErrorKind::Ports)?);
            file.access.push(AllowAccess { domain, to_ports, secure, line: Line(None) });
            Ok(())
        })
    }

    fn and_then(self, change: impl FnOnce(&mut PolicyFile) -> Result<(), ErrorKind>) -> Self {
        let file = self.file.and_then(|mut file| {
            change(&mut file).map_err(|kind| Error::new(None, kind))?;
            Ok(file)
        });
        Self { file }
    }
}

/// A line of a file. Where a thing stands is no part of what it is: all lines are equal.
#[derive(Clone, Copy, Debug, Default)]
struct Line(Option<u32>);

impl PartialEq for Line {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Line {}

/// What a reader of the file passes over, as the linter tells it. Like [`Line`] no part of what a file is.
#[derive(Clone, Debug, Default)]
struct Ignored(Vec<(u32, Problem)>);

impl PartialEq for Ignored {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Ignored {}

/// The text a file was read from and its NUL; none for one that was built, which is not changed later.
/// Like [`Line`] no part of what a file is.
#[derive(Clone, Debug, Default)]
struct Source(Option<Bytes>);

impl Source {
    fn of(text: &[u8]) -> Self {
        let mut wire = Vec::with_capacity(text.len() + 1);
        wire.extend_from_slice(text);
        Self(Some(with_nul(wire)))
    }

    /// Whether something stands before the first `<`.
    fn begins_blank(&self) -> bool {
        self.0.as_ref().is_some_and(|wire| wire.first() != Some(&b'<'))
    }
}

impl PartialEq for Source {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Source {}

fn with_nul(mut text: Vec<u8>) -> Bytes {
    text.push(0);
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_served_as_it_was() {
        // Printed it would be larger than any file may be, and its entries would stand in other lines.
        let entry = "<allow-access-from domain='a' to-ports='1'/>";
        let head = "<!-- ours -->\n\n<cross-domain-policy>\n\n";
        let count = (MAX_FILE_SIZE - head.len() - 22) / entry.len();
        let text = format!("{head}{}</cross-domain-policy>", entry.repeat(count));
        let file: PolicyFile = text.parse().unwrap();
        assert!(file.to_string().len() > MAX_FILE_SIZE);
        let wire = file.to_wire();
        assert_eq!(wire.strip_suffix(b"\0"), Some(text.as_bytes()));
        let read = PolicyFile::from_bytes(&wire[..wire.len() - 1]).unwrap();
        assert_eq!((read.access()[0].line(), &read), (Some(5), &file));
        assert_eq!(file.to_wire().as_ptr(), wire.as_ptr(), "not copied");
        // Where the text stands apart, what it says is the same.
        assert_eq!(text.replace("ours", "other").parse(), Ok(file));
    }

    #[test]
    fn built_and_read_are_the_same() {
        let built = PolicyFile::builder()
            .site_control(SiteControl::MasterOnly)
            .allow("*.example.com", "8080,9000-9010")
            .allow_secure("10.0.0.1", "*")
            .build()
            .unwrap();
        let text = r#"<?xml version="1.0"?>
<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd">
<cross-domain-policy>
  <site-control permitted-cross-domain-policies="master-only"/>
  <allow-access-from domain="*.example.com" to-ports="8080,9000-9010"/>
  <allow-access-from domain="10.0.0.1" to-ports="*" secure="true"/>
</cross-domain-policy>
"#;
        assert_eq!(built.to_string(), text);
        assert_eq!(text.parse(), Ok(built.clone()));
        assert_eq!(text.parse::<PolicyFile>().unwrap().access()[1].line(), Some(6));

        let wire = built.to_wire();
        assert_eq!(wire.strip_suffix(b"\0"), Some(text.as_bytes()));
        assert_eq!(wire.iter().filter(|b| **b == 0).count(), 1);
    }

    #[test]
    fn the_url_policy_has_no_ports_and_each_domain_once() {
        let file: PolicyFile = "<cross-domain-policy>
            <site-control permitted-cross-domain-policies='all'/>
            <allow-access-from domain='a.com' to-ports='80'/>
            <allow-access-from domain='a.com' to-ports='81'/>
            <allow-access-from domain='*.b.com' secure='true'/>
            <allow-access-from domain='c.*' to-ports='*'/>
            <allow-http-request-headers-from domain='a.com' headers='X-A'/>
            </cross-domain-policy>"
            .parse()
            .unwrap();
        let text = file.to_url_policy();
        let (_, inside) = text.split_once("<cross-domain-policy>").unwrap();
        let expected = r#"
  <site-control permitted-cross-domain-policies="master-only"/>
  <allow-access-from domain="a.com"/>
  <allow-access-from domain="*.b.com" secure="true"/>
  <allow-http-request-headers-from domain="a.com" headers="X-A"/>
</cross-domain-policy>
"#;
        assert_eq!(inside, expected);
        let read: PolicyFile = text.parse().unwrap();
        assert_eq!(read.to_url_policy(), text);
    }

    #[test]
    fn the_builder_tells_the_first_bad_value() {
        let kind = |builder: Builder| builder.build().unwrap_err().kind().clone();
        let builder = PolicyFile::builder().allow("*foo.com", "80").allow("foo.com", "x");
        assert_eq!(kind(builder), ErrorKind::Domain(DomainProblem::Wildcard));
        let builder = PolicyFile::builder().allow("foo.com", "80-");
        assert_eq!(kind(builder), ErrorKind::Ports(PortsError::NotAPort("".into())));
        let many = (0..1000).fold(PolicyFile::builder(), |b, i| b.allow(&format!("h{i}.example.com"), "80"));
        assert!(matches!(kind(many), ErrorKind::TooLarge { size } if size > MAX_FILE_SIZE));
    }

    #[test]
    fn meta_policy_names_are_the_documented_ones() {
        for (value, name) in SiteControl::ALL {
            assert_eq!((value.as_str(), SiteControl::parse(name)), (name, Some(value)));
        }
        assert_eq!(SiteControl::parse("MASTER-ONLY"), None);
    }
}
