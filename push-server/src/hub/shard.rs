//! A shard: one task that owns its members and does everything for them.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use slab::Slab;
use tokio::time::{Instant, sleep_until};

use super::Shared;
use super::channel::Channel;
use super::config::Overflow;
use super::inbox::{Inbox, Key, Signal, Work};
use super::log::Floor;
use super::member::{Arrival, Member, Scratch};
use super::wheel::Wheel;
use crate::lifecycle::{Action, Close, Event, State};
use crate::message::Message;
use crate::transport::Farewell;

/// Members that are served before other tasks of the runtime get their turn: about a millisecond of sends.
const TURN: usize = 128;

/// When to look whether a client that ended its direction is gone altogether: a round trip and a reset later.
const HALF_CLOSED: Duration = Duration::from_secs(1);

/// What the wheel is asked for. Each member has one `Beat` as long as it lives.
#[derive(Clone, Debug)]
enum Timer {
    /// Is it time for a heartbeat, or has the peer stalled? Sets itself again.
    Beat(Key),
    /// The client ended its direction a while ago: is it gone? Asked once.
    HalfClosed(Key),
    /// The client of a WebSocket has been sent a close frame a while ago, and has not answered.
    Unanswered(Key),
    /// Its time is over, at this moment: it is to come back.
    Rotate(Key, Instant),
    /// The upkeep of a stream is due, unless that was done meanwhile.
    Upkeep(Arc<Channel>, Instant),
}

/// Members and what drives them: the inbox, the wheel, and nothing else.
#[derive(Debug)]
pub(crate) struct Shard {
    index: usize,
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    members: Slab<Member>,
    /// The members by stream.
    groups: HashMap<u64, Vec<usize>>,
    generation: u64,
    wheel: Wheel<Timer>,
    /// The time of this turn: one reading of the clock for many members.
    now: Instant,
    /// When the streams have to be over, once they are to end.
    ending: Option<Instant>,
    served: usize,
    window: Vec<Arc<Message>>,
    scratch: Scratch,
}

impl Shard {
    pub(crate) fn new(index: usize, shared: Arc<Shared>, inbox: Arc<Inbox>) -> Self {
        let now = Instant::now();
        Self {
            index,
            shared,
            inbox,
            members: Slab::new(),
            groups: HashMap::new(),
            generation: 0,
            wheel: Wheel::new(now),
            now,
            ending: None,
            served: 0,
            window: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// Serves until the streams have ended and the last member is gone.
    ///
    /// Unconstrained: sockets are polled with wakers of their own, and tokio's budget, which is the task's,
    /// would report some of them as not ready. The shard gives way by itself, after [`TURN`] members.
    pub(crate) fn run(self) -> impl Future<Output = ()> + Send {
        tokio::task::unconstrained(self.serve())
    }

    async fn serve(mut self) {
        let mut work = Work::default();
        let mut due = Vec::new();
        loop {
            self.inbox.take(&mut work);
            self.now = Instant::now();
            for arrival in work.arrivals.drain(..) {
                self.admit(arrival);
                self.turn().await;
            }
            for key in work.ready.drain(..) {
                self.ready(key);
                self.turn().await;
            }
            for channel in work.news.drain(..) {
                self.walk(&channel).await;
            }
            for channel in work.upkeep.drain(..) {
                if let Some(at) = channel.due() {
                    self.wheel.set(at, Timer::Upkeep(channel, at));
                }
            }
            self.wheel.advance(self.now, &mut due);
            for timer in due.drain(..) {
                self.timer(timer);
                self.turn().await;
            }
            if let (Some(deadline), None) = (work.end, self.ending) {
                self.ending = Some(deadline);
                for index in self.indexes() {
                    self.drive(index, Event::Complete, &[]);
                    self.turn().await;
                }
            }
            if self.is_over() {
                return;
            }
            self.wait().await;
        }
    }

    /// Whether everything has ended. Past the deadline, whoever is left is cut.
    fn is_over(&mut self) -> bool {
        let Some(deadline) = self.ending else { return false };
        if self.now >= deadline {
            for index in self.indexes() {
                self.drive(index, Event::Timeout, &[]);
            }
        }
        self.members.is_empty() && self.inbox.close_if_empty()
    }

    fn indexes(&self) -> Vec<usize> {
        self.members.iter().map(|(index, _)| index).collect()
    }

    /// Waits for work, a timer or the deadline, whichever comes first.
    async fn wait(&self) {
        match self.wheel.next().into_iter().chain(self.ending).min() {
            None => self.inbox.wait().await,
            Some(at) => tokio::select! {
                () = self.inbox.wait() => {}
                () = sleep_until(at) => {}
            },
        }
    }

    /// Counts a member served; lets other tasks run after [`TURN`] of them.
    async fn turn(&mut self) {
        self.served += 1;
        if self.served >= TURN {
            self.served = 0;
            tokio::task::yield_now().await;
            self.now = Instant::now();
        }
    }

    fn admit(&mut self, arrival: Arrival) {
        let rotate_after = arrival.rotate_after;
        self.generation += 1;
        let slot = self.members.vacant_entry();
        let key = Key { index: slot.key(), generation: self.generation };
        let channel = arrival.channel.clone();
        let group = self.groups.entry(channel.id).or_default();
        let signal = Signal::new(key, self.inbox.clone());
        slot.insert(Member::new(arrival, key, group.len(), signal, self.now));
        group.push(key.index);
        // From here on publishers tell this shard; what they published before is ahead of the cursor.
        channel.join(self.index);
        let counts = &self.shared.counts;
        counts.opened.fetch_add(1, Ordering::Relaxed);
        counts.open[self.members[key.index].transport.form()].fetch_add(1, Ordering::Relaxed);
        self.wheel.set(self.now + self.shared.limits.heartbeat, Timer::Beat(key));
        if let Some(time) = rotate_after {
            self.wheel.set(self.now + time, Timer::Rotate(key, self.now + time));
        }
        if self.look(key.index) {
            match self.ending.is_some() || channel.is_closed() {
                // The head goes out together with whatever is due already.
                false => self.resume(key.index),
                true => self.drive(key.index, Event::Complete, &[]),
            }
        }
    }

    /// A socket can be read or written again.
    fn ready(&mut self, key: Key) {
        if self.is_alive(key) && self.look(key.index) {
            let member = &self.members[key.index];
            if member.blocked {
                self.resume(key.index);
            } else if member.has_own() {
                self.drive(key.index, Event::Wake, &[]);
            }
        }
    }

    /// Reads what the client sent; false if that was its end.
    fn look(&mut self, index: usize) -> bool {
        let member = &mut self.members[index];
        let (key, half_closed) = (member.key, member.half_closed);
        member.looked_at();
        if let Some(event) = member.read(&self.shared.limits) {
            self.drive(index, event, &[]);
        } else if member.half_closed && !half_closed {
            // Either it only has nothing more to say, as `printf ... | nc`, and reads on; or it has closed,
            // and whatever is sent to it now comes back as a reset.
            self.wheel.set(self.now + HALF_CLOSED, Timer::HalfClosed(key));
            if member.state == State::Suspended {
                member.beat();
                self.drive(index, Event::Wake, &[]);
            }
        }
        self.is_alive(key)
    }

    /// Goes on sending where the socket was full.
    fn resume(&mut self, index: usize) {
        if let Some(event) = self.send(index, &[]) {
            self.drive(index, event, &[]);
        }
    }

    /// Takes the news of a stream to its members.
    async fn walk(&mut self, channel: &Channel) {
        let mut window = std::mem::take(&mut self.window);
        let seen = channel.look(self.index);
        let head = {
            let log = channel.log();
            // A gap here is none: members that lag behind the log read for themselves, and are found slow.
            let _ = log.read(seen, usize::MAX, &mut window);
            log.head()
        };
        let is_closed = channel.is_closed();
        let (mut place, mut worst, mut floor) = (0, 0, None);
        while let Some(&index) = self.groups.get(&channel.id).and_then(|group| group.get(place)) {
            let member = &self.members[index];
            let key = member.key;
            if is_closed {
                self.drive(index, Event::Complete, &window);
            } else if member.state == State::Suspended {
                self.drive(index, Event::Wake, &window);
            } else if member.state == State::Resumed {
                // Who begins may be in a long replay, and who ends is nearly gone: only time and the log bound them.
                let floor = *floor.get_or_insert_with(|| channel.log().floor(self.now));
                self.keep_up(index, &floor);
            }
            // Who left has been replaced by the last of the group.
            if let Some(member) = self.members.get(index).filter(|member| member.key == key) {
                place += 1;
                if member.blocked {
                    worst = worst.max(member.cursor.lag(head).0);
                }
            }
            self.turn().await;
        }
        channel.seen(self.index, head.sequence, worst);
        window.clear();
        self.window = window;
    }

    /// What the stream's policy says about a member with a full socket that is too far behind.
    fn keep_up(&mut self, index: usize, floor: &Floor) {
        let member = &mut self.members[index];
        match member.channel.config.overflow {
            // It skips to the newest when its socket takes something again.
            Overflow::Latest => {}
            Overflow::DropOldest => {
                if let Some(why) = floor.overrun(member.cursor) {
                    member.skip(floor.cursor, why);
                }
            }
            Overflow::Disconnect => {
                if let Some(why) = floor.overrun(member.cursor) {
                    member.channel.drops.count(why, 0);
                    self.drive(index, Event::Slow, &[]);
                }
            }
        }
    }

    /// A timer came up.
    fn timer(&mut self, timer: Timer) {
        match timer {
            Timer::Upkeep(channel, at) => {
                if self.now < at {
                    self.wheel.set(at, Timer::Upkeep(channel, at));
                } else if channel.due() == Some(at) {
                    channel.upkeep(self.now, &self.shared);
                }
            }
            Timer::Rotate(key, at) if self.is_alive(key) => {
                if self.now < at {
                    self.wheel.set(at, Timer::Rotate(key, at));
                } else {
                    self.end(key.index, Farewell::Rotate);
                }
            }
            Timer::Unanswered(key) if self.is_alive(key) => {
                self.drive(key.index, self.members[key.index].outcome(), &[]);
            }
            Timer::Beat(key) | Timer::HalfClosed(key) if self.is_alive(key) => {
                let member = &self.members[key.index];
                if member.half_closed && member.is_gone() {
                    self.drive(key.index, Event::Peer, &[]);
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
        let member = &mut self.members[key.index];
        member.next_interval();
        let is_idle = member.state == State::Suspended;
        let patience = if is_idle { heartbeat } else { stall };
        if self.now.saturating_duration_since(member.since) < patience {
            // Sooner than its patience ends, as what it lacks grows old though nothing new comes.
            let at = (member.since + patience).min(self.now + heartbeat);
            self.wheel.set(at, Timer::Beat(key));
            if member.state == State::Resumed {
                let floor = member.channel.log().floor(self.now);
                self.keep_up(key.index, &floor);
            }
        } else if is_idle {
            self.wheel.set(self.now + heartbeat, Timer::Beat(key));
            member.beat();
            self.drive(key.index, Event::Wake, &[]);
        } else {
            self.drive(key.index, Event::Timeout, &[]);
        }
    }

    /// Ends a connection in good order.
    fn end(&mut self, index: usize, farewell: Farewell) {
        let member = &mut self.members[index];
        if matches!(member.state, State::Begin | State::Suspended | State::Resumed) {
            member.say_farewell(farewell);
            if farewell == Farewell::Rotate {
                self.shared.counts.rotated.fetch_add(1, Ordering::Relaxed);
            }
            self.drive(index, Event::Complete, &[]);
        }
    }

    fn is_alive(&self, key: Key) -> bool {
        self.members.get(key.index).is_some_and(|member| member.key == key)
    }

    fn send(&mut self, index: usize, window: &[Arc<Message>]) -> Option<Event> {
        let member = &mut self.members[index];
        let event = member.send(window, &mut self.scratch, &self.shared.classes, self.now);
        if event.is_none() && member.awaits_close() {
            self.wheel.set(self.now + self.shared.limits.ws_close, Timer::Unanswered(member.key));
        }
        event
    }

    /// Runs the lifecycle: the event, what it asks for, and what comes of that.
    fn drive(&mut self, index: usize, event: Event, window: &[Arc<Message>]) {
        let mut next = Some(event);
        while let Some(event) = next {
            let member = &mut self.members[index];
            let (state, action) = member.state.on(event);
            member.state = state;
            next = match action {
                Action::None => None,
                Action::Send => self.send(index, window),
                Action::Farewell => {
                    member.say_farewell(Farewell::Complete);
                    self.send(index, window)
                }
                Action::Close(why) => {
                    self.close(index, why);
                    None
                }
            };
        }
    }

    fn close(&mut self, index: usize, why: Close) {
        let member = self.members.remove(index);
        let channel = &member.channel;
        if let Some(group) = self.groups.get_mut(&channel.id) {
            group.swap_remove(member.place);
            if let Some(&moved) = group.get(member.place) {
                self.members[moved].place = member.place;
            }
            if group.is_empty() {
                self.groups.remove(&channel.id);
            }
        }
        channel.leave(self.index);
        let counts = &self.shared.counts;
        counts.closed[why as usize].fetch_add(1, Ordering::Relaxed);
        counts.open[member.transport.form()].fetch_sub(1, Ordering::Relaxed);
        tracing::debug!(stream = %channel.name, sequence = member.cursor.sequence, ?why, "connection closed");
        if why.is_abort() {
            member.abort_on_drop();
        }
    }
}

/// However the task ends, also by a panic: every member is closed and told, and publishers stop waiting for it.
impl Drop for Shard {
    fn drop(&mut self) {
        self.inbox.close();
        for index in self.indexes() {
            self.drive(index, Event::Fail, &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Connection, Hub, Start};
    use crate::{Epoch, Limits, Transport, demo};
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

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
        tokio::time::sleep(HALF_CLOSED * 2).await;
        assert_eq!(timers(&mut shard), 1, "the look whether it is gone");
        for _ in 0..8 {
            tokio::time::sleep(Limits::default().heartbeat).await;
            assert_eq!(timers(&mut shard), 1, "the heartbeat");
        }
        assert!(shard.is_alive(key));
    }
}
