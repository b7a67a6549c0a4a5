//! Half of the subscribers read nothing: do the others notice, and what does it hold?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::{FORMS, contenders, name};
use crate::Options;
use crate::crowd::{Crowd, Subscriber};
use crate::form::Form;
use crate::measure::{self, Outcome, subscriber};
use crate::process::{self, SocketMemory};
use crate::table::{self, middle, number, rounds};
use crate::target::{Running, Start, Target};

const SUBSCRIBERS: usize = 40;
const STALLED: usize = 20;
const BYTES: usize = 16 << 10;
const PER_SECOND: f64 = 150.0;

/// Time for the server to give back what it held.
const AFTERWARDS: Duration = Duration::from_secs(3);

/// One server with and without stalled ones.
struct Pair {
    undisturbed: Outcome,
    disturbed: Outcome,
    /// Bytes that the stalled ones added to the growth of the server's memory, each.
    user: f64,
    /// The most that the kernel held for one connection, in bytes.
    kernel: f64,
    /// Bytes by which the server's memory has grown more than undisturbed, when the stalled ones have gone or read
    /// on.
    kept: f64,
    /// What the kernel holds for all connections afterwards.
    kernel_after: f64,
    closed: f64,
    late: f64,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    table::head(
        "`stalled`: 40 subscribers, 150 messages/s of 16 KiB, half of them read nothing",
        &[
            "form",
            "server",
            "others' p50 / p99 ms",
            "undisturbed",
            "p99, x undisturbed",
            "user KiB per stalled",
            "kernel KiB per stalled, most",
            "MiB kept afterwards (user / kernel)",
            "stalled: closed / read late",
            "others lost",
        ],
    );
    eprintln!("stalled");
    let contenders = contenders(options, &FORMS);
    let runs = rounds(options.rounds, &contenders, name, |(target, form)| pair(*target, form, options));
    for ((target, form), of_this) in contenders.iter().zip(&runs) {
        let pair_of = |run: fn(&Pair) -> &Outcome| {
            let value = |of: fn(&Outcome) -> f64| number(middle(of_this, |pair| of(run(pair))));
            format!("{} / {}", value(|run| run.p50), value(|run| run.p99))
        };
        let kib = |value: fn(&Pair) -> f64| number(middle(of_this, value) / 1024.0);
        let mib = |value: fn(&Pair) -> f64| number(middle(of_this, value) / f64::from(1 << 20));
        let whole = |value: fn(&Pair) -> f64| format!("{:.0}", middle(of_this, value));
        table::row([
            form.name.into(),
            target.name().into(),
            pair_of(|pair| &pair.disturbed),
            pair_of(|pair| &pair.undisturbed),
            number(middle(of_this, |pair| pair.disturbed.p99 / pair.undisturbed.p99)),
            kib(|pair| pair.user),
            kib(|pair| pair.kernel),
            format!("{} / {}", mib(|pair| pair.kept), mib(|pair| pair.kernel_after)),
            format!("{} / {}", whole(|pair| pair.closed), whole(|pair| pair.late)),
            whole(|pair| pair.disturbed.lost as f64),
        ]);
    }
    Ok(())
}

fn pair(target: Target, form: &Form, options: &Options) -> anyhow::Result<Pair> {
    let start = Start { shards: options.shards, ..Start::new(form, BYTES) };
    let count = (PER_SECOND * options.seconds as f64) as u64;
    let mut grown = [0.0; 2];
    let mut kernel = 0.0;
    let mut outcomes = Vec::new();
    let mut undisturbed_after = 0.0;
    let mut after = (0.0, 0.0, 0.0, 0.0);
    for (grown, stalled) in grown.iter_mut().zip([0, STALLED]) {
        let mut server = Running::start(target, start)?;
        let mut crowd = Crowd::new(server.address)?;
        let join = |index| Subscriber { stalled: index < stalled, ..subscriber(&server, form, 0, 1) };
        crowd.join((0..SUBSCRIBERS).map(join), SUBSCRIBERS)?;
        crowd.watch(Instant::now() + Duration::from_secs(1))?;
        crowd.take();
        let before = server.resident()? as f64;
        let sampler = Sampler::start(&server);
        let deliveries = count * (SUBSCRIBERS - stalled) as u64;
        let outcome = measure::rate(&mut server, &mut crowd, (PER_SECOND, count, BYTES), deliveries)?;
        let (resident, sockets) = sampler.stop()?;
        *grown = resident as f64 - before;
        kernel = sockets.most as f64;
        let early = outcome.closed;
        outcomes.push(outcome);
        crowd.wake_stalled()?;
        crowd.watch(Instant::now() + AFTERWARDS)?;
        let received = crowd.take();
        let grown_after = server.resident()? as f64 - before;
        let held = process::socket_memory(server.address)?.sum as f64;
        let closed = (early + received.closed) as f64;
        after = (
            grown_after - std::mem::replace(&mut undisturbed_after, grown_after),
            held,
            closed,
            received.late as f64,
        );
    }
    let disturbed = outcomes.pop().context("no run")?;
    let undisturbed = outcomes.pop().context("no run")?;
    let (kept, kernel_after, closed, late) = after;
    let user = (grown[1] - grown[0]).max(0.0) / STALLED as f64;
    Ok(Pair { undisturbed, disturbed, user, kernel, kept, kernel_after, closed, late })
}

/// Looks at the server's memory every 200 ms, in a thread of its own.
struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<(u64, SocketMemory)>>,
}

impl Sampler {
    fn start(server: &Running) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, pids, address) = (stop.clone(), server.pids().to_vec(), server.address);
        let thread = thread::spawn(move || {
            let (mut resident, mut sockets) = (0, SocketMemory::default());
            while !stopped.load(Ordering::Relaxed) {
                resident = resident.max(process::resident(&pids)?);
                let now = process::socket_memory(address)?;
                sockets.most = sockets.most.max(now.most);
                sockets.sum = sockets.sum.max(now.sum);
                thread::sleep(Duration::from_millis(200));
            }
            Ok((resident, sockets))
        });
        Self { stop, thread }
    }

    /// The most of each.
    fn stop(self) -> anyhow::Result<(u64, SocketMemory)> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the sampler panicked"))?
    }
}
