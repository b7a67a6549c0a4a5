//! Who may do what, and how often: the rules that every route asks.
//!
//! Each [`Hub`](crate::Hub) has one [`Guard`], and whatever serves its streams obeys it. Its [`Rules`] are plain data,
//! and can be replaced while everything is served; connections that are open stay, and their next request is asked anew.
//!
//! ```
//! use push_server::guard::{Rate, Rules, StreamRule, Token, Tokens};
//! # fn f(hub: &push_server::Hub) -> Result<(), Box<dyn std::error::Error>> {
//! let mut rules = Rules::default();
//! rules.publish = Tokens::new([Token::new("0a2d8c6e4f19b7530a2d8c6e4f19b753")?])?;
//! let mut payroll = StreamRule::new("payroll-*".parse()?);
//! payroll.subscribe = Tokens::new([Token::new("9f3e5d7c1b2a48609f3e5d7c1b2a4860")?])?;
//! rules.streams = vec![payroll];
//! rules.rates.publishes = Rate::new(100, 200);
//! hub.guard().replace(rules);
//! # Ok(())
//! # }
//! ```
//!
//! # Tokens
//!
//! | for | asked of | |
//! | --- | --- | --- |
//! | [`Rules::publish`] | whoever publishes over HTTP, by calls too | a token of the whole server |
//! | [`Rules::send`] | whoever sends messages as a client | the same; where it is empty, those that publish, unless [`Rules::senders`] are anybody |
//! | [`StreamRule::subscribe`] | whoever reads the streams that the rule is for, in any form | |
//!
//! An empty list asks for nothing, but that of senders: what nobody handles goes to all readers, so a client that sends
//! publishes, and a token for publishing would be asked in vain. Several tokens are as good as each other: to change one, add the new one, have
//! everybody use it, and take the old one away. A token that publishes does not read; who does both with one request
//! (`POST …/messages?since=`) needs one that is in both lists.
//!
//! A request gives its token in one of these places; in two of them it is refused (RFC 6750, section 2):
//!
//! | | who |
//! | --- | --- |
//! | `Authorization: Bearer TOKEN` | whoever can set header fields |
//! | `Authorization: Basic …`, the token as password, the name as one likes | Java: `HessianProxyFactory.setUser` and `setPassword`; `curl -u :TOKEN` |
//! | `?token=TOKEN` | `EventSource`, WebSockets, iframes and Flash, which cannot. Such an address stands in the logs of proxies and in histories: make it one that reads a stream and nothing else. The answer says `Referrer-Policy: no-referrer`, and the server logs no query |
//!
//! A WebSocket is asked for the token that reads when it is opened, and for the one that sends with each message; what is
//! refused there is answered in band.
//!
//! Without one the answer is 401 with `WWW-Authenticate: Bearer`; with one that is not known, 401 and
//! `error="invalid_token"`; with one that is for something else, 403 and `error="insufficient_scope"`. Tokens are
//! compared by their SHA-256 digests in constant time, with each of the list.
//!
//! The routes of streams ask for these, [`alias`](crate::web::alias)es among them. Routes of the application's own,
//! [controllers](crate::controller) too, are asked for nothing; [`Guard::permit`] is for them as well. Caps and rates of
//! connections are those of all routes.
//!
//! # Rates
//!
//! | | of | counts |
//! | --- | --- | --- |
//! | [`Rates::connects`] | an address | connections, by their first request; through a proxy, which hides them, requests |
//! | [`Rates::publishes`] | a token, or an address where none is asked for | messages |
//! | [`Rates::stream_publishes`], [`StreamRule::publishes`] | a stream | messages, whoever publishes them over HTTP |
//! | [`Rates::sends`] | a token, or an address | messages of clients |
//!
//! A batch that comes again with its idempotency key counts as one message.
//!
//! What is too often is answered with 429, and `Retry-After` says in how many seconds it is not. The application's own
//! [`Stream::publish`](crate::Stream::publish) is not counted. An address is that of the peer, or the one that a
//! [trusted proxy](Proxies) says; of IPv6, a network of 64 bits.

mod address;
mod pattern;
mod places;
mod rate;
mod refusals;
mod token;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::HeaderMap;

pub(crate) use address::network;
pub use address::{BadProxies, ForwardedBy, MAX_PROXIES, Proxies};
pub use pattern::{BadStreamPattern, StreamPattern};
pub use places::Permit;
pub(crate) use places::Place;
pub use rate::Rate;
pub(crate) use rate::seconds;
pub use refusals::{Reason, Refusals};
pub use token::{BadToken, MAX_TOKEN, MAX_TOKENS, MIN_TOKEN, Token, Tokens, TooManyTokens};

use crate::{Limits, StreamConfig, StreamName};
use places::Places;
use rate::Buckets;
use refusals::Counts;

/// Who may do what, and how often. The default: everybody everything that [`Access`](crate::web::Access) admits, as
/// often as [`Rates`] says.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Rules {
    /// For publishing over HTTP, to any stream.
    pub publish: Tokens,
    /// For sending messages as a client. None: as `senders` says.
    pub send: Tokens,
    /// Who sends messages as a client, where [`Access::sends`](crate::web::Access::sends) lets them at all.
    pub senders: Senders,
    /// For single streams: the first whose pattern fits counts, and no other.
    pub streams: Vec<StreamRule>,
    /// How often.
    pub rates: Rates,
    /// Who may say whom they serve.
    pub proxies: Proxies,
}

/// Who may send messages as a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Senders {
    /// Who has a token of [`Rules::send`]; where there is none, who may publish.
    #[default]
    Permitted,
    /// Who has a token of [`Rules::send`]; where there is none, anybody. For chains whose handlers leave nothing to the
    /// system handler that is not everybody's to say.
    Anybody,
    /// Nobody, also on WebSockets that are open.
    Nobody,
}

/// What is said of the streams whose names fit a pattern.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamRule {
    /// Which streams.
    pub name: StreamPattern,
    /// For reading them.
    pub subscribe: Tokens,
    /// How much is published over HTTP to each of them, instead of [`Rates::stream_publishes`].
    pub publishes: Option<Rate>,
    /// The bounds of such a stream when a client's request opens it, instead of the hub's. One that is open keeps its
    /// own.
    pub config: Option<StreamConfig>,
}

impl StreamRule {
    /// One that says nothing yet.
    #[must_use]
    pub fn new(name: StreamPattern) -> Self {
        Self { name, subscribe: Tokens::default(), publishes: None, config: None }
    }
}

/// How often. Each default stops a flood and no client that means well; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rates {
    /// Connections of one address. Default 2,000 a second, and 16,384 at once: as many as there may be at all, so that
    /// those behind one address come back together after a restart.
    pub connects: Rate,
    /// Messages that one token, or one address, publishes. Default 10,000 a second and at once.
    pub publishes: Rate,
    /// Messages that are published to one stream. Default 5,000 a second and at once.
    pub stream_publishes: Rate,
    /// Messages that one client's address, or one token, sends. Default 100 a second, 500 at once.
    pub sends: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            connects: Rate::new(2_000, 16_384),
            publishes: Rate::new(10_000, 10_000),
            stream_publishes: Rate::new(5_000, 5_000),
            sends: Rate::new(100, 500),
        }
    }
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read a stream.
    Subscribe,
    /// Publish to a stream, or send to one of its clients.
    Publish,
    /// Send a message as a client.
    Send,
}

/// Who does it, as far as rates are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Party(Key);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Token([u8; 32]),
}

impl Party {
    /// Whoever has this address; of IPv6, its network of 64 bits.
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        Self(Key::Address(network(address)))
    }

    /// Whoever has this token.
    #[must_use]
    pub const fn token(token: &Token) -> Self {
        Self(Key::Token(*token.digest()))
    }
}

/// Why something may not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denied {
    /// The reason.
    pub why: Reason,
    /// In what time it may.
    pub wait: Option<Duration>,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.why {
            Reason::TokenMissing => {
                return f.write_str("A token is needed here: Authorization: Bearer TOKEN.");
            }
            Reason::TokenWrong => return f.write_str("The token is none that is known here."),
            Reason::TokenScope => return f.write_str("The token is for something else."),
            Reason::Forbidden => return f.write_str("Clients send no messages here."),
            Reason::AddressConnections => {
                return f.write_str("There are too many connections from this address.");
            }
            Reason::ConnectRate => "There are too many new connections from this address",
            Reason::PublishRate => "This is more than one publisher may publish",
            Reason::StreamRate => "This is more than may be published to the stream",
            _ => "This is more than one client may send",
        };
        write!(f, "{what}; come back in {} s.", self.wait.map_or(1, seconds))
    }
}

impl Denied {
    const fn token(why: Reason) -> Self {
        Self { why, wait: None }
    }
}

/// The rules of a hub, and what is counted to enforce them. Clones are one.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rules: RwLock<Arc<Rules>>,
    connections_per_address: usize,
    places: Places,
    connects: Buckets<IpAddr>,
    publishes: Buckets<Party>,
    sends: Buckets<Party>,
    streams: Buckets<StreamName>,
    refused: Counts,
}

impl Guard {
    pub(crate) fn new(limits: &Limits) -> Self {
        let entries = limits.rate_entries;
        Self(Arc::new(Inner {
            rules: RwLock::default(),
            connections_per_address: limits.connections_per_address,
            places: Places::default(),
            connects: Buckets::new(entries),
            publishes: Buckets::new(entries),
            sends: Buckets::new(entries),
            streams: Buckets::new(entries),
            refused: Counts::default(),
        }))
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        self.0.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts these in force, from the next request on. What was counted stays.
    pub fn replace(&self, rules: Rules) {
        *self.0.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// How many requests were refused, by reason.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        self.0.refused.told()
    }

    pub(crate) fn count(&self, why: Reason) {
        self.0.refused.count(why);
    }

    /// Whose address a request counts for that `peer` has sent.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.rules().proxies.client(peer, headers)
    }

    /// Whether `peer` speaks for others.
    pub(crate) fn is_proxy(&self, peer: IpAddr) -> bool {
        self.rules().proxies.trust(peer)
    }

    /// One more connection of `address`.
    pub(crate) fn connect(&self, address: IpAddr) -> Result<Place, Denied> {
        let most = self.0.connections_per_address;
        let place = self.0.places.enter(address, most);
        // A connection that ends makes room at any time.
        let full = Denied { why: Reason::AddressConnections, wait: Some(FULL) };
        let place = place.ok_or(full)?;
        let taken = self.0.connects.take(network(address), self.rules().rates.connects, 1);
        taken.map_err(|wait| Denied { why: Reason::ConnectRate, wait: Some(wait) })?;
        Ok(place)
    }

    /// Whether this may be done with the token that was given; if one is asked for, the party that has it. Takes the same
    /// time whatever was given.
    ///
    /// # Errors
    ///
    /// [`Reason::TokenMissing`], [`Reason::TokenWrong`] or [`Reason::TokenScope`]; [`Reason::Forbidden`] where
    /// [nobody](Senders::Nobody) may.
    pub fn permit(
        &self,
        action: Action,
        stream: Option<&str>,
        given: Option<&Token>,
    ) -> Result<Option<Party>, Denied> {
        let rules = self.rules();
        let asked = match action {
            Action::Publish => &rules.publish,
            Action::Send if rules.senders == Senders::Nobody => return Err(Denied::token(Reason::Forbidden)),
            Action::Send if rules.send.is_empty() && rules.senders == Senders::Permitted => &rules.publish,
            Action::Send => &rules.send,
            Action::Subscribe => match stream.and_then(|name| rules.stream(name)) {
                Some(rule) => &rule.subscribe,
                None => return Ok(None),
            },
        };
        if asked.is_empty() {
            return Ok(None);
        }
        let Some(given) = given else { return Err(Denied::token(Reason::TokenMissing)) };
        if asked.hold(given) {
            return Ok(Some(Party::token(given)));
        }
        // Of every list, so that the time does not tell which.
        let lists = rules.streams.iter().map(|rule| &rule.subscribe).chain([&rules.publish, &rules.send]);
        let is_known = lists.fold(false, |known, list| known | list.hold(given));
        Err(Denied::token(if is_known { Reason::TokenScope } else { Reason::TokenWrong }))
    }

    /// `amount` messages more of one publisher.
    ///
    /// # Errors
    ///
    /// [`Reason::PublishRate`], and in what time so many may be published.
    pub fn publish(&self, by: Party, amount: u32) -> Result<(), Denied> {
        let taken = self.0.publishes.take(by, self.rules().rates.publishes, amount);
        taken.map_err(|wait| Denied { why: Reason::PublishRate, wait: Some(wait) })
    }

    /// `amount` messages more to one stream.
    ///
    /// # Errors
    ///
    /// [`Reason::StreamRate`], and in what time so many may be published.
    pub fn publish_to(&self, stream: &StreamName, amount: u32) -> Result<(), Denied> {
        let rules = self.rules();
        let own = rules.stream(stream.as_str()).and_then(|rule| rule.publishes);
        let taken = self.0.streams.take(stream.clone(), own.unwrap_or(rules.rates.stream_publishes), amount);
        taken.map_err(|wait| Denied { why: Reason::StreamRate, wait: Some(wait) })
    }

    /// `amount` messages more of one publisher to one stream, after the first of a batch, which was asked for: they are
    /// taken in any case, and what is too much is owed.
    pub fn publish_rest(&self, by: Party, stream: &StreamName, amount: u32) {
        let rules = self.rules();
        let own = rules.stream(stream.as_str()).and_then(|rule| rule.publishes);
        self.0.publishes.owe(by, rules.rates.publishes, amount);
        self.0.streams.owe(stream.clone(), own.unwrap_or(rules.rates.stream_publishes), amount);
    }

    /// Whether a client of this address, with this token, may send one message more to the stream.
    pub(crate) fn hears(
        &self,
        stream: &StreamName,
        token: Option<&Token>,
        address: IpAddr,
    ) -> Result<(), Denied> {
        let party = self.permit(Action::Send, Some(stream.as_str()), token)?;
        self.send(party.unwrap_or_else(|| Party::address(address)))
    }

    /// One message more of a client.
    ///
    /// # Errors
    ///
    /// [`Reason::SendRate`], and in what time one may be sent.
    pub fn send(&self, by: Party) -> Result<(), Denied> {
        let taken = self.0.sends.take(by, self.rules().rates.sends, 1);
        taken.map_err(|wait| Denied { why: Reason::SendRate, wait: Some(wait) })
    }
}

/// When to come back to an address that has as many connections as it may.
const FULL: Duration = Duration::from_secs(5);

impl Rules {
    /// The rule that counts for the stream of this name. O(rules).
    #[must_use]
    pub fn stream(&self, name: &str) -> Option<&StreamRule> {
        self.streams.iter().find(|rule| rule.name.fits(name))
    }
}

#[cfg(test)]
mod tests;
