//! Every transport and framing of ours, against the cheapest one and against the floor of its own bytes.

use super::rate::{COLUMNS, DELIVERIES, cells};
use super::{Contender, floor_of, name};
use crate::Options;
use crate::form;
use crate::measure;
use crate::table::{self, middle, number, ratio, rounds};
use crate::target::{Running, Start, Target};

const SUBSCRIBERS: usize = 1_000;

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    table::head(
        "`transports`: 10,000 deliveries/s to 1,000 subscribers, 64 B, each beside the floor of its own bytes",
        &[&["form", "server", "x cheapest"][..], &COLUMNS].concat(),
    );
    eprintln!("transports");
    let both = |form: &form::Form| [(Target::Floor, *form), (Target::Ours, *form)];
    let polls = [(Target::Ours, form::LONG_POLL)];
    let contenders: Vec<Contender> = form::ALL.iter().flat_map(both).chain(polls).collect();
    let bytes = 64;
    let count = DELIVERIES * options.seconds / SUBSCRIBERS as u64;
    let per_second = DELIVERIES as f64 / SUBSCRIBERS as f64;
    let runs = rounds(options.rounds, &contenders, name, |(target, form)| {
        let start = Start { shards: options.shards, ..Start::new(form, bytes) };
        let mut server = Running::start(*target, start)?;
        let mut crowd = measure::crowd(&server, form, SUBSCRIBERS, 1)?;
        let deliveries = count * SUBSCRIBERS as u64;
        measure::rate(&mut server, &mut crowd, (per_second, count, bytes), deliveries)
    });
    let ours = || (0..contenders.len()).filter(|index| contenders[*index].0 == Target::Ours);
    let cpu = |index: usize| middle(&runs[index], |run| run.cpu);
    let cheapest = ours().min_by(|one, other| cpu(*one).total_cmp(&cpu(*other))).unwrap_or(0);
    for index in ours() {
        let (target, form) = contenders[index];
        let to_cheapest = number(ratio(&runs[index], &runs[cheapest], |run| run.cpu));
        let what = [form.name.into(), target.name().into(), to_cheapest];
        // A floor that answers polls would be a server: they stand beside the floor of a stream.
        let beside = if form == form::LONG_POLL { form::SSE } else { form };
        table::row(what.into_iter().chain(cells(&runs[index], &runs[floor_of(&contenders, beside)])));
    }
    Ok(())
}
