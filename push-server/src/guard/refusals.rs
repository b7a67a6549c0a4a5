//! Why requests are refused, and how often.

use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;

/// Declares the reasons: variant, name for export, status, meaning.
macro_rules! reasons {
    ($($reason:ident $name:literal $status:ident $help:literal;)*) => {
        /// Why a request was refused. Each has one status; several may have the same.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Reason {
            $(#[doc = $help] $reason,)*
        }

        impl Reason {
            /// All of them, in the order of a table with one row each.
            pub const ALL: &[Self] = &[$(Self::$reason),*];

            /// Number of reasons.
            pub const COUNT: usize = Self::ALL.len();

            /// Short name for export: lower case, `_` between words.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)*
                }
            }

            /// What it means.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self {
                    $(Self::$reason => $help,)*
                }
            }

            /// The status of the answer.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$reason => StatusCode::$status,)*
                }
            }
        }
    };
}

reasons! {
    Head "head" BAD_REQUEST "The request head is no HTTP, is longer than `header_bytes`, or names its host not once.";
    HeadTimeout "head_timeout" REQUEST_TIMEOUT "The request head took longer than `header_read`; the connection was closed without an answer.";
    Malformed "malformed" BAD_REQUEST "A parameter, a name or a body is wrong.";
    TokenMissing "token_missing" UNAUTHORIZED "A token is needed and none was given.";
    TokenWrong "token_wrong" UNAUTHORIZED "The token is none that is known here.";
    TokenScope "token_scope" FORBIDDEN "The token is for something else.";
    Origin "origin" FORBIDDEN "The page is of another origin.";
    Forbidden "forbidden" FORBIDDEN "Not for anybody: a bridge within a bridge, or for what is no page; a message where clients send none.";
    NotFound "not_found" NOT_FOUND "There is no such stream or address.";
    Method "method" METHOD_NOT_ALLOWED "The address does not know the method.";
    NotAcceptable "not_acceptable" NOT_ACCEPTABLE "Nothing of what the client accepts.";
    BodyTimeout "body_timeout" REQUEST_TIMEOUT "The body took longer than `body_read`.";
    Gone "gone" GONE "The stream is over.";
    TooLong "too_long" PAYLOAD_TOO_LARGE "A message, or its body, is longer than `message_bytes`.";
    MediaType "media_type" UNSUPPORTED_MEDIA_TYPE "The body is of a type that is not published.";
    Unprocessable "unprocessable" UNPROCESSABLE_ENTITY "The message has no form to be published in, its idempotency key was used for something else, or a handler refuses it.";
    UpgradeRequired "upgrade_required" UPGRADE_REQUIRED "Here is a WebSocket, and the request is no handshake.";
    ConnectRate "connect_rate" TOO_MANY_REQUESTS "The address connects more often than `Rates::connects`.";
    AddressConnections "connections_per_address" TOO_MANY_REQUESTS "The address has `connections_per_address` connections.";
    PublishRate "publish_rate" TOO_MANY_REQUESTS "The publisher publishes more often than `Rates::publishes`.";
    StreamRate "stream_rate" TOO_MANY_REQUESTS "More is published to the stream than `Rates::stream_publishes`, or its rule, admits.";
    SendRate "send_rate" TOO_MANY_REQUESTS "The client sends more often than `Rates::sends`.";
    BridgeTarget "bridge_target" BAD_GATEWAY "A bridge could not connect to its own port.";
    Connections "connections" SERVICE_UNAVAILABLE "There are `connections` connections.";
    Streams "streams" SERVICE_UNAVAILABLE "There are `streams` streams.";
    Clients "clients" SERVICE_UNAVAILABLE "There are `clients` clients present in the stream.";
    ClientFull "client_full" TOO_MANY_REQUESTS "One client takes less than it is sent: `direct_messages` or `direct_bytes`.";
    Bodies "bodies" SERVICE_UNAVAILABLE "The bodies of all requests that publish hold `bodies_in_all` bytes.";
    DirectBytes "direct_bytes" SERVICE_UNAVAILABLE "`direct_bytes_in_all` wait for clients.";
    Handlers "handlers" SERVICE_UNAVAILABLE "There are `handlers_at_once` messages of clients being handled.";
    Handler "handler" INTERNAL_SERVER_ERROR "A handler of messages failed.";
    KeyUnderWay "key_under_way" SERVICE_UNAVAILABLE "A request with the same idempotency key is under way for too long.";
    Keys "idempotency_keys" SERVICE_UNAVAILABLE "There are `idempotency_keys`, or `idempotency_bytes` of them, under way.";
    Logs "logs" SERVICE_UNAVAILABLE "The logs of all streams are full.";
    Behind "behind" SERVICE_UNAVAILABLE "The server was behind for longer than `publish_wait`.";
    Bridges "bridges" SERVICE_UNAVAILABLE "There are `bridges` bridges, or `bridges_per_address` of the address.";
    Ending "ending" SERVICE_UNAVAILABLE "The server ends.";
    OtherClient "other_client" BAD_REQUEST "Another status from 400 to 499, of the application's own routes.";
    OtherServer "other_server" INTERNAL_SERVER_ERROR "Another status from 500 on, of the application's own routes or of the call service.";
}

impl Reason {
    /// What an answer of this status means that says no more; nothing if it is no refusal.
    pub(crate) fn of(status: StatusCode) -> Option<Self> {
        Some(match status.as_u16() {
            ..400 => return None,
            400 => Self::Malformed,
            401 => Self::TokenMissing,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            405 => Self::Method,
            406 => Self::NotAcceptable,
            408 => Self::BodyTimeout,
            410 => Self::Gone,
            413 => Self::TooLong,
            415 => Self::MediaType,
            422 => Self::Unprocessable,
            426 => Self::UpgradeRequired,
            502 => Self::BridgeTarget,
            500.. => Self::OtherServer,
            _ => Self::OtherClient,
        })
    }
}

/// Counters by reason.
#[derive(Debug)]
pub(super) struct Counts([AtomicU64; Reason::COUNT]);

impl Default for Counts {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; Reason::COUNT])
    }
}

impl Counts {
    pub(super) fn count(&self, why: Reason) {
        self.0[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn told(&self) -> Refusals {
        Refusals(std::array::from_fn(|i| self.0[i].load(Ordering::Relaxed)))
    }
}

/// How many requests were refused since the start, by reason. What a port refuses before there is a request is counted
/// by [`policy_server::Metrics`], and connections that were cut later by [`Close`](crate::lifecycle::Close).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusals([u64; Reason::COUNT]);

impl Refusals {
    /// How many for this reason.
    #[must_use]
    pub const fn get(&self, why: Reason) -> u64 {
        self.0[why as usize]
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Reason by reason, those that did not come too.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.iter().map(|why| (*why, self.get(*why)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_reasons_stand_in_their_order() {
        let names: HashSet<_> = Reason::ALL.iter().map(|why| why.name()).collect();
        assert_eq!(names.len(), Reason::COUNT);
        assert!(Reason::ALL.iter().enumerate().all(|(index, why)| *why as usize == index));
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }

    /// To mend it: put what it prints into the README.
    #[test]
    fn the_table_in_the_readme_is_that_of_the_reasons() {
        let readme = include_str!("../../README.md").replace("\r\n", "\n");
        let row =
            |why: &Reason| format!("| `{}` | {} | {} |\n", why.name(), why.status().as_u16(), why.help());
        let table: String = Reason::ALL.iter().map(row).collect();
        assert!(readme.contains(&table), "the README's table of reasons differs; this is right:\n{table}");
    }

    #[test]
    fn every_status_from_400_on_has_a_reason() {
        for status in 100..1000 {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Reason::of(status).is_some(), status.as_u16() >= 400, "{status}");
        }
        for why in Reason::ALL {
            assert!(why.status().as_u16() >= 400);
        }
    }

    #[test]
    fn each_is_counted_for_itself() {
        let counts = Counts::default();
        for why in [Reason::Origin, Reason::Origin, Reason::OtherServer] {
            counts.count(why);
        }
        let told = counts.told();
        assert_eq!((told.get(Reason::Origin), told.get(Reason::Head), told.total()), (2, 0, 3));
        assert_eq!(told.iter().map(|(_, count)| count).sum::<u64>(), 3);
    }
}
