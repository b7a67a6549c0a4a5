//! The text of a policy file: the only file that knows XML.
//!
//! The input is hostile. It is at most [`MAX_FILE_SIZE`] bytes, is read once from front to back without
//! recursion, and can make nothing grow: no entity is expanded, no DTD is read, nothing is fetched.

use std::{borrow::Cow, fmt};

use quick_xml::{
    Error as XmlError, Reader, XmlVersion,
    escape::{EscapeError, escape},
    events::{BytesDecl, BytesStart, Event},
};

use super::{
    AllowAccess, AllowHeaders, DomainPattern, Error, ErrorKind, Line, MAX_FILE_SIZE, PolicyFile, Problem,
    SiteControl, Source, spelling::resembles,
};

const ROOT: &str = "cross-domain-policy";
const SITE_CONTROL: &str = "site-control";
const ACCESS: &str = "allow-access-from";
const HEADERS: &str = "allow-http-request-headers-from";
const SECURE: &str = "secure";
const PERMITTED: &str = "permitted-cross-domain-policies";

/// The DTD is named because old players and tools expect the line; it is never fetched.
const HEAD: &str = "<?xml version=\"1.0\"?>\n<!DOCTYPE cross-domain-policy SYSTEM \
                    \"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd\">\n";

pub(super) fn write(file: &PolicyFile, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{HEAD}<{ROOT}>")?;
    if let Some(value) = file.site_control() {
        writeln!(f, "  <{SITE_CONTROL} {PERMITTED}=\"{}\"/>", value.as_str())?;
    }
    for entry in &file.access {
        write!(f, "  <{ACCESS} domain=\"{}\"", escape(entry.domain.as_str()))?;
        if let Some(ports) = &entry.to_ports {
            write!(f, " to-ports=\"{ports}\"")?;
        }
        write_secure(entry.secure, f)?;
    }
    write_headers(file, f)?;
    writeln!(f, "</{ROOT}>")
}

/// As a URL policy: without ports, without what means nothing there, each domain once.
pub(super) fn write_url(file: &PolicyFile, f: &mut impl fmt::Write) -> fmt::Result {
    writeln!(f, "{HEAD}<{ROOT}>")?;
    // `all` is harmless for sockets; for URLs it would make a policy of any file somebody uploads.
    let value = match file.site_control() {
        None | Some(SiteControl::All) => SiteControl::MasterOnly,
        Some(value) => value,
    };
    writeln!(f, "  <{SITE_CONTROL} {PERMITTED}=\"{}\"/>", value.as_str())?;
    for (index, entry) in file.access.iter().enumerate() {
        let same = |e: &AllowAccess| e.domain == entry.domain && e.secure == entry.secure;
        if entry.domain.problem().is_none() && !file.access[..index].iter().any(same) {
            write!(f, "  <{ACCESS} domain=\"{}\"", escape(entry.domain.as_str()))?;
            write_secure(entry.secure, f)?;
        }
    }
    write_headers(file, f)?;
    writeln!(f, "</{ROOT}>")
}

fn write_headers(file: &PolicyFile, f: &mut impl fmt::Write) -> fmt::Result {
    for entry in &file.headers {
        let (domain, headers) = (escape(entry.domain.as_str()), escape(&*entry.headers));
        write!(f, "  <{HEADERS} domain=\"{domain}\" headers=\"{headers}\"")?;
        write_secure(entry.secure, f)?;
    }
    Ok(())
}

fn write_secure(secure: Option<bool>, f: &mut impl fmt::Write) -> fmt::Result {
    match secure {
        Some(secure) => writeln!(f, " secure=\"{secure}\"/>"),
        None => writeln!(f, "/>"),
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<PolicyFile, Error> {
    let text = text(bytes)?;
    let mut parser = Parser { text, line: 1, counted: 0, file: PolicyFile::default() };
    parser.document().map_err(|kind| Error::new(Some(parser.line), kind))?;
    Ok(PolicyFile { source: Source::of(bytes), ..parser.file })
}

/// The checks that need no XML reader.
fn text(bytes: &[u8]) -> Result<&str, Error> {
    if bytes.len() > MAX_FILE_SIZE {
        return Err(Error::new(None, ErrorKind::TooLarge { size: bytes.len() }));
    }
    let line_at = |at: usize| Some(1 + newlines(&bytes[..at]));
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let at = e.valid_up_to();
        Error::new(line_at(at), ErrorKind::NotUtf8 { at })
    })?;
    if text.starts_with('\u{feff}') {
        return Err(Error::new(Some(1), ErrorKind::ByteOrderMark));
    }
    match text.char_indices().find(|(_, c)| is_forbidden(*c)) {
        Some((at, c)) => Err(Error::new(line_at(at), ErrorKind::Control(c))),
        None => Ok(text),
    }
}

fn is_forbidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

fn newlines(bytes: &[u8]) -> u32 {
    // A file of MAX_FILE_SIZE cannot have more lines than fit.
    bytes.iter().fold(0, |n, b| n + u32::from(*b == b'\n'))
}

struct Parser<'a> {
    text: &'a str,
    /// Line of the construct being read: what an error names.
    line: u32,
    /// Bytes of `text` whose newlines are in `line`.
    counted: usize,
    file: PolicyFile,
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Result<(), ErrorKind> {
        let mut reader = Reader::from_str(self.text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;

        let mut open: Vec<&'a str> = Vec::new();
        let (mut root_seen, mut doctype_seen) = (false, false);
        // Depth at which an unknown element began: whatever is inside is read over.
        let mut unknown = None;
        loop {
            let start = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            self.move_to(start);
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(e) => {
                    self.move_to(usize::try_from(reader.error_position()).unwrap_or(usize::MAX));
                    return Err(xml(&e));
                }
            };
            match event {
                Event::Decl(decl) if start == 0 => self.declaration(&decl)?,
                Event::Decl(_) => return Err(ErrorKind::LateDeclaration),
                Event::DocType(dtd) if dtd.contains('[') => return Err(ErrorKind::InternalSubset),
                Event::DocType(dtd) => {
                    let name = dtd.split_ascii_whitespace().next();
                    if doctype_seen || root_seen || name != Some(ROOT) {
                        return Err(ErrorKind::Doctype);
                    }
                    doctype_seen = true;
                }
                Event::Start(element) => {
                    let name = element.name().into_inner();
                    match open.len() {
                        0 if root_seen => return Err(ErrorKind::SecondRoot(name.into())),
                        0 if name != ROOT => return Err(ErrorKind::WrongRoot(name.into())),
                        0 => root_seen = true,
                        1 if !self.element(&element)? => unknown = Some(1),
                        1 => {}
                        _ if unknown.is_none() => return Err(ErrorKind::Nested(name.into())),
                        _ => {}
                    }
                    open.push(&self.text[start + 1..][..name.len()]);
                }
                Event::End(_) => {
                    open.pop();
                    if unknown == Some(open.len()) {
                        unknown = None;
                    }
                }
                Event::Text(text) if unknown.is_none() && !text.trim_ascii().is_empty() => {
                    return Err(ErrorKind::Text);
                }
                Event::CData(_) | Event::GeneralRef(_) if unknown.is_none() => return Err(ErrorKind::Text),
                Event::Eof => break,
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {}
                Event::Comment(_) | Event::PI(_) | Event::Empty(_) => {}
            }
        }
        match open.last() {
            Some(name) => Err(ErrorKind::Unclosed((*name).into())),
            None if root_seen => Ok(()),
            None => Err(ErrorKind::NoRoot),
        }
    }

    /// A child of the root. False for one that means nothing to a player.
    fn element(&mut self, element: &BytesStart<'_>) -> Result<bool, ErrorKind> {
        let name = element.name();
        match name.into_inner() {
            SITE_CONTROL => {
                let [value] = self.attributes(element, [PERMITTED])?;
                let value = required(value, SITE_CONTROL, PERMITTED)?;
                let value = SiteControl::parse(&value).ok_or_else(|| ErrorKind::BadValue {
                    attribute: PERMITTED,
                    value: value.into(),
                    expected: "all, master-only or none (for URL policies also by-content-type, by-ftp-filename)",
                })?;
                if self.file.site_control.replace((value, self.here())).is_some() {
                    return Err(ErrorKind::SecondSiteControl);
                }
            }
            ACCESS => {
                let [domain, ports, secure] = self.attributes(element, ["domain", "to-ports", SECURE])?;
                let domain = DomainPattern::new(required(domain, ACCESS, "domain")?);
                if ports.as_ref().is_some_and(|list| list.contains(' ')) {
                    self.ignore(Problem::Ignored("blank in `to-ports`".into()));
                }
                let to_ports = ports.map(|list| list.parse()).transpose().map_err(ErrorKind::Ports)?;
                let secure = secure.map(boolean).transpose()?;
                self.file.access.push(AllowAccess { domain, to_ports, secure, line: self.here() });
            }
            HEADERS => {
                let [domain, headers, secure] = self.attributes(element, ["domain", "headers", SECURE])?;
                let domain = DomainPattern::new(required(domain, HEADERS, "domain")?);
                let headers = required(headers, HEADERS, "headers")?.into();
                let secure = secure.map(boolean).transpose()?;
                self.file.headers.push(AllowHeaders { domain, headers, secure, line: self.here() });
            }
            other => {
                let written = format!("<{other}>").into();
                self.ignore(if resembles(other, SITE_CONTROL) {
                    Problem::Misspelt { written, meant: SITE_CONTROL }
                } else {
                    Problem::Ignored(written)
                });
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The values of the named attributes. Others are noted for the linter.
    fn attributes<'e, const N: usize>(
        &mut self,
        element: &'e BytesStart<'_>,
        names: [&str; N],
    ) -> Result<[Option<Cow<'e, str>>; N], ErrorKind> {
        let mut values = [const { None }; N];
        for attribute in element.attributes() {
            let attribute = attribute.map_err(|e| ErrorKind::Xml(e.to_string().into()))?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|e| xml(&e))?;
            // By character reference; as bytes they were refused before.
            if let Some(c) = value.chars().find(|c| c.is_control()) {
                return Err(ErrorKind::Control(c));
            }
            let key = attribute.key.into_inner();
            match names.iter().position(|name| *name == key) {
                Some(index) => values[index] = Some(value),
                // Without it an entry is for more; what says `false` says what holds anyway.
                None if names.contains(&SECURE)
                    && resembles(key, SECURE)
                    && !value.trim().eq_ignore_ascii_case("false") =>
                {
                    self.ignore(Problem::Misspelt {
                        written: format!("attribute `{key}`").into(),
                        meant: SECURE,
                    });
                }
                None => self.ignore(Problem::Ignored(format!("attribute `{key}`").into())),
            }
        }
        Ok(values)
    }

    fn declaration(&self, declaration: &BytesDecl<'_>) -> Result<(), ErrorKind> {
        declaration.version().map_err(|e| xml(&e))?;
        let Some(encoding) = declaration.encoding() else { return Ok(()) };
        let encoding = encoding.map_err(|e| ErrorKind::Xml(e.to_string().into()))?;
        let supersets_of_ascii = ["us-ascii", "iso-8859-1", "windows-1252"];
        let known = |names: &[&str]| names.iter().any(|name| encoding.eq_ignore_ascii_case(name));
        if known(&["utf-8"]) || self.text.is_ascii() && known(&supersets_of_ascii) {
            Ok(())
        } else {
            Err(ErrorKind::Encoding(encoding.into()))
        }
    }

    /// Notes for the linter what means nothing.
    fn ignore(&mut self, problem: Problem) {
        self.file.ignored.0.push((self.line, problem));
    }

    const fn here(&self) -> Line {
        Line(Some(self.line))
    }

    /// Counts lines up to the byte `at`, which never goes back.
    fn move_to(&mut self, at: usize) {
        let at = at.min(self.text.len());
        if let Some(passed) = self.text.as_bytes().get(self.counted..at) {
            self.line += newlines(passed);
            self.counted = at;
        }
    }
}

fn required<'e>(
    value: Option<Cow<'e, str>>,
    element: &'static str,
    attribute: &'static str,
) -> Result<Cow<'e, str>, ErrorKind> {
    value.ok_or(ErrorKind::MissingAttribute { element, attribute })
}

fn boolean(value: Cow<'_, str>) -> Result<bool, ErrorKind> {
    value.parse().map_err(|_| ErrorKind::BadValue {
        attribute: SECURE,
        value: value.into(),
        expected: "true or false",
    })
}

/// Keeps the XML reader's types out of the public errors.
fn xml(error: &XmlError) -> ErrorKind {
    match error {
        XmlError::Escape(EscapeError::UnrecognizedEntity(_, name)) => ErrorKind::Entity(name.as_str().into()),
        other => ErrorKind::Xml(in_one_line(&other.to_string())),
    }
}

/// A message of the XML reader may quote a name with the line ends in it.
fn in_one_line(message: &str) -> Box<str> {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{DomainProblem, PortsError};

    fn read(inside: &str) -> Result<PolicyFile, Error> {
        format!("<cross-domain-policy>\n{inside}\n</cross-domain-policy>").parse()
    }

    #[test]
    fn documents_as_people_write_them_are_read() {
        let entry = r#"<allow-access-from domain="a.com" to-ports="80"/>"#;
        let wrapped = |head: &str| format!("{head}<cross-domain-policy>{entry}</cross-domain-policy>");
        let expected = PolicyFile::builder().allow("a.com", "80").build().unwrap();
        for text in [
            wrapped(""),
            wrapped("\r\n  "),
            wrapped("<?xml version='1.0'?>"),
            wrapped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"),
            wrapped("<?xml version=\"1.0\" encoding=\"iso-8859-1\" standalone=\"yes\"?>"),
            wrapped("<!DOCTYPE cross-domain-policy SYSTEM \"http://www.macromedia.com/xml/dtds/cross-domain-policy.dtd\">"),
            wrapped("<!-- who may <connect> --><?note x?>"),
            wrapped("") + "\n<!-- end -->\n",
            format!(
                "<cross-domain-policy xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
                 xsi:noNamespaceSchemaLocation=\"http://www.adobe.com/xml/schemas/PolicyFileSocket.xsd\">\
                 {entry}</cross-domain-policy>"
            ),
            "<cross-domain-policy><allow-access-from\n to-ports = '80'\n domain='a&#46;com'></allow-access-from>\
             </cross-domain-policy>"
                .into(),
            format!(
                "<cross-domain-policy><allow-access-from-identity><signatory><certificate x=\"1\"/>text\
                 </signatory></allow-access-from-identity>{entry}</cross-domain-policy>"
            ),
        ] {
            assert_eq!(text.parse().as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn entries_without_effect_are_read_all_the_same() {
        let file = read("<allow-access-from domain='www.foo.*'/>").unwrap();
        let entry = &file.access()[0];
        assert_eq!((entry.to_ports(), entry.secure(), entry.line()), (None, None, Some(2)));
        assert_eq!(entry.domain().problem(), Some(DomainProblem::Wildcard));
        assert_eq!(file.to_string().parse(), Ok(file));
    }

    #[test]
    fn odd_values_survive_printing() {
        let file = read(
            "<allow-access-from domain='&lt;&quot;&amp;&apos;>é' secure='false'/>\
             <allow-http-request-headers-from domain='*' headers='X-A,&quot;b' secure='true'/>",
        )
        .unwrap();
        assert_eq!(file.access()[0].domain().as_str(), "<\"&'>é");
        assert_eq!(file.headers()[0].headers(), "X-A,\"b");
        assert_eq!(file.to_string().parse(), Ok(file));
    }

    /// One row per malformation: the text, its line, its kind.
    #[test]
    fn malformed_documents_are_refused_by_kind_and_line() {
        use ErrorKind::*;
        let inside = |text: &str| format!("<cross-domain-policy>\n{text}\n</cross-domain-policy>");
        let lacks = |element, attribute| MissingAttribute { element, attribute };
        let bombs = "<!DOCTYPE cross-domain-policy [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>\n\
                     <cross-domain-policy><allow-access-from domain=\"&b;\" to-ports=\"80\"/></cross-domain-policy>";
        for (text, line, kind) in [
            (String::new(), 1, NoRoot),
            ("\n\n".into(), 3, NoRoot),
            ("<!-- only -->".into(), 1, NoRoot),
            ("\u{feff}<cross-domain-policy/>".into(), 1, ByteOrderMark),
            ("<cross-domain-policy/>\n\0".into(), 2, Control('\0')),
            ("<cross-domain-policy/>\0".into(), 1, Control('\0')),
            (inside("\u{7}"), 2, Control('\u{7}')),
            (inside("<allow-access-from domain='a&#10;b'/>"), 2, Control('\n')),
            ("<policy-file-request/>".into(), 1, WrongRoot("policy-file-request".into())),
            ("\n<html></html>".into(), 2, WrongRoot("html".into())),
            ("<Cross-Domain-Policy/>".into(), 1, WrongRoot("Cross-Domain-Policy".into())),
            ("<cross-domain-policy/>\n<cross-domain-policy/>".into(), 2, SecondRoot(ROOT.into())),
            ("<cross-domain-policy>\n\n".into(), 3, Unclosed(ROOT.into())),
            ("\n<?xml version=\"1.0\"?><cross-domain-policy/>".into(), 2, LateDeclaration),
            ("<cross-domain-policy/><?xml version=\"1.0\"?>".into(), 1, LateDeclaration),
            ("<?xml version=\"1.0\" encoding=\"utf-16\"?><cross-domain-policy/>".into(), 1, Encoding("utf-16".into())),
            (
                "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><!--é--><cross-domain-policy/>".into(),
                1,
                Encoding("ISO-8859-1".into()),
            ),
            (bombs.into(), 1, InternalSubset),
            ("<!DOCTYPE html>\n<cross-domain-policy/>".into(), 1, Doctype),
            ("<cross-domain-policy/>\n<!DOCTYPE cross-domain-policy>".into(), 2, Doctype),
            (inside("<allow-access-from domain='&b;'/>"), 2, Entity("b".into())),
            (inside("&lt;"), 2, Text),
            (inside("&xxe;"), 2, Text),
            (inside("<![CDATA[x]]>"), 2, Text),
            ("<cross-domain-policy>\n<site-control permitted-cross-domain-policies='all'/>\n x</cross-domain-policy>".into(), 2, Text),
            ("x\n<cross-domain-policy/>".into(), 1, Text),
            (inside("<allow-access-from/>"), 2, lacks(ACCESS, "domain")),
            (inside("<allow-access-from\n\n to-ports='80'/>"), 2, lacks(ACCESS, "domain")),
            (inside("<site-control/>"), 2, lacks(SITE_CONTROL, PERMITTED)),
            (inside("<allow-http-request-headers-from domain='*'/>"), 2, lacks(HEADERS, "headers")),
            (
                inside("<allow-access-from domain='a.com' to-ports='80-'/>"),
                2,
                Ports(PortsError::NotAPort("".into())),
            ),
            (
                inside("<allow-access-from domain='a.com' to-ports='80' secure='yes'/>"),
                2,
                BadValue { attribute: "secure", value: "yes".into(), expected: "true or false" },
            ),
            (
                inside("<site-control permitted-cross-domain-policies='all'/>\n\n<site-control permitted-cross-domain-policies='all'/>"),
                4,
                SecondSiteControl,
            ),
            (inside("<allow-access-from domain='*'><b/></allow-access-from>"), 2, Nested("b".into())),
        ] {
            let error = text.parse::<PolicyFile>().unwrap_err();
            assert_eq!((error.line(), error.kind()), (Some(line), &kind), "{text:?}");
        }
    }

    #[test]
    fn what_the_xml_reader_refuses_keeps_its_line() {
        for (inside, line) in [
            ("</site-control>", 2),
            ("</site\r\ncontrol>", 2),
            ("<!-- a -- b -->", 2),
            ("\n\n<allow-access-from domain='a.com' domain='b.com'/>", 4),
            ("\n<allow-access-from domain=a.com/>", 3),
            ("\n<allow-access-from domain='a.com", 3),
            ("<allow-access-from domain='&#0;'/>", 2),
            ("<allow-access-from domain='&#x110000;'/>", 2),
            ("<allow-access-from domain='a & b'/>", 2),
            ("\n\n<!--", 4),
        ] {
            let error = read(inside).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Xml(_)), "{inside:?}: {error}");
            assert_eq!(error.line(), Some(line), "{inside:?}: {error}");
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused_where_they_stand() {
        let utf16: Vec<u8> = "<cross-domain-policy/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, line, kind) in [
            (&b"<cross-domain-policy>\n\xe9"[..], 2, ErrorKind::NotUtf8 { at: 22 }),
            (b"\xff\xfe<\0", 1, ErrorKind::NotUtf8 { at: 0 }),
            (&utf16, 1, ErrorKind::Control('\0')),
        ] {
            let error = PolicyFile::from_bytes(bytes).unwrap_err();
            assert_eq!((error.line(), error.kind()), (Some(line), &kind));
        }
    }

    #[test]
    fn size_is_bounded_to_the_byte() {
        let document = |size: usize| {
            let (head, tail) = ("<cross-domain-policy>", "</cross-domain-policy>");
            format!("{head}{}{tail}", " ".repeat(size - head.len() - tail.len()))
        };
        assert_eq!(document(MAX_FILE_SIZE).parse(), Ok(PolicyFile::default()));
        let error = document(MAX_FILE_SIZE + 1).parse::<PolicyFile>().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::TooLarge { size: MAX_FILE_SIZE + 1 });
        assert_eq!(error.line(), None);
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let text = format!("<cross-domain-policy>{}", "<a>".repeat(6_000));
        assert!(matches!(text.parse::<PolicyFile>().unwrap_err().kind(), ErrorKind::Unclosed(_)));
        let text = "<cross-domain-policy>".repeat(900);
        assert!(text.parse::<PolicyFile>().is_err());
    }

    #[test]
    fn every_prefix_of_a_document_is_an_error_and_none_panics() {
        let text = PolicyFile::builder().allow("*.example.com", "80,90-99").build().unwrap().to_string();
        let text = text.trim_end();
        for cut in 0..text.len() {
            assert!(text[..cut].parse::<PolicyFile>().is_err(), "{}", &text[..cut]);
        }
    }
}
