//! The codec's table: time and allocations of every case, against its reference in the same run; then the goals, and
//! whether they are met.
//!
//! `cargo run --release -p benches --bin codec-table [ROUNDS [PAYLOAD]]`. The cases that are compared run in turn, a
//! fraction of a millisecond each, round after round. The fastest tenth of the samples counts: whatever else the machine
//! does only ever adds. Memory that a case frees is kept for the next run.

use benches::cases::{self, Case};
use benches::goals::{GOALS, Measure, REFERENCES};
use std::hint::black_box;
use std::time::Instant;

/// What one sample takes at least.
const SAMPLE_NANOS: u128 = 300_000;

/// What was measured of one case.
struct Row {
    payload: &'static str,
    operation: &'static str,
    codec: &'static str,
    nanos: f64,
    /// Multiple of the reference's time.
    ratio: f64,
    reference: &'static str,
    allocations: u64,
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(201);
    let only = std::env::args().nth(2);
    keep_memory();
    println!("| payload, operation | codec | ns | x reference | allocations |");
    println!("| --- | --- | --: | --: | --: |");
    let mut rows = Vec::new();
    for payload in cases::PAYLOADS.iter().filter(|payload| only.as_ref().is_none_or(|only| only == *payload))
    {
        let mut cases = cases::of(payload);
        let same = |a: &Case, b: &Case| a.operation == b.operation;
        for cases in cases.chunk_by_mut(same) {
            rows.extend(group(cases, rounds));
        }
    }
    verdicts(&rows);
}

fn group(cases: &mut [Case], rounds: usize) -> Vec<Row> {
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
    let fastest: Vec<f64> = samples
        .iter_mut()
        .map(|samples| {
            samples.sort_by(f64::total_cmp);
            samples[samples.len() / 10]
        })
        .collect();
    let reference = cases.iter().position(|case| REFERENCES.contains(&case.codec)).unwrap_or(0);
    let (reference, reference_nanos) = (cases[reference].codec, fastest[reference]);
    let rows = cases.iter_mut().zip(&fastest).map(|(case, &nanos)| {
        let row = Row {
            payload: case.payload,
            operation: case.operation,
            codec: case.codec,
            nanos,
            ratio: nanos / reference_nanos,
            reference,
            allocations: allocation_counter::measure(|| (case.run)()).count_total,
        };
        let Row { payload, operation, codec, ratio, allocations, .. } = row;
        println!("| {payload} {operation} | {codec} | {nanos:.0} | {ratio:.2} | {allocations} |");
        row
    });
    rows.collect()
}

/// Larger than what any case allocates.
const LARGE: usize = 16 << 20;

/// Makes the allocator keep what is freed: glibc's gives megabytes back to the system and asks for them again, or does
/// not, depending on what lies beside them by chance. To have them cleared anew takes longer than to fill them.
fn keep_memory() {
    drop(black_box(Vec::<u8>::with_capacity(LARGE)));
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

/// The goals for what was measured.
fn verdicts(rows: &[Row]) {
    println!("\n| goal | at most | measured | met? |");
    println!("| --- | --: | --: | --- |");
    let ours = |row: &&Row| ["hessian", "push", "twice"].contains(&row.codec);
    for goal in GOALS {
        let of_goal = |row: &&Row| (row.payload, row.operation) == (goal.payload, goal.operation);
        let Some(row) = rows.iter().filter(ours).find(of_goal) else { continue };
        let (bound, measured, is_met) = match goal.at_most {
            Measure::Ratio(most) => {
                (format!("{most} x {}", row.reference), format!("{:.2}", row.ratio), row.ratio <= most)
            }
            Measure::Nanos(most) => (format!("{most} ns"), format!("{:.0}", row.nanos), row.nanos <= most),
            Measure::Allocations(most) => {
                (format!("{most} allocations"), row.allocations.to_string(), row.allocations <= most)
            }
        };
        let verdict = if is_met { "yes" } else { "NO" };
        println!("| {} {} | {bound} | {measured} | {verdict} |", goal.payload, goal.operation);
    }
}
