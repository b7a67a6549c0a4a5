//! How a stream is asked for, and every bound of its client.

use super::backoff::LONGEST;
use super::connect::Plan;
use super::listener::{Listener, Settings};
use super::position::Position;
use super::target::Target;
use crate::client::address::{basic, secret};
use crate::client::call::is_machinery;
use crate::client::dial::{self, Tls};
use crate::client::error::{Error, Result};
use crate::grammar::{Final, Grammar};
use crate::limits::Limits;
use crate::packet::Framing;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection may take, name and TLS included, unless [`Listen::connect_timeout`] says otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the response head may take, unless [`Listen::head_timeout`] says otherwise.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// After what silence a stream is taken for dead whose server promises no heartbeat, unless [`Listen::silence`] says
/// otherwise.
pub const SILENCE: Duration = Duration::from_secs(300);

/// The first wait before another connection, unless [`Listen::backoff`] says otherwise.
pub const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait before another connection, unless [`Listen::backoff`] says otherwise.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest `Retry-After` that is heeded, unless [`Listen::max_retry_after`] says otherwise.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// A stream that is not open yet. Made by [`listen`].
#[derive(Clone)]
#[must_use = "nothing is asked for before it is opened and read"]
pub struct Listen {
    url: String,
    head: HeaderMap,
    /// The first thing that was given wrong.
    wrong: Option<(&'static str, String)>,
    body: Option<Bytes>,
    preamble: Option<Bytes>,
    tls: Tls,
    any_content_type: bool,
    connect_timeout: Duration,
    head_timeout: Duration,
    max_retry_after: Duration,
    pub(super) settings: Settings,
}

/// Begins to describe the stream at `url`: `http://…`, `https://…`, or, without HTTP, `tcp://host:port` and
/// `tls://host:port`.
///
/// The server gets the URL as it is: what it wants to know (`push-server`: `?framing=`, `?grammar=`, `?client=`,
/// `?last=`) stands in its query.
pub fn listen(url: impl Into<String>) -> Listen {
    Listen {
        url: url.into(),
        head: HeaderMap::new(),
        wrong: None,
        body: None,
        preamble: None,
        tls: Tls::default(),
        any_content_type: false,
        connect_timeout: CONNECT_TIMEOUT,
        head_timeout: HEAD_TIMEOUT,
        max_retry_after: LONGEST_RETRY_AFTER,
        settings: Settings {
            limits: Limits::new(),
            framing: None,
            since: None,
            silence: None,
            reconnect: true,
            wait_for_server: false,
            max_failures: u32::MAX,
            first_wait: FIRST_WAIT,
            longest_wait: LONGEST_WAIT,
        },
    }
}

impl Listen {
    /// The framing of the packets. Not given, it is recognised by the first bytes of each connection
    /// ([`PacketDecoder::recognising`](crate::packet::PacketDecoder::recognising), which says when that is wrong).
    pub fn framing(mut self, framing: Framing) -> Self {
        self.settings.framing = Some(framing);
        self
    }

    /// What packets and their values may cost. A packet beyond [`Limits::max_packet`] ends the stream with an error.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Goes on after this place, which an earlier listener has reached. It is sent as `Last-Event-ID`; a server that
    /// knows no positions passes over it, and the verdict is then [`Verdict::Unknown`](super::Verdict::Unknown).
    pub fn since(mut self, position: Position) -> Self {
        self.settings.since = Some(position);
        self
    }

    /// Sends a field with each request, also in the place of one that is sent anyway (`Accept`, `User-Agent`, …). What
    /// HTTP's own machinery sets is refused.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(_)) if is_machinery(&name) => {
                self.set_wrong("header", format!("{name} is set by the connection itself"));
            }
            (Ok(name), Ok(value)) => drop(self.head.insert(name, value)),
            (Err(_), _) => self.set_wrong("header", format!("{name:?} is no name of a field")),
            (_, Err(_)) => self.set_wrong("header", format!("{name} has bytes that no field may have")),
        }
        self
    }

    /// Sends a user and a password with each request (RFC 7617). They may as well stand in the URL.
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        self.authorization(basic(user, password))
    }

    /// Sends a token with each request (RFC 6750).
    pub fn bearer(self, token: &str) -> Self {
        self.authorization(secret("bearer", format!("Bearer {token}")))
    }

    fn authorization(mut self, value: Result<HeaderValue>) -> Self {
        match value {
            Ok(value) => drop(self.head.insert(header::AUTHORIZATION, value)),
            Err(Error::Setting { name, wrong }) => self.set_wrong(name, wrong),
            Err(error) => self.set_wrong("authorization", error.to_string()),
        }
        self
    }

    /// Asks by `POST`, with this body (and `Content-Type: application/x-hessian`, unless another is given). Else by
    /// `GET`. Sent again for each connection.
    pub fn post(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// What is sent first over a bare connection (`tcp:`, `tls:`); nothing if not given. Sent again for each one.
    pub fn preamble(mut self, bytes: impl Into<Bytes>) -> Self {
        self.preamble = Some(bytes.into());
        self
    }

    /// Whom to believe, for `https:` and `tls:`.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Takes responses of any `Content-Type` for packets. Else those that say they are pages, text, pictures, JSON or
    /// XML are refused: their bytes would be read as packets of nonsense.
    pub fn any_content_type(mut self, any: bool) -> Self {
        self.any_content_type = any;
        self
    }

    /// After what silence a connection is taken for dead, counted while the listener waits; any byte ends it. `None`:
    /// never. Not given: twice the heartbeat that the server promises (`push-heartbeat`), else [`SILENCE`].
    pub fn silence(mut self, silence: impl Into<Option<Duration>>) -> Self {
        self.settings.silence = Some(silence.into().map(|time| time.min(LONGEST)));
        self
    }

    /// How long a connection may take, name and TLS included. Default: [`CONNECT_TIMEOUT`].
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time.min(LONGEST);
        self
    }

    /// How long the head of the response may take once there is a connection. Default: [`HEAD_TIMEOUT`].
    pub fn head_timeout(mut self, time: Duration) -> Self {
        self.head_timeout = time.min(LONGEST);
        self
    }

    /// Whether another connection follows when one is lost. Default: yes. Without, the end of the one connection is
    /// the end of the stream: right for streams that are meant to end.
    pub fn reconnect(mut self, reconnect: bool) -> Self {
        self.settings.reconnect = reconnect;
        self
    }

    /// Whether a server that has never answered yet is waited for. Default: no, that nobody answers at this address is an
    /// error.
    pub fn wait_for_server(mut self, wait: bool) -> Self {
        self.settings.wait_for_server = wait;
        self
    }

    /// The first wait before another connection, at least [`LEAST_WAIT`](super::LEAST_WAIT), and the longest: it doubles
    /// with each failure, and half of it is at random. Default: [`FIRST_WAIT`] and [`LONGEST_WAIT`].
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        (self.settings.first_wait, self.settings.longest_wait) = (first, longest);
        self
    }

    /// So many connections in a row may fail; the error of the next one ends the stream. Default: no bound.
    pub fn max_failures(mut self, count: u32) -> Self {
        self.settings.max_failures = count;
        self
    }

    /// The longest `Retry-After` that is heeded; a server that asks for more is asked after so long. Default:
    /// [`LONGEST_RETRY_AFTER`].
    pub fn max_retry_after(mut self, time: Duration) -> Self {
        self.max_retry_after = time.min(LONGEST);
        self
    }

    /// A listener for packets of Hessian 2.0. Connects when it is first read.
    ///
    /// # Errors
    /// What was given wrong: [`Error::Address`], [`Error::Setting`]; [`Error::Tls`].
    pub fn open(self) -> Result<Listener> {
        self.open_in()
    }

    /// A listener for packets in another grammar.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_in<G: Grammar>(self) -> Result<Listener<G>> {
        let settings = self.settings.clone();
        Ok(Listener::new(Arc::new(self.plan()?), settings))
    }

    /// [`open`](Self::open), for programs without an asynchronous runtime.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`Error::Io`] where the system gives no resources to wait with.
    pub fn blocking(self) -> Result<super::Blocking<Final>> {
        super::Blocking::new(self.open()?)
    }

    fn plan(self) -> Result<Plan> {
        if let Some((name, wrong)) = self.wrong {
            return Err(Error::Setting { name, wrong });
        }
        let target = Target::parse(&self.url)?;
        let is_http = target.http.is_some();
        for (name, is_given, is_right, wrong) in [
            ("post", self.body.is_some(), is_http, "a bare connection takes no POST; it has a preamble"),
            ("header", !self.head.is_empty(), is_http, "a bare connection has no header"),
            ("preamble", self.preamble.is_some(), !is_http, "HTTP has no preamble; it has a body"),
        ] {
            if is_given && !is_right {
                return Err(Error::Setting { name, wrong: wrong.into() });
            }
        }
        let (mut method, mut head) = (Method::GET, self.head);
        if let Some(resource) = &target.http {
            for (name, value) in resource.defaults() {
                head.entry(name).or_insert(value);
            }
            if self.body.is_some() {
                method = Method::POST;
                let hessian = HeaderValue::from_static("application/x-hessian");
                head.entry(header::CONTENT_TYPE).or_insert(hessian);
            }
        }
        let tls = if target.is_tls { self.tls } else { dial::no_roots()? };
        Ok(Plan {
            connector: dial::connector(&tls, self.connect_timeout)?,
            target,
            method,
            head,
            body: self.body.or(self.preamble).unwrap_or_default(),
            any_content_type: self.any_content_type,
            head_timeout: self.head_timeout,
            max_retry_after: self.max_retry_after,
        })
    }

    fn set_wrong(&mut self, name: &'static str, wrong: String) {
        self.wrong.get_or_insert((name, wrong));
    }
}

/// Without what may be secret: a user, a query, a body.
impl fmt::Debug for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = Target::parse(&self.url);
        let url = target.as_ref().map_or("no address", |target| &target.shown);
        f.debug_struct("Listen").field("url", &url).field("settings", &self.settings).finish_non_exhaustive()
    }
}
