//! Thousands of subscribers over all transports, a tenth of them stalled, a twentieth cut at random and back
//! with a resume: every healthy one gets every message once, in order, and the memory stays flat.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::Options;
use crate::control::Command;
use crate::crowd::{Crowd, Subscriber};
use crate::form::{self, Form};
use crate::measure::{self, percentile, subscriber};
use crate::table;
use crate::target::{Running, Start, Target};

/// Deliveries a second, and bytes of a message: enough that a stalled one is found within half the time.
const DELIVERIES: f64 = 20_000.0;
const BYTES: usize = 4_096;

/// Receive buffer of the stalled ones, so that they stall the server and not only themselves.
const SMALL: usize = 4 << 10;

/// Mean time between two cuts of one subscriber, in milliseconds, and how long it stays away at most.
const BETWEEN: u64 = 5_000;
const AWAY: u64 = 500;

/// Memory counts as started up after this part of the time.
const STARTED: f64 = 0.25;

/// How much it may grow from there.
const FLAT: f64 = 1.05;

/// Messages before the subscribers come: more than a log holds.
const KEPT: u64 = 1_200;
const KEPT_PER_SECOND: f64 = 300.0;

/// What happens to a subscriber that comes and goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Cut,
    Back,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let count = options.soak_n;
    eprintln!("soak, {count} subscribers, {} s", options.soak_seconds);
    let start = Start { shards: options.shards, ..Start::new(&form::HESSIAN, BYTES) };
    let mut server = Running::start(Target::Ours, start)?;
    fill(&mut server)?;
    let mut crowd = Crowd::new(server.address)?;
    let subscribers: Vec<_> = (0..count).map(|index| of(&server, index)).collect();
    crowd.join(subscribers, 256)?;
    crowd.watch(Instant::now() + Duration::from_secs(1))?;
    crowd.take();

    let per_second = DELIVERIES / count as f64;
    let before = server.published;
    let messages = (per_second * options.soak_seconds as f64) as u64;
    server.tell(&Command::Rate { per_second, count: messages, bytes: BYTES })?;
    let begin = Instant::now();
    let end = begin + Duration::from_secs(options.soak_seconds);
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut fates: BinaryHeap<_> = (0..count)
        .filter(|index| returns(*index))
        .map(|index| Reverse((begin + chance.within(2 * BETWEEN), index, Fate::Cut)))
        .collect();
    let (mut cuts, mut memory, mut look) = (0_u64, Vec::new(), begin);
    while Instant::now() < end {
        while let Some(&Reverse((at, index, fate))) = fates.peek() {
            if at > Instant::now() {
                break;
            }
            fates.pop();
            let next = meet(fate, &server, &mut crowd, index)?;
            cuts += u64::from(next == Fate::Back);
            let wait = if next == Fate::Back { AWAY } else { 2 * BETWEEN };
            fates.push(Reverse((Instant::now() + chance.within(wait), index, next)));
        }
        if Instant::now() >= look {
            memory.push(server.resident()?);
            look += Duration::from_secs(1);
        }
        crowd.turn(Duration::from_millis(5))?;
    }
    // Who is away comes back, and everybody gets what is left.
    for Reverse((_, index, fate)) in fates {
        if fate == Fate::Back {
            meet(fate, &server, &mut crowd, index)?;
        }
    }
    crowd.watch(Instant::now() + Duration::from_secs(5))?;
    report(&server, &mut crowd, before, cuts, &memory)
}

/// Fills what the server keeps for late readers, in every form, so that memory that grows later is growth.
fn fill(server: &mut Running) -> anyhow::Result<()> {
    let mut crowd = Crowd::new(server.address)?;
    let readers = form::ALL.iter().map(|form| subscriber(server, form, 0, 1)).collect::<Vec<_>>();
    crowd.join(readers, form::ALL.len())?;
    let deliveries = KEPT * form::ALL.len() as u64;
    measure::rate(server, &mut crowd, (KEPT_PER_SECOND, KEPT, BYTES), deliveries)?;
    Ok(())
}

/// The subscriber `index`: its form, and what becomes of it.
fn of(server: &Running, index: usize) -> Subscriber {
    let stalled = index % 10 == 9;
    Subscriber {
        stalled,
        buffer: stalled.then_some(SMALL),
        timed: !returns(index),
        ..subscriber(server, form_of(index), 0, 1)
    }
}

fn form_of(index: usize) -> &'static Form {
    // Not in step with those that stall and return.
    &form::ALL[index / 20 % form::ALL.len()]
}

const fn returns(index: usize) -> bool {
    index % 20 == 3
}

/// Cuts a subscriber or brings it back, after the last message it has got. Returns what comes next.
fn meet(fate: Fate, server: &Running, crowd: &mut Crowd, index: usize) -> anyhow::Result<Fate> {
    let connection = &crowd.connections[index];
    match fate {
        // One that has not got its head since it came back stays until the next time.
        Fate::Cut if !connection.is_streaming() => Ok(Fate::Cut),
        Fate::Cut => {
            let verdict = connection.resume.as_deref();
            ensure!(matches!(verdict, None | Some("complete")), "a resume was answered: {verdict:?}");
            crowd.hang_up(index);
            Ok(Fate::Back)
        }
        Fate::Back => {
            let expects = connection.expects().context("a subscriber without a place")?;
            let position = connection.position.as_deref().context("no push-position in the head")?;
            let (epoch, _) = position.split_once(':').context("no position")?;
            // Messages are numbered from 0, positions are after the message with this number from 1.
            let request = form_of(index).request(0, Some(&format!("{epoch}:{expects}")));
            let back = Subscriber { request, expects: Some(expects), ..of(server, index) };
            crowd.again(index, back)?;
            Ok(Fate::Cut)
        }
    }
}

fn report(server: &Running, crowd: &mut Crowd, before: u64, cuts: u64, memory: &[u64]) -> anyhow::Result<()> {
    let mut received = crowd.take();
    let mib = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
    let started = (memory.len() as f64 * STARTED) as usize;
    let (early, late) = (&memory[started..started + 3], &memory[memory.len().saturating_sub(3)..]);
    let mean = |values: &[u64]| values.iter().sum::<u64>() / values.len().max(1) as u64;
    let (early, late) = (mean(early), mean(late));
    let healthy = || crowd.connections.iter().filter(|connection| !connection.is_stalled());
    let stalled = crowd.connections.iter().filter(|connection| connection.is_stalled());
    let (stalled, stalled_closed) = stalled
        .fold((0, 0), |(all, closed), connection| (all + 1, closed + u64::from(connection.is_closed())));
    let behind = healthy().filter(|connection| connection.expects() != Some(server.published)).count();
    let broken = healthy().filter(|connection| !connection.is_streaming()).count();
    let counted: u64 = healthy().map(|connection| connection.messages).sum();

    let columns = [
        "subscribers",
        "messages",
        "cuts and resumes",
        "healthy: lost / doubled / broken / behind",
        "p50 / p99 ms",
        "RSS MiB after the start, at the end, most",
        "stalled: closed by the server",
    ];
    table::head("`soak`: all transports, 10 % stalled, 5 % cut at random and back with a resume", &columns);
    let p50 = percentile(&mut received.latencies, 0.5) / 1e3;
    let p99 = percentile(&mut received.latencies, 0.99) / 1e3;
    table::row([
        crowd.connections.len().to_string(),
        format!("{counted} ({} each)", server.published - before),
        cuts.to_string(),
        format!("{} / {} / {broken} / {behind}", received.lost, received.doubled),
        format!("{} / {}", table::number(p50), table::number(p99)),
        format!("{}, {}, {}", mib(early), mib(late), mib(memory.iter().copied().max().unwrap_or(0))),
        format!("{stalled_closed} of {stalled}"),
    ]);
    ensure!(received.lost + received.doubled == 0, "messages were lost or came twice");
    ensure!(broken + behind == 0, "healthy subscribers were closed or did not get everything");
    let all = healthy().count() as u64 * (server.published - before);
    ensure!(counted == all, "{counted} messages came instead of {all}");
    ensure!(late as f64 <= early as f64 * FLAT, "memory grew");
    Ok(())
}

/// Random numbers, the same in every run.
struct Chance(u64);

impl Chance {
    /// A duration below this many milliseconds (xorshift).
    fn within(&mut self, milliseconds: u64) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_millis(self.0 % milliseconds)
    }
}
