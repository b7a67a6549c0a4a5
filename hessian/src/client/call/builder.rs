//! What a client is told before it calls: every bound has its default here.

use super::super::address::{self, Address};
use super::super::blocking;
use super::super::dial::{self, Tls};
use super::super::error::{Error, Result};
use super::{Client, Shared};
use crate::limits::Limits;
use crate::rpc::Form;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Bytes of the head of a response at most, and of what is read from a connection at once.
const MAX_HEAD: usize = 64 << 10;

/// Header lines of a response at most (hyper's default, said here because it is a bound).
const MAX_HEADER_LINES: usize = 100;

/// Settings of a [`Client`].
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    address: String,
    settings: Settings,
    connect_timeout: Duration,
    pool_idle_timeout: Duration,
    max_idle: usize,
    max_calls: usize,
    tls: Tls,
    /// The first setting that cannot be.
    wrong: Option<(&'static str, String)>,
}

/// What each call looks up.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) form: Form,
    pub(super) reply_form: Option<Form>,
    pub(super) headers: HeaderMap,
    pub(super) timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) limits: Limits,
    pub(super) max_reply: u64,
    pub(super) max_excerpt: usize,
    pub(super) overload_names: bool,
    pub(super) ignore_trailing: bool,
    pub(super) request_id: Option<HeaderName>,
}

impl ClientBuilder {
    pub(super) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            settings: Settings {
                form: Form::Two,
                reply_form: None,
                headers: HeaderMap::new(),
                timeout: Duration::from_secs(60),
                idle_timeout: Duration::from_secs(30),
                limits: Limits::new(),
                max_reply: 64 << 20,
                max_excerpt: 1 << 10,
                overload_names: false,
                ignore_trailing: false,
                request_id: None,
            },
            connect_timeout: Duration::from_secs(10),
            pool_idle_timeout: Duration::from_secs(10),
            max_idle: 8,
            max_calls: 256,
            tls: Tls::System,
            wrong: None,
        }
    }

    /// The grammar of calls. Default: Hessian 2, which every Java library since 2008 answers. A call of Hessian 1 asks for
    /// a reply of Hessian 1, unless [`reply_form`](Self::reply_form) says otherwise; replies of either form are
    /// understood.
    pub fn form(mut self, form: Form) -> Self {
        self.settings.form = form;
        self
    }

    /// The grammar that replies are asked for in. `form(One).reply_form(Two)` is what Java's `HessianProxyFactory` sends
    /// unless told otherwise: for services that nobody ever called in another way. Default: that of the call.
    pub fn reply_form(mut self, form: Form) -> Self {
        self.settings.reply_form = Some(form);
        self
    }

    /// Sends a user and a password with each call, as Java's `setUser` and `setPassword` do. Over `http:` everybody on the
    /// way can read them.
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        match address::basic(user, password) {
            Ok(value) => self.settings.headers.insert(header::AUTHORIZATION, value),
            Err(error) => return self.refuse(error),
        };
        self
    }

    /// Sends a token with each call: `Authorization: Bearer …`.
    pub fn bearer(mut self, token: &str) -> Self {
        match address::secret("bearer", format!("Bearer {token}")) {
            Ok(value) => self.settings.headers.insert(header::AUTHORIZATION, value),
            Err(error) => return self.refuse(error),
        };
        self
    }

    /// Sends a header with each call. One of the same name that was set before is replaced; `Content-Type` is
    /// `x-application/hessian`, as in Java, unless it is set here. What HTTP's own machinery sets is refused.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let wrong = match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(_)) if is_machinery(&name) => format!("{name} is set by the connection itself"),
            (Ok(name), Ok(value)) => {
                self.settings.headers.insert(name, value);
                return self;
            }
            (Err(_), _) => format!("{name:?} is no name of a header"),
            (_, Err(_)) => format!("the value of {name} has bytes that no header may have"),
        };
        self.wrong("header", wrong)
    }

    /// Sends an id with each call, in the header of this name (`X-Request-Id`): the one that the logs of this client tell.
    /// Default: none is sent.
    pub fn request_id_header(mut self, name: &str) -> Self {
        match HeaderName::try_from(name) {
            Ok(name) if !is_machinery(&name) => self.settings.request_id = Some(name),
            _ => return self.wrong("request_id_header", format!("{name:?} is no name of such a header")),
        }
        self
    }

    /// How long a call may take from its beginning to the last byte of its reply; waiting for one of
    /// [`max_calls`](Self::max_calls) and connecting included. `Duration::MAX` is for ever, which is Java's default.
    /// Default: 60 s.
    ///
    /// Where binaries are streamed, it counts until the reply begins, and anew when an upload is at its end; what
    /// streams has to go on within [`idle_timeout`](Self::idle_timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long a connection may take to be there: looking up the name, TCP and TLS together. Default: 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long it may be silent between two pieces of a reply, or of an upload. Default: 30 s.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = timeout;
        self
    }

    /// What a reply may cost to decode. Default: [`Limits::new`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Bytes of a reply at most, after decompression; it is in memory as a whole. Streamed binaries do not count.
    /// Default: 64 MiB.
    pub fn max_reply(mut self, bytes: u64) -> Self {
        self.settings.max_reply = bytes;
        self
    }

    /// Bytes of something else than a reply (a page of a proxy) that an error tells at most. Default: 1,024.
    pub fn max_excerpt(mut self, bytes: usize) -> Self {
        self.settings.max_excerpt = bytes;
        self
    }

    /// Calls that are on their way at a time at most, and so connections; others wait within their
    /// [`timeout`](Self::timeout). A streamed reply counts until it is dropped. Default: 256.
    pub fn max_calls(mut self, calls: usize) -> Self {
        if calls == 0 || calls > Semaphore::MAX_PERMITS {
            return self.wrong("max_calls", format!("{calls} is not in 1..={}", Semaphore::MAX_PERMITS));
        }
        self.max_calls = calls;
        self
    }

    /// Connections that are kept for further calls at most. 0 opens one for each call. Default: 8.
    pub fn pool_max_idle(mut self, connections: usize) -> Self {
        self.max_idle = connections;
        self
    }

    /// How long a connection is kept for further calls. Shorter than what servers keep them (Resin 15 s, Tomcat 20 s): a
    /// call that meets the end of its connection fails. Default: 10 s.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.pool_idle_timeout = timeout;
        self
    }

    /// How a server of `https:` proves who it is. Default: by a certificate that this system trusts.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Names methods with the types of their arguments (`add_int_int`), as Java's `setOverloadEnabled` does. Default: no.
    pub fn overload_names(mut self, overload: bool) -> Self {
        self.settings.overload_names = overload;
        self
    }

    /// Passes over what follows a reply, as Java's client does. Default: bytes after the reply are an error.
    pub fn ignore_trailing(mut self, ignore: bool) -> Self {
        self.settings.ignore_trailing = ignore;
        self
    }

    /// The client.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::Setting`], and [`Error::Tls`] for `https:` addresses.
    pub fn build(self) -> Result<Client> {
        if let Some((name, wrong)) = self.wrong {
            return Err(Error::Setting { name, wrong });
        }
        let mut address = Address::parse(&self.address)?;
        let mut settings = self.settings;
        if settings.form == Form::Two && settings.reply_form == Some(Form::One) {
            let wrong = "a call of Hessian 2 has its reply in Hessian 2".into();
            return Err(Error::Setting { name: "reply_form", wrong });
        }
        let headers = &mut settings.headers;
        headers
            .entry(header::CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(super::exchange::CONTENT_TYPE));
        #[cfg(feature = "deflate")]
        headers.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("deflate"));
        if let Some(value) = address.authorization.take() {
            headers.entry(header::AUTHORIZATION).or_insert(value);
        }
        // The system's certificates are read from disk, which plain connections need not wait for (or fail of).
        let tls = match (&self.tls, address.uri.scheme_str()) {
            (Tls::System, Some("http")) => dial::no_roots()?,
            (tls, _) => tls.clone(),
        };
        let http = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.pool_idle_timeout)
            .pool_max_idle_per_host(self.max_idle)
            .http1_max_buf_size(MAX_HEAD)
            .http1_max_headers(MAX_HEADER_LINES)
            .build(dial::connector(&tls, self.connect_timeout)?);
        Ok(Client {
            shared: Arc::new(Shared {
                address,
                settings,
                http,
                calls: Arc::new(Semaphore::new(self.max_calls)),
                prefix: fastrand::u32(..),
                requests: 0.into(),
            }),
        })
    }

    /// The client without `async`.
    ///
    /// # Errors
    /// As [`build`](Self::build), and [`Error::Io`] when its thread cannot be started.
    pub fn build_blocking(self) -> Result<blocking::Client> {
        blocking::Client::of(self.build()?)
    }

    fn refuse(self, error: Error) -> Self {
        match error {
            Error::Setting { name, wrong } => self.wrong(name, wrong),
            _ => self,
        }
    }

    fn wrong(mut self, name: &'static str, wrong: String) -> Self {
        self.wrong.get_or_insert((name, wrong));
        self
    }
}

/// Headers that say how a message is cut, or who is at the other end.
pub(in crate::client) fn is_machinery(name: &HeaderName) -> bool {
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::TE, header::UPGRADE]
        .contains(name)
        || name == header::TRAILER
        || name == "keep-alive"
        || name == header::EXPECT
        || name == header::CONTENT_ENCODING
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}
