//! Who is there by name, and what waits for them alone.
//!
//! A direct message is outside of the log: it has no position, and one client gets it. It waits in the client's own
//! bounded queue until its newest connection takes it, in order with the broadcasts published around it. The queue
//! outlives the connection by the time that a client lingers, so a long poll or a reconnect finds it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;

use super::channel::Channel;
use super::client::ClientId;
use super::stats::Overrun;
use super::{Limits, Shared};
use crate::error::{SendError, SubscribeError};
use crate::message::Message;

/// A client came or went. It has gone when it has had no connection for the time that clients linger; a connection
/// before that is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceEvent {
    /// A client subscribed that was not present.
    Joined(ClientId),
    /// A client is no longer present. What waited for it is gone.
    Left(ClientId),
}

/// A listener fell behind by more events than [`Limits::presence_events`]; the oldest ones are lost to it.
/// [`Stream::presence`](super::Stream::presence) gives the clients anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} presence events were lost")]
pub struct PresenceLost(pub u64);

/// The clients of a stream at one moment, and everything that changes from that moment on.
#[derive(Debug)]
pub struct Presence {
    present: Vec<ClientId>,
    events: broadcast::Receiver<PresenceEvent>,
}

impl Presence {
    /// The clients that were present when this was made, in no order.
    #[must_use]
    pub fn present(&self) -> &[ClientId] {
        &self.present
    }

    /// The next event; `None` when the stream has ended: it was closed, or the hub has. Everybody has left then, which
    /// is told before. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`PresenceLost`]; the next call goes on with the oldest event that is left.
    pub async fn next(&mut self) -> Result<Option<PresenceEvent>, PresenceLost> {
        match self.events.recv().await {
            Ok(event) => Ok(Some(event)),
            Err(broadcast::error::RecvError::Closed) => Ok(None),
            Err(broadcast::error::RecvError::Lagged(lost)) => Err(PresenceLost(lost)),
        }
    }

    /// The next event, if there is one already.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub fn try_next(&mut self) -> Result<Option<PresenceEvent>, PresenceLost> {
        match self.events.try_recv() {
            Ok(event) => Ok(Some(event)),
            Err(broadcast::error::TryRecvError::Lagged(lost)) => Err(PresenceLost(lost)),
            Err(_) => Ok(None),
        }
    }
}

/// The clients of one stream. Every change of who is present is made, and told, under one lock.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    clients: HashMap<ClientId, Client>,
    /// Those without a connection, by the time at which they have gone.
    lingering: BTreeSet<(Instant, ClientId)>,
    /// Made for the first listener: most streams have none.
    events: Option<broadcast::Sender<PresenceEvent>>,
    /// The stream has: nobody is present, and nobody is told of anything. What is left of `clients` is what is still
    /// due to them.
    has_ended: bool,
}

#[derive(Debug)]
struct Client {
    slot: Arc<Slot>,
    connections: usize,
    /// When it has gone, while it has no connection.
    leaves: Option<Instant>,
}

impl State {
    fn tell(&self, event: PresenceEvent) {
        if let Some(events) = &self.events {
            // Nobody listens now.
            let _ = events.send(event);
        }
    }

    /// The client has no connection, from now on.
    fn linger(&mut self, id: &ClientId, leaves: Instant) {
        if let Some(client) = self.clients.get_mut(id) {
            if let Some(old) = client.leaves.replace(leaves) {
                self.lingering.remove(&(old, id.clone()));
            }
            self.lingering.insert((leaves, id.clone()));
        }
    }
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self) -> usize {
        let state = self.lock();
        if state.has_ended { 0 } else { state.clients.len() }
    }

    /// Whether something may wait for somebody, also where the stream has ended and nobody is present any more.
    pub(crate) fn holds_anybody(&self) -> bool {
        !self.lock().clients.is_empty()
    }

    pub(crate) fn clients(&self) -> Vec<ClientId> {
        let state = self.lock();
        if state.has_ended { Vec::new() } else { state.clients.keys().cloned().collect() }
    }

    /// The stream has ended: everybody leaves, and that is all that listeners are told.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        if !std::mem::replace(&mut state.has_ended, true) {
            state.clients.keys().for_each(|id| state.tell(PresenceEvent::Left(id.clone())));
            state.events = None;
        }
    }

    pub(crate) fn listen(&self, limits: &Limits) -> Presence {
        let mut state = self.lock();
        if state.has_ended {
            return Presence { present: Vec::new(), events: broadcast::channel(1).1 };
        }
        let events = state.events.get_or_insert_with(|| broadcast::channel(limits.presence_events.max(1)).0);
        let events = events.subscribe();
        Presence { present: state.clients.keys().cloned().collect(), events }
    }

    pub(crate) fn get(&self, id: &ClientId) -> Option<Arc<Slot>> {
        self.lock().clients.get(id).map(|client| client.slot.clone())
    }

    /// The client is present from now on, until `leaves` at least.
    fn enter(&self, id: &ClientId, max: usize, leaves: Instant) -> Result<Arc<Slot>, SubscribeError> {
        let mut state = self.lock();
        if let Some(client) = state.clients.get(id) {
            let slot = client.slot.clone();
            if client.connections == 0 {
                state.linger(id, leaves);
            }
            return Ok(slot);
        }
        if state.clients.len() >= max {
            return Err(SubscribeError::TooManyClients { max });
        }
        let slot = Arc::new(Slot::new(id.clone()));
        state.clients.insert(id.clone(), Client { slot: slot.clone(), connections: 0, leaves: None });
        state.linger(id, leaves);
        state.tell(PresenceEvent::Joined(id.clone()));
        Ok(slot)
    }

    /// A connection of a client that may have gone meanwhile, if its subscription waited for long: then it comes anew.
    fn connect(&self, slot: &Arc<Slot>) -> Arc<Slot> {
        let mut state = self.lock();
        let id = &slot.id;
        let is_new = !state.clients.contains_key(id);
        if is_new {
            state.tell(PresenceEvent::Joined(id.clone()));
        }
        let fresh = || Client { slot: Arc::new(Slot::new(id.clone())), connections: 0, leaves: None };
        let client = state.clients.entry(id.clone()).or_insert_with(fresh);
        client.connections += 1;
        let slot = client.slot.clone();
        if let Some(leaves) = client.leaves.take() {
            state.lingering.remove(&(leaves, id.clone()));
        }
        slot
    }

    /// A connection less; true if it was the last.
    fn disconnect(&self, id: &ClientId, leaves: Instant) -> bool {
        let mut state = self.lock();
        let Some(client) = state.clients.get_mut(id) else { return false };
        client.connections -= 1;
        let is_last = client.connections == 0;
        if is_last {
            state.linger(id, leaves);
        }
        is_last
    }

    /// Lets those go whose time is over. Returns when the next one goes, and the slots of those who went.
    fn expire(&self, now: Instant, gone: &mut Vec<Arc<Slot>>) -> Option<Instant> {
        let mut state = self.lock();
        while let Some((leaves, _)) = state.lingering.first() {
            if *leaves > now {
                return Some(*leaves);
            }
            let Some((_, id)) = state.lingering.pop_first() else { break };
            if let Some(client) = state.clients.remove(&id) {
                // Closed under this lock, so that who comes back at this moment finds a new one.
                client.slot.lock().is_closed = true;
                gone.push(client.slot);
            }
            state.tell(PresenceEvent::Left(id));
        }
        None
    }
}

/// What waits for one client.
#[derive(Debug)]
pub(crate) struct Slot {
    id: ClientId,
    /// Length of the queue: a look without the lock.
    waiting: AtomicUsize,
    queue: Mutex<Queue>,
    /// Told when there is something; for readers without a shard.
    pub(crate) news: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Arc<Message>>,
    bytes: usize,
    /// The newest connection of the client; 0 before the first.
    owner: u64,
    /// Wakes it if it belongs to a shard.
    waker: Option<Waker>,
    is_closed: bool,
}

impl Slot {
    pub(crate) const fn id(&self) -> &ClientId {
        &self.id
    }

    fn new(id: ClientId) -> Self {
        Self { id, waiting: AtomicUsize::new(0), queue: Mutex::default(), news: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a message.
    pub(crate) fn push(&self, message: Arc<Message>, shared: &Shared) -> Result<Told<'_>, SendError> {
        let (limits, weight) = (&shared.limits, message.weight());
        let mut queue = self.lock();
        if queue.is_closed {
            return Err(SendError::NoClient(self.id.clone()));
        }
        if queue.messages.len() >= limits.direct_messages {
            let max = limits.direct_messages;
            return Err(SendError::Full { client: self.id.clone(), bound: "direct_messages", max });
        }
        let max = limits.direct_bytes;
        if weight > max {
            return Err(SendError::TooLong { bytes: weight, max });
        }
        if queue.bytes + weight > max {
            return Err(SendError::Full { client: self.id.clone(), bound: "direct_bytes", max });
        }
        let all = &shared.counts.direct_bytes;
        if all.fetch_add(weight, Ordering::Relaxed) + weight > limits.direct_bytes_in_all {
            all.fetch_sub(weight, Ordering::Relaxed);
            let max = limits.direct_bytes_in_all;
            return Err(SendError::Full { client: self.id.clone(), bound: "direct_bytes_in_all", max });
        }
        queue.bytes += weight;
        queue.messages.push_back(message);
        self.waiting.store(queue.messages.len(), Ordering::SeqCst);
        Ok(Told { waker: queue.waker.clone(), is_connected: queue.owner != 0, slot: self })
    }
}

/// A message waits: its reader is to be woken.
#[derive(Debug)]
pub(crate) struct Told<'s> {
    waker: Option<Waker>,
    is_connected: bool,
    slot: &'s Slot,
}

impl Told<'_> {
    /// Wakes the reader. True if there is one.
    pub(crate) fn wake(self) -> bool {
        if let Some(waker) = self.waker {
            waker.wake();
        }
        self.slot.news.notify_waiters();
        self.is_connected
    }
}

/// What a reader gets next of its own.
#[derive(Debug)]
pub(crate) enum Direct {
    /// Nothing waits.
    None,
    /// Nothing before the broadcast of this sequence; nothing from the log after it until then.
    After(u64),
    /// This one.
    Now(Arc<Message>),
}

/// One connection of a named client. Ends its share in the client's presence when dropped.
#[derive(Debug)]
pub(crate) struct Attachment {
    slot: Arc<Slot>,
    /// Distinct in the hub.
    number: u64,
    channel: Arc<Channel>,
    shared: Arc<Shared>,
}

impl Attachment {
    /// The newest connection of the client: from now on direct messages are its own.
    pub(crate) fn new(slot: &Arc<Slot>, channel: &Arc<Channel>, shared: &Arc<Shared>) -> Box<Self> {
        let slot = channel.registry.connect(slot);
        let number = shared.next_number();
        {
            let mut queue = slot.lock();
            queue.owner = number;
            queue.waker = None;
        }
        // Whoever was the newest until now, and waits, looks again in vain.
        slot.news.notify_waiters();
        Self { slot, number, channel: channel.clone(), shared: shared.clone() }.into()
    }

    pub(crate) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// Has `waker` told of direct messages from now on.
    pub(crate) fn wake_by(&self, waker: &Waker) {
        let mut queue = self.slot.lock();
        if queue.owner == self.number {
            queue.waker = Some(waker.clone());
        }
    }

    /// What a reader at `sequence` gets next of its own. It is taken only if `takes`: from then on it is this
    /// connection's, and lost with it.
    pub(crate) fn next(&self, sequence: u64, takes: bool) -> Direct {
        if self.slot.waiting.load(Ordering::SeqCst) == 0 {
            return Direct::None;
        }
        let mut queue = self.slot.lock();
        let Some(next) = queue.messages.front().filter(|_| queue.owner == self.number) else {
            return Direct::None;
        };
        let after = next.position.sequence;
        if after > sequence || !takes {
            return Direct::After(after.max(sequence));
        }
        let Some(message) = queue.messages.pop_front() else { return Direct::None };
        queue.bytes -= message.weight();
        self.slot.waiting.store(queue.messages.len(), Ordering::SeqCst);
        drop(queue);
        self.shared.counts.direct_bytes.fetch_sub(message.weight(), Ordering::Relaxed);
        Direct::Now(message)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        {
            let mut queue = self.slot.lock();
            if queue.owner == self.number {
                queue.owner = 0;
                queue.waker = None;
            }
        }
        let leaves = Instant::now() + self.channel.config.client_linger;
        if self.channel.registry.disconnect(&self.slot.id, leaves) {
            self.channel.schedule(leaves);
        }
    }
}

impl Channel {
    /// The client is present from now on.
    pub(crate) fn enter(&self, id: &ClientId, limits: &Limits) -> Result<Arc<Slot>, SubscribeError> {
        let leaves = Instant::now() + self.config.client_linger;
        let slot = self.registry.enter(id, limits.clients, leaves)?;
        self.schedule(leaves);
        Ok(slot)
    }

    /// Lets clients go that have been away for too long, with what waited for them.
    pub(crate) fn expire_clients(&self, now: Instant, shared: &Shared) -> Option<Instant> {
        let mut gone = Vec::new();
        let next = self.registry.expire(now, &mut gone);
        for slot in gone {
            let mut queue = slot.lock();
            let (messages, bytes) = (std::mem::take(&mut queue.messages), std::mem::take(&mut queue.bytes));
            drop(queue);
            shared.counts.direct_bytes.fetch_sub(bytes, Ordering::Relaxed);
            if !messages.is_empty() {
                self.drops.count(Overrun::DirectLapsed, messages.len() as u64);
            }
        }
        next
    }
}
