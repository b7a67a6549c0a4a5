//! A shard: one task that owns its members and does everything for them.
//!
//! News of a stream go to its members by a `walk`; what time brings, heartbeats and ends, comes by its `timers`.

mod restart;
mod timers;
mod walk;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use slab::Slab;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::Shared;
use super::inbox::{Inbox, Key, Signal, Work};
use super::member::{Arrival, Member, Scratch};
use super::wheel::Wheel;
use crate::lifecycle::{Action, Close, Event, State};
use crate::message::Message;
use crate::transport::Farewell;
use timers::{HALF_CLOSED, Timer};

/// Members that are served before other tasks of the runtime get their turn: about a millisecond of sends.
const TURN: usize = 128;

/// Members and what drives them: the inbox, the wheel, and nothing else.
#[derive(Debug)]
pub(crate) struct Shard {
    index: usize,
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    members: Slab<Member>,
    /// The members by stream.
    groups: HashMap<u64, Vec<usize>>,
    generation: u32,
    wheel: Wheel<Timer>,
    /// The time of this turn: one reading of the clock for many members.
    now: Instant,
    /// Whether the members are to leave.
    is_draining: bool,
    /// When the streams have to be over, once they are to end.
    ending: Option<Instant>,
    served: usize,
    /// Not at work: so if it is found at rest and this is false, it has panicked.
    is_sound: bool,
    window: Vec<Arc<Message>>,
    scratch: Scratch,
}

impl Shard {
    pub(crate) fn new(index: usize, shared: Arc<Shared>, inbox: Arc<Inbox>) -> Self {
        let now = Instant::now();
        // Also one that begins anew while members leave.
        let is_draining = shared.drain.has_begun();
        Self {
            index,
            shared,
            inbox,
            members: Slab::new(),
            groups: HashMap::new(),
            generation: 0,
            wheel: Wheel::new(now),
            now,
            is_draining,
            ending: None,
            served: 0,
            is_sound: true,
            window: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// Serves until the streams have ended and the last member is gone: then true. False if a publisher that was at
    /// work here has left it broken.
    ///
    /// While it is at work it holds its lock, also when it gives way; while it waits, a publisher may take it
    /// ([`Inbox::deliver`]).
    async fn work(this: &Mutex<Self>, inbox: &Inbox) -> bool {
        let (mut work, mut due) = (Work::default(), Vec::new());
        let mut timer = pin!(sleep(Duration::ZERO));
        loop {
            let mut shard = this.lock().await;
            if !shard.is_sound {
                return false;
            }
            shard.is_sound = false;
            shard.serve(&mut work, &mut due).await;
            if shard.is_over() {
                return true;
            }
            let next = shard.deadline();
            shard.is_sound = true;
            drop(shard);
            let Some(at) = next else {
                inbox.wait().await;
                continue;
            };
            // Most turns wait for the same moment.
            if timer.deadline() != at {
                timer.as_mut().reset(at);
            }
            tokio::select! {
                () = inbox.wait() => {}
                () = timer.as_mut() => {}
            }
        }
    }

    /// Does what there is to do.
    async fn serve(&mut self, work: &mut Work, due: &mut Vec<Timer>) {
        self.inbox.take(work);
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
                self.wheel.set(at, Timer::Upkeep((channel, at).into()));
            }
        }
        self.wheel.advance(self.now, due);
        for timer in due.drain(..) {
            self.timer(timer);
            self.turn().await;
        }
        if let Some(drain) = work.drain.take() {
            self.drain(&drain);
        }
        if let (Some(deadline), None) = (work.end, self.ending) {
            self.ending = Some(deadline);
            for index in self.indexes() {
                self.drive(index, Event::Complete, &[]);
                self.turn().await;
            }
        }
        self.scratch.forget();
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

    /// When the next timer comes up, or everything has to be over.
    fn deadline(&self) -> Option<Instant> {
        self.wheel.next().into_iter().chain(self.ending).min()
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
        self.generation = self.generation.wrapping_add(1);
        let slot = self.members.vacant_entry();
        let key = Key::new(slot.key(), self.generation);
        let channel = arrival.channel.clone();
        let group = self.groups.entry(channel.id).or_default();
        let signal = Signal::new(key, self.inbox.clone());
        slot.insert(Member::new(arrival, key, group.len(), signal, self.now));
        group.push(key.index());
        // From here on publishers tell this shard; what they published before is ahead of the cursor.
        channel.join(self.index);
        let counts = &self.shared.counts;
        counts.opened.fetch_add(1, Ordering::Relaxed);
        counts.open[self.members[key.index()].transport.form()].fetch_add(1, Ordering::Relaxed);
        self.wheel.set(self.now + self.shared.limits.heartbeat, Timer::Beat(key));
        if let Some(time) = rotate_after {
            self.wheel.set(self.now + time, Timer::Rotate((key, self.now + time).into()));
        }
        if self.look(key.index()) {
            if self.ending.is_some() || channel.is_closed() {
                self.drive(key.index(), Event::Complete, &[]);
            } else if self.is_draining {
                self.end(key.index(), Farewell::Rotate);
            } else {
                // The head goes out together with whatever is due already.
                self.resume(key.index());
            }
        }
    }

    /// A socket can be read or written again.
    fn ready(&mut self, key: Key) {
        if self.is_alive(key) && self.look(key.index()) {
            let member = &self.members[key.index()];
            if member.blocked {
                self.resume(key.index());
            } else if member.has_own() {
                self.drive(key.index(), Event::Wake, &[]);
            }
        }
    }

    /// Reads what the client sent; false if that was its end.
    fn look(&mut self, index: usize) -> bool {
        let member = &self.members[index];
        let (key, half_closed) = (member.key, member.half_closed);
        member.looked_at();
        // What it said may end the connection at once, or in good order: then it is listened to for its answer.
        while let Some(event) = self.members[index].read(&self.shared) {
            self.drive(index, event, &[]);
            if !self.is_alive(key) {
                return false;
            }
        }
        let member = &mut self.members[index];
        if member.half_closed && !half_closed {
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

    fn is_alive(&self, key: Key) -> bool {
        self.members.get(key.index()).is_some_and(|member| member.key == key)
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
                    // What has not said before why it ends: the stream is over, or this server is, and the next one
                    // goes on with it.
                    let is_over = member.channel.is_closed();
                    member.say_farewell(if is_over { Farewell::Complete } else { Farewell::Rotate });
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
        // First: what is wrong with the tables is not to spoil the counts.
        self.release(&member, why);
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
    }

    /// Tells that a member is gone, which is not in the table of members any more.
    fn release(&self, member: &Member, why: Close) {
        member.channel.leave(self.index);
        let counts = &self.shared.counts;
        counts.closed[why as usize].fetch_add(1, Ordering::Relaxed);
        counts.open[member.transport.form()].fetch_sub(1, Ordering::Relaxed);
        let stream = &member.channel.name;
        tracing::debug!(%stream, sequence = member.cursor.sequence, ?why, "connection closed");
        if why.is_abort() {
            member.abort_on_drop();
        }
    }
}
