//! How one stream keeps history, and what it does about readers who are too slow.

use std::time::Duration;

use crate::Limits;
use crate::limits::LONGEST;

/// What happens to a reader who is further behind than its stream allows. The others never wait for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// Its connection is cut. The client comes back and is told what it has missed.
    #[default]
    Disconnect,
    /// It goes on with the oldest message within the bounds. What it missed is counted, and told in-band where the
    /// transport has a way to tell ([`Transport::gap`](crate::Transport)).
    DropOldest,
    /// It always goes on with the newest message: as soon as its socket is full, what is between is skipped, counted
    /// and told. For values of which only the last one matters: the last of the stream, not of each key that its
    /// messages may have. (Give each key a stream of its own, or all of them one for a snapshot now and then.)
    /// The bounds on lag mean nothing here.
    Latest,
}

/// The bounds of one stream. Each begins as the hub's [`Limits`] say.
///
/// ```
/// # use std::time::Duration;
/// # use push_server::{Limits, Overflow, StreamConfig};
/// let ticks = StreamConfig::new(&Limits::default())
///     .history(100, 64 << 10, Duration::from_secs(60))
///     .overflow(Overflow::Latest);
/// # assert_eq!((ticks.log_messages, ticks.overflow), (100, Overflow::Latest));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamConfig {
    /// As [`Limits::log_messages`].
    pub log_messages: usize,
    /// As [`Limits::log_bytes`].
    pub log_bytes: usize,
    /// As [`Limits::log_age`].
    pub log_age: Duration,
    /// As [`Limits::lag_messages`].
    pub lag_messages: u64,
    /// As [`Limits::lag_bytes`].
    pub lag_bytes: u64,
    /// As [`Limits::lag_age`].
    pub lag_age: Duration,
    /// What happens past the bounds on lag. Default: the connection is cut.
    pub overflow: Overflow,
    /// As [`Limits::client_linger`].
    pub client_linger: Duration,
}

impl StreamConfig {
    /// What the hub's limits say.
    #[must_use]
    pub const fn new(limits: &Limits) -> Self {
        Self {
            log_messages: limits.log_messages,
            log_bytes: limits.log_bytes,
            log_age: limits.log_age,
            lag_messages: limits.lag_messages,
            lag_bytes: limits.lag_bytes,
            lag_age: limits.lag_age,
            overflow: Overflow::Disconnect,
            client_linger: limits.client_linger,
        }
    }

    /// How much is kept for those who are behind, late or coming back: messages, bytes of their bodies, and age.
    #[must_use]
    pub const fn history(mut self, messages: usize, bytes: usize, age: Duration) -> Self {
        (self.log_messages, self.log_bytes, self.log_age) = (messages, bytes, age);
        self
    }

    /// How far behind a reader may be whose socket is full: messages, bytes of their bodies, and age of the oldest.
    /// It cannot be further behind than the history reaches.
    #[must_use]
    pub const fn lag(mut self, messages: u64, bytes: u64, age: Duration) -> Self {
        (self.lag_messages, self.lag_bytes, self.lag_age) = (messages, bytes, age);
        self
    }

    /// What happens to a reader past those bounds.
    #[must_use]
    pub const fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// With times of which each ends.
    pub(crate) fn within_reach(mut self) -> Self {
        for time in [&mut self.log_age, &mut self.lag_age, &mut self.client_linger] {
            *time = LONGEST.min(*time);
        }
        self
    }

    /// How long a named client stays present without a connection.
    #[must_use]
    pub const fn client_linger(mut self, linger: Duration) -> Self {
        self.client_linger = linger;
        self
    }
}
