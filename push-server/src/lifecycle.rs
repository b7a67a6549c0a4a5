//! The life of one streaming connection, as a table over (state, event). Pure: no socket, no clock.
//!
//! It is the union of what the servlet world had: Tomcat's BEGIN, READ, END and ERROR, Jetty's suspend and
//! resume, and Servlet 3's `startAsync`, `dispatch`, `complete`, `onTimeout` and `onError`.
//!
//! ```text
//!            drained            wake
//!   Begin ----------> Suspended ----> Resumed
//!     |                  |   <-------    |
//!     |                  |    drained    |
//!     +--- complete -----+---------------+----> Ending ---- drained ----> Closed
//!     +--- timeout, slow, fail, peer (also in Ending) ------------------> Closed
//! ```
//!
//! Two promises follow from the table and are tested over it: [`Action::Close`] is told exactly once
//! whatever happens in whatever order, and a wake is never lost. The second costs nothing, because a
//! connection is a cursor: a message published while it begins is still ahead of the cursor when it has begun.

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The response head is on its way.
    Begin,
    /// Everything due is sent; waiting for the next message.
    Suspended,
    /// Sending: there is data ahead of the cursor, or the socket has not taken all of it.
    Resumed,
    /// The stream is over for this connection; what is due and the farewell are on their way.
    Ending,
    /// Gone. Nothing leads out of here.
    Closed,
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// There is a message ahead of the cursor.
    Wake,
    /// The kernel has taken everything that was due.
    Drained,
    /// The server ends the stream in good order.
    Complete,
    /// The peer took nothing for too long.
    Timeout,
    /// The peer is further behind than its stream allows.
    Slow,
    /// The connection cannot go on: a socket error, or a client that breaks the protocol.
    Fail,
    /// The peer closed the connection.
    Peer,
}

/// What the owner of the connection has to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing.
    None,
    /// Send from the cursor on.
    Send,
    /// Send what is due, then the transport's farewell.
    Farewell,
    /// Release everything. Told exactly once.
    Close(Close),
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// The server ended the stream and the client was told.
    Complete,
    /// The peer took nothing for [`Limits::stall`](crate::Limits::stall), or could not be reached for
    /// [`Limits::unacknowledged`](crate::Limits::unacknowledged).
    Timeout,
    /// The peer fell behind by more than its stream allows.
    Slow,
    /// A socket error or a breach of the protocol.
    Failed,
    /// The peer closed the connection.
    Peer,
}

impl Close {
    /// Number of reasons: the length of a table with one row each.
    pub const COUNT: usize = 5;

    /// All of them, in the order of such a table.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Complete, Self::Timeout, Self::Slow, Self::Failed, Self::Peer];

    /// Short name for export, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Timeout => "timeout",
            Self::Slow => "slow",
            Self::Failed => "failed",
            Self::Peer => "peer",
        }
    }

    /// Whether the connection may be cut without sending what the kernel still holds for it. True where the
    /// peer has proved that it does not read: a reset gives the kernel's memory back at once.
    #[must_use]
    pub const fn is_abort(self) -> bool {
        matches!(self, Self::Timeout | Self::Slow | Self::Failed)
    }
}

impl State {
    /// The table. Total: every state answers every event.
    #[must_use]
    pub const fn on(self, event: Event) -> (Self, Action) {
        use Event::{Complete, Drained, Fail, Peer, Slow, Timeout, Wake};
        match (self, event) {
            (Self::Closed, _) => (Self::Closed, Action::None),

            (_, Timeout) => (Self::Closed, Action::Close(Close::Timeout)),
            (_, Slow) => (Self::Closed, Action::Close(Close::Slow)),
            (_, Fail) => (Self::Closed, Action::Close(Close::Failed)),
            (_, Peer) => (Self::Closed, Action::Close(Close::Peer)),

            // The cursor remembers the wake; `Drained` looks ahead of it.
            (Self::Begin, Wake) => (Self::Begin, Action::None),
            (Self::Begin, Drained) => (Self::Suspended, Action::Send),

            (Self::Suspended, Wake) => (Self::Resumed, Action::Send),
            (Self::Resumed, Wake) => (Self::Resumed, Action::None),
            (Self::Suspended | Self::Resumed, Drained) => (Self::Suspended, Action::None),

            (Self::Begin | Self::Suspended | Self::Resumed, Complete) => (Self::Ending, Action::Farewell),
            (Self::Ending, Wake | Complete) => (Self::Ending, Action::None),
            (Self::Ending, Drained) => (Self::Closed, Action::Close(Close::Complete)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATES: [State; 5] = [State::Begin, State::Suspended, State::Resumed, State::Ending, State::Closed];
    const EVENTS: [Event; 7] =
        [Event::Wake, Event::Drained, Event::Complete, Event::Timeout, Event::Slow, Event::Fail, Event::Peer];

    #[test]
    fn every_cell_of_the_table() {
        use Action::{Farewell, None, Send};
        use State::{Begin, Closed, Ending, Resumed, Suspended};
        let close = |why| (Closed, Action::Close(why));
        // One row per state, one column per event in the order of EVENTS.
        let (timeout, slow, failed, peer) =
            (close(Close::Timeout), close(Close::Slow), close(Close::Failed), close(Close::Peer));
        let complete = close(Close::Complete);
        let gone = (Closed, None);
        let table = [
            [(Begin, None), (Suspended, Send), (Ending, Farewell), timeout, slow, failed, peer],
            [(Resumed, Send), (Suspended, None), (Ending, Farewell), timeout, slow, failed, peer],
            [(Resumed, None), (Suspended, None), (Ending, Farewell), timeout, slow, failed, peer],
            [(Ending, None), complete, (Ending, None), timeout, slow, failed, peer],
            [gone, gone, gone, gone, gone, gone, gone],
        ];
        for (state, row) in STATES.into_iter().zip(table) {
            for (event, expected) in EVENTS.into_iter().zip(row) {
                assert_eq!(state.on(event), expected, "{state:?} on {event:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn close_is_told_exactly_once_on_every_path(events in proptest::collection::vec(0..7usize, 0..64)) {
            let (mut state, mut closes) = (State::Begin, 0);
            let mut ending = false;
            for event in events.into_iter().map(|i| EVENTS[i]) {
                let (next, action) = state.on(event);
                prop_assert_eq!(matches!(action, Action::Close(_)), state != State::Closed && next == State::Closed);
                closes += u32::from(matches!(action, Action::Close(_)));
                // A farewell is asked for at most once, and never after the close.
                if action == Action::Farewell {
                    prop_assert!(!ending && closes == 0);
                    ending = true;
                }
                // Nothing wakes a connection that has begun to end.
                prop_assert!(!(ending && action == Action::Send));
                state = next;
            }
            prop_assert_eq!(closes, u32::from(state == State::Closed));
        }
    }

    #[test]
    fn a_message_published_while_a_connection_begins_is_sent_when_it_has_begun() {
        let (state, action) = State::Begin.on(Event::Wake);
        assert_eq!(action, Action::None);
        assert_eq!(state.on(Event::Drained), (State::Suspended, Action::Send));
    }
}
