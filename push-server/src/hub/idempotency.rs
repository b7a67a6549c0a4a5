//! What was published with an idempotency key is published once: whoever asks again with the same key is told the same.
//!
//! A key belongs to one stream, from its opening to its end. It is remembered from the moment at which the first request
//! with it is let in. Requests with the same key wait for the first one: if that one is answered they get its answer, and
//! if it is refused, or goes away, one of them takes its place, for it has published nothing. Only what was published is
//! remembered, so a refusal can be tried again with the same key.
//!
//! The names are those of draft-ietf-httpapi-idempotency-key-header, which has a server answer 409 where ours waits.
//!
//! Bounded in count, bytes and age ([`Limits::idempotency_keys`](crate::Limits::idempotency_keys)). What is too old is
//! given back at the next use, or when the hub's counts are asked for. Everything is lost with the process, as the streams
//! are.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::batch::PublishedBatch;
use super::stream::{Published, Sent, Stream};
use crate::Limits;

/// Bytes of an idempotency key at most.
pub(crate) const MAX_IDEMPOTENCY_KEY: usize = 255;

/// What is counted for a key beside its own bytes: itself, its entry and its place in the queue, with what their tables
/// have to spare. (Seen: 265 B in all for each of 65,536 keys of 33 B, where the tables have grown for the last time.)
const ENTRY: usize = 256;

/// What was answered to a request that has published something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Message(Published),
    Batch(PublishedBatch),
    Direct(Sent),
}

/// What a request asks for, in 128 bits: two requests with one key and one fingerprint are taken to be the same. The hash is
/// keyed anew in each process (SipHash twice), so nobody can make two that collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u64; 2]);

/// The keys of all streams of a hub.
#[derive(Debug)]
pub(crate) struct Idempotency {
    state: Mutex<State>,
    hashers: [RandomState; 2],
    keys: usize,
    bytes: usize,
    age: Duration,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<Arc<Id>, Entry>,
    /// Those that were answered, the oldest first.
    answered: VecDeque<(Instant, Arc<Id>)>,
    bytes: usize,
    /// How many were forgotten before their time.
    forgotten: u64,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Id {
    stream: u64,
    key: Box<str>,
}

#[derive(Debug)]
struct Entry {
    fingerprint: Fingerprint,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    /// Has no permits; closed at the end.
    UnderWay(Arc<Semaphore>),
    Answered(Outcome),
}

/// What becomes of a request with a key.
#[derive(Debug)]
enum Entered<'o> {
    /// It is the first: let it publish, and [keep](Ticket::keep) what came of it.
    First(Ticket<'o>),
    /// It was answered before, with this.
    Again(Outcome),
    /// The key was used for something else.
    Other,
    /// As many keys as can be are under way.
    Full,
}

/// The right to publish with a key. Given back when it is dropped, as nothing was published then.
#[derive(Debug)]
struct Ticket<'o> {
    once: &'o Idempotency,
    id: Option<Arc<Id>>,
}

/// Why a request with a key has published nothing.
#[derive(Debug)]
pub(crate) enum Unpublished<E> {
    /// Another one with the same key is still under way.
    UnderWay,
    /// The key was used for something else.
    Other,
    /// As many keys as can be are under way.
    Full,
    /// What it would have published was refused.
    Refused(E),
}

impl Stream {
    /// Has `publish` publish, unless that was done with the same key before; true then. Waits for another request with
    /// that key as long as [`Limits::publish_wait`].
    pub(crate) async fn once<E>(
        &self,
        key: Option<(&str, Fingerprint)>,
        publish: impl Future<Output = Result<Outcome, E>>,
    ) -> Result<(Outcome, bool), Unpublished<E>> {
        let Some((key, fingerprint)) = key else {
            return publish.await.map(|outcome| (outcome, false)).map_err(Unpublished::Refused);
        };
        let entered = self.shared.idempotency.enter(self.channel.id, key, fingerprint);
        match timeout(self.limits().publish_wait, entered).await {
            Ok(Entered::First(ticket)) => {
                let outcome = publish.await.map_err(Unpublished::Refused)?;
                ticket.keep(outcome);
                Ok((outcome, false))
            }
            Ok(Entered::Again(outcome)) => Ok((outcome, true)),
            Ok(Entered::Other) => Err(Unpublished::Other),
            Ok(Entered::Full) => Err(Unpublished::Full),
            Err(_) => Err(Unpublished::UnderWay),
        }
    }

    /// The fingerprint of what a request asks for, to compare it with another one of the same key.
    pub(crate) fn fingerprint<'t>(&self, texts: impl IntoIterator<Item = &'t [u8]>) -> Fingerprint {
        self.shared.idempotency.fingerprint(texts)
    }
}

impl Id {
    fn weight(&self) -> usize {
        self.key.len() + ENTRY
    }
}

impl Idempotency {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            state: Mutex::default(),
            hashers: [RandomState::new(), RandomState::new()],
            keys: limits.idempotency_keys,
            bytes: limits.idempotency_bytes,
            age: limits.idempotency_age,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fingerprint of these texts, in this order.
    pub(crate) fn fingerprint<'t>(&self, texts: impl IntoIterator<Item = &'t [u8]>) -> Fingerprint {
        let mut hashers = self.hashers.each_ref().map(RandomState::build_hasher);
        for text in texts {
            for hasher in &mut hashers {
                // So that no two lists of texts run into the same bytes.
                hasher.write_usize(text.len());
                hasher.write(text);
            }
        }
        Fingerprint(hashers.map(|hasher| hasher.finish()))
    }

    /// Lets a request in, once no other with the same key is under way. Cancel safe.
    async fn enter(&self, stream: u64, key: &str, fingerprint: Fingerprint) -> Entered<'_> {
        let id = Arc::new(Id { stream, key: key.into() });
        loop {
            let under_way = match self.look(&id, fingerprint, Instant::now()) {
                Ok(entered) => return entered,
                Err(under_way) => under_way,
            };
            // It never has a permit: this ends with an error, when it is closed.
            let _ = under_way.acquire().await;
        }
    }

    /// What becomes of the request now, or what it has to wait for.
    fn look(
        &self,
        id: &Arc<Id>,
        fingerprint: Fingerprint,
        now: Instant,
    ) -> Result<Entered<'_>, Arc<Semaphore>> {
        let mut state = self.lock();
        state.expire(now, self.age);
        match state.known.get(id) {
            Some(entry) if entry.fingerprint != fingerprint => return Ok(Entered::Other),
            Some(Entry { progress: Progress::Answered(outcome), .. }) => {
                return Ok(Entered::Again(*outcome));
            }
            Some(Entry { progress: Progress::UnderWay(under_way), .. }) => return Err(under_way.clone()),
            None => {}
        }
        if id.weight() > self.bytes {
            // Forgetting all the others would make no room for it.
            return Ok(Entered::Full);
        }
        while state.known.len() >= self.keys || state.bytes + id.weight() > self.bytes {
            if !state.forget_oldest() {
                return Ok(Entered::Full);
            }
            state.forgotten += 1;
        }
        state.bytes += id.weight();
        let progress = Progress::UnderWay(Semaphore::new(0).into());
        state.known.insert(id.clone(), Entry { fingerprint, progress });
        Ok(Entered::First(Ticket { once: self, id: Some(id.clone()) }))
    }

    /// How many keys are remembered, and how many were forgotten before their time.
    pub(crate) fn counts(&self, now: Instant) -> (usize, u64) {
        let mut state = self.lock();
        state.expire(now, self.age);
        (state.known.len(), state.forgotten)
    }

    /// The request with this key is over.
    fn end(&self, id: Arc<Id>, outcome: Option<Outcome>) {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(entry) = state.known.get_mut(&id) else { return };
        if let Progress::UnderWay(under_way) = &entry.progress {
            under_way.close();
        }
        match outcome {
            Some(outcome) => {
                entry.progress = Progress::Answered(outcome);
                state.answered.push_back((Instant::now(), id));
            }
            None => {
                state.known.remove(&id);
                state.bytes -= id.weight();
            }
        }
    }
}

impl State {
    fn expire(&mut self, now: Instant, age: Duration) {
        while self.answered.front().is_some_and(|(answered, _)| *answered + age <= now) {
            self.forget_oldest();
        }
        if self.known.is_empty() {
            // As many as there ever were is no size for none.
            self.known.shrink_to(0);
            self.answered.shrink_to(0);
        }
    }

    /// Forgets the oldest answer; false if there is none.
    fn forget_oldest(&mut self) -> bool {
        let Some((_, id)) = self.answered.pop_front() else { return false };
        self.known.remove(&id);
        self.bytes -= id.weight();
        true
    }
}

impl Ticket<'_> {
    /// Whoever comes with the same key gets this.
    fn keep(mut self, outcome: Outcome) {
        if let Some(id) = self.id.take() {
            self.once.end(id, Some(outcome));
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.once.end(id, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, Position};

    fn once(keys: usize, bytes: usize, age: u64) -> Idempotency {
        let mut limits = Limits::default();
        (limits.idempotency_keys, limits.idempotency_bytes) = (keys, bytes);
        limits.idempotency_age = Duration::from_secs(age);
        Idempotency::new(&limits)
    }

    fn outcome(sequence: u64) -> Outcome {
        Outcome::Message(Published { position: Position { epoch: Epoch::new(1), sequence }, receivers: 0 })
    }

    /// Publishes with a key, if it is the first.
    async fn publish(once: &Idempotency, key: &str, sequence: u64) -> Outcome {
        match once.enter(1, key, once.fingerprint([&b"1"[..]])).await {
            Entered::First(ticket) => {
                ticket.keep(outcome(sequence));
                outcome(sequence)
            }
            Entered::Again(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_remembered_as_long_as_it_says_and_belongs_to_its_stream_and_its_body() {
        let once = once(10, 1 << 20, 60);
        assert_eq!(publish(&once, "a", 1).await, outcome(1));
        assert_eq!(publish(&once, "a", 2).await, outcome(1));
        let print = once.fingerprint([&b"1"[..]]);
        assert!(matches!(once.enter(2, "a", print).await, Entered::First(_)), "of another stream");
        assert!(matches!(once.enter(1, "a", once.fingerprint([&b"2"[..]])).await, Entered::Other));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(publish(&once, "a", 2).await, outcome(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(publish(&once, "a", 2).await, outcome(2));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(once.counts(Instant::now()), (0, 0));
        let state = once.lock();
        assert_eq!((state.bytes, state.known.capacity(), state.answered.capacity()), (0, 0, 0));
    }

    #[test]
    fn texts_do_not_run_into_each_other() {
        let once = once(1, 1, 1);
        let print = |texts: &[&'static str]| once.fingerprint(texts.iter().map(|text| text.as_bytes()));
        assert_eq!(print(&["ab", "c"]), print(&["ab", "c"]));
        assert_ne!(print(&["ab", "c"]), print(&["a", "bc"]));
        assert_ne!(print(&["ab"]), print(&["ab", ""]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_give_their_place_and_are_counted_but_never_one_that_is_under_way() {
        let once = once(3, 1 << 20, 60);
        for (sequence, key) in ["a", "b", "c", "d"].into_iter().enumerate() {
            publish(&once, key, sequence as u64).await;
        }
        assert_eq!(once.counts(Instant::now()), (3, 1));
        assert_eq!(publish(&once, "b", 9).await, outcome(1));
        let print = once.fingerprint([&b"1"[..]]);
        let mut tickets = Vec::new();
        for key in ["x", "y", "z"] {
            let Entered::First(ticket) = once.enter(1, key, print).await else { panic!("{key}") };
            tickets.push(ticket);
        }
        assert!(matches!(once.enter(1, "q", print).await, Entered::Full));
        drop(tickets);
        assert_eq!(once.counts(Instant::now()), (0, 4));
        assert_eq!(once.lock().bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_bounded_whatever_the_keys() {
        let once = once(1_000, 4 * (ENTRY + MAX_IDEMPOTENCY_KEY), 60);
        for number in 0..100 {
            let key = format!("{number:0>width$}", width = MAX_IDEMPOTENCY_KEY);
            publish(&once, &key, number).await;
            assert!(once.lock().bytes <= once.bytes);
        }
        assert_eq!(once.counts(Instant::now()), (4, 96));
        // One that could never have a place takes none from the others.
        let (once, print) = (self::once(9, 2 * ENTRY, 60), once.fingerprint([]));
        publish(&once, "a", 1).await;
        assert!(matches!(once.enter(1, &"x".repeat(ENTRY + 1), print).await, Entered::Full));
        assert_eq!(once.counts(Instant::now()), (1, 0));
    }

    /// What is counted for a key is no less than what it takes.
    #[test]
    fn an_entry_is_as_large_as_it_is_counted() {
        let tables = 2 * (size_of::<(Arc<Id>, Entry)>() + 1) + 2 * size_of::<(Instant, Arc<Id>)>();
        let itself = 2 * size_of::<usize>() + size_of::<Id>();
        assert!(tables + itself <= ENTRY, "{tables} + {itself}");
    }

    /// Those who come while it is under way get its answer; if there is none, one of them is the next.
    #[tokio::test(start_paused = true)]
    async fn of_many_at_once_one_publishes() {
        let once = Arc::new(once(10, 1 << 20, 60));
        let Entered::First(first) = once.enter(1, "a", once.fingerprint([&b"1"[..]])).await else { panic!() };
        let others: Vec<_> = (0..20)
            .map(|sequence| {
                let once = once.clone();
                tokio::spawn(async move { publish(&once, "a", sequence).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(others.iter().all(|other| !other.is_finished()));
        // Its client has gone.
        drop(first);
        let mut outcomes = Vec::new();
        for other in others {
            outcomes.push(other.await.unwrap());
        }
        outcomes.dedup();
        assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    }
}
