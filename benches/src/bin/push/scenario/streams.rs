//! Many streams with one subscriber each: what a message costs where there is nothing to share.

use super::rate::{COLUMNS, DELIVERIES, cells};
use super::{FORMS, contenders, floor_of, name};
use crate::Options;
use crate::measure;
use crate::table::{self, rounds};
use crate::target::{Running, Start};

const STREAMS: usize = 2_000;

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    table::head(
        "`streams`: 2,000 streams, one subscriber each, 10,000 messages/s, 64 B (peers are published to by HTTP)",
        &[&["form", "server"][..], &COLUMNS].concat(),
    );
    eprintln!("streams");
    let contenders = contenders(options, &FORMS);
    let bytes = 64;
    // The same number for every stream, so that each subscriber has the same to get.
    let count = (DELIVERIES * options.seconds).next_multiple_of(STREAMS as u64);
    let runs = rounds(options.rounds, &contenders, name, |(target, form)| {
        let start = Start { streams: STREAMS, shards: options.shards, ..Start::new(form, bytes) };
        let mut server = Running::start(*target, start)?;
        let mut crowd = measure::crowd(&server, form, STREAMS, STREAMS)?;
        measure::rate(&mut server, &mut crowd, (DELIVERIES as f64, count, bytes), count)
    });
    for ((target, form), of_this) in contenders.iter().zip(&runs) {
        let what = [form.name.into(), target.name().into()];
        table::row(what.into_iter().chain(cells(of_this, &runs[floor_of(&contenders, *form)])));
    }
    Ok(())
}
