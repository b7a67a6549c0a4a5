//! Flash movies that run in Ruffle, which has no TCP of its own: its sockets are WebSockets whose binary messages are the bytes of
//! the connection, cut anywhere (Ruffle's `socketProxy`; measured with Ruffle 0.6.0).
//!
//! # The contract
//!
//! Both forms are WebSocket handshakes (RFC 6455, no subprotocol) with exactly one `Origin` that
//! [`Origins`](crate::web::Origins) admits: 403 otherwise, also for a client without one, which is no browser and can open
//! TCP itself.
//!
//! | address | what the movie talks to |
//! | --- | --- |
//! | `GET /ruffle` | a TCP connection to this very port: policy requests, HTTP, streams. The target is fixed: the address and port that the page itself has reached |
//! | `GET /streams/{stream}/ruffle?framing=&grammar=` | the stream, at once ("eager") |
//!
//! Whoever reaches `/ruffle` reaches everything of this port: what a proxy in front of it allows and forbids by path does not
//! hold for what comes through a bridge, and an `Origin` holds back pages, not programs. Where a proxy guards paths, let it
//! refuse `/ruffle`, or have none: `push-server serve --no-bridge`, [`Limits::bridges`](crate::Limits::bridges) = 0 (404). All clients behind one proxy are one address
//! for [`Limits::bridges_per_address`](crate::Limits::bridges_per_address).
//!
//! ```js
//! window.RufflePlayer.config.socketProxy = [
//!   {host: "old.example.com", port: 80, proxyUrl: "wss://www.example.com/streams/comet/ruffle"},
//! ];
//! ```
//!
//! `host` and `port` are what the movie asks for, word for word; it may be a server that has long gone.
//!
//! **The eager form** revives the untouched clients of 2007 to 2009: they write their request and never call `flush()`, so under
//! Ruffle it never leaves, and they wait for ever (Flash Player sent it by itself). The server does not wait for it. The first message is an
//! HTTP/1.0 response head, of which such a client skips everything up to the empty line; each following one is a packet. What the movie
//! sends is read and dropped, bounded as on every WebSocket. `framing` is `p` (default, the tutorial's), `varint`, `ws` or `marked`;
//! `grammar` is `tutorial` (default: the draft as that client reads it), `draft` or `final`; `since`, `last` and `client` as
//! elsewhere, and the head says `push-position`, `push-resume`, `push-counting` and `push-rotate` as that of any stream. An idle
//! connection gets a ping; the end of the stream is a close frame with the code 1000. It is rotated only if `rotate` asks for
//! it (the code is 1012 then): the clients of that time never come back.
//!
//! **The bridge** opens its TCP connection before the handshake is answered: 502 if that fails, 503 at
//! [`Limits::bridges`](crate::Limits::bridges) in all or [`Limits::bridges_per_address`](crate::Limits::bridges_per_address) of
//! one address (an IPv6 network of 64 bits is one), 403 within a bridge. Both directions are held to one message at a time, so a slow side
//! slows the other. The end of the connection is a close frame with the code 1000; a close frame of the page closes the connection. What else ends
//! a bridge:
//!
//! | code | reason | why |
//! | --- | --- | --- |
//! | 1001 | `bridge_idle` | no byte either way for [`Limits::bridge_idle`](crate::Limits::bridge_idle) |
//! | 1001 | `bridge_linger` | no answer to a close frame within [`Limits::bridge_linger`](crate::Limits::bridge_linger) |
//! | 1003 | `bytes only` | a text message |
//! | 1009 | `bridge_message` | a message longer than [`Limits::bridge_message`](crate::Limits::bridge_message) |
//! | 1011 | `the connection was lost` | a reset |
