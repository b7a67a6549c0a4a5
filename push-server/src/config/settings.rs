//! What `push-server serve` is told.

use std::time::Duration;

use push_server::{Limits, guard};

use super::streams::StreamSection;

/// Everything that can be set. The keys and what they mean: [`keys`](super::keys).
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) listen: Vec<String>,
    pub(crate) threads: usize,
    pub(crate) access: Access,
    pub(crate) rates: Rates,
    pub(crate) policy: Policy,
    pub(crate) admin: Admin,
    pub(crate) metrics: Metrics,
    pub(crate) drain: Drain,
    pub(crate) log: Log,
    pub(crate) limits: Limits,
    pub(crate) port: policy_server::Limits,
    /// The first whose name fits counts.
    pub(crate) streams: Vec<StreamSection>,
}

/// How often: a second, and at once.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    pub(crate) connects: u32,
    pub(crate) connects_burst: u32,
    pub(crate) publishes: u32,
    pub(crate) publishes_burst: u32,
    pub(crate) stream_publishes: u32,
    pub(crate) stream_publishes_burst: u32,
    pub(crate) sends: u32,
    pub(crate) sends_burst: u32,
}

impl Default for Rates {
    fn default() -> Self {
        let guard::Rates { connects, publishes, stream_publishes, sends, .. } = guard::Rates::default();
        Self {
            connects: connects.per_second,
            connects_burst: connects.burst,
            publishes: publishes.per_second,
            publishes_burst: publishes.burst,
            stream_publishes: stream_publishes.per_second,
            stream_publishes_burst: stream_publishes.burst,
            sends: sends.per_second,
            sends_burst: sends.burst,
        }
    }
}

/// What clients may do.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) opens: bool,
    pub(crate) publishes: bool,
    pub(crate) sends: bool,
    pub(crate) origins: Vec<String>,
    /// Digests.
    pub(crate) publish_tokens: Vec<String>,
    pub(crate) publish_token_file: String,
    pub(crate) send_tokens: Vec<String>,
    pub(crate) send_token_file: String,
    pub(crate) anybody_sends: bool,
    pub(crate) proxies: Vec<String>,
    pub(crate) proxies_say: String,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            opens: true,
            publishes: true,
            sends: true,
            origins: Vec::new(),
            publish_tokens: Vec::new(),
            publish_token_file: String::new(),
            send_tokens: Vec::new(),
            send_token_file: String::new(),
            anybody_sends: false,
            proxies: Vec::new(),
            proxies_say: "x-forwarded-for".to_owned(),
        }
    }
}

/// Which movies may open sockets to this server.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) listen: Vec<String>,
    pub(crate) file: String,
    pub(crate) allow: Vec<String>,
}

/// Where operators look.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    pub(crate) listen: Vec<String>,
    pub(crate) public: Public,
    pub(crate) console: bool,
}

/// What of the operators' pages everybody may see who reaches a port of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Public {
    Nothing,
    /// `/healthz` and `/readyz`.
    Health,
    /// `/metrics` and the console too.
    All,
}

/// What the metrics tell.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) streams: usize,
}

/// How the server ends.
#[derive(Clone, Debug)]
pub(crate) struct Drain {
    pub(crate) delay: Duration,
    pub(crate) window: Duration,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// A line for people.
    Text,
    /// An object a line, for programs.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: vec!["127.0.0.1:8080".to_owned()],
            threads: 0,
            access: Access::default(),
            rates: Rates::default(),
            policy: Policy { listen: Vec::new(), file: String::new(), allow: vec!["*".to_owned()] },
            admin: Admin { listen: Vec::new(), public: Public::Health, console: true },
            metrics: Metrics { streams: 100 },
            drain: Drain { delay: Duration::ZERO, window: Duration::from_secs(10) },
            log: Log { filter: "info".to_owned(), format: LogFormat::Text },
            limits: Limits::default(),
            port: policy_server::Limits::default(),
            streams: Vec::new(),
        }
    }
}

impl Settings {
    /// Keys that contradict each other, and why.
    pub(super) fn contradictions(&self) -> Vec<(Vec<&'static str>, String)> {
        let limits = &self.limits;
        let mut found = Vec::new();
        let mut at_most = |small: &'static str, is_less: bool, large: &'static str| {
            if !is_less {
                found.push((
                    vec![small, large],
                    format!("{small} is more than {large}; make it less, or {large} more"),
                ));
            }
        };
        at_most("limits.poll_wait", limits.poll_wait <= limits.poll_longest_wait, "limits.poll_longest_wait");
        at_most(
            "limits.direct_bytes",
            limits.direct_bytes <= limits.direct_bytes_in_all,
            "limits.direct_bytes_in_all",
        );
        // Else a message that may be published never is: the answer is 503 for ever.
        for (bytes, what) in
            [(limits.message_bytes, "limits.message_bytes"), (limits.batch_bytes, "limits.batch_bytes")]
        {
            at_most(what, bytes <= limits.bodies_in_all, "limits.bodies_in_all");
            at_most(what, bytes <= limits.log_bytes_in_all, "limits.log_bytes_in_all");
        }
        at_most("limits.rotate", limits.rotate <= limits.rotate_longest, "limits.rotate_longest");
        if self.listen.is_empty() {
            let what =
                "there is no port to serve streams on; give one, such as [\"127.0.0.1:8080\"]".to_owned();
            found.push((vec!["listen"], what));
        }
        if !self.policy.file.is_empty() && !self.policy.allow.is_empty() && self.policy.allow != ["*"] {
            let what = "policy.file and policy.allow are both given; leave one of them out".to_owned();
            found.push((vec!["policy.allow", "policy.file"], what));
        }
        found
    }
}
