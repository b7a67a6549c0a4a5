//! Every bound of the server, by name.

use std::time::Duration;

/// Bounds on memory, time and numbers. Each field says what it stops; all are checked before anything is
/// allocated or waited for.
///
/// One bound is not here, as it is the codec's: all streams of a hub together have 4,096 classes of objects, what a
/// reader with the codec's default limits (`max_classes`) takes. A value that would define one more is refused with
/// [`PublishError::Hessian`](crate::PublishError::Hessian); classes are never forgotten, so publish what has ever new
/// names as maps.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Streams in one hub. Default 10,000. Stops a caller that makes streams up from filling memory.
    pub streams: usize,
    /// Bytes of one message, counted in each of its bodies (Hessian, JSON). Default 1 MiB.
    pub message_bytes: usize,
    /// Messages that a stream keeps for readers who are behind, late or coming back. Default 1,024.
    pub log_messages: usize,
    /// Bytes of message bodies that a stream keeps. Default 4 MiB. The newest message is always kept.
    ///
    /// The frames made of these bodies are not counted. They come beside them, for the forms that are read:
    /// each Hessian framing and grammar as much as the Hessian body (and an old grammar as much once more), and
    /// four frames with class definitions for those who join; a WebSocket as much as the body it carries; events,
    /// lines and parts each as much as the JSON body; script tags up to six times that, as `<`, `>` and `&` become
    /// six bytes. One form is usually once as much again; all forms of the worst text are fifteen times as much, and
    /// the definitions.
    pub log_bytes: usize,
    /// Bytes that the logs of all streams of a hub hold: message bodies, and some 200 B for each message beside them
    /// (not the frames, as with `log_bytes`). Default 256 MiB. At this bound a stream that publishes forgets its own
    /// oldest messages for the new one, before its own bounds say so; if it holds too little,
    /// [`PublishError::Full`](crate::PublishError::Full) refuses the new one, in HTTP a 503.
    pub log_bytes_in_all: usize,
    /// How long a stream keeps a message. Default 1 h. What is older is never replayed; its memory is given back
    /// within a tenth of a second, as soon as every shard has seen it.
    pub log_age: Duration,
    /// How many messages a connection whose socket is full may be behind before it counts as slow.
    /// Default 1,024: as long as the log holds what it misses. A new reader that has not come to the head
    /// yet is in a replay, not behind: for it the log and `stall` are the bounds.
    pub lag_messages: u64,
    /// How many bytes of message bodies such a connection may be behind. Default 4 MiB. These bytes are
    /// shared with the log and every other connection, not copied.
    pub lag_bytes: u64,
    /// How old the oldest message may be that such a connection has not got, unless it is the newest of all.
    /// Default 60 s. Checked when a message is published, and when the connection's timer comes up.
    pub lag_age: Duration,
    /// Clients of one stream that are present by name ([`ClientId`](crate::ClientId)). Default 65,536.
    pub clients: usize,
    /// How long a named client stays present without a connection, and messages to it wait. Default 30 s.
    pub client_linger: Duration,
    /// Direct messages that wait for one client. Default 256.
    pub direct_messages: usize,
    /// Bytes of message bodies that wait for one client, Hessian and JSON together. Default 256 KiB, of which one message
    /// may be all; a longer one is [refused](crate::SendError::TooLong), also where `message_bytes` is more.
    pub direct_bytes: usize,
    /// Bytes of message bodies that wait for all clients of a hub. Default 64 MiB.
    pub direct_bytes_in_all: usize,
    /// Presence events that a listener may be behind. Default 1,024. One that is further behind is told, and asks
    /// for the clients anew.
    pub presence_events: usize,
    /// How long a connection may go without accepting a byte while there is one to send. Default 30 s. The time
    /// begins when every buffer between server and reader is full: until then the reader's own system accepts what
    /// comes, so one that stops reading a quiet stream is no different from one that waits. Accurate to a tenth of a
    /// second, on a stream with a longer `heartbeat` to that. The reader is told by a reset.
    pub stall: Duration,
    /// Silence after which a connection gets a heartbeat, so that proxies keep it and a dead peer shows.
    /// Default 15 s.
    pub heartbeat: Duration,
    /// How long a response lives of which the client keeps every byte as long as it lives: the document of a script
    /// iframe, the text of an `XMLHttpRequest`. Then it ends with a farewell, and the client comes back where it was.
    /// Default 30 s, as in the forever-iframe framework; zero is never. Other responses live on; a request may say
    /// otherwise.
    pub rotate: Duration,
    /// The longest such time that a request may ask for, in whole seconds. Default one day.
    pub rotate_longest: Duration,
    /// How long a long poll waits for a message before its answer is empty. Default 25 s: proxies cut what is silent
    /// for 30 or 60.
    pub poll_wait: Duration,
    /// The longest wait that a request may ask for, in whole seconds. Default 60 s. So long a poll whose client has
    /// closed may go on being counted as a reader, and take a direct message along: nothing is sent to it before its
    /// answer, and a closing direction is no closing.
    pub poll_longest_wait: Duration,
    /// The interval that clients of interval polls are told. Default 5 s. Shorter than `client_linger`, or they come
    /// and go.
    pub poll_interval: Duration,
    /// Messages in one answer to a poll. Default 256; what is left comes with the next.
    pub poll_messages: usize,
    /// Bytes of JSON bodies in one answer to a poll, past which no further message is put in. Default 256 KiB. They
    /// are shared with the log, not copied.
    pub poll_bytes: usize,
    /// Time for the body of a request that publishes. Default 10 s.
    pub body_read: Duration,
    /// Bytes of the bodies of all requests that publish at one time, from their first byte until the message is in the
    /// log. Default 64 MiB; a request that would go past it is answered with 503. The Hessian body that is made of one,
    /// at most `message_bytes`, comes beside it while it waits (`publish_wait`).
    pub bodies_in_all: usize,
    /// How long a request that publishes waits while the server is behind with what was published before. Default
    /// 5 s; then it is answered with 503 and has published nothing.
    pub publish_wait: Duration,
    /// Messages of one batch. Default 256. A batch has no more than the stream's log holds at one time either, so that its
    /// first messages are not forgotten for its last.
    pub batch_messages: usize,
    /// Bytes of the body of a request that publishes a batch; the Hessian and the JSON bodies of its messages are twice that
    /// together at most. Default 1 MiB.
    pub batch_bytes: usize,
    /// Idempotency keys that are remembered with what was answered, over all streams. Default 65,536. At this bound the
    /// oldest answer is forgotten for a new one, which is counted
    /// ([`Stats::idempotency_forgotten`](crate::hub::Stats::idempotency_forgotten)); a retry with its key would be
    /// published again. So a key is good for `idempotency_age`, or until so many newer ones have come.
    pub idempotency_keys: usize,
    /// Bytes that these keys take: their own length (255 at most), and 256 B each for what is kept beside them. Default
    /// 32 MiB. The same happens at this bound.
    pub idempotency_bytes: usize,
    /// How long a key is remembered. Default 10 min.
    pub idempotency_age: Duration,
    /// How long the [handlers](crate::messages) take together for one message of a client. Default 10 s; then it is a failure
    /// like any other, and the handler that was at it is dropped. What the system handler waits for is `publish_wait`.
    pub handler_time: Duration,
    /// Messages of clients that are being handled at one time. Default 1,024; more are refused, in HTTP with 503.
    pub handlers_at_once: usize,
    /// Bytes that a subscriber may send after its request; more ends the connection. Default 64 KiB.
    /// They are read and dropped: nothing that streams out listens to them. WebSockets have `ws_input` instead.
    pub ignored_input: usize,
    /// Bytes of one message that a client sends on a WebSocket, counted in its frames' headers, so before they
    /// come. Default 64 KiB; a longer one ends the connection with the close code 1009.
    pub ws_message: usize,
    /// Bytes that a client may send on a WebSocket within one `heartbeat`, frames, pings and pongs and all. Default
    /// 256 KiB; more ends the connection with the close code 1008. Of it only what is sent to be handled is held. (Not for a controller's
    /// WebSocket: what that does not read waits in the client's own socket.)
    pub ws_input: usize,
    /// Messages that a client has sent on a WebSocket whose answers have not left: those that wait for the one that is being
    /// handled, that one, and answers that the client does not read. Default 32; one more ends the connection with the
    /// close code 1008.
    pub ws_unanswered: usize,
    /// How long a WebSocket waits for the client's answer to a close frame, and then closes all the same. Default 3 s.
    pub ws_close: Duration,
    /// Ruffle bridges at one time. Default 256; 0: none are served, `/ruffle` is not there. More are answered with 503. Each is a connection of its own beside
    /// the one it opens to this port, a task, and a buffer of `bridge_read` bytes.
    pub bridges: usize,
    /// Ruffle bridges of one address at one time; of an IPv6 address, of its network of 64 bits. Default 32. More are
    /// answered with 503. A bridge within a bridge, which would have the server's own address, is refused with 403.
    pub bridges_per_address: usize,
    /// Time to connect a Ruffle bridge to this port. Default 3 s; then the answer is 502.
    pub bridge_connect: Duration,
    /// Bytes of one message that a movie sends through a Ruffle bridge. Default 64 KiB; a longer one ends the bridge with
    /// the close code 1009.
    pub bridge_message: usize,
    /// Bytes that a Ruffle bridge reads at once, and so of a message to the movie. Default 16 KiB.
    pub bridge_read: usize,
    /// How long a Ruffle bridge may carry nothing, either way. Default 5 min; a stream's heartbeats count.
    pub bridge_idle: Duration,
    /// From the end of a bridged connection to the page's answer to the close frame. Default 5 s.
    pub bridge_linger: Duration,
    /// Kernel send buffer asked for per connection, in bytes. Default 64 KiB (Linux doubles it for
    /// its own bookkeeping). Without a cap one stalled reader parks 4 MB in the kernel.
    pub socket_send_buffer: usize,
    /// Bytes that the kernel holds for a connection before it has sent them (`TCP_NOTSENT_LOWAT`, Linux).
    /// Default 32 KiB. What is sent and not acknowledged yet comes beside them, so a fast connection is as fast.
    pub socket_unsent: u32,
    /// How long the kernel tries to reach a peer that acknowledges nothing, or takes nothing (`TCP_USER_TIMEOUT`,
    /// Linux). Default 45 s. So a peer whose network is gone is noticed within this and a `heartbeat`, a minute,
    /// though nothing is published; other systems take a quarter of an hour.
    ///
    /// It is longer than `stall`, which then comes first where a stream fills the buffers within the difference: what
    /// the kernel ends, it ends without a word, and the peer learns it (by a reset) only when it reads on.
    pub unacknowledged: Duration,
    /// How long a graceful end waits for connections to take what is due to them and their farewell.
    /// Default 5 s; then the rest is cut.
    pub drain: Duration,
    /// HTTP connections at one time, streaming or not. Default 16,384. More are answered with 503; the
    /// port's own [`policy_server::Limits::connections`] bounds those answers in turn.
    pub connections: usize,
    /// HTTP connections of one address at one time; of an IPv6 address, of its network of 64 bits. Default 8,192: half of
    /// all, so that nobody keeps the others out alone. More are answered with 429. What comes through a
    /// [trusted proxy](crate::guard::Proxies) counts for the address that the proxy says, from its request to the end of
    /// the answer; behind one that is not named, all clients are one address.
    pub connections_per_address: usize,
    /// Addresses, tokens and streams that [rates](crate::guard::Rates) are counted for, in each of four tables of some
    /// 5 MiB at most. Default 65,536. Of more, those are forgotten that have the most left.
    pub rate_entries: usize,
    /// Time for a client to send a whole request head. Default 10 s.
    pub header_read: Duration,
    /// Bytes of a request head. Default 16 KiB; hyper's least is 8 KiB.
    pub header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 10_000,
            message_bytes: 1 << 20,
            log_messages: 1_024,
            log_bytes: 4 << 20,
            log_bytes_in_all: 256 << 20,
            log_age: Duration::from_secs(3_600),
            lag_messages: 1_024,
            lag_bytes: 4 << 20,
            lag_age: Duration::from_secs(60),
            clients: 65_536,
            client_linger: Duration::from_secs(30),
            direct_messages: 256,
            direct_bytes: 256 << 10,
            direct_bytes_in_all: 64 << 20,
            presence_events: 1_024,
            stall: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            rotate: Duration::from_secs(30),
            rotate_longest: Duration::from_secs(86_400),
            poll_wait: Duration::from_secs(25),
            poll_longest_wait: Duration::from_secs(60),
            poll_interval: Duration::from_secs(5),
            poll_messages: 256,
            poll_bytes: 256 << 10,
            body_read: Duration::from_secs(10),
            bodies_in_all: 64 << 20,
            publish_wait: Duration::from_secs(5),
            batch_messages: 256,
            batch_bytes: 1 << 20,
            idempotency_keys: 65_536,
            idempotency_bytes: 32 << 20,
            idempotency_age: Duration::from_secs(600),
            handler_time: Duration::from_secs(10),
            handlers_at_once: 1_024,
            ignored_input: 64 << 10,
            ws_message: 64 << 10,
            ws_input: 256 << 10,
            ws_unanswered: 32,
            ws_close: Duration::from_secs(3),
            bridges: 256,
            bridges_per_address: 32,
            bridge_connect: Duration::from_secs(3),
            bridge_message: 64 << 10,
            bridge_read: 16 << 10,
            bridge_idle: Duration::from_secs(300),
            bridge_linger: Duration::from_secs(5),
            socket_send_buffer: 64 << 10,
            socket_unsent: 32 << 10,
            unacknowledged: Duration::from_secs(45),
            drain: Duration::from_secs(5),
            connections: 16_384,
            connections_per_address: 8_192,
            rate_entries: 65_536,
            header_read: Duration::from_secs(10),
            header_bytes: 16 << 10,
        }
    }
}

/// The longest time that anything here waits or keeps, whatever a limit says: a century. "For ever", as [`Duration::MAX`]
/// says it, is no time that a clock could reach.
pub const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

impl Limits {
    /// With times of which each ends.
    pub(crate) fn within_reach(mut self) -> Self {
        for time in [
            &mut self.log_age,
            &mut self.lag_age,
            &mut self.client_linger,
            &mut self.stall,
            &mut self.heartbeat,
            &mut self.rotate,
            &mut self.rotate_longest,
            &mut self.poll_wait,
            &mut self.poll_longest_wait,
            &mut self.poll_interval,
            &mut self.body_read,
            &mut self.publish_wait,
            &mut self.idempotency_age,
            &mut self.handler_time,
            &mut self.ws_close,
            &mut self.bridge_connect,
            &mut self.bridge_idle,
            &mut self.bridge_linger,
            &mut self.unacknowledged,
            &mut self.drain,
            &mut self.header_read,
        ] {
            *time = LONGEST.min(*time);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_ever_is_a_time_that_ends() {
        let mut limits = Limits::default();
        (limits.heartbeat, limits.log_age) = (Duration::MAX, Duration::MAX);
        let limits = limits.within_reach();
        assert_eq!(
            (limits.heartbeat, limits.log_age, limits.stall),
            (LONGEST, LONGEST, Limits::default().stall)
        );
        assert!(std::time::Instant::now().checked_add(2 * LONGEST).is_some());
    }

    #[test]
    fn the_hub_finds_a_stalled_reader_before_the_kernel_ends_the_connection_without_a_word() {
        let limits = Limits::default();
        assert!(limits.heartbeat <= limits.stall && limits.stall < limits.unacknowledged);
        // 10 KiB/s fill what the kernel holds in the time between.
        let between = limits.unacknowledged - limits.stall;
        let held = 2 * limits.socket_send_buffer as u64;
        assert!(held < between.as_secs() * (10 << 10), "{between:?}");
    }
}
