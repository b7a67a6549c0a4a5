//! What hostile inputs cost, in every way in: time, peak memory above the input, and how it ended.

#[path = "../../../hessian/tests/hostile/inputs.rs"]
mod inputs;
#[path = "../../../hessian/tests/hostile/json.rs"]
mod json;
#[path = "../../../hessian/tests/hostile/ways.rs"]
mod ways;

use hessian::Limits;
use inputs::Input;
use std::time::{Duration, Instant};
use ways::Way;

/// The fastest of so many runs counts, as long as they take no more than a second.
const RUNS: usize = 5;

fn main() {
    println!("Each cell: time, peak memory above the input, end.\n");
    let values = inputs::values();
    let names: Vec<_> = ways::VALUES.iter().map(|(name, _)| *name).collect();
    println!("| value | bytes | {} |", names.join(" | "));
    println!("| --- | ---: {}|", "| --- ".repeat(names.len()));
    let mut unexpected = 0;
    for input in &values {
        let cells: Vec<_> = input.ways.iter().map(|&way| cell(input, way, &mut unexpected)).collect();
        println!("| {} | {} | {} |", input.name, input.bytes.len(), cells.join(" | "));
    }
    println!("\n| stream, message, JSON | bytes | way in | cost |\n| --- | ---: | --- | --- |");
    for input in inputs::messages().iter().chain(&json::inputs()) {
        for &way in &input.ways {
            let cell = cell(input, way, &mut unexpected);
            println!("| {} | {} | {} | {cell} |", input.name, input.bytes.len(), way.0.0);
        }
    }
    if unexpected > 0 {
        eprintln!("{unexpected} ended otherwise than they must");
        std::process::exit(1);
    }
}

fn cell(input: &Input, ((_, way), expected): (Way, &str), unexpected: &mut usize) -> String {
    let limits = Limits::DEFAULT;
    let mut time = Duration::MAX;
    let mut total = Duration::ZERO;
    let mut end = String::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        let done = way(&input.bytes, &limits);
        let taken = start.elapsed();
        end = ways::end(&done);
        time = time.min(taken);
        total += taken;
        if total > Duration::from_secs(1) {
            break;
        }
    }
    let memory = allocation_counter::measure(|| drop(way(&input.bytes, &limits))).bytes_max;
    if end != expected {
        *unexpected += 1;
        end = format!("**{end}, not {expected}**");
    }
    format!("{}, {}, {end}", show_time(time), show_bytes(memory))
}

/// Three digits are more than a run repeats.
fn show_time(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        0.0..10.0 => format!("{micros:.1} µs"),
        10.0..1e3 => format!("{micros:.0} µs"),
        1e3..1e4 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.0} ms", micros / 1e3),
    }
}

fn show_bytes(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
