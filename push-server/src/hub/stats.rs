//! What is counted, and how it is told.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::guard::{Reason, Refusals};
use crate::lifecycle::Close;
use crate::transport::Transport;

/// Which bound a reader, or the messages to a client, went past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overrun {
    /// [`StreamConfig::lag_messages`](crate::StreamConfig::lag_messages).
    Messages,
    /// [`StreamConfig::lag_bytes`](crate::StreamConfig::lag_bytes).
    Bytes,
    /// [`StreamConfig::lag_age`](crate::StreamConfig::lag_age).
    Age,
    /// The log no longer held what was next.
    Log,
    /// None: a newer value took the place of older ones, as [`Overflow::Latest`](crate::Overflow::Latest) says.
    Conflated,
    /// A direct message was refused: too many, or too many bytes, wait for its client, or for all clients.
    DirectFull,
    /// Direct messages waited until their client was no longer present.
    DirectLapsed,
}

impl Overrun {
    /// Number of reasons: the length of a table with one row each.
    pub const COUNT: usize = 7;

    /// All of them, in the order of such a table.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Messages,
        Self::Bytes,
        Self::Age,
        Self::Log,
        Self::Conflated,
        Self::DirectFull,
        Self::DirectLapsed,
    ];

    /// Short name for export: lower case, `_` between words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "lag_messages",
            Self::Bytes => "lag_bytes",
            Self::Age => "lag_age",
            Self::Log => "log",
            Self::Conflated => "conflated",
            Self::DirectFull => "direct_full",
            Self::DirectLapsed => "direct_lapsed",
        }
    }
}

/// Counters of a hub since its start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) opened: AtomicU64,
    pub(crate) closed: [AtomicU64; Close::COUNT],
    pub(crate) rotated: AtomicU64,
    pub(crate) shard_restarts: AtomicU64,
    pub(crate) open: [AtomicUsize; Transport::FORMS],
    pub(crate) readers: AtomicUsize,
    pub(crate) controllers: AtomicUsize,
    pub(crate) controllers_opened: AtomicU64,
    /// Bytes of direct messages that wait.
    pub(crate) direct_bytes: AtomicUsize,
}

/// What a hub has done since its start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections that began to stream.
    pub opened: u64,
    /// Connections that ended, by reason: indexed by `Close as usize`.
    pub closed: [u64; Close::COUNT],
    /// Connections that ended because their time was over; they are among the completed ones.
    pub rotated: u64,
    /// How often a shard has panicked, had its connections cut, and begun anew. Anything but 0 is a bug: of the server, or
    /// of what was published.
    pub shard_restarts: u64,
    /// Requests that were answered with 503 because [`Limits::connections`](crate::Limits::connections) were open; also
    /// among the `refusals`.
    pub turned_away: u64,
    /// Requests that were refused, by reason.
    pub refusals: Refusals,
    /// Connections that stream now, by the form they read.
    pub open: Vec<(Transport, usize)>,
    /// [`Reader`](crate::hub::Reader)s now.
    pub readers: usize,
    /// Connections of [controllers](crate::controller) now. They are not among `opened`, `closed` and `open`.
    pub controllers: usize,
    /// Connections of controllers that began.
    pub controllers_opened: u64,
    /// Streams that are open.
    pub streams: usize,
    /// Bytes of direct messages that wait for their clients.
    pub direct_bytes: usize,
    /// Bytes that the logs of all streams hold, as [`Limits::log_bytes_in_all`](crate::Limits::log_bytes_in_all) counts.
    pub log_bytes: usize,
    /// Idempotency keys that are remembered.
    pub idempotency_keys: usize,
    /// Idempotency keys that were forgotten before their time, to make room for others: what was published with one of
    /// them would be published again.
    pub idempotency_forgotten: u64,
}

impl Counts {
    /// How many connections stream.
    pub(crate) fn connections(&self) -> usize {
        self.open.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Whether nobody reads, on a connection or in the process, and no controller has a connection.
    pub(crate) fn is_idle(&self) -> bool {
        let others = self.readers.load(Ordering::Relaxed) + self.controllers.load(Ordering::Relaxed);
        self.connections() + others == 0
    }

    pub(crate) fn stats(&self, streams: usize, refusals: Refusals) -> Stats {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let open = Transport::ALL.into_iter().zip(&self.open);
        Stats {
            opened: load(&self.opened),
            closed: std::array::from_fn(|i| load(&self.closed[i])),
            rotated: load(&self.rotated),
            shard_restarts: load(&self.shard_restarts),
            turned_away: refusals.get(Reason::Connections),
            refusals,
            open: open.map(|(transport, count)| (transport, count.load(Ordering::Relaxed))).collect(),
            readers: self.readers.load(Ordering::Relaxed),
            controllers: self.controllers.load(Ordering::Relaxed),
            controllers_opened: load(&self.controllers_opened),
            streams,
            direct_bytes: self.direct_bytes.load(Ordering::Relaxed),
            log_bytes: 0,
            idempotency_keys: 0,
            idempotency_forgotten: 0,
        }
    }
}

/// Counters of a stream since it was opened.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    overruns: [AtomicU64; Overrun::COUNT],
    messages: [AtomicU64; Overrun::COUNT],
}

impl Drops {
    /// One reader, or client, went past a bound, and `messages` did not reach it.
    pub(crate) fn count(&self, why: Overrun, messages: u64) {
        self.overruns[why as usize].fetch_add(1, Ordering::Relaxed);
        self.messages[why as usize].fetch_add(messages, Ordering::Relaxed);
    }

    fn load(counts: &[AtomicU64; Overrun::COUNT]) -> [u64; Overrun::COUNT] {
        std::array::from_fn(|i| counts[i].load(Ordering::Relaxed))
    }

    pub(crate) fn overruns(&self) -> [u64; Overrun::COUNT] {
        Self::load(&self.overruns)
    }

    pub(crate) fn messages(&self) -> [u64; Overrun::COUNT] {
        Self::load(&self.messages)
    }
}

/// What streams have done that are closed by now. Together with what those have done that are open, a count that never
/// goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClosedStreams {
    /// How many.
    pub count: u64,
    /// Messages published to them.
    pub published: u64,
    /// Bytes of their bodies.
    pub published_bytes: u64,
    /// As [`StreamStats::overruns`].
    pub overruns: [u64; Overrun::COUNT],
    /// As [`StreamStats::dropped`].
    pub dropped: [u64; Overrun::COUNT],
}

impl ClosedStreams {
    pub(crate) fn add(&mut self, stream: &StreamStats) {
        self.count += 1;
        self.published += stream.published;
        self.published_bytes += stream.published_bytes;
        for (sum, more) in self.overruns.iter_mut().zip(stream.overruns) {
            *sum += more;
        }
        for (sum, more) in self.dropped.iter_mut().zip(stream.dropped) {
            *sum += more;
        }
    }
}

/// How a stream is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct StreamStats {
    /// Messages published since it was opened.
    pub published: u64,
    /// Bytes of their bodies.
    pub published_bytes: u64,
    /// Messages a second over the last ten seconds, or as far as the log reaches.
    pub rate: f64,
    /// Messages in the log, and bytes of their bodies.
    pub held: (u64, u64),
    /// Readers, on connections and in the process.
    pub readers: usize,
    /// Clients present by name.
    pub clients: usize,
    /// How many messages the furthest reader with a full socket was behind when the last message was taken to all.
    pub lag: u64,
    /// How often a bound was overrun, by reason: indexed by `Overrun as usize`.
    pub overruns: [u64; Overrun::COUNT],
    /// How many messages did not reach somebody, by reason. None are counted where the connection was cut instead:
    /// the client comes back for them.
    pub dropped: [u64; Overrun::COUNT],
}
