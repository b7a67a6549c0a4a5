//! All orders of events against the promises: `close` exactly once and last, no wake lost, nobody waited for for ever.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{self, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Version};
use proptest::prelude::*;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::output::{Envelope, Output};
use super::run::{After, Asked, Run};
use super::settings::Settings;
use super::wire::{Failure, Received, Wire};
use super::*;
use crate::{Epoch, Hub, Limits};

/// What happens from outside.
#[derive(Clone, Copy, Debug)]
enum Outside {
    Wake,
    Complete,
    Input,
    EndOfInput,
    HalfClose,
    Gone,
    Block,
    Unblock,
    Wait(u64),
    Stop,
    Cut,
}

/// What a callback does.
#[derive(Clone, Copy, Debug)]
enum Inside {
    Suspend,
    Send,
    WakeItself,
    CompleteItself,
    Complete,
    Fail,
    Panic,
    Hang,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Begin,
    Resume,
    Read,
    Timeout,
    Error,
    Close(Reason),
    /// A wake that was promised to be heard.
    Woken,
}

type Log = Arc<Mutex<Vec<Told>>>;

struct Scripted {
    log: Log,
    script: VecDeque<Inside>,
    is_hanging: Arc<AtomicBool>,
}

impl Scripted {
    fn tell(&self, told: Told) {
        self.log.lock().unwrap().push(told);
    }

    async fn act(&mut self, told: Told, cx: &mut Context) -> Result {
        assert_eq!(cx.pending(), 0, "called while something waits");
        self.tell(told);
        match self.script.pop_front().unwrap_or(Inside::Suspend) {
            Inside::Suspend => {}
            Inside::Send => cx.send("text")?,
            Inside::WakeItself => {
                if cx.handle().wake() {
                    self.tell(Told::Woken);
                }
            }
            Inside::CompleteItself => drop(cx.handle().complete()),
            Inside::Complete => return Ok(Flow::Complete),
            Inside::Fail => return Err("as asked".into()),
            Inside::Panic => std::panic::panic_any("as asked"),
            Inside::Hang => {
                self.is_hanging.store(true, Ordering::SeqCst);
                pending().await
            }
        }
        Ok(Flow::Suspend)
    }
}

impl Controller for Scripted {
    async fn begin(&mut self, cx: &mut Context) -> Result {
        self.act(Told::Begin, cx).await
    }

    async fn resume(&mut self, cx: &mut Context) -> Result {
        self.act(Told::Resume, cx).await
    }

    async fn read(&mut self, cx: &mut Context, _: Input) -> Result {
        self.act(Told::Read, cx).await
    }

    async fn timeout(&mut self, cx: &mut Context) -> Result {
        self.act(Told::Timeout, cx).await
    }

    async fn error(&mut self, cx: &mut Context, _: &Error) {
        self.tell(Told::Error);
        let _ = self.act(Told::Error, cx).await;
        self.log.lock().unwrap().pop();
    }

    fn close(&mut self, reason: Reason) {
        self.tell(Told::Close(reason));
        if matches!(self.script.pop_front(), Some(Inside::Panic)) {
            std::panic::panic_any("as asked");
        }
    }
}

/// The other end of a wire without a socket.
#[derive(Default)]
struct Peer {
    received: VecDeque<std::result::Result<Received, ()>>,
    is_blocked: bool,
    is_gone: bool,
    sent: Vec<u8>,
    wakers: Vec<Waker>,
}

#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Peer>>);

impl Pipe {
    fn change(&self, change: impl FnOnce(&mut Peer)) {
        let wakers = {
            let mut peer = self.0.lock().unwrap();
            change(&mut peer);
            std::mem::take(&mut peer.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Wire for Pipe {
    fn poll_write(&mut self, cx: &mut task::Context<'_>, out: &mut Output) -> Poll<io::Result<()>> {
        let mut peer = self.0.lock().unwrap();
        if peer.is_gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if peer.is_blocked {
            peer.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        let mut slices = [io::IoSlice::new(&[]); output::GATHER];
        let count = out.slices(&mut slices);
        // One byte less than there is, where that is possible: writes are cut anywhere.
        let all: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
        let taken = all.len().saturating_sub(1).max(1);
        peer.sent.extend_from_slice(&all[..taken]);
        out.taken(taken);
        Poll::Ready(Ok(()))
    }

    fn poll_receive(&mut self, cx: &mut task::Context<'_>) -> Poll<std::result::Result<Received, Failure>> {
        let mut peer = self.0.lock().unwrap();
        match peer.received.pop_front() {
            Some(received) => Poll::Ready(received.map_err(|()| Failure::Gone)),
            None => {
                peer.wakers.push(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn is_gone(&self) -> bool {
        self.0.lock().unwrap().is_gone
    }

    fn is_reusable(&self) -> bool {
        true
    }
}

/// A connection of a controller that follows `script`, and what can be done to it.
struct Bench {
    pipe: Pipe,
    log: Log,
    is_hanging: Arc<AtomicBool>,
    handle: Handle,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<After>,
}

const TIMEOUT_OF_TESTS: Duration = Duration::from_secs(20);

impl Bench {
    fn start(hub: &Hub, script: &[Inside], is_long_poll: bool) -> Self {
        let pipe = Pipe::default();
        let log = Log::default();
        let is_hanging = Arc::new(AtomicBool::new(false));
        let controller = Scripted {
            log: log.clone(),
            script: script.iter().copied().collect(),
            is_hanging: is_hanging.clone(),
        };
        let settings = Settings {
            is_long_poll,
            timeout: Some(TIMEOUT_OF_TESTS),
            lifetime: Some(Duration::from_secs(200)),
            ..Settings::new(Form::Json)
        };
        let envelope = if is_long_poll { Envelope::Collected } else { Envelope::Chunked };
        let cx = Context::new(hub.clone(), settings, HeaderMap::new(), envelope);
        let handle = cx.handle().clone();
        let stop = CancellationToken::new();
        let asked = Asked { version: Version::HTTP_11, keeps_alive: true };
        let mut run = Run::new(controller, cx, pipe.clone(), asked, stop.clone());
        let task = tokio::spawn(async move { run.serve().await });
        Self { pipe, log, is_hanging, handle, stop, task }
    }

    fn happens(&self, event: Outside) {
        let receive = |received| self.pipe.change(|peer| peer.received.push_back(received));
        match event {
            Outside::Wake => {
                // Nothing else runs meanwhile: this is one thread.
                if self.handle.wake() {
                    self.log.lock().unwrap().push(Told::Woken);
                }
            }
            Outside::Complete => drop(self.handle.complete()),
            Outside::Input => receive(Ok(Received::Input(Input::Data(Bytes::from_static(b"x"))))),
            Outside::EndOfInput => receive(Ok(Received::Input(Input::End))),
            Outside::HalfClose => receive(Ok(Received::HalfClosed)),
            Outside::Gone => self.pipe.change(|peer| {
                peer.is_gone = true;
                peer.received.push_back(Err(()));
            }),
            Outside::Block => self.pipe.change(|peer| peer.is_blocked = true),
            Outside::Unblock => self.pipe.change(|peer| peer.is_blocked = false),
            Outside::Wait(_) => {}
            Outside::Stop => self.stop.cancel(),
            Outside::Cut => self.task.abort(),
        }
    }

    fn told(&self) -> Vec<Told> {
        self.log.lock().unwrap().clone()
    }

    fn has_closed(&self) -> bool {
        self.told().iter().any(|told| matches!(told, Told::Close(_)))
    }

    /// Once everything that can run has run.
    fn check(&self) {
        let told = self.told();
        let closes = told.iter().filter(|told| matches!(told, Told::Close(_))).count();
        assert!(closes <= 1, "{told:?}");
        if let Some(at) = told.iter().position(|told| matches!(told, Told::Close(_))) {
            assert_eq!(at, told.len() - 1, "something after close: {told:?}");
            assert!(self.handle.is_closed() && !self.handle.wake());
        }
        if closes == 1 || self.pipe.0.lock().unwrap().is_blocked || self.is_hanging.load(Ordering::SeqCst) {
            return;
        }
        // Cut off before it has begun: an application had no handle yet.
        if self.task.is_finished() && !told.contains(&Told::Begin) {
            return;
        }
        assert_ne!(told.last(), Some(&Told::Woken), "a lost wake: {told:?}");
        let last_wake = told.iter().rposition(|told| *told == Told::Woken);
        let last_resume = told.iter().rposition(|told| *told == Told::Resume);
        assert!(last_wake <= last_resume, "a lost wake: {told:?}");
    }
}

async fn settle() {
    // The clock moves only when nothing else can.
    sleep(Duration::from_millis(1)).await;
}

fn outside() -> impl Strategy<Value = Outside> {
    prop_oneof![
        5 => Just(Outside::Wake),
        1 => Just(Outside::Complete),
        2 => Just(Outside::Input),
        1 => Just(Outside::EndOfInput),
        1 => Just(Outside::HalfClose),
        1 => Just(Outside::Gone),
        2 => Just(Outside::Block),
        2 => Just(Outside::Unblock),
        3 => (0..40_000_u64).prop_map(Outside::Wait),
        1 => Just(Outside::Stop),
        1 => Just(Outside::Cut),
    ]
}

fn inside() -> impl Strategy<Value = Inside> {
    prop_oneof![
        6 => Just(Inside::Suspend),
        6 => Just(Inside::Send),
        3 => Just(Inside::WakeItself),
        1 => Just(Inside::CompleteItself),
        1 => Just(Inside::Complete),
        1 => Just(Inside::Fail),
        1 => Just(Inside::Panic),
        1 => Just(Inside::Hang),
    ]
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// The panics of scripts are not worth a line each.
fn quietly() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload().downcast_ref::<&str>() != Some(&"as asked") {
                usual(panic);
            }
        }));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn close_is_told_exactly_once_and_last_and_no_wake_is_lost(
        events in prop::collection::vec((outside(), any::<bool>()), 0..24),
        script in prop::collection::vec(inside(), 0..16),
        is_long_poll in any::<bool>(),
    ) {
        quietly();
        paused().block_on(async {
            let hub = Hub::start(Epoch::new(1), Limits::default(), 1);
            let bench = Bench::start(&hub, &script, is_long_poll);
            // Some of them before it has begun, and several at once.
            for (event, is_at_rest) in events {
                bench.happens(event);
                if let Outside::Wait(millis) = event {
                    sleep(Duration::from_millis(millis)).await;
                }
                if is_at_rest {
                    settle().await;
                    bench.check();
                }
            }
            settle().await;
            bench.check();
            // Whatever it is at, it comes to an end by itself: the longest wait is a lifetime, a callback's, a stall.
            bench.happens(Outside::Unblock);
            sleep(Duration::from_secs(3_600)).await;
            bench.check();
            let told = bench.told();
            let Bench { task, .. } = bench;
            let has_begun = told.contains(&Told::Begin);
            prop_assert_eq!(has_begun, told.iter().any(|told| matches!(told, Told::Close(_))), "{:?}", told);
            prop_assert!(told.iter().position(|told| *told == Told::Begin) <= Some(told.len()));
            if has_begun {
                let first = told.iter().find(|told| **told != Told::Woken);
                prop_assert_eq!(first, Some(&Told::Begin));
            }
            prop_assert!(task.is_finished());
            hub.end().await;
            Ok(())
        })?;
    }
}

/// From other threads, at any moment of `begin` and after it.
#[test]
fn no_wake_from_another_thread_is_lost() {
    struct Counts(Arc<AtomicUsize>, Arc<AtomicUsize>);
    impl Controller for Counts {
        async fn begin(&mut self, _: &mut Context) -> Result {
            Ok(Flow::Suspend)
        }
        async fn resume(&mut self, _: &mut Context) -> Result {
            // What was there before this call has been seen.
            self.1.store(self.0.load(Ordering::SeqCst), Ordering::SeqCst);
            Ok(Flow::Suspend)
        }
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let hub = Hub::start(Epoch::new(1), Limits::default(), 1);
        for _ in 0..200 {
            let (there, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let cx =
                Context::new(hub.clone(), Settings::new(Form::Json), HeaderMap::new(), Envelope::Chunked);
            let handle = cx.handle().clone();
            let wakers: Vec<_> = (0..2)
                .map(|_| {
                    let (handle, there) = (handle.clone(), there.clone());
                    std::thread::spawn(move || {
                        for _ in 0..20 {
                            there.fetch_add(1, Ordering::SeqCst);
                            assert!(handle.wake());
                        }
                    })
                })
                .collect();
            let controller = Counts(there, seen.clone());
            let asked = Asked { version: Version::HTTP_11, keeps_alive: true };
            let mut run = Run::new(controller, cx, Pipe::default(), asked, CancellationToken::new());
            let task = tokio::spawn(async move { run.serve().await });
            for waker in wakers {
                waker.join().unwrap();
            }
            let all_seen = async {
                while seen.load(Ordering::SeqCst) < 40 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), all_seen).await.expect("every wake is heard");
            handle.complete();
            assert_eq!(task.await.unwrap(), After::Close);
        }
        hub.end().await;
    });
}

fn of_time(events: &[(u64, Outside)], script: &[Inside], expected: &[Told], at: u64) {
    quietly();
    paused().block_on(async {
        let hub = Hub::start(Epoch::new(1), Limits::default(), 1);
        let begin = Instant::now();
        let bench = Bench::start(&hub, script, false);
        for &(at, event) in events {
            sleep((begin + Duration::from_millis(at)).duration_since(Instant::now())).await;
            bench.happens(event);
        }
        while !bench.has_closed() {
            settle().await;
        }
        assert_eq!(bench.told(), expected);
        let took = begin.elapsed().as_secs();
        assert_eq!(took, at, "closed after {took} s");
        hub.end().await;
    });
}

#[test]
fn times_are_what_they_are_said_to_be() {
    use Told::{Begin, Close, Error, Resume, Timeout, Woken};
    // The timeout begins anew after each event, and after itself.
    of_time(
        &[(15_000, Outside::Wake), (30_000, Outside::Wake)],
        &[Inside::Suspend, Inside::Suspend, Inside::Suspend, Inside::Suspend, Inside::Complete],
        &[Begin, Woken, Resume, Woken, Resume, Timeout, Timeout, Close(Reason::Complete)],
        70,
    );
    // A wake at the very moment of the timeout wins.
    of_time(
        &[(20_000, Outside::Wake)],
        &[Inside::Suspend, Inside::Complete],
        &[Begin, Woken, Resume, Close(Reason::Complete)],
        20,
    );
    // A client that takes nothing, from the head on.
    of_time(&[(0, Outside::Block)], &[], &[Begin, Error, Close(Reason::Stalled)], 30);
    // One that stops: noticed when there is something to send, a heartbeat at the latest.
    of_time(
        &[(1_000, Outside::Block)],
        &[Inside::Suspend, Inside::Suspend],
        &[Begin, Error, Close(Reason::Stalled)],
        45,
    );
    of_time(&[], &[Inside::Hang], &[Begin, Error, Close(Reason::Failed)], 60);
    of_time(
        &[(1_000, Outside::Wake)],
        &[Inside::Suspend, Inside::Hang],
        &[Begin, Woken, Resume, Error, Close(Reason::Failed)],
        61,
    );
    // A callback that hangs is cut off at once with its task.
    of_time(&[(5_000, Outside::Cut)], &[Inside::Hang], &[Begin, Close(Reason::Cut)], 5);
    // The lifetime bounds whatever keeps it busy.
    let wakes: Vec<_> = (1..20).map(|n| (n * 10_500, Outside::Wake)).collect();
    let mut told = vec![Begin];
    told.extend([Woken, Resume].repeat(19));
    told.push(Close(Reason::Rotated));
    of_time(&wakes, &[], &told, 200);
}

/// The future of a connection: what it holds while it is idle beside its socket.
#[test]
fn an_idle_connection_is_small() {
    struct Nothing;
    impl Controller for Nothing {
        async fn begin(&mut self, _: &mut Context) -> Result {
            Ok(Flow::Suspend)
        }
    }
    paused().block_on(async {
        let hub = Hub::start(Epoch::new(1), Limits::default(), 1);
        let cx = Context::new(hub.clone(), Settings::new(Form::Sse), HeaderMap::new(), Envelope::Plain);
        let asked = Asked { version: Version::HTTP_11, keeps_alive: true };
        let mut run = Run::new(Nothing, cx, Pipe::default(), asked, CancellationToken::new());
        let bytes = size_of_val(&run) + size_of_val(&run.serve());
        assert!(bytes < 1_800, "{bytes}");
        hub.end().await;
    });
}
