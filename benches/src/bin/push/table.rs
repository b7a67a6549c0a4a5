//! Interleaved rounds, and their medians as a Markdown table.

use crate::measure::median;

/// What each contender's runs gave, round by round; nothing where a run failed.
pub(crate) type Runs<T> = Vec<Vec<Option<T>>>;

/// Runs every contender once a round, beginning with another one each time, so that what else the machine
/// does meets all of them. A run that fails is told and left out.
pub(crate) fn rounds<C, T>(
    count: usize,
    contenders: &[C],
    name: impl Fn(&C) -> String,
    mut run: impl FnMut(&C) -> anyhow::Result<T>,
) -> Runs<T> {
    let mut runs: Runs<T> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..count {
        for place in 0..contenders.len() {
            let index = (place + round) % contenders.len();
            let contender = &contenders[index];
            eprintln!("  round {} of {count}: {}", round + 1, name(contender));
            let result = run(contender);
            if let Err(error) = &result {
                eprintln!("  {}: {error:#}", name(contender));
            }
            runs[index].push(result.ok());
        }
    }
    runs
}

/// The median of `value` over the runs that gave one.
pub(crate) fn middle<T>(runs: &[Option<T>], value: impl Fn(&T) -> f64) -> f64 {
    median(runs.iter().flatten().map(value))
}

/// The median of the ratios to the base's run of the same round.
pub(crate) fn ratio<T>(runs: &[Option<T>], base: &[Option<T>], value: impl Fn(&T) -> f64) -> f64 {
    let pairs = runs.iter().zip(base).filter_map(|(run, base)| Some((run.as_ref()?, base.as_ref()?)));
    median(pairs.map(|(run, base)| value(run) / value(base)))
}

/// A number with three digits that count.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "-".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// `number (ratio x)`.
pub(crate) fn with_ratio(value: f64, ratio: f64) -> String {
    format!("{} ({}x)", number(value), number(ratio))
}

/// Prints the first two lines of a table.
pub(crate) fn head(title: &str, columns: &[&str]) {
    println!("\n### {title}\n");
    row(columns.iter().map(|column| (*column).to_owned()));
    row(columns.iter().map(|_| "---".to_owned()));
}

/// Prints one line of a table.
pub(crate) fn row(cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().collect();
    println!("| {} |", cells.join(" | "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_compares_runs_of_one_round() {
        let base = [Some(1.0), Some(10.0), None];
        let runs = [Some(2.0), Some(20.0), Some(7.0)];
        assert_eq!(ratio(&runs, &base, |value| *value), 2.0);
        assert_eq!(middle(&runs, |value| *value), 7.0);
    }

    #[test]
    fn the_order_rotates_and_failures_are_left_out() {
        let mut order = Vec::new();
        let runs = rounds(2, &['a', 'b'], char::to_string, |contender| {
            order.push(*contender);
            if *contender == 'a' { anyhow::bail!("no") } else { Ok(1) }
        });
        assert_eq!(order, ['a', 'b', 'b', 'a']);
        assert_eq!(runs, [vec![None, None], vec![Some(1), Some(1)]]);
    }
}
