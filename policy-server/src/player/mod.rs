//! What a player does before it lets a SWF connect, step by step: a client for seeing why.
//!
//! It looks the name up, asks port 843 first, for 3 s, then where `Security.loadPolicyFile` pointed, then the very port that the
//! SWF wants, until one grants. Rules are those of [`policy`](crate::policy), strict ones as of player
//! 9.0.124. Source: Adobe, "Policy file changes in Flash Player 9 and Flash Player 10", "Setting up a socket
//! policy file server"; helpx "Flash Player 10 socket connection timeout".
//!
//! ```no_run
//! use policy_server::player::{Patience, Question, TcpDial, ask};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let question = Question::new("push.example.com", 8080, "http://www.example.com/app.swf".parse()?);
//! let report = ask(&question, &TcpDial, &Patience::default()).await;
//! println!("{report}");
//! assert!(report.verdict().is_granted());
//! # Ok(())
//! # }
//! ```

mod fault;
mod fetch;
mod location;
mod report;

use std::time::Duration;

use tokio::time::{Instant, timeout};

pub use self::{
    fault::{Fault, Remark},
    fetch::{Dial, Fetched, TcpDial},
    location::{Location, LocationError, host_and_port},
    report::{Conclusion, Happened, Report, Role, Visit},
};
use crate::policy::{Loaded, MASTER_PORT, Origin, may_connect, void};

/// What a SWF wants: to connect from an origin to a port of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    host: Box<str>,
    port: u16,
    origin: Origin,
    policies: Vec<Location>,
}

/// How long a player waits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patience {
    /// For the look-up of the name, which comes before all else and is no part of what follows: a slow name
    /// server is none of the ports' faults. How long players wait is not documented. Default 20 s, more than
    /// the 5 s twice that resolvers wait for one name server.
    pub look_up: Duration,
    /// For the answer of port 843, from the connect on. Default 3 s, as players have it.
    pub master: Duration,
    /// For the whole attempt, all ports together: `Socket.timeout`. Default 20 s, as players from 10 on have it.
    pub attempt: Duration,
    /// For the close after a whole answer. Players do not wait for it; it is to tell servers that never
    /// close. Default 500 ms.
    pub close: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            look_up: Duration::from_secs(20),
            master: Duration::from_secs(3),
            attempt: Duration::from_secs(20),
            close: Duration::from_millis(500),
        }
    }
}

impl Question {
    /// May a SWF from `origin` connect to `port` of `host`?
    #[must_use]
    pub fn new(host: impl Into<Box<str>>, port: u16, origin: Origin) -> Self {
        Self { host: host.into(), port, origin, policies: Vec::new() }
    }

    /// The SWF calls `Security.loadPolicyFile` before it connects.
    #[must_use]
    pub fn load_policy_file(mut self, location: Location) -> Self {
        self.policies.push(location);
        self
    }

    /// The host to connect to.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where the SWF was loaded from.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where players look, in order, each port of the host once.
    fn places(&self) -> Vec<(Role, Location)> {
        let here = |port| Location::Socket { host: self.host.clone(), port };
        let mut places = vec![(Role::Master, here(MASTER_PORT))];
        let named = self.policies.iter().map(|location| (Role::Named, location.clone()));
        for (role, location) in named.chain([(Role::Destination, here(self.port))]) {
            if !places.iter().any(|(_, known)| same(known, &location)) {
                places.push((role, location));
            }
        }
        places
    }
}

/// Names are compared as text.
fn same(a: &Location, b: &Location) -> bool {
    match (a, b) {
        (Location::Socket { host: a, port }, Location::Socket { host: b, port: other }) => {
            port == other && a.eq_ignore_ascii_case(b)
        }
        (a, b) => a == b,
    }
}

/// Does what a player does, and tells every step of it.
///
/// Ends within [`Patience::look_up`] and [`Patience::attempt`], and once [`Patience::close`] for each place.
/// What servers send is bounded as in [`MAX_FILE_SIZE`](crate::policy::MAX_FILE_SIZE), and read as hostile.
pub async fn ask<D: Dial>(question: &Question, dial: &D, patience: &Patience) -> Report {
    let start = Instant::now();
    let host = match timeout(patience.look_up, dial.look_up(&question.host)).await {
        Ok(Ok(host)) => Ok(host),
        Ok(Err(e)) => Err(Fault::NoSuchHost(e.to_string().into())),
        Err(_) => Err(Fault::LookUpTimedOut(start.elapsed())),
    };
    let looked_up = start.elapsed();

    let end = Instant::now() + patience.attempt;
    let mut visits: Vec<Visit> = Vec::new();
    for (role, location) in question.places() {
        let begin = Instant::now();
        let skipped = skipped(question, &visits, &location);
        let (happened, after) = match (skipped, &location, &host) {
            (Some(happened), _, _) => (happened, Duration::ZERO),
            (None, Location::Socket { .. }, Err(fault)) => (Happened::Failed(fault.clone()), Duration::ZERO),
            (None, Location::Socket { port, .. }, Ok(host)) => {
                let deadline = if role == Role::Master { end.min(begin + patience.master) } else { end };
                let answered = fetch::fetch(dial, host, *port, deadline).await;
                // A player goes on here.
                let after = begin.elapsed();
                match answered {
                    Ok(answered) => (Happened::Fetched(answered.close(patience.close).await), after),
                    Err(fault) => (Happened::Failed(fault), after),
                }
            }
            (None, Location::Url(_), _) => continue,
        };
        visits.push(Visit { role, location, happened, after });
    }
    let verdict = may_connect(&loaded(&visits), &question.origin, question.port);
    Report { question: question.clone(), looked_up, visits, verdict }
}

/// Why a player does not ask there, if it does not.
fn skipped(question: &Question, visits: &[Visit], location: &Location) -> Option<Happened> {
    let Location::Socket { host, port } = location else { return Some(Happened::UrlPolicy) };
    if !host.eq_ignore_ascii_case(&question.host) {
        return Some(Happened::OtherHost);
    }
    let loaded = loaded(visits);
    if may_connect(&loaded, &question.origin, question.port).is_granted() {
        return Some(Happened::NotNeeded);
    }
    void(&loaded, *port).map(Happened::Void)
}

fn loaded(visits: &[Visit]) -> Vec<Loaded<'_>> {
    let loaded = visits.iter().filter_map(|visit| match (&visit.happened, &visit.location) {
        (Happened::Fetched(fetched), Location::Socket { port, .. }) => {
            Some(Loaded { file: &fetched.file, port: *port })
        }
        _ => None,
    });
    loaded.collect()
}
