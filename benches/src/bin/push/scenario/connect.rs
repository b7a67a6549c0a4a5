//! How fast connections become streams.

use std::time::Instant;

use super::{FORMS, contenders, floor_of, name};
use crate::Options;
use crate::crowd::Crowd;
use crate::measure::{percentile, subscriber};
use crate::table::{self, middle, number, ratio, rounds, with_ratio};
use crate::target::{Running, Start, Target};

/// Connections for the speed, with 256 on their way at a time, pushpin with 48.
const CONNECTIONS: usize = 10_000;

/// Connections begun all at once.
const BURST: usize = 1_000;

/// pushpin opens some 500 a second.
const SLOW_CONNECTIONS: usize = 2_000;

struct Speed {
    per_second: f64,
    /// Server processor seconds for 1,000 connections.
    cpu: f64,
    burst_p50: f64,
    burst_p99: f64,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    table::head(
        "`connect`: from connect() to the response head; 256 on their way, then 1,000 at once",
        &[
            "form",
            "server",
            "connects/s (x floor)",
            "CPU-s / 1,000 (x floor)",
            "burst p50 ms",
            "burst p99 ms (x floor)",
        ],
    );
    eprintln!("connect");
    let contenders = contenders(options, &FORMS);
    let runs = rounds(options.rounds, &contenders, name, |(target, form)| {
        let start = Start { shards: options.shards, ..Start::new(form, 64) };
        let server = Running::start(*target, start)?;
        let mut crowd = Crowd::new(server.address)?;
        let count = if *target == Target::Pushpin { SLOW_CONNECTIONS } else { CONNECTIONS };
        let cpu = server.cpu_seconds()?;
        let begin = Instant::now();
        crowd.join((0..count).map(|_| subscriber(&server, form, 0, 1)), server.at_once)?;
        let per_second = count as f64 / begin.elapsed().as_secs_f64();
        let cpu = (server.cpu_seconds()? - cpu) / count as f64 * 1e3;
        let mut took = crowd.join((0..BURST).map(|_| subscriber(&server, form, 0, 1)), BURST)?;
        let burst_p50 = percentile(&mut took, 0.5) / 1e3;
        Ok(Speed { per_second, cpu, burst_p50, burst_p99: percentile(&mut took, 0.99) / 1e3 })
    });
    for ((target, form), of_this) in contenders.iter().zip(&runs) {
        let floor = &runs[floor_of(&contenders, *form)];
        let figure =
            |value: fn(&Speed) -> f64| with_ratio(middle(of_this, value), ratio(of_this, floor, value));
        table::row([
            form.name.into(),
            target.name().into(),
            figure(|run| run.per_second),
            figure(|run| run.cpu),
            number(middle(of_this, |run| run.burst_p50)),
            figure(|run| run.burst_p99),
        ]);
    }
    Ok(())
}
