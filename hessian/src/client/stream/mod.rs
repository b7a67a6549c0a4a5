//! Endless streams of Hessian packets, over as many connections as they take.
//!
//! A stream of packets ends all the time: servers rotate connections and restart, proxies cut them, networks fall
//! silent without a word. A [`Listener`] opens the next connection, goes on where the last one was lost if the server
//! can, and says what became of what was published meanwhile.
//!
//! ```no_run
//! use hessian::client::stream::{Event, Verdict, listen};
//!
//! #[derive(serde::Deserialize)]
//! struct Tick<'a> { symbol: &'a str, price: f64 }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut ticks = listen("http://127.0.0.1:8080/streams/ticks/hessian").open()?;
//! while let Some(event) = ticks.next().await {
//!     match event? {
//!         Event::Packet(packet) => {
//!             let Tick { symbol, price } = ticks.decode(&packet)?; // borrows from the packet
//!             println!("{symbol} {price}");
//!         }
//!         Event::Connected(connected) => match connected.verdict {
//!             Verdict::Fresh | Verdict::Complete => {}
//!             verdict => println!("something is missing: {verdict}"),
//!         },
//!         Event::Reconnecting { why, after, .. } => println!("{why}; again in {after:?}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Whoever wants values and nothing else:
//!
//! ```no_run
//! # async fn example() -> hessian::client::Result<()> {
//! let mut lines = hessian::client::listen("tls://news.example.com:7000").open()?.values::<String>();
//! while let Some(line) = lines.next().await {
//!     println!("{}", line?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Loss and duplication
//!
//! Servers with positions (`push-server`) say in the response head where the first packet stands, `push-position:
//! epoch:sequence`; every packet that is not a heartbeat is the next one. The listener counts, asks for what follows the
//! last packet *that it has handed out* (`Last-Event-ID`, which overrides what the URL says), and the server's answer is
//! the [`Verdict`] of the new connection: every message once and in order ([`Complete`](Verdict::Complete)), or those
//! that are lost by their numbers ([`Gap`](Verdict::Gap)), or another history ([`NewEpoch`](Verdict::NewEpoch)). A packet
//! that was cut counts for nothing. A program that dies keeps [`Packet::position`] with its results and begins with
//! [`Listen::since`].
//!
//! Servers without (`Hessian2StreamingOutput` in a servlet, anything over bare TCP) are come back to, and the verdict is
//! [`Unknown`](Verdict::Unknown): what was published while nobody was connected is lost if the server does not keep it,
//! and comes twice if it begins anew. Likewise for packets that are no count of positions (`push-counting: none`:
//! streams that drop messages, clients by name).
//!
//! # What ends a connection, and what ends the stream
//!
//! | what happens | then |
//! | --- | --- |
//! | the response ends between two packets: rotation, shutdown | the next connection at once, [`AT_ONCE`] times in a row, then one in each first wait. One that brought nothing and lasted less than the first wait is a failure |
//! | it breaks, within a packet too, or falls silent | a wait of [`FIRST_WAIT`], half of it at random; it doubles with each failure up to [`LONGEST_WAIT`]. A connection that brought a packet, or lasted [`GOOD_TIME`], is none |
//! | status 5xx (but 501, 505), 408, 425, 429 | the same; at least `Retry-After`, of which [`LONGEST_RETRY_AFTER`] is heeded |
//! | 400, 404 and other 4xx | before the first connection the end, with an error; after it [`MAX_REFUSALS`] times in a row as above |
//! | 410 | the stream is over: after a connection the end without an error |
//! | 401, 403, 407, 501, 505, a redirect, another 2xx; a page or JSON instead of packets | the end, with an error |
//! | nobody answers | before the first connection the end, with an error, unless [`Listen::wait_for_server`]; after it as a connection that broke |
//! | what comes is no packet, or one beyond [`Limits::max_packet`](crate::Limits::max_packet) | the end, with an error that says at which byte |
//!
//! [`Listen::reconnect`]`(false)` makes the end of the first connection the end, [`Listen::max_failures`] bounds how
//! many fail in a row. An error is the last item.
//!
//! # Times
//!
//! A connection takes [`CONNECT_TIMEOUT`] at most, name and TLS included; the response head [`HEAD_TIMEOUT`]. A stream on
//! which nothing comes, not even a heartbeat, is dead after twice the heartbeat that the server promises
//! (`push-heartbeat`, between [`LEAST_HEARTBEAT`] and [`LONGEST_HEARTBEAT`]), else after [`SILENCE`]. Counted is the time
//! that the listener waits, so a caller who takes long does no harm. A host that is gone is noticed by TCP's own
//! questions within a minute.
//!
//! # Memory and backpressure
//!
//! Nothing is read before it is asked for: [`READ_AHEAD`] bytes beyond the packet in hand at most, everything else waits
//! in the kernel and then at the server, which has its own bounds for slow readers. A packet is held whole, up to
//! [`Limits::max_packet`](crate::Limits::max_packet) (and its buffer, that doubles while it grows). Packets are slices of
//! that buffer; over HTTP their bytes are copied once, out of the buffer of the connection.
//!
//! There is no task: the connection is driven by whoever polls the listener, and closes when it is dropped. [`Listener::next`]
//! may be given up at any moment.
//!
//! # Sources
//!
//! Positions, verdicts and heartbeats are those of this workspace's `push-server` ("The URLs" in its README); the framings
//! are [`packet`](crate::packet)'s. Servers of 2008 answer with HTTP/1.0 and a body that ends with the connection: a cut
//! between two packets then looks like an end.

mod answer;
mod backoff;
mod blocking;
mod builder;
mod connect;
mod connection;
mod decoding;
mod event;
mod listener;
mod packets;
mod position;
mod source;
mod target;

pub use answer::{LEAST_HEARTBEAT, LONGEST_HEARTBEAT};
pub use backoff::{AT_ONCE, GOOD_TIME, LEAST_WAIT};
pub use blocking::Blocking;
pub use builder::{
    CONNECT_TIMEOUT, FIRST_WAIT, HEAD_TIMEOUT, LONGEST_RETRY_AFTER, LONGEST_WAIT, Listen, SILENCE, listen,
};
pub use event::{Connected, Event, Lost, Packet, Verdict};
pub use listener::{Listener, MAX_REFUSALS};
pub use packets::{Packets, Values};
pub use position::{BadPosition, Position};
pub use source::READ_AHEAD;
