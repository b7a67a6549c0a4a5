//! Memory of connections that wait.

use std::time::{Duration, Instant};

use super::{FORMS, contenders, floor_of, name};
use crate::Options;
use crate::measure;
use crate::table::{self, middle, number, rounds};
use crate::target::{Running, Start};

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    table::head(
        "`idle`: resident memory per idle streaming connection",
        &["N", "form", "server", "B each", "over the floor", "RSS MiB with all"],
    );
    let contenders = contenders(options, &FORMS);
    for &subscribers in &options.n {
        eprintln!("idle, {subscribers} subscribers");
        let runs = rounds(options.rounds, &contenders, name, |(target, form)| {
            let start = Start { shards: options.shards, ..Start::new(form, 64) };
            let server = Running::start(*target, start)?;
            let before = server.resident()?;
            let mut crowd = measure::crowd(&server, form, subscribers, 1)?;
            crowd.watch(Instant::now() + Duration::from_secs(1))?;
            let after = server.resident()?;
            Ok((after.saturating_sub(before) as f64 / subscribers as f64, after as f64))
        });
        for ((target, form), of_this) in contenders.iter().zip(&runs) {
            let each = middle(of_this, |run| run.0);
            let floor = middle(&runs[floor_of(&contenders, *form)], |run| run.0);
            table::row([
                subscribers.to_string(),
                form.name.into(),
                target.name().into(),
                number(each.round()),
                number((each - floor).round()),
                number(middle(of_this, |run| run.1) / f64::from(1 << 20)),
            ]);
        }
    }
    Ok(())
}
