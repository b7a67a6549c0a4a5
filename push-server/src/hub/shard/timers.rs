//! What a shard does when time has passed: heartbeats, stalls, rotation, the upkeep of streams.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::Shard;
use crate::hub::channel::Channel;
use crate::hub::drain::Drain;
use crate::hub::inbox::Key;
use crate::lifecycle::{Event, State};
use crate::transport::Farewell;

/// When to look whether a client that ended its direction is gone altogether: a round trip and a reset later.
pub(super) const HALF_CLOSED: Duration = Duration::from_secs(1);

/// What the wheel is asked for. Each member has one `Beat` as long as it lives, and until that comes up; so this is small.
#[derive(Debug)]
pub(super) enum Timer {
    /// Is it time for a heartbeat, or has the peer stalled? Sets itself again.
    Beat(Key),
    /// The client ended its direction a while ago: is it gone? Asked once.
    HalfClosed(Key),
    /// The client of a WebSocket has been sent a close frame a while ago, and has not answered.
    Unanswered(Key),
    /// Its time is over, at this moment: it is to come back.
    Rotate(Box<(Key, Instant)>),
    /// The upkeep of a stream is due, unless that was done meanwhile.
    Upkeep(Box<(Arc<Channel>, Instant)>),
}

impl Shard {
    /// A timer came up.
    pub(super) fn timer(&mut self, timer: Timer) {
        match timer {
            Timer::Upkeep(upkeep) => {
                let (channel, at) = &*upkeep;
                if channel.is_closed() && channel.readers() == 0 && !channel.registry.holds_anybody() {
                    // Its log is not held for as long as its messages would have been.
                } else if self.now < *at {
                    self.wheel.set(*at, Timer::Upkeep(upkeep));
                } else if channel.due() == Some(*at) {
                    channel.upkeep(self.now, &self.shared);
                }
            }
            Timer::Rotate(rotate) if self.is_alive(rotate.0) => {
                let (key, at) = *rotate;
                if self.now < at {
                    self.wheel.set(at, Timer::Rotate(rotate));
                } else {
                    self.end(key.index(), Farewell::Rotate);
                }
            }
            Timer::Unanswered(key) if self.is_alive(key) => {
                self.drive(key.index(), self.members[key.index()].outcome(), &[]);
            }
            Timer::Beat(key) | Timer::HalfClosed(key) if self.is_alive(key) => {
                let member = &self.members[key.index()];
                if member.half_closed && member.is_gone() {
                    self.drive(key.index(), Event::Peer, &[]);
                } else if let Timer::Beat(key) = timer {
                    self.beat(key);
                }
            }
            _ => {}
        }
    }

    /// Sends a heartbeat, or finds the peer stalled, or looks again when either may be due.
    fn beat(&mut self, key: Key) {
        let limits = &self.shared.limits;
        let (heartbeat, stall) = (limits.heartbeat, limits.stall);
        let member = &mut self.members[key.index()];
        member.next_interval();
        let is_idle = member.state == State::Suspended;
        let patience = if is_idle { heartbeat } else { stall };
        if self.now.saturating_duration_since(member.since) < patience {
            // Sooner than its patience ends, as what it lacks grows old though nothing new comes.
            let at = (member.since + patience).min(self.now + heartbeat);
            self.wheel.set(at, Timer::Beat(key));
            if member.state == State::Resumed {
                let floor = member.channel.log().floor(self.now);
                self.keep_up(key.index(), &floor);
            }
        } else if is_idle {
            self.wheel.set(self.now + heartbeat, Timer::Beat(key));
            member.beat();
            self.drive(key.index(), Event::Wake, &[]);
        } else {
            self.drive(key.index(), Event::Timeout, &[]);
        }
    }

    /// Has the members leave, evenly spread among those of all shards.
    pub(super) fn drain(&mut self, drain: &Drain) {
        self.is_draining = true;
        for (_, member) in &self.members {
            let at = self.shared.drain.next_connection(drain);
            self.wheel.set(at, Timer::Rotate((member.key, at).into()));
        }
    }

    /// Ends a connection in good order.
    pub(super) fn end(&mut self, index: usize, farewell: Farewell) {
        let member = &mut self.members[index];
        if matches!(member.state, State::Begin | State::Suspended | State::Resumed) {
            member.say_farewell(farewell);
            if farewell == Farewell::Rotate {
                self.shared.counts.rotated.fetch_add(1, Ordering::Relaxed);
            }
            self.drive(index, Event::Complete, &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::inbox::Work;
    use crate::hub::{Connection, Hub, Start};
    use crate::{Epoch, Limits, Transport, demo};
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::sleep;

    /// What has come up, and is served.
    fn timers(shard: &mut Shard) -> usize {
        let mut due = Vec::new();
        shard.now = Instant::now();
        shard.wheel.advance(shard.now, &mut due);
        let count = due.len();
        due.into_iter().for_each(|timer| shard.timer(timer));
        count
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_ends_its_direction_costs_one_look_more_and_no_timer_for_ever() {
        let hub = Hub::start(Epoch::new(1), Limits::default(), 1);
        let stream = demo::open(&hub).unwrap();
        let mut shard = Shard::new(0, hub.shared.clone(), Arc::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let connection = Connection { socket, head: "head".into(), chunked: false, permit: None };
        // By way of an inbox, as the arrival of a subscription is made there.
        let inbox = &hub.shared.inboxes[0];
        stream.subscribe(Transport::Sse, Start::Live).attach(connection).unwrap();
        let mut work = Work::default();
        inbox.take(&mut work);
        shard.admit(work.arrivals.pop().expect("the hub's own shard has not run yet"));
        client.shutdown().await.unwrap();
        let key = shard.members[0].key;
        while !shard.members[0].half_closed {
            shard.ready(key);
            tokio::task::yield_now().await;
        }
        sleep(HALF_CLOSED * 2).await;
        assert_eq!(timers(&mut shard), 1, "the look whether it is gone");
        for _ in 0..8 {
            sleep(Limits::default().heartbeat).await;
            assert_eq!(timers(&mut shard), 1, "the heartbeat");
        }
        assert!(shard.is_alive(key));
    }
}
