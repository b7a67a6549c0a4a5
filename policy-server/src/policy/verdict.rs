//! May a SWF connect? The rules of a player, from the policy files it has got, step by step.
//!
//! The one implementation of them: the linter, the `check` command and callers of the library all ask here.
//! Source: Adobe, "Policy file changes in Flash Player 9 and Flash Player 10" (strict rules, 9.0.124 on).

use std::{fmt, ops::RangeInclusive};

use super::{AllowAccess, DomainProblem, Origin, PolicyFile, SiteControl};

/// Where a player looks first. The policy from here is the *master*: its meta-policy rules all others.
pub const MASTER_PORT: u16 = 843;

/// A policy from this port or above grants no port below it.
pub const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// Ports players never fetch a policy from. Source: the list in the Moock Unity 2 manual.
const NEVER_ASKED: [RangeInclusive<u16>; 19] = [
    22..=22,
    25..=25,
    37..=37,
    43..=43,
    53..=53,
    88..=88,
    111..=111,
    113..=113,
    137..=139,
    143..=143,
    161..=162,
    389..=389,
    465..=465,
    500..=500,
    535..=535,
    546..=547,
    636..=636,
    749..=754,
    0..=0,
];

/// Whether players fetch policies from `port`. They do not from well-known ports of other services, like 25.
#[must_use]
pub fn is_asked(port: u16) -> bool {
    !NEVER_ASKED.iter().any(|range| range.contains(&port))
}

/// The port rule: below 1024 only a policy from below 1024 grants.
pub(super) const fn can_grant(policy_port: u16, port: u16) -> bool {
    policy_port < FIRST_UNPRIVILEGED_PORT || port >= FIRST_UNPRIVILEGED_PORT
}

/// A socket policy as a player holds it.
#[derive(Clone, Copy, Debug)]
pub struct Loaded<'a> {
    /// The policy.
    pub file: &'a PolicyFile,
    /// The port it was fetched from; [`MASTER_PORT`] makes it the master.
    pub port: u16,
}

/// The answer, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    steps: Vec<Step>,
}

/// What one rule said. Rules are looked at in order until one grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The port the policy came from.
    pub policy_port: u16,
    /// The entry, as an index into [`PolicyFile::access`]; `None` if it is about the whole file.
    pub entry: Option<usize>,
    /// The line of the entry, if its file was read from text.
    pub line: Option<u32>,
    /// What came out.
    pub outcome: Outcome,
}

/// What a rule says to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The entry grants it.
    Granted,
    /// Players fetch no policy from this port.
    NeverAsked,
    /// The master says `none`: no file counts, itself included.
    MetaNone,
    /// The master says `master-only`, and this is not the master.
    MetaMasterOnly,
    /// The master's meta-policy is not one for sockets. How players read it is not documented; only the
    /// master is counted on here.
    MetaInvalid,
    /// The file has no entries.
    Empty,
    /// The entry is for other origins.
    OtherOrigin,
    /// The entry is for no origin at all, by this fault.
    NoOrigin(DomainProblem),
    /// The entry is for SWFs loaded by HTTPS only.
    InsecureOrigin,
    /// The entry lists no ports, and so grants nothing.
    NoPorts,
    /// The entry lists other ports.
    OtherPorts,
    /// The entry lists the port, but the policy came from 1024 or above, and the port is below.
    Privileged,
}

/// Decides whether a SWF from `origin` may connect to `port` of the host these policies were fetched from.
///
/// Entries add up over all files; there is no way to deny. Host and port where the SWF came from make no
/// exception (since player 9.0.124). Linear in the number of entries; allocates the list of steps.
///
/// ```
/// use policy_server::policy::{Loaded, PolicyFile, may_connect};
///
/// let file = PolicyFile::builder().allow("*.example.com", "80,8080").build()?;
/// let verdict = may_connect(&[Loaded { file: &file, port: 8080 }], &"www.example.com".parse()?, 80);
/// assert!(!verdict.is_granted(), "a policy from port 8080 grants no port below 1024");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn may_connect(loaded: &[Loaded<'_>], origin: &Origin, port: u16) -> Verdict {
    let meta = meta_policy(loaded);
    let mut steps = Vec::new();
    for source in loaded {
        let step = |entry, line, outcome| Step { policy_port: source.port, entry, line, outcome };
        if let Some(outcome) = whole_file(source, meta) {
            steps.push(step(None, None, outcome));
            continue;
        }
        for (index, entry) in source.file.access().iter().enumerate() {
            let outcome = entry_outcome(entry, source.port, Some(origin), port);
            steps.push(step(Some(index), entry.line(), outcome));
            if outcome == Outcome::Granted {
                return Verdict { steps };
            }
        }
    }
    Verdict { steps }
}

/// Whether anybody at all may connect to `port`: the question of [`may_connect`] for whomever entries are for.
pub(super) fn may_anyone_connect(loaded: &[Loaded<'_>], port: u16) -> bool {
    let meta = meta_policy(loaded);
    loaded.iter().filter(|source| whole_file(source, meta).is_none()).any(|source| {
        let grants = |entry| entry_outcome(entry, source.port, None, port) == Outcome::Granted;
        source.file.access().iter().any(grants)
    })
}

/// The meta-policy that holds: the master's, `all` if it states none or there is no master. Files from
/// other ports are not asked for theirs.
fn meta_policy(loaded: &[Loaded<'_>]) -> SiteControl {
    let master = loaded.iter().find(|source| source.port == MASTER_PORT);
    master.and_then(|source| source.file.site_control()).unwrap_or(SiteControl::All)
}

/// What keeps the whole file from counting.
fn whole_file(source: &Loaded<'_>, meta: SiteControl) -> Option<Outcome> {
    let empty = || source.file.access().is_empty().then_some(Outcome::Empty);
    void_by_port(source.port, meta).or_else(empty)
}

/// What keeps every file from `policy_port` from counting, given what was loaded before. A player need not
/// ask there.
pub(crate) fn void(loaded: &[Loaded<'_>], policy_port: u16) -> Option<Outcome> {
    void_by_port(policy_port, meta_policy(loaded))
}

fn void_by_port(policy_port: u16, meta: SiteControl) -> Option<Outcome> {
    let is_master = policy_port == MASTER_PORT;
    match meta {
        _ if !is_asked(policy_port) => Some(Outcome::NeverAsked),
        SiteControl::None => Some(Outcome::MetaNone),
        SiteControl::MasterOnly if !is_master => Some(Outcome::MetaMasterOnly),
        SiteControl::ByContentType | SiteControl::ByFtpFilename if !is_master => Some(Outcome::MetaInvalid),
        _ => None,
    }
}

/// Without an origin: for whomever the entry is.
fn entry_outcome(entry: &AllowAccess, policy_port: u16, origin: Option<&Origin>, port: u16) -> Outcome {
    let Some(ports) = entry.to_ports() else { return Outcome::NoPorts };
    let is_other = |origin: &Origin| !entry.domain().matches(origin);
    let is_insecure = |origin: &Origin| entry.secure() == Some(true) && !origin.is_https();
    match entry.domain().problem() {
        Some(problem) => Outcome::NoOrigin(problem),
        None if origin.is_some_and(is_other) => Outcome::OtherOrigin,
        None if origin.is_some_and(is_insecure) => Outcome::InsecureOrigin,
        None if !ports.contains(port) => Outcome::OtherPorts,
        None if !can_grant(policy_port, port) => Outcome::Privileged,
        None => Outcome::Granted,
    }
}

impl Outcome {
    /// Short name for scripts: lower case, `-` between words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::NeverAsked => "never-asked",
            Self::MetaNone => "meta-none",
            Self::MetaMasterOnly => "meta-master-only",
            Self::MetaInvalid => "meta-invalid",
            Self::Empty => "empty",
            Self::OtherOrigin => "other-origin",
            Self::NoOrigin(_) => "no-origin",
            Self::InsecureOrigin => "insecure-origin",
            Self::NoPorts => "no-ports",
            Self::OtherPorts => "other-ports",
            Self::Privileged => "privileged",
        }
    }

    /// What to change if it should have granted.
    #[must_use]
    pub const fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Granted => None,
            Self::NeverAsked => Some("serve the policy on 843 or on the port the SWF connects to"),
            Self::MetaNone => {
                Some("write all or master-only in the site-control of the master, or leave it out")
            }
            Self::MetaMasterOnly => {
                Some("add the entry to the master policy, or write all in its site-control")
            }
            Self::MetaInvalid => Some("write all, master-only or none in the site-control of the master"),
            Self::Empty => Some("add an entry for the origin and the port"),
            Self::OtherOrigin => Some("add an entry for the host that the SWF is loaded from"),
            Self::NoOrigin(_) => Some("write the host alone, or *.example.com"),
            Self::InsecureOrigin => Some("load the SWF by HTTPS, or leave secure out"),
            Self::NoPorts => Some("add to-ports with the port"),
            Self::OtherPorts => Some("add the port to to-ports"),
            Self::Privileged => Some("serve the policy on 843, or use a port from 1024 on"),
        }
    }
}

impl Verdict {
    /// Whether the connection is allowed.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.granted_by().is_some()
    }

    /// The rule that allows it.
    #[must_use]
    pub fn granted_by(&self) -> Option<&Step> {
        self.steps.last().filter(|step| step.outcome == Outcome::Granted)
    }

    /// Every rule that was looked at, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// Several lines: the answer, then each step.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let granted = self.is_granted();
        f.write_str(match granted {
            true => "granted",
            false if self.steps.is_empty() => "refused: there is no policy",
            false => "refused",
        })?;
        self.steps.iter().try_for_each(|step| write!(f, "\n  {step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy from port {}", self.policy_port)?;
        match (self.line, self.entry) {
            (Some(line), _) => write!(f, ", line {line}")?,
            (None, Some(index)) => write!(f, ", entry {}", index + 1)?,
            (None, None) => {}
        }
        write!(f, ": {}", self.outcome)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted => write!(f, "grants it"),
            Self::NeverAsked => write!(f, "players fetch no policy from this port"),
            Self::MetaNone => write!(f, "void, the master policy (port 843) says `none`"),
            Self::MetaMasterOnly => write!(f, "void, the master policy (port 843) says `master-only`"),
            Self::MetaInvalid => write!(f, "void, the master's meta-policy is not one for sockets"),
            Self::Empty => write!(f, "grants nothing to anyone"),
            Self::OtherOrigin => write!(f, "is for other origins"),
            Self::NoOrigin(problem) => write!(f, "is for no origin at all, its domain {problem}"),
            Self::InsecureOrigin => write!(f, "is for SWFs loaded by HTTPS only"),
            Self::NoPorts => write!(f, "grants nothing, it has no `to-ports`"),
            Self::OtherPorts => write!(f, "grants other ports"),
            Self::Privileged => {
                write!(f, "cannot grant a port below 1024, as the policy came from one above 1023")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(inside: &str) -> PolicyFile {
        format!("<cross-domain-policy>{inside}</cross-domain-policy>").parse().unwrap()
    }

    fn meta(value: &str) -> String {
        format!("<site-control permitted-cross-domain-policies='{value}'/>")
    }

    fn outcomes(loaded: &[(u16, &PolicyFile)], origin: &str, port: u16) -> Vec<Outcome> {
        let loaded: Vec<_> = loaded.iter().map(|(port, file)| Loaded { file, port: *port }).collect();
        let verdict = may_connect(&loaded, &origin.parse().unwrap(), port);
        let outcomes: Vec<_> = verdict.steps().iter().map(|step| step.outcome).collect();
        assert_eq!(verdict.is_granted(), outcomes.last() == Some(&Outcome::Granted));
        outcomes
    }

    /// One entry, one question, one answer a row.
    #[test]
    fn each_rule_of_an_entry_decides() {
        use Outcome::*;
        for (entry, policy_port, origin, port, outcome) in [
            ("domain='a.com' to-ports='80'", 843, "a.com", 80, Granted),
            ("domain='a.com' to-ports='80'", 843, "https://A.com/x.swf", 80, Granted),
            ("domain='a.com' to-ports='80'", 843, "b.com", 80, OtherOrigin),
            ("domain='a.com' to-ports='80'", 843, "a.com", 81, OtherPorts),
            ("domain='a.com' to-ports='*'", 843, "a.com", 1, Granted),
            ("domain='a.com' to-ports='*'", 843, "a.com", 65535, Granted),
            ("domain='a.com'", 843, "a.com", 80, NoPorts),
            ("domain='*.a.com' to-ports='80'", 843, "a.com", 80, Granted),
            ("domain='*.a.com' to-ports='80'", 843, "ba.com", 80, OtherOrigin),
            ("domain='a.*' to-ports='80'", 843, "a.com", 80, NoOrigin(DomainProblem::Wildcard)),
            ("domain='*' to-ports='80'", 843, "file:///x.swf", 80, Granted),
            ("domain='a.com' to-ports='80'", 843, "file:///x.swf", 80, OtherOrigin),
            ("domain='127.0.0.1' to-ports='80'", 843, "localhost", 80, OtherOrigin),
            // The port rule: the policy's own port decides, to the port.
            ("domain='*' to-ports='*'", 1023, "a.com", 1023, Granted),
            ("domain='*' to-ports='*'", 1024, "a.com", 1023, Privileged),
            ("domain='*' to-ports='*'", 1024, "a.com", 1024, Granted),
            ("domain='*' to-ports='80'", 8080, "a.com", 80, Privileged),
            ("domain='*' to-ports='8080'", 8080, "a.com", 80, OtherPorts),
            ("domain='*' to-ports='80,8080'", 8080, "a.com", 8080, Granted),
            ("domain='*' to-ports='80'", 80, "a.com", 80, Granted),
            // secure: off unless stated, in sockets.
            ("domain='*' to-ports='80' secure='true'", 843, "a.com", 80, InsecureOrigin),
            ("domain='*' to-ports='80' secure='true'", 843, "https://a.com", 80, Granted),
            ("domain='*' to-ports='80' secure='false'", 843, "a.com", 80, Granted),
            // Ports nobody asks.
            ("domain='*' to-ports='*'", 25, "a.com", 80, NeverAsked),
            ("domain='*' to-ports='*'", 138, "a.com", 80, NeverAsked),
            ("domain='*' to-ports='*'", 755, "a.com", 80, Granted),
        ] {
            let file = file(&format!("<allow-access-from {entry}/>"));
            let row = format!("{entry} from {policy_port}: {origin} to {port}");
            assert_eq!(outcomes(&[(policy_port, &file)], origin, port), [outcome], "{row}");
        }
    }

    /// The meta-policy of the master, the file it stands in, and a file from the destination port.
    #[test]
    fn the_master_rules_the_others() {
        use Outcome::*;
        let entry = "<allow-access-from domain='a.com' to-ports='8080'/>";
        let other = file(entry);
        for (value, on_master, on_other) in [
            ("", OtherOrigin, Granted),
            ("all", OtherOrigin, Granted),
            ("master-only", OtherOrigin, MetaMasterOnly),
            ("none", MetaNone, MetaNone),
            ("by-content-type", OtherOrigin, MetaInvalid),
            ("by-ftp-filename", OtherOrigin, MetaInvalid),
        ] {
            let meta = if value.is_empty() { String::new() } else { meta(value) };
            let master = file(&format!("{meta}<allow-access-from domain='b.com' to-ports='*'/>"));
            assert_eq!(outcomes(&[(843, &master), (8080, &other)], "a.com", 8080), [on_master, on_other]);
            // The order in which they came plays no part.
            let granted = on_other == Granted;
            assert_eq!(
                outcomes(&[(8080, &other), (843, &master)], "a.com", 8080).contains(&Granted),
                granted
            );
            // What the master itself grants holds unless it says `none`.
            assert_eq!(outcomes(&[(843, &master)], "b.com", 80).contains(&Granted), value != "none");
            // From any other port it is not asked for a meta-policy.
            let ignored = file(&format!("{meta}{entry}"));
            assert_eq!(outcomes(&[(8080, &ignored)], "a.com", 8080), [Granted]);
        }
    }

    #[test]
    fn entries_add_up_over_files_and_the_first_that_grants_is_named() {
        use Outcome::*;
        let first = file("\n<allow-access-from domain='b.com' to-ports='*'/>");
        let second = file(
            "\n<allow-access-from domain='a.com' to-ports='1'/>\n<allow-access-from domain='*' to-ports='9000'/>",
        );
        let loaded = [Loaded { file: &first, port: 843 }, Loaded { file: &second, port: 9000 }];
        let verdict = may_connect(&loaded, &"a.com".parse().unwrap(), 9000);
        assert_eq!(
            outcomes(&[(843, &first), (9000, &second)], "a.com", 9000),
            [OtherOrigin, OtherPorts, Granted]
        );
        let step = verdict.granted_by().unwrap();
        assert_eq!((step.policy_port, step.entry, step.line), (9000, Some(1), Some(3)));
        assert_eq!(
            verdict.to_string(),
            "granted\n  policy from port 843, line 2: is for other origins\n  \
             policy from port 9000, line 2: grants other ports\n  policy from port 9000, line 3: grants it"
        );
    }

    #[test]
    fn nothing_loaded_or_nothing_in_it_refuses() {
        assert_eq!(outcomes(&[], "a.com", 80), []);
        let none = may_connect(&[], &Origin::LOCAL, 80);
        assert_eq!(none.to_string(), "refused: there is no policy");
        assert_eq!(outcomes(&[(843, &file(""))], "a.com", 80), [Outcome::Empty]);
    }
}
