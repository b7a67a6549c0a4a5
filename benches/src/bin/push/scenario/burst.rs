//! As fast as it goes: how well messages are written together.

use super::rate::lost;
use super::{FORMS, contenders, floor_of, name};
use crate::Options;
use crate::measure;
use crate::table::{self, middle, number, ratio, rounds, with_ratio};
use crate::target::{Running, Start};

/// Deliveries of one run.
const DELIVERIES: u64 = 400_000;

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    table::head(
        "`burst`: as fast as all subscribers keep up, floor gathering 1 ms",
        &[
            "N",
            "B",
            "window",
            "form",
            "server",
            "CPU-s / 1M (x floor)",
            "deliveries/s (x floor)",
            "lost / closed",
        ],
    );
    let contenders = contenders(options, &FORMS);
    for &subscribers in &options.n {
        for &bytes in &options.bytes {
            for &window in &options.window {
                eprintln!("burst, {subscribers} subscribers, {bytes} B, window {window}");
                let count = (DELIVERIES / subscribers as u64).max(2 * window);
                let runs = rounds(options.rounds, &contenders, name, |(target, form)| {
                    let start = Start { gather: true, shards: options.shards, ..Start::new(form, bytes) };
                    let mut server = Running::start(*target, start)?;
                    let mut crowd = measure::crowd(&server, form, subscribers, 1)?;
                    let deliveries = count * subscribers as u64;
                    measure::burst(&mut server, &mut crowd, (window, count, bytes), deliveries)
                });
                for ((target, form), of_this) in contenders.iter().zip(&runs) {
                    let floor = &runs[floor_of(&contenders, *form)];
                    let cpu =
                        with_ratio(middle(of_this, |run| run.cpu), ratio(of_this, floor, |run| run.cpu));
                    let speed = middle(of_this, |run| run.speed);
                    let speed = format!("{speed:.0} ({}x)", number(ratio(of_this, floor, |run| run.speed)));
                    table::row([
                        subscribers.to_string(),
                        bytes.to_string(),
                        window.to_string(),
                        form.name.into(),
                        target.name().into(),
                        cpu,
                        speed,
                        lost(of_this),
                    ]);
                }
            }
        }
    }
    Ok(())
}
