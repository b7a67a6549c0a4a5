//! What other threads hold of a connection: wake it, pass it data, end it.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A connection as the rest of the application sees it. Cloning costs a reference count; every method may be called
/// from any thread, inside and outside of the runtime, at any time, also before the controller has begun and
/// after it has closed. None of them waits.
///
/// It is what Resin's `CometController` and Servlet 3.0's `AsyncContext` are to other threads.
#[derive(Clone)]
pub struct Handle(Arc<Cell>);

struct Cell {
    id: u64,
    signals: Mutex<Signals>,
}

#[derive(Default)]
struct Signals {
    is_woken: bool,
    is_completing: bool,
    is_closed: bool,
    waker: Option<Waker>,
    closed: Option<Arc<Notify>>,
    attributes: Vec<(Cow<'static, str>, Attribute)>,
}

type Attribute = Arc<dyn Any + Send + Sync>;

/// What the connection's task is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Wake,
    Complete,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Handle {
    pub(super) fn new() -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Cell { id, signals: Mutex::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, Signals> {
        // Nothing of the application's runs under this lock.
        self.0.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that no other connection of this process has.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Has [`resume`](super::Controller::resume) called soon. However often this is called before it, it is called
    /// once; a wake while it runs calls it again. So a wake is never lost, and says nothing but "look again".
    ///
    /// False when nobody will: the connection has ended, or is being completed.
    pub fn wake(&self) -> bool {
        let mut signals = self.lock();
        if signals.is_closed || signals.is_completing {
            return false;
        }
        signals.is_woken = true;
        wake(signals);
        true
    }

    /// Ends the connection in good order: what it was woken for before is resumed, then the client gets the form's
    /// farewell. False when it has ended, or is being completed already.
    pub fn complete(&self) -> bool {
        let mut signals = self.lock();
        if signals.is_closed || std::mem::replace(&mut signals.is_completing, true) {
            return false;
        }
        wake(signals);
        true
    }

    /// Whether the connection has ended: nothing that is told to it any more reaches the controller.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Waits until the connection has ended.
    pub async fn closed(&self) {
        let closed = {
            let mut signals = self.lock();
            if signals.is_closed {
                return;
            }
            // Made for the first who asks: most connections have nobody who does.
            signals.closed.get_or_insert_default().clone()
        };
        let mut notified = std::pin::pin!(closed.notified());
        notified.as_mut().enable();
        if !self.is_closed() {
            notified.await;
        }
    }

    /// Runs `work` as a task of its own that ends with the connection: it is dropped where it awaits.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(&self, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let handle = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = work => {}
                () = handle.closed() => {}
            }
        })
    }

    /// Keeps `value` under `name` until it is replaced, removed, or the connection ends. Dropped if it has.
    pub fn set<T: Any + Send + Sync>(&self, name: impl Into<Cow<'static, str>>, value: T) {
        let (name, value): (_, Attribute) = (name.into(), Arc::new(value));
        let mut signals = self.lock();
        if signals.is_closed {
            return;
        }
        let _old = match signals.attributes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => Some(std::mem::replace(known, value)),
            None => {
                signals.attributes.push((name, value));
                None
            }
        };
        // Dropped before what was replaced, whose destructor may call us.
        drop(signals);
    }

    /// The value under `name`, if there is one of this type. Costs a reference count.
    #[must_use]
    pub fn get<T: Any + Send + Sync>(&self, name: &str) -> Option<Arc<T>> {
        let value = self.lock().attributes.iter().find(|(known, _)| known == name)?.1.clone();
        value.downcast().ok()
    }

    /// Takes the value under `name` away, if there is one of this type.
    #[must_use]
    pub fn take<T: Any + Send + Sync>(&self, name: &str) -> Option<Arc<T>> {
        let mut signals = self.lock();
        let at = signals.attributes.iter().position(|(known, value)| known == name && value.is::<T>())?;
        let (_, value) = signals.attributes.swap_remove(at);
        value.downcast().ok()
    }

    /// Removes the value under `name`; false if there was none.
    pub fn remove(&self, name: &str) -> bool {
        let mut signals = self.lock();
        let at = signals.attributes.iter().position(|(known, _)| known == name);
        let old = at.map(|at| signals.attributes.swap_remove(at));
        drop(signals);
        old.is_some()
    }

    /// Waits for the next thing that is told. A completion first: what was woken before it, [`take_wake`] says.
    ///
    /// [`take_wake`]: Self::take_wake
    pub(super) async fn signal(&self) -> Signal {
        poll_fn(|cx| {
            let mut signals = self.lock();
            if signals.is_completing {
                return Poll::Ready(Signal::Complete);
            }
            if std::mem::take(&mut signals.is_woken) {
                return Poll::Ready(Signal::Wake);
            }
            match &mut signals.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            Poll::Pending
        })
        .await
    }

    /// Whether it was woken since the last look.
    pub(super) fn take_wake(&self) -> bool {
        std::mem::take(&mut self.lock().is_woken)
    }

    /// Nothing reaches the controller from now on.
    pub(super) fn close(&self) {
        let mut signals = self.lock();
        signals.is_closed = true;
        let (closed, waker) = (signals.closed.take(), signals.waker.take());
        let attributes = std::mem::take(&mut signals.attributes);
        drop(signals);
        if let Some(closed) = closed {
            closed.notify_waiters();
        }
        drop((attributes, waker));
    }
}

/// Wakes the connection's task, outside of the lock.
fn wake(mut signals: MutexGuard<'_, Signals>) {
    let waker = signals.waker.take();
    drop(signals);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signals = self.lock();
        f.debug_struct("Handle")
            .field("id", &self.0.id)
            .field("is_woken", &signals.is_woken)
            .field("is_completing", &signals.is_completing)
            .field("is_closed", &signals.is_closed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_have_names_and_types() {
        let handle = Handle::new();
        handle.set("comet.count", 3_i32);
        handle.set(String::from("comet.text"), "Lorem".to_owned());
        assert_eq!(handle.get::<i32>("comet.count").as_deref(), Some(&3));
        assert_eq!(handle.get::<u8>("comet.count"), None);
        assert_eq!(handle.take::<u8>("comet.count"), None);
        handle.set("comet.count", 4_i32);
        assert_eq!(handle.take::<i32>("comet.count").as_deref(), Some(&4));
        assert_eq!(handle.get::<i32>("comet.count"), None);
        assert!(handle.remove("comet.text") && !handle.remove("comet.text"));
    }

    /// A destructor that uses the handle would wait for ever for a lock that is held around it.
    #[test]
    fn a_value_is_dropped_outside_of_the_lock() {
        struct Rude(Handle);
        impl Drop for Rude {
            fn drop(&mut self) {
                self.0.wake();
            }
        }
        let handle = Handle::new();
        handle.set("a", Rude(handle.clone()));
        handle.set("a", Rude(handle.clone()));
        assert!(handle.remove("a"));
        handle.set("a", Rude(handle.clone()));
        handle.close();
        handle.set("a", Rude(handle.clone()));
        assert!(handle.get::<Rude>("a").is_none() && handle.is_closed());
        assert!(!handle.wake() && !handle.complete());
    }

    #[tokio::test]
    async fn closed_is_told_to_all_who_wait_and_to_who_asks_later() {
        let handle = Handle::new();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let handle = handle.clone();
                tokio::spawn(async move { handle.closed().await })
            })
            .collect();
        let work = handle.start(std::future::pending());
        tokio::task::yield_now().await;
        handle.close();
        for task in waiting {
            task.await.unwrap();
        }
        work.await.unwrap();
        handle.closed().await;
    }
}
