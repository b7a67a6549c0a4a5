//! What a service has done, counted.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a [`Service`](super::Service) has done since it was made, and what it is doing.
        ///
        /// Every request is counted once: as `answered`, as `faults`, or under the reason for which it was refused. A
        /// reply that streams and breaks off is `answered` and `aborted`.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: AtomicU64,)*
        }

        impl Counters {
            pub(super) fn read(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Calls under way: a reply that streams is one until its end.
    calls,
    /// Bytes of the calls that are held.
    body_bytes,
    /// Bytes of the replies that wait for their callers to take them.
    reply_bytes,
    /// Calls whose method returned a value.
    answered,
    /// Calls whose method returned a fault.
    faults,
    /// Calls whose method panicked: they got a fault, and are counted there too.
    panics,
    /// Calls whose method took longer than [`Options::method_timeout`](super::Options::method_timeout).
    method_timeouts,
    /// Calls of a method that there is not.
    unknown_methods,
    /// Calls with another number of arguments or other types than the method takes.
    bad_arguments,
    /// Requests that are no POST, or whose body is encoded.
    bad_requests,
    /// Bodies that are no call.
    malformed,
    /// Bodies larger than [`Options::max_body`](super::Options::max_body).
    too_large,
    /// Requests beyond [`Options::max_calls`](super::Options::max_calls),
    /// [`Options::max_bodies`](super::Options::max_bodies) or [`Options::max_replies`](super::Options::max_replies).
    busy,
    /// Bodies that took longer than [`Options::body_timeout`](super::Options::body_timeout).
    body_timeouts,
    /// Requests whose caller went away: the body broke off, or nobody waits for the reply any more.
    aborted,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
