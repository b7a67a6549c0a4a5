//! What is wrong with a policy file that a player would read all the same.
//!
//! For socket policies. The rules of players are asked of [`verdict`](super::verdict), which alone knows them.

use super::{
    AllowAccess, Finding, Loaded, MASTER_PORT, Outcome, PolicyFile, Problem, SiteControl,
    domain::{Doubt, ends_in_number, without_dot},
    is_asked,
    ports::Merged,
    verdict::{can_grant, may_anyone_connect, void},
};

/// Reads and lints the text of a socket policy. `served_on`: the ports that will serve it, if known; 843
/// makes it the master.
///
/// Findings come in the order of the lines. A text that cannot be read gives exactly one.
#[must_use]
pub fn lint(text: &[u8], served_on: &[u16]) -> Vec<Finding> {
    match PolicyFile::from_bytes(text) {
        Ok(file) => file.lint(served_on),
        Err(e) => vec![Finding { line: e.line(), problem: Problem::Unreadable(e) }],
    }
}

impl PolicyFile {
    /// Lints a socket policy, see [`lint`].
    #[must_use]
    pub fn lint(&self, served_on: &[u16]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut find = |line, problem| findings.push(Finding { line, problem });
        for port in served_on.iter().filter(|port| !is_asked(**port)) {
            find(None, Problem::NeverAsked { port: *port });
        }
        if self.source.begins_blank() {
            find(Some(1), Problem::LeadingBlank);
        }
        if self.access.is_empty() {
            find(None, Problem::NoEntries);
        }
        if let Some((value, line)) = self.site_control {
            site_control(value, self.access.is_empty(), served_on, |problem| find(line.0, problem));
        }
        let ports: Vec<_> = self.access.iter().map(|e| e.to_ports.as_ref().map(Merged::of)).collect();
        for (index, entry) in self.access.iter().enumerate() {
            self.entry(index, entry, served_on, |problem| find(entry.line(), problem));
            if let Some(by) = self.covering(index, &ports) {
                find(entry.line(), Problem::Covered { by: by.line() });
            }
        }
        for entry in &self.headers {
            find(entry.line(), Problem::HeadersNotForSockets);
        }
        for (line, what) in &self.ignored.0 {
            find(Some(*line), what.clone());
        }
        findings.sort_by_key(|finding| finding.line);
        findings
    }

    /// Whether any SWF at all may connect to `port` if this file is served on the ports `served_on`; if none
    /// is named, on 843.
    #[must_use]
    pub fn lint_port(&self, served_on: &[u16], port: u16) -> Option<Finding> {
        let served_on = if served_on.is_empty() { &[MASTER_PORT] } else { served_on };
        // A player has them all, and the one from 843 is the master of the others.
        let loaded: Vec<_> = served_on.iter().map(|port| Loaded { file: self, port: *port }).collect();
        if may_anyone_connect(&loaded, port) {
            return None;
        }
        let is_void = served_on.iter().any(|from| void(&loaded, *from) == Some(Outcome::MetaNone));
        let problem = if is_void { Problem::PortVoid { port } } else { Problem::PortNotGranted { port } };
        Some(Finding { line: None, problem })
    }

    fn entry(&self, index: usize, entry: &AllowAccess, served_on: &[u16], mut find: impl FnMut(Problem)) {
        if let Some(problem) = entry.domain.problem() {
            find(Problem::Domain(problem));
        }
        let Some(ports) = &entry.to_ports else { return find(Problem::NoPorts) };

        match (entry.domain.is_any(), ports.is_all()) {
            (true, true) => find(Problem::EveryoneEverywhere),
            (true, false) => find(Problem::EveryDomain),
            (false, true) => find(Problem::EveryPort),
            (false, false) => {}
        }
        // `*` means what can be granted.
        let beyond = |policy_port| ports.ranges().any(|range| !can_grant(policy_port, *range.start()));
        if let Some(port) = served_on.iter().find(|port| beyond(**port) && !ports.is_all()) {
            find(Problem::PrivilegedPorts { port: *port });
        }

        match entry.domain.doubt() {
            Some(Doubt::TrailingDot) => find(Problem::TrailingDot),
            Some(Doubt::NoAddress) => find(Problem::NoAddress),
            Some(Doubt::AddressForm(browsers)) => find(Problem::AddressForm { browsers }),
            None => {}
        }
        let domain = entry.domain.as_str();
        let is_label = |suffix: &str| !suffix.is_empty() && !suffix.contains('.') && !ends_in_number(suffix);
        if domain.strip_prefix("*.").is_some_and(|suffix| is_label(without_dot(suffix))) {
            find(Problem::TopLevelDomain);
        }
        if !domain.is_ascii() && entry.domain.problem().is_none() {
            find(Problem::NotAscii);
        }
        let listed = |name: &str| {
            self.access.iter().any(|e| e.domain.is_any() || e.domain.as_str().eq_ignore_ascii_case(name))
        };
        if domain.eq_ignore_ascii_case("localhost") && !listed("127.0.0.1")
            || domain == "127.0.0.1" && !listed("localhost")
        {
            find(Problem::LocalhostOneName);
        }
        if entry.secure == Some(true) {
            find(Problem::SecureOverPlain);
        }
        if let Some(first) = self.access[..index].iter().find(|e| same(e, entry)) {
            find(Problem::Repeated { first: first.line() });
        }
    }

    /// An entry that makes the one at `index` redundant: wider, or the same in other words and before it.
    /// One that is repeated word by word is told as that.
    fn covering(&self, index: usize, ports: &[Option<Merged>]) -> Option<&AllowAccess> {
        let covers = |wide: usize, narrow: usize| {
            let (a, b) = (&self.access[wide], &self.access[narrow]);
            let (Some(a_ports), Some(b_ports)) = (&ports[wide], &ports[narrow]) else { return false };
            let is_for_all_of = a.secure != Some(true) || b.secure == Some(true);
            is_for_all_of && a.domain.covers(&b.domain) && a_ports.covers(b_ports)
        };
        let (entry, mut others) = (&self.access[index], 0..self.access.len());
        let by = others.find(|other| {
            *other != index
                && !same(&self.access[*other], entry)
                && covers(*other, index)
                && (*other < index || !covers(index, *other))
        });
        by.map(|by| &self.access[by])
    }
}

fn same(a: &AllowAccess, b: &AllowAccess) -> bool {
    a.domain.as_str().eq_ignore_ascii_case(b.domain.as_str())
        && (&a.to_ports, a.secure.unwrap_or(false)) == (&b.to_ports, b.secure.unwrap_or(false))
}

fn site_control(value: SiteControl, empty: bool, served_on: &[u16], mut find: impl FnMut(Problem)) {
    if let SiteControl::ByContentType | SiteControl::ByFtpFilename = value {
        find(Problem::SiteControlNotForSockets(value));
    }
    // If it is the master as well, what it says holds for the other ports.
    let is_master = served_on.contains(&MASTER_PORT);
    if let Some(port) = served_on.first().filter(|_| !is_master) {
        find(Problem::SiteControlIgnored { port: *port });
    }
    // It may be the master unless something else is said.
    let may_be_master = served_on.is_empty() || is_master;
    if value == SiteControl::None && !empty && may_be_master {
        find(Problem::EntriesVoid);
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem::*, *};
    use crate::policy::{DomainProblem, Severity};

    /// The file stands from line 2 on.
    fn found(inside: &str, served_on: &[u16]) -> Vec<(u32, Problem)> {
        let text = format!("<cross-domain-policy>\n{inside}\n</cross-domain-policy>");
        let findings = lint(text.as_bytes(), served_on);
        findings.into_iter().map(|f| (f.line.unwrap_or(0), f.problem)).collect()
    }

    #[test]
    fn a_good_file_has_no_findings() {
        let master = "<site-control permitted-cross-domain-policies='master-only'/>
            <allow-access-from domain='*.example.com' to-ports='80,8080'/>
            <allow-access-from domain='localhost' to-ports='8080'/>
            <allow-access-from domain='127.0.0.1' to-ports='8080' secure='false'/>";
        assert_eq!(found(master, &[843]), []);
        assert_eq!(found(master, &[]), []);
    }

    #[test]
    fn each_fault_of_an_entry_is_found() {
        for (entry, problems) in [
            ("domain='a.com'", vec![NoPorts]),
            ("domain='a.*'", vec![Domain(DomainProblem::Wildcard), NoPorts]),
            ("domain='http://a.com' to-ports='80'", vec![Domain(DomainProblem::Scheme)]),
            ("domain='*' to-ports='*'", vec![EveryoneEverywhere]),
            ("domain='*' to-ports='80'", vec![EveryDomain]),
            ("domain='a.com' to-ports='80,1-65535'", vec![EveryPort]),
            ("domain='*.com' to-ports='80'", vec![TopLevelDomain]),
            ("domain='localhost' to-ports='80'", vec![LocalhostOneName]),
            ("domain='127.0.0.1' to-ports='80'", vec![LocalhostOneName]),
            ("domain='www.example.com.' to-ports='80'", vec![TrailingDot]),
            ("domain='*.example.com.' to-ports='80'", vec![TrailingDot]),
            ("domain='*.com.' to-ports='80'", vec![TrailingDot, TopLevelDomain]),
            ("domain='*.168.1.1' to-ports='80'", vec![NoAddress]),
            ("domain='*.1' to-ports='80'", vec![NoAddress]),
            ("domain='192.168.1' to-ports='80'", vec![NoAddress]),
            ("domain='300.1.1.1' to-ports='80'", vec![NoAddress]),
            ("domain='192.168.1.1' to-ports='80'", vec![]),
            ("domain='[2001:DB8::1]' to-ports='80'", vec![]),
            ("domain='0:0:0:0:0:0:0:1' to-ports='80'", vec![AddressForm { browsers: "::1".into() }]),
            ("domain='bücher.de' to-ports='80'", vec![NotAscii]),
            ("domain='a.com' to-ports='80' secure='true'", vec![SecureOverPlain]),
            ("domain='a.com' to-ports='80' secur='false'", vec![Ignored("attribute `secur`".into())]),
            ("domain='a.com' to-ports='80, 90'", vec![Ignored("blank in `to-ports`".into())]),
            ("domain='a.com' to_ports='80' to-ports='80'", vec![Ignored("attribute `to_ports`".into())]),
        ] {
            let expected: Vec<_> = problems.into_iter().map(|p| (2, p)).collect();
            assert_eq!(found(&format!("<allow-access-from {entry}/>"), &[]), expected, "{entry}");
        }
    }

    #[test]
    fn what_stands_beside_entries_is_found() {
        let entry = "<allow-access-from domain='a.com' to-ports='8080'/>";
        let again = "<allow-access-from domain='A.com' to-ports='8080' secure='false'/>";
        assert_eq!(found("", &[]), [(0, NoEntries)]);
        assert_eq!(found(&format!("{entry}\n\n{again}"), &[]), [(4, Repeated { first: Some(2) })]);
        for (element, problem) in [
            ("<allow-http-request-headers-from domain='*' headers='*'/>", HeadersNotForSockets),
            (
                "<allow-access-from-identity><x/></allow-access-from-identity>",
                Ignored("<allow-access-from-identity>".into()),
            ),
            ("<allow-acces-from domain='a.com'/>", Ignored("<allow-acces-from>".into())),
        ] {
            assert_eq!(found(&format!("{entry}\n{element}"), &[]), [(3, problem)]);
        }
    }

    #[test]
    fn a_misspelt_name_that_opens_more_is_an_error() {
        let entry = "<allow-access-from domain='a.com' to-ports='80'/>";
        let meta = |name: &str| format!("{entry}<{name} permitted-cross-domain-policies='none'/>");
        let secure = |name: &str| entry.replace("/>", &format!(" {name}='true'/>"));
        for (inside, written, meant) in [
            (secure("Secure"), "attribute `Secure`", "secure"),
            (secure("secured"), "attribute `secured`", "secure"),
            (secure("secrue"), "attribute `secrue`", "secure"),
            (meta("Site-Control"), "<Site-Control>", "site-control"),
            (meta("site_control"), "<site_control>", "site-control"),
            (meta("site-controll"), "<site-controll>", "site-control"),
        ] {
            let problem = Misspelt { written: written.into(), meant };
            assert_eq!((problem.severity(), found(&inside, &[])), (Severity::Error, vec![(2, problem)]));
        }
        for inside in [secure("title"), secure("to_ports"), meta("allow-access"), meta("sites")] {
            assert!(matches!(&found(&inside, &[])[..], [(2, Ignored(_))]), "{inside}");
        }
    }

    #[test]
    fn an_entry_that_a_wider_one_makes_redundant_is_found() {
        let entry = |attributes: &str| format!("<allow-access-from {attributes}/>");
        let covered = |line, by| vec![(line, Covered { by: Some(by) })];
        for (first, second, problems) in [
            ("domain='www.a.com' to-ports='80'", "domain='*.a.com' to-ports='80,90'", covered(2, 3)),
            ("domain='*.a.com' to-ports='80-90'", "domain='www.A.com' to-ports='81,82'", covered(3, 2)),
            // The same in other words: the later one.
            ("domain='a.com' to-ports='80,81'", "domain='a.com' to-ports='80-81'", covered(3, 2)),
            (
                "domain='a.com' to-ports='80-81'",
                "domain='a.com' to-ports='80-81'",
                vec![(3, Repeated { first: Some(2) })],
            ),
            ("domain='*.a.com' to-ports='80'", "domain='www.a.com' to-ports='80,81'", vec![]),
            ("domain='*.a.com' to-ports='80'", "domain='a.b.com' to-ports='80'", vec![]),
            // One of them is not for SWFs loaded by HTTP.
            (
                "domain='*.a.com' to-ports='80' secure='true'",
                "domain='a.com' to-ports='80'",
                vec![(2, SecureOverPlain)],
            ),
        ] {
            assert_eq!(
                found(&format!("{}\n{}", entry(first), entry(second)), &[]),
                problems,
                "{first} {second}"
            );
        }
        let (all, secure) =
            (entry("domain='*' to-ports='80'"), entry("domain='a.com' to-ports='80' secure='true'"));
        let expected = [(2, EveryDomain), (3, SecureOverPlain), (3, Covered { by: Some(2) })];
        assert_eq!(found(&format!("{all}\n{secure}"), &[]), expected);
    }

    #[test]
    fn blanks_before_the_policy_are_found() {
        let entry = "<allow-access-from domain='a.com' to-ports='8080'/>";
        let text = format!("\r\n<cross-domain-policy>\n{entry}\n</cross-domain-policy>");
        assert_eq!(lint(text.as_bytes(), &[]), [Finding { line: Some(1), problem: LeadingBlank }]);
        assert_eq!(PolicyFile::builder().allow("a.com", "80").build().unwrap().lint(&[]), []);
    }

    #[test]
    fn where_it_is_served_plays_its_part() {
        let entry = "<allow-access-from domain='a.com' to-ports='80'/>";
        let all_ports = "<allow-access-from domain='a.com' to-ports='*'/>";
        assert_eq!(found(entry, &[843, 80]), []);
        assert_eq!(found(entry, &[843, 8080]), [(2, PrivilegedPorts { port: 8080 })]);
        assert_eq!(found(all_ports, &[8080]), [(2, EveryPort)]);
        assert_eq!(found(entry, &[25]), [(0, NeverAsked { port: 25 })]);

        let meta =
            |value: &str| format!("<site-control permitted-cross-domain-policies='{value}'/>\n{entry}");
        let not_for_sockets = SiteControlNotForSockets(SiteControl::ByContentType);
        assert_eq!(found(&meta("all"), &[843]), []);
        assert_eq!(found(&meta("all"), &[843, 80]), [], "the master of the other");
        assert_eq!(found(&meta("all"), &[80]), [(2, SiteControlIgnored { port: 80 })]);
        assert_eq!(found(&meta("none"), &[843, 80]), [(2, EntriesVoid)]);
        assert_eq!(found(&meta("none"), &[843]), [(2, EntriesVoid)]);
        assert_eq!(found(&meta("none"), &[]), [(2, EntriesVoid)], "843 unless something else is said");
        assert_eq!(EntriesVoid.severity(), Severity::Error);
        assert_eq!(found(&meta("none"), &[80]), [(2, SiteControlIgnored { port: 80 })]);
        assert_eq!(found(&meta("by-content-type"), &[843]), [(2, not_for_sockets)]);
    }

    #[test]
    fn a_port_that_nobody_may_connect_to_is_found() {
        let file = |inside: &str| -> PolicyFile {
            format!("<cross-domain-policy>{inside}</cross-domain-policy>").parse().unwrap()
        };
        let entry = "<allow-access-from domain='a.com' to-ports='80,8080'/>";
        let meta = "<site-control permitted-cross-domain-policies='none'/>";
        for (inside, served_on, port, granted) in [
            (entry, &[][..], 80, true),
            (entry, &[], 81, false),
            (entry, &[8080], 8080, true),
            (entry, &[8080], 80, false),
            (entry, &[8080, 843], 80, true),
            (entry, &[25], 80, false),
            (&format!("{meta}{entry}"), &[843], 80, false),
            (&format!("{meta}{entry}"), &[], 80, false),
            (&format!("{meta}{entry}"), &[80], 80, true),
            // The master says `none` for the other ports, too.
            (&format!("{meta}{entry}"), &[843, 8080], 8080, false),
            (&format!("{meta}{entry}"), &[8080, 843], 8080, false),
            ("<allow-access-from domain='a.*' to-ports='80'/>", &[], 80, false),
            ("<allow-access-from domain='a.com'/>", &[], 80, false),
        ] {
            let found = file(inside).lint_port(served_on, port).map(|finding| finding.problem);
            let is_void = inside.starts_with(meta);
            let problem = if is_void { PortVoid { port } } else { PortNotGranted { port } };
            let expected = (!granted).then_some(problem);
            assert_eq!(found, expected, "{inside} on {served_on:?}");
        }
        assert_eq!(PortNotGranted { port: 80 }.severity(), Severity::Error);
        assert_eq!(PortVoid { port: 80 }.severity(), Severity::Error);
    }

    #[test]
    fn an_unreadable_file_is_one_error_with_its_line_said_once() {
        let findings = lint(b"<cross-domain-policy>\n<allow-access-from/>\n</cross-domain-policy>", &[]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity(), Severity::Error);
        assert_eq!(
            findings[0].to_string(),
            "line 2: error: <allow-access-from> lacks the attribute `domain`\n  \
             correct the file; no player reads anything from it"
        );
    }

    #[test]
    fn an_entry_that_grants_nothing_is_an_error_and_a_wide_one_a_warning() {
        let severity = |entry: &str| {
            let text = format!("<cross-domain-policy><allow-access-from {entry}/></cross-domain-policy>");
            lint(text.as_bytes(), &[]).iter().map(Finding::severity).max()
        };
        assert_eq!(severity("domain='a.com'"), Some(Severity::Error));
        assert_eq!(severity("domain='a.*' to-ports='80'"), Some(Severity::Error));
        assert_eq!(severity("domain='*' to-ports='*'"), Some(Severity::Warning));
        assert_eq!(severity("domain='a.com' to-ports='80'"), None);
    }
}
