//! What came of a question: every step, and the verdict.

use std::{fmt, time::Duration};

use super::{Fault, Fetched, Location, Question};
use crate::policy::{
    FIRST_UNPRIVILEGED_PORT, Finding, MASTER_PORT, Outcome, Problem, Step, Verdict, is_asked, lint,
};

/// Look-ups that take longer are told.
const SLOW_LOOK_UP: Duration = Duration::from_secs(1);

/// Everything a player did, and what came of it. `Display` explains it to a person, in several lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub(super) question: Question,
    pub(super) looked_up: Duration,
    pub(super) visits: Vec<Visit>,
    pub(super) verdict: Verdict,
}

/// A place where a player looks for a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    pub(super) role: Role,
    pub(super) location: Location,
    pub(super) happened: Happened,
    pub(super) after: Duration,
}

/// Why a player looks there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Port 843, whose policy is the master: it may void all others.
    Master,
    /// The SWF named it, by `Security.loadPolicyFile`.
    Named,
    /// The port that the SWF connects to.
    Destination,
}

/// What happened at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happened {
    /// A policy was read.
    Fetched(Fetched),
    /// None was read.
    Failed(Fault),
    /// Not asked: a policy before it grants already.
    NotNeeded,
    /// Not asked: whatever it says would not count.
    Void(Outcome),
    /// Not asked: it speaks for another host than the one to connect to.
    OtherHost,
    /// Not asked: a policy that is loaded from a URL opens no sockets.
    UrlPolicy,
}

/// The verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Conclusion {
    /// The SWF may connect.
    Granted,
    /// It may not.
    Denied,
    /// No port of the host took a connection: nothing can be told.
    Unreachable,
}

impl Report {
    /// What was asked.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// How long the look-up of the name took, before any port was asked.
    #[must_use]
    pub const fn looked_up_after(&self) -> Duration {
        self.looked_up
    }

    /// Every place in the order in which a player looks.
    #[must_use]
    pub fn visits(&self) -> &[Visit] {
        &self.visits
    }

    /// What the rules say of the policies that were read, entry by entry.
    #[must_use]
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The verdict in one word.
    #[must_use]
    pub fn conclusion(&self) -> Conclusion {
        let mut faults = self.visits.iter().filter_map(|visit| match &visit.happened {
            Happened::Failed(fault) => Some(fault.is_unreachable()),
            Happened::Fetched(_) => Some(false),
            _ => None,
        });
        match faults.all(|is_unreachable| is_unreachable) {
            _ if self.verdict.is_granted() => Conclusion::Granted,
            // One that is void by its number says something, too.
            true if !self.visits.iter().any(|visit| matches!(visit.happened, Happened::Void(_))) => {
                Conclusion::Unreachable
            }
            _ => Conclusion::Denied,
        }
    }

    /// What the rules say of the policy from a place.
    pub fn steps(&self, visit: &Visit) -> impl Iterator<Item = &Step> {
        let port = match (&visit.happened, &visit.location) {
            (Happened::Fetched(_), Location::Socket { port, .. }) => Some(*port),
            _ => None,
        };
        self.verdict.steps().iter().filter(move |step| Some(step.policy_port) == port)
    }

    /// An entry that would grant it, if none does and one can: not while the meta-policy voids all of them,
    /// nor if the entry is there, in a policy from a port that cannot grant this one.
    #[must_use]
    pub fn missing_entry(&self) -> Option<String> {
        match self.way_out()? {
            WayOut::Entry { domain, .. } => {
                let port = self.question.port;
                Some(format!("<allow-access-from domain=\"{domain}\" to-ports=\"{port}\"/>"))
            }
            _ => None,
        }
    }

    /// What would grant it, if nothing does and something was reached; for a person, in one line or two.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        if self.conclusion() != Conclusion::Denied {
            return None;
        }
        Some(match self.way_out()? {
            WayOut::SiteControl => format!(
                "No entry grants it while the meta-policy is `none`: in the policy from port {MASTER_PORT} write \
                 all or master-only in the site-control, or leave it out"
            ),
            WayOut::LocalContent => {
                "Only an entry with domain=\"*\" is for local content; better load the SWF from a host".into()
            }
            WayOut::Privileged => format!(
                "The entry is there: serve it from port {MASTER_PORT} or another below \
                 {FIRST_UNPRIVILEGED_PORT}, or use a port from {FIRST_UNPRIVILEGED_PORT} on"
            ),
            WayOut::Entry { master_alone, .. } => {
                let place = match self.question.port {
                    _ if master_alone => "from port 843, and no other,",
                    port if port < FIRST_UNPRIVILEGED_PORT => "from port 843 or another below 1024",
                    _ => "from port 843 or the port itself",
                };
                let entry = self.missing_entry()?;
                format!("A policy {place} grants it with\n  {entry}")
            }
        })
    }

    /// What has to change first.
    fn way_out(&self) -> Option<WayOut<'_>> {
        if self.verdict.is_granted() {
            return None;
        }
        let steps = self.verdict.steps().iter().map(|step| step.outcome);
        let not_asked = self.visits.iter().filter_map(|visit| match visit.happened {
            Happened::Void(outcome) => Some(outcome),
            _ => None,
        });
        let outcomes: Vec<_> = steps.chain(not_asked).collect();
        let any = |outcome| outcomes.contains(&outcome);
        Some(match self.question.origin.host() {
            _ if any(Outcome::MetaNone) => WayOut::SiteControl,
            _ if any(Outcome::Privileged) => WayOut::Privileged,
            None => WayOut::LocalContent,
            Some(domain) => {
                let others_are_void = any(Outcome::MetaMasterOnly) || any(Outcome::MetaInvalid);
                WayOut::Entry { domain, master_alone: others_are_void || !is_asked(self.question.port) }
            }
        })
    }
}

/// What has to change for a connection to be granted.
enum WayOut<'a> {
    /// The meta-policy `none`: no entry counts.
    SiteControl,
    /// The port that serves the entry.
    Privileged,
    /// The origin, which only `*` is for.
    LocalContent,
    /// An entry, perhaps in the master policy alone.
    Entry { domain: &'a str, master_alone: bool },
}

impl Visit {
    /// Why a player looks there.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Where it is.
    #[must_use]
    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// What happened.
    #[must_use]
    pub const fn happened(&self) -> &Happened {
        &self.happened
    }

    /// How long it took until a player goes on; the wait for the close of the connection is no part of it.
    #[must_use]
    pub const fn after(&self) -> Duration {
        self.after
    }

    /// What the linter finds in the policy that was read there. What is a [`Remark`](super::Remark) on the
    /// answer is not said again.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let (Happened::Fetched(fetched), Location::Socket { port, .. }) = (&self.happened, &self.location)
        else {
            return Vec::new();
        };
        let mut findings = lint(&fetched.text, &[*port]);
        findings.retain(|finding| *finding.problem() != Problem::LeadingBlank);
        findings
    }
}

impl Happened {
    /// Short name for scripts: lower case, `-` between words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Fetched(_) => "fetched",
            Self::Failed(_) => "failed",
            Self::NotNeeded => "not-needed",
            Self::Void(_) => "void",
            Self::OtherHost => "other-host",
            Self::UrlPolicy => "url-policy",
        }
    }

    /// What to do about it, if anything is to be done.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Fetched(_) | Self::NotNeeded => None,
            Self::Failed(fault) => Some(fault.remedy()),
            Self::Void(outcome) => outcome.remedy(),
            Self::OtherHost => Some("name the host that the SWF connects to"),
            Self::UrlPolicy => Some("serve it as a socket policy, on 843 or on the port the SWF connects to"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Question { host, port, origin, .. } = &self.question;
        writeln!(f, "May a SWF from {origin} connect to {}?", Endpoint(host, *port))?;
        for note in origin.notes() {
            writeln!(f, "   note: {note}")?;
        }
        if self.looked_up > SLOW_LOOK_UP {
            writeln!(f, "\nThe look-up of the name took {:.1?}, before any port was asked", self.looked_up)?;
            writeln!(f, "   → check the name servers; players look it up with their own")?;
        }
        for (index, visit) in self.visits.iter().enumerate() {
            writeln!(f, "\n{}. {visit}", index + 1)?;
            self.write_visit(visit, f)?;
        }
        write!(f, "\n{}", self.conclusion())?;
        match self.verdict.granted_by() {
            Some(step) => write!(f, ": {step}"),
            None => self.advice().map_or(Ok(()), |advice| write!(f, "\n{advice}")),
        }
    }
}

impl Report {
    fn write_visit(&self, visit: &Visit, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(remedy) = visit.happened.remedy() {
            match (visit.role, &visit.happened) {
                // Most hosts have none, and need none.
                (Role::Master, Happened::Failed(Fault::Refused)) => {
                    writeln!(f, "   players go on at once")?;
                }
                (Role::Master, Happened::Failed(Fault::ConnectTimedOut(_))) => {
                    writeln!(f, "   every player waits this long")?;
                    writeln!(f, "   → {remedy}")?;
                }
                _ => writeln!(f, "   → {remedy}")?,
            }
        }
        if let Happened::Fetched(fetched) = &visit.happened {
            for remark in &fetched.remarks {
                writeln!(f, "   warning: {remark}\n   → {}", remark.remedy())?;
            }
        }
        for step in self.steps(visit) {
            match (step.line, step.outcome) {
                (Some(line), outcome) => writeln!(f, "   line {line}: the entry {outcome}")?,
                (None, outcome) => writeln!(f, "   the file {outcome}")?,
            }
            if let Some(remedy) = step.outcome.remedy() {
                writeln!(f, "   → {remedy}")?;
            }
        }
        for finding in visit.findings() {
            // Each on two lines of its own.
            for line in finding.to_string().lines() {
                writeln!(f, "   lint: {}", line.trim_start())?;
            }
        }
        Ok(())
    }
}

struct Endpoint<'a>(&'a str, u16);

impl fmt::Display for Endpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host, port) = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// Where, why, what and how long.
impl fmt::Display for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.role, &self.location) {
            (Role::Master, _) => write!(f, "port 843, the master policy: ")?,
            (Role::Destination, Location::Socket { port, .. }) => {
                write!(f, "port {port}, where the SWF connects to: ")?;
            }
            (_, location) => write!(f, "{location}, named by the SWF: ")?,
        }
        match &self.happened {
            Happened::Fetched(fetched) => {
                write!(f, "a policy of {} bytes, in {:.1?}", fetched.text.len(), self.after)
            }
            happened => happened.fmt(f),
        }
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetched(_) => write!(f, "a policy"),
            Self::Failed(fault) => fault.fmt(f),
            Self::NotNeeded => write!(f, "not asked, as it is granted already"),
            Self::Void(outcome) => write!(f, "not asked: {outcome}"),
            Self::OtherHost => write!(f, "not asked, it would speak for another host"),
            Self::UrlPolicy => {
                write!(f, "not asked, a policy loaded from a URL opens no socket since player 9.0.124")
            }
        }
    }
}

impl Role {
    /// Short name for scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Named => "named",
            Self::Destination => "destination",
        }
    }
}

impl Conclusion {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Unreachable => "unreachable",
        }
    }
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
