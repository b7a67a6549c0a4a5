//! 10,000 deliveries a second, open loop: nothing to merge, so one send per delivery.

use super::{FORMS, contenders, floor_of, name};
use crate::Options;
use crate::measure::{self, Outcome};
use crate::table::{self, middle, number, ratio, rounds, with_ratio};
use crate::target::{Running, Start};

/// Deliveries a second, of all subscribers together.
pub(super) const DELIVERIES: u64 = 10_000;

/// Columns of a table of [`cells`].
pub(super) const COLUMNS: [&str; 5] =
    ["CPU-s / 1M (x floor)", "p50 ms (x floor)", "p99 ms (x floor)", "bytes / delivery", "lost / closed"];

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    table::head(
        "`rate`: 10,000 deliveries/s, one stream, one send per delivery",
        &[&["N", "B", "form", "server"][..], &COLUMNS].concat(),
    );
    let contenders = contenders(options, &FORMS);
    for &subscribers in &options.n {
        for &bytes in &options.bytes {
            eprintln!("rate, {subscribers} subscribers, {bytes} B");
            let count = (DELIVERIES * options.seconds / subscribers as u64).max(3);
            let per_second = DELIVERIES as f64 / subscribers as f64;
            let runs = rounds(options.rounds, &contenders, name, |(target, form)| {
                let start = Start { shards: options.shards, ..Start::new(form, bytes) };
                let mut server = Running::start(*target, start)?;
                let mut crowd = measure::crowd(&server, form, subscribers, 1)?;
                let deliveries = count * subscribers as u64;
                measure::rate(&mut server, &mut crowd, (per_second, count, bytes), deliveries)
            });
            for ((target, form), of_this) in contenders.iter().zip(&runs) {
                let floor = &runs[floor_of(&contenders, *form)];
                let what =
                    [subscribers.to_string(), bytes.to_string(), form.name.into(), target.name().into()];
                table::row(what.into_iter().chain(cells(of_this, floor)));
            }
        }
    }
    Ok(())
}

/// One contender's figures, as [`COLUMNS`] names them.
pub(super) fn cells(runs: &[Option<Outcome>], floor: &[Option<Outcome>]) -> [String; 5] {
    let figure = |value: fn(&Outcome) -> f64| with_ratio(middle(runs, value), ratio(runs, floor, value));
    [
        figure(|run| run.cpu),
        figure(|run| run.p50),
        figure(|run| run.p99),
        number(middle(runs, |run| run.bytes)),
        lost(runs),
    ]
}

/// Deliveries lost or doubled and connections closed, in all runs together.
pub(super) fn lost(runs: &[Option<Outcome>]) -> String {
    let sum = |value: fn(&Outcome) -> u64| runs.iter().flatten().map(value).sum::<u64>();
    let failed = match runs.iter().filter(|run| run.is_none()).count() {
        0 => String::new(),
        failed => format!(", {failed} runs failed"),
    };
    format!("{} / {}{failed}", sum(|run| run.lost), sum(|run| run.closed))
}
