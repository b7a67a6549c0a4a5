//! The codec's table: time and allocations of every case, against its reference in the same run.
//!
//! `cargo run --release -p benches --bin codec-table [ROUNDS [PAYLOAD]]`. The cases that are compared run in turn, a few
//! milliseconds each, round after round; the median counts. On a busy machine read the ratios.

use benches::cases::{self, Case};
use std::time::Instant;

/// What one sample takes at least.
const SAMPLE_NANOS: u128 = 3_000_000;

fn main() {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(21);
    let only = std::env::args().nth(2);
    let mut cases = cases::all();
    cases.retain(|case| only.as_ref().is_none_or(|only| case.payload == only));
    println!("| payload, operation | codec | ns | x reference | allocations |");
    println!("| --- | --- | --: | --: | --: |");
    let mut from = 0;
    while from < cases.len() {
        let head = (cases[from].payload, cases[from].operation);
        let len = cases[from..].iter().take_while(|case| (case.payload, case.operation) == head).count();
        group(&mut cases[from..from + len], rounds);
        from += len;
    }
}

fn group(cases: &mut [Case], rounds: usize) {
    let counts: Vec<u32> = cases.iter_mut().map(calibrate).collect();
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for (index, case) in cases.iter_mut().enumerate() {
            let start = Instant::now();
            for _ in 0..counts[index] {
                (case.run)();
            }
            samples[index].push(start.elapsed().as_nanos() as f64 / f64::from(counts[index]));
        }
    }
    let medians: Vec<f64> = samples
        .iter_mut()
        .map(|samples| {
            samples.sort_by(f64::total_cmp);
            samples[samples.len() / 2]
        })
        .collect();
    let reference = cases
        .iter()
        .position(|case| ["memcpy", "rmp-serde", "rmpv", "from_slice"].contains(&case.codec))
        .unwrap_or(0);
    for (case, median) in cases.iter_mut().zip(&medians) {
        let allocations = allocation_counter::measure(|| (case.run)()).count_total;
        println!(
            "| {} {} | {} | {median:.0} | {:.2} | {allocations} |",
            case.payload,
            case.operation,
            case.codec,
            median / medians[reference]
        );
    }
}

/// How often a case runs in one sample.
fn calibrate(case: &mut Case) -> u32 {
    (case.run)();
    let mut count = 1;
    loop {
        let start = Instant::now();
        for _ in 0..count {
            (case.run)();
        }
        if start.elapsed().as_nanos() > SAMPLE_NANOS {
            return count;
        }
        count *= 2;
    }
}
