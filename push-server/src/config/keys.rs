//! Every key, once: where it is kept, what it may hold, when it counts, and what it does.

use std::time::Duration;

use push_server::guard::{ForwardedBy, Proxies};

use super::settings::{LogFormat, Public, Settings};
use super::value::{Form, Kind, Value};

/// When another value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// From a reload on (SIGHUP).
    Reload,
    /// From the next start on.
    Start,
}

/// One key of the settings, or of a section of which there may be several.
#[derive(Debug)]
pub(crate) struct Key<T: 'static = Settings> {
    /// With its section: `limits.log_bytes`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) when: When,
    pub(crate) help: &'static str,
    pub(super) get: fn(&T) -> Value,
    pub(super) set: fn(&mut T, Value),
}

impl<T> Key<T> {
    /// `PUSH_SERVER_LIMITS_LOG_BYTES`.
    pub(crate) fn variable(&self) -> String {
        format!("PUSH_SERVER_{}", self.name.replace('.', "_").to_ascii_uppercase())
    }

    /// The section that it stands in; empty before the first one.
    pub(crate) fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    /// Its name within the section.
    pub(crate) fn short(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, short)| short)
    }

    pub(crate) fn get(&self, settings: &T) -> Value {
        (self.get)(settings)
    }

    /// Its value as a file has it.
    pub(crate) fn show(&self, settings: &T) -> String {
        self.kind.write(&self.get(settings))
    }

    /// `value` is one that its kind has read.
    pub(crate) fn set(&self, settings: &mut T, value: Value) {
        (self.set)(settings, value);
    }
}

/// The key of this name.
pub(super) fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

pub(super) fn is_section(name: &str) -> bool {
    !name.is_empty() && KEYS.iter().any(|key| key.section() == name)
}

/// A field of the settings as a value. What its kind admits fits; anything else leaves it as it is.
pub(super) trait Field {
    fn value(&self) -> Value;
    fn put(&mut self, value: Value);
}

impl<F: Field + Default> Field for Option<F> {
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Unset, Field::value)
    }

    fn put(&mut self, value: Value) {
        *self = (value != Value::Unset).then(|| {
            let mut field = F::default();
            field.put(value);
            field
        });
    }
}

macro_rules! fields {
    ($($type:ty, $this:ident => $value:expr, $pattern:pat => $put:expr;)*) => {
        $(impl Field for $type {
            fn value(&self) -> Value {
                let $this = self;
                $value
            }
            fn put(&mut self, value: Value) {
                if let $pattern = value && let Some(new) = $put {
                    *self = new;
                }
            }
        })*
    };
}

fields! {
    usize, this => Value::Number(*this as u64), Value::Number(n) => Self::try_from(n).ok();
    u64, this => Value::Number(*this), Value::Number(n) => Some(n);
    u32, this => Value::Number(u64::from(*this)), Value::Number(n) => Self::try_from(n).ok();
    bool, this => Value::Flag(*this), Value::Flag(flag) => Some(flag);
    Duration, this => Value::Time(*this), Value::Time(time) => Some(time);
    String, this => Value::Text(this.clone()), Value::Text(text) => Some(text);
    Vec<String>, this => Value::List(this.clone()), Value::List(list) => Some(list);
    Public, this => Value::Text(PUBLIC[*this as usize].to_owned()), Value::Text(text) => match &*text {
        "nothing" => Some(Self::Nothing),
        "health" => Some(Self::Health),
        _ => Some(Self::All),
    };
    LogFormat, this => Value::Text(FORMATS[*this as usize].to_owned()), Value::Text(text) => match &*text {
        "text" => Some(Self::Text),
        _ => Some(Self::Json),
    };
}

/// In the order of the variants.
const PUBLIC: &[&str] = &["nothing", "health", "all"];
const FORMATS: &[&str] = &["text", "json"];

/// Declares the keys: `section { field: kind, when, help; }`, and those before the first section.
macro_rules! keys {
    (@key $name:expr, [$($path:ident).+], $kind:expr, $when:ident, $help:literal) => {
        Key {
            name: $name,
            kind: $kind,
            when: When::$when,
            help: $help,
            get: |settings| Field::value(&settings.$($path).+),
            set: |settings, value| Field::put(&mut settings.$($path).+, value),
        }
    };
    (
        { $($top:ident: $top_kind:expr, $top_when:ident, $top_help:literal;)* }
        $($section:ident { $($field:ident: $kind:expr, $when:ident, $help:literal;)* })*
    ) => {
        /// All keys, section by section.
        pub(crate) const KEYS: &[Key] = &[
            $(keys!(@key stringify!($top), [$top], $top_kind, $top_when, $top_help),)*
            $($(keys!(
                @key concat!(stringify!($section), ".", stringify!($field)),
                [$section.$field], $kind, $when, $help
            ),)*)*
        ];
    };
}

const ADDRESSES: Kind = Kind::List(Form {
    expected: "an address, such as \"0.0.0.0:8080\", \"[::]:8080\" or \"fd:NAME\" for a socket of the service manager",
    check: address,
});
const ORIGINS: Kind = Kind::List(Form {
    expected: "\"*\" or an origin as browsers write it, such as \"https://www.example.com\"",
    check: origin,
});
const GRANTS: Kind = Kind::List(Form {
    expected: "\"DOMAIN\" for the ports that are listened on, or \"DOMAIN:PORTS\", such as \"*.example.com:8080,9000-9010\"",
    check: grant,
});
const PROXIES: Kind = Kind::List(Form {
    expected: "an address or a network, such as \"10.0.0.7\" or \"10.0.0.0/8\"",
    check: proxy,
});
const FORWARDED: &[&str] = &["x-forwarded-for", "forwarded"];
/// So often a second, or at once.
pub(super) const RATE: Kind = Kind::Number { least: 0, most: u32::MAX as u64 };
pub(super) const PATH: Kind = Kind::Text(Form { expected: "the path of a file", check: |_| Ok(()) });
const FILTER: Kind = Kind::Text(Form {
    expected: "a level (error, warn, info, debug, trace) or directives, such as \"info,push_server=debug\"",
    check: filter,
});
const SECOND_TO_DAY: Kind = Kind::Time { least: Duration::from_secs(1), most: Duration::from_secs(86_400) };
const UP_TO_AN_HOUR: Kind = Kind::Time { least: Duration::ZERO, most: Duration::from_secs(3_600) };

keys! {
    {
        listen: ADDRESSES, Start, "Where clients come: HTTP, streams and the Flash socket policy on each port. Port 0 lets the system choose.";
        threads: Kind::Number { least: 0, most: 1_024 }, Start, "Threads that serve; 0 is one for each core.";
    }
    access {
        opens: Kind::Flag, Reload, "A stream is opened by the first request for it, whoever makes it.";
        publishes: Kind::Flag, Reload, "Whoever reaches the server publishes; with access.publish_tokens, who has one.";
        sends: Kind::Flag, Reload, "Clients send messages on a stream, to all of its readers or to one.";
        origins: ORIGINS, Reload, "Pages that may open WebSockets and bridges beside those of this host; \"*\" is every page.";
        publish_tokens: Kind::Tokens, Reload, "Who publishes gives one of these; none: nobody is asked. A token, or sha256: and its digest, which is what --print-config prints.";
        publish_token_file: PATH, Reload, "More of them, a line each, in a file that only this server reads; read again at each reload.";
        send_tokens: Kind::Tokens, Reload, "Who sends messages as a client gives one of these; none: one of access.publish_tokens, as a message goes to all readers.";
        send_token_file: PATH, Reload, "More of them.";
        anybody_sends: Kind::Flag, Reload, "Where there are none of them, nobody is asked, though who publishes is.";
        proxies: PROXIES, Reload, "Proxies in front that say whom they serve: caps and rates then count for their clients.";
        proxies_say: Kind::Choice(FORWARDED), Reload, "In which field they say it; the other one is not read.";
    }
    rates {
        connects: RATE, Reload, "Connections of one address, or IPv6 network of 64 bits, a second; 0 is no limit, here and below. More are answered with 429.";
        connects_burst: RATE, Reload, "So many at once.";
        publishes: RATE, Reload, "Messages a second that are published with one token, or from one address where no token is asked for.";
        publishes_burst: RATE, Reload, "So many at once.";
        stream_publishes: RATE, Reload, "Messages a second that are published to one stream.";
        stream_publishes_burst: RATE, Reload, "So many at once.";
        sends: RATE, Reload, "Messages a second that one client's address, or one token, sends.";
        sends_burst: RATE, Reload, "So many at once.";
    }
    policy {
        listen: ADDRESSES, Start, "Ports that answer policy requests and nothing else, as 843 is used.";
        file: PATH, Reload, "The Flash socket policy, a file of XML; its text is read again at each reload. Empty: what policy.allow grants.";
        allow: GRANTS, Reload, "Whose movies may open sockets here, where there is no file. \"*\" is everybody's: name domains where a server is not for everybody.";
    }
    admin {
        listen: ADDRESSES, Start, "Ports for operators: /healthz, /readyz, /metrics and /console. They stay until the very end.";
        public: Kind::Choice(PUBLIC), Reload, "What of that everybody sees on the ports of clients: nothing, health (/healthz and /readyz, a word each) or all.";
        console: Kind::Flag, Reload, "Whether there is a console.";
    }
    metrics {
        streams: Kind::Number { least: 0, most: 10_000 }, Reload, "Streams that are told one by one; the others are summed. A label for each stream a stranger opens would fill the collector.";
    }
    drain {
        delay: UP_TO_AN_HOUR, Reload, "After a signal to end: /readyz says 503, and everything is served as before, until whoever spreads connections has seen it.";
        window: UP_TO_AN_HOUR, Reload, "Then the ports close, and clients are told to come back, one after the other, evenly over this time. It ends early when nobody is left.";
    }
    log {
        filter: FILTER, Reload, "What is logged, to standard error. RUST_LOG is over it where it is set.";
        format: Kind::Choice(FORMATS), Start, "text, a line for people, or json, an object a line.";
    }
    limits {
        connections: Kind::from(1), Start, "HTTP connections at one time, streaming or not; more are answered with 503.";
        connections_per_address: Kind::from(1), Start, "The same of one address, or IPv6 network of 64 bits; more are answered with 429.";
        rate_entries: Kind::Number { least: 1, most: 1 << 24 }, Start, "Addresses, tokens and streams that rates are counted for.";
        streams: Kind::from(1), Start, "Streams at one time.";
        message_bytes: Kind::Bytes { least: 1, most: 1 << 30 }, Start, "One message, in each of its forms.";
        log_messages: Kind::from(1), Start, "Messages that a stream keeps for those who are behind, late or coming back.";
        log_bytes: Kind::bytes(1), Start, "Bytes of messages that a stream keeps.";
        log_bytes_in_all: Kind::bytes(1), Start, "Bytes that the logs of all streams hold.";
        log_age: Kind::time(100), Start, "How long a stream keeps a message.";
        lag_messages: Kind::from(1), Start, "Messages that a connection whose socket is full may be behind before it is cut.";
        lag_bytes: Kind::bytes(1), Start, "The same in bytes.";
        lag_age: Kind::time(100), Start, "The same in time.";
        clients: Kind::from(1), Start, "Clients of one stream that are present by name.";
        client_linger: Kind::time(0), Start, "How long a named client stays present without a connection.";
        direct_messages: Kind::from(1), Start, "Messages that wait for one client.";
        direct_bytes: Kind::bytes(1), Start, "Bytes of messages that wait for one client.";
        direct_bytes_in_all: Kind::bytes(1), Start, "Bytes of messages that wait for all clients.";
        presence_events: Kind::from(1), Start, "Events of presence that a listener may be behind.";
        stall: Kind::time(100), Start, "How long a connection may take nothing of what is sent to it.";
        heartbeat: Kind::time(100), Start, "Silence after which a connection gets a heartbeat.";
        rotate: Kind::time(0), Start, "How long a response lives that browsers keep in memory (script, xhr); 0s is for ever.";
        rotate_longest: SECOND_TO_DAY, Start, "The longest such time that a request may ask for.";
        poll_wait: Kind::time(0), Start, "How long a long poll waits.";
        poll_longest_wait: Kind::time(0), Start, "The longest wait that a request may ask for.";
        poll_interval: Kind::time(0), Start, "The interval that clients of interval polls are told.";
        poll_messages: Kind::from(1), Start, "Messages in one answer to a poll.";
        poll_bytes: Kind::bytes(1), Start, "Bytes of messages in one answer to a poll.";
        body_read: Kind::time(100), Start, "Time for the body of a request that publishes.";
        bodies_in_all: Kind::bytes(1), Start, "Bytes of the bodies of all requests that publish at one time.";
        publish_wait: Kind::time(0), Start, "How long a publication waits while the server is behind; then it is answered with 503.";
        batch_messages: Kind::from(1), Start, "Messages of one batch.";
        batch_bytes: Kind::Bytes { least: 1, most: 1 << 30 }, Start, "Bytes of the body of a batch.";
        idempotency_keys: Kind::from(1), Start, "Idempotency keys that are remembered; past this the oldest is forgotten early.";
        idempotency_bytes: Kind::bytes(1_024), Start, "The same in bytes: of the keys, and 256 B for each.";
        idempotency_age: Kind::time(0), Start, "How long an idempotency key is remembered.";
        handler_time: Kind::time(1), Start, "How long handlers take for one message of a client. Of the library: this program has the system handler alone.";
        handlers_at_once: Kind::from(1), Start, "Messages of clients that are being handled at one time.";
        ignored_input: Kind::bytes(0), Start, "Bytes that a subscriber may send after its request.";
        ws_message: Kind::bytes(1), Start, "One message from a WebSocket.";
        ws_input: Kind::bytes(1), Start, "Bytes from a WebSocket within one heartbeat.";
        ws_unanswered: Kind::from(1), Start, "Messages from a WebSocket whose answers have not left.";
        ws_close: Kind::time(0), Start, "How long a WebSocket's answer to a close frame is waited for.";
        bridges: Kind::from(0), Start, "Ruffle bridges at one time; 0: none are served.";
        bridges_per_address: Kind::from(0), Start, "Ruffle bridges of one address, or IPv6 network of 64 bits.";
        bridge_connect: Kind::time(1), Start, "Time to connect a bridge to this port.";
        bridge_message: Kind::bytes(1), Start, "One message of a movie through a bridge.";
        bridge_read: Kind::Bytes { least: 1, most: 1 << 24 }, Start, "Bytes that a bridge reads at once.";
        bridge_idle: Kind::time(1), Start, "How long a bridge may carry nothing.";
        bridge_linger: Kind::time(0), Start, "From the end of a bridge to the page's answer to that.";
        socket_send_buffer: Kind::Bytes { least: 1, most: 1 << 30 }, Start, "Kernel send buffer of a connection.";
        socket_unsent: Kind::Bytes { least: 1, most: 1 << 30 }, Start, "Bytes that the kernel holds for a connection before it has sent them.";
        unacknowledged: Kind::time(100), Start, "How long the kernel tries to reach a peer that is gone.";
        drain: UP_TO_AN_HOUR, Start, "At the very end: how long connections have for what is due to them and their farewell.";
        header_read: Kind::time(100), Start, "Time for a request head.";
        header_bytes: Kind::Bytes { least: 8_192, most: 1 << 24 }, Start, "Bytes of a request head.";
    }
    port {
        connections: Kind::from(1), Start, "Connections on all ports, of whatever kind; more are closed at once.";
        connections_per_address: Kind::from(1), Start, "The same from one address, or IPv6 network of 64 bits.";
        unclassified: Kind::from(1), Start, "Connections that have not shown yet what they are.";
        unclassified_per_address: Kind::from(1), Start, "The same from one address, or IPv6 network of 64 bits.";
        first_byte: Kind::time(1), Start, "How long a connection may be silent.";
        first_byte_crowded: Kind::time(1), Start, "The same once half of port.unclassified are in use.";
        request: Kind::time(1), Start, "From the first byte of a policy request to its last.";
        answer: Kind::time(1), Start, "To hand a policy to the kernel.";
        drain: Kind::time(1), Start, "From the end of a policy until the player closes.";
        drain_bytes: Kind::bytes(0), Start, "Bytes after a policy request that are read and dropped.";
        accept_backoff: Kind::time(1), Start, "Pause after an accept that failed for want of descriptors.";
    }
}

fn address(text: &str) -> Result<(), String> {
    crate::cli::address(text).map(drop)
}

fn origin(text: &str) -> Result<(), String> {
    match text {
        "*" => Ok(()),
        text => crate::cli::origin(text).map(drop),
    }
}

fn proxy(text: &str) -> Result<(), String> {
    Proxies::new([text], ForwardedBy::default()).map(drop).map_err(|error| error.to_string())
}

fn grant(text: &str) -> Result<(), String> {
    text.parse::<crate::cli::Grant>().map(drop)
}

fn filter(text: &str) -> Result<(), String> {
    tracing_subscriber::EnvFilter::try_new(text).map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::Found;

    #[test]
    fn names_and_variables_are_unique_and_defaults_are_admitted() {
        let settings = Settings::default();
        let (mut names, mut variables) = (HashSet::new(), HashSet::new());
        for key in KEYS {
            assert!(names.insert(key.name) && variables.insert(key.variable()), "{}", key.name);
            assert!(key.help.ends_with('.') && !key.help.contains(['\n', '|']), "{}", key.name);
            let word = key.show(&settings);
            let word = word.trim_matches('"').replace("\", \"", ",");
            let word = word.trim_start_matches("[").trim_end_matches("]").trim_matches('"');
            let value = key.kind.read(&Found::Word(word.to_owned()));
            assert_eq!(value.as_ref(), Ok(&key.get(&settings)), "{}", key.name);
        }
    }

    /// A limit that is added to the library has to be a key too.
    #[test]
    fn every_limit_is_a_key() {
        let count = |section| KEYS.iter().filter(|key| key.section() == section).count();
        for (section, debug) in [
            ("limits", format!("{:#?}", push_server::Limits::default())),
            ("port", format!("{:#?}", policy_server::Limits::default())),
        ] {
            let fields: Vec<_> = debug
                .lines()
                .filter_map(|line| line.strip_prefix("    ")?.split_once(": ").map(|(name, _)| name))
                .collect();
            for field in &fields {
                assert!(key(&format!("{section}.{field}")).is_some(), "{section}.{field} is no key");
            }
            assert_eq!(count(section), fields.len());
        }
    }
}
