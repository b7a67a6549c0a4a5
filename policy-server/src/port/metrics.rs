//! What happened on a port, by reason. Plain atomic counters; whoever exports them chooses the format.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Declares the counters once: variant, name for export, meaning.
macro_rules! counters {
    ($($variant:ident $name:literal $help:literal,)*) => {
        /// One counter of a port. Each counts from the start and never goes back.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Counter {
            $(#[doc = $help] $variant,)*
        }

        impl Counter {
            /// Every counter, in the order of a [`Snapshot`].
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Short name for export: lower case, `_` between words.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One line on what is counted.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

counters! {
    Served "policy_served" "Policy requests answered: all of the answer and the end of stream went to the kernel.",
    HandedOn "handed_on" "Connections handed on untouched to the service behind the port.",
    Mismatch "mismatch" "Connections closed because they began like a policy request and were none.",
    Silent "silent" "Connections closed because no byte came within the limit.",
    Stalled "stalled" "Connections closed because a policy request began and did not end within the limit.",
    Unread "unread" "Connections closed because the peer did not take the answer within the limit.",
    EndedEarly "ended_early" "Connections the peer ended before it showed what it is.",
    Failed "failed" "Connections that failed with an IO error (a reset, mostly) before or during the answer.",
    RefusedFull "refused_full" "Connections closed at once because too many are open.",
    RefusedUnclassified "refused_unclassified" "Connections closed at once because too many have not shown what they are.",
    RefusedPerAddress "refused_per_address" "Connections closed at once because too many from one address are open.",
    RefusedAddress "refused_address" "Connections closed at once because too many from one address have not shown what they are.",
    Undrained "undrained" "Answered connections closed while the peer kept them open or kept sending (also in policy_served).",
    AcceptErrors "accept_errors" "Accepts that failed; those for want of descriptors or memory pause accepting.",
    Replaced "policy_replaced" "Times the policy was replaced by another.",
}

/// The counters of a port. Incrementing is one relaxed atomic addition; nothing is locked or allocated.
#[derive(Debug, Default)]
pub struct Metrics([AtomicU64; Counter::ALL.len()]);

impl Metrics {
    /// Reads one counter.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize].load(Relaxed)
    }

    /// Reads all of them, one after the other: sums over counters may be off by what happens meanwhile.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(std::array::from_fn(|i| self.0[i].load(Relaxed)))
    }

    pub(crate) fn count(&self, counter: Counter) {
        self.0[counter as usize].fetch_add(1, Relaxed);
    }
}

/// The counters at one moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Snapshot([u64; Counter::ALL.len()]);

impl Snapshot {
    /// The value of one counter.
    #[must_use]
    pub const fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// Every counter with its value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Counter, u64)> + '_ {
        Counter::ALL.iter().map(|counter| (*counter, self.get(*counter)))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(counter, value)| (counter.name(), value))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_where_they_are_counted() {
        let metrics = Metrics::default();
        for (index, counter) in Counter::ALL.iter().enumerate() {
            (0..=index).for_each(|_| metrics.count(*counter));
        }
        let snapshot = metrics.snapshot();
        for (index, (counter, value)) in snapshot.iter().enumerate() {
            assert_eq!((value, metrics.get(counter)), (index as u64 + 1, index as u64 + 1));
            assert!(counter.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        }
        assert!(format!("{snapshot:?}").starts_with("{\"policy_served\": 1"));
    }
}
