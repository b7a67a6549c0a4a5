//! Connections that come and go: does the memory come back?

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{FORMS, contenders, name};
use crate::Options;
use crate::control::Command;
use crate::crowd::Subscriber;
use crate::form::Form;
use crate::measure::{self, percentile, subscriber};
use crate::table::{self, middle, number, rounds};
use crate::target::{Running, Start, Target};

/// Subscribers that stay.
const STABLE: usize = 1_000;

/// Messages a second, to all of them.
const PER_SECOND: f64 = 10.0;

/// New connections a second, and how long each stays.
const NEW: f64 = 300.0;
const STAY: Duration = Duration::from_secs(1);

/// When the server has had the number of connections that it will have, in seconds.
const WARM: Duration = Duration::from_secs(5);

/// Messages before the first look at the memory, so that what servers keep for late readers is full.
const KEPT: u64 = 1_200;

struct Churn {
    before: f64,
    /// When as many connections as ever have been open at one time, early on.
    warm: f64,
    after: f64,
    p99: f64,
    connections: f64,
    lost: f64,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let title = format!(
        "`churn`: 300 new connections/s for {} s beside 1,000 that stay and get 10 messages/s",
        options.churn_seconds
    );
    table::head(
        &title,
        &[
            "form",
            "server",
            "RSS MiB before",
            "after 5 s",
            "afterwards",
            "change since before / since 5 s",
            "p99 ms of those that stay",
            "connections",
            "lost",
        ],
    );
    eprintln!("churn");
    let contenders = contenders(options, &FORMS);
    let runs = rounds(options.rounds, &contenders, name, |(target, form)| churn(*target, form, options));
    for ((target, form), of_this) in contenders.iter().zip(&runs) {
        let mib = |value: fn(&Churn) -> f64| number(middle(of_this, value) / f64::from(1 << 20));
        let change = |ratio: fn(&Churn) -> f64| format!("{:+.1} %", (middle(of_this, ratio) - 1.0) * 100.0);
        table::row([
            form.name.into(),
            target.name().into(),
            mib(|run| run.before),
            mib(|run| run.warm),
            mib(|run| run.after),
            format!("{} / {}", change(|run| run.after / run.before), change(|run| run.after / run.warm)),
            number(middle(of_this, |run| run.p99)),
            format!("{:.0}", middle(of_this, |run| run.connections)),
            format!("{:.0}", middle(of_this, |run| run.lost)),
        ]);
    }
    Ok(())
}

fn churn(target: Target, form: &Form, options: &Options) -> anyhow::Result<Churn> {
    let start = Start { shards: options.shards, ..Start::new(form, 64) };
    let mut server = Running::start(target, start)?;
    {
        let mut first = measure::crowd(&server, form, 1, 1)?;
        measure::rate(&mut server, &mut first, (1_000.0, KEPT, 64), KEPT)?;
    }
    let mut crowd = measure::crowd(&server, form, STABLE, 1)?;
    let before = server.resident()? as f64;
    let count = (PER_SECOND * options.churn_seconds as f64) as u64;
    server.tell(&Command::Rate { per_second: PER_SECOND, count, bytes: 64 })?;
    let begin = Instant::now();
    let (mut made, mut staying) = (0_u64, VecDeque::new());
    // It gets what comes, from whichever message on, and is no part of the latencies.
    let passing = Subscriber { expects: None, timed: false, ..subscriber(&server, form, 0, 1) };
    let mut warm = None;
    let end = Duration::from_secs(options.churn_seconds);
    loop {
        let now = begin.elapsed();
        if now >= end {
            break;
        }
        if warm.is_none() && now >= WARM {
            warm = Some(server.resident()? as f64);
        }
        while (made as f64) < now.as_secs_f64() * NEW {
            made += 1;
            let index = match staying.front() {
                Some(&(since, index)) if now.saturating_sub(since) >= STAY => {
                    staying.pop_front();
                    crowd.leave(index);
                    crowd.again(index, passing.clone())?;
                    index
                }
                _ => crowd.add(passing.clone())?,
            };
            staying.push_back((now, index));
        }
        crowd.turn(Duration::from_millis(2))?;
    }
    for (_, index) in staying {
        crowd.leave(index);
    }
    crowd.watch(Instant::now() + Duration::from_secs(3))?;
    let after = server.resident()? as f64;
    let stayed = crowd.connections.iter().take(STABLE);
    let lost: u64 = stayed.map(|connection| count.saturating_sub(connection.messages)).sum();
    let mut received = crowd.take();
    let p99 = percentile(&mut received.latencies, 0.99) / 1e3;
    Ok(Churn {
        before,
        warm: warm.unwrap_or(before),
        after,
        p99,
        connections: made as f64,
        lost: lost as f64,
    })
}
