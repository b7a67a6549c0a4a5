//! Instructions per operation, counted by callgrind: the same whatever else the machine does.
//!
//! `cargo build --release -p benches --bin instructions && target/release/instructions` prints the table;
//! `instructions run CASE N` runs one case N times, for a profiler.

use benches::goals::INSTRUCTIONS;
use benches::payloads::{self, AddString, AddStringRef, Random, Tick, TickRef};
use serde::de::Deserialize;
use serde::ser::Serialize;
use std::hint::black_box;
use std::process::Command;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "run", case, count] => run(case, count.parse().unwrap_or(1)),
        _ => table(&args[0]),
    }
}

fn table(program: &str) {
    println!("| payload, operation | hessian | rmp-serde | ratio | goal: at most | met? |");
    println!("| --- | --: | --: | --: | --: | --- |");
    for (name, most) in INSTRUCTIONS {
        let [ours, peer] = ["hessian", "rmp-serde"].map(|codec| per_run(program, &format!("{name} {codec}")));
        let ratio = ours / peer;
        let verdict = if ratio <= most { "yes" } else { "NO" };
        println!("| {name} | {ours:.0} | {peer:.0} | {ratio:.2} | {most} | {verdict} |");
    }
}

/// The difference of two run lengths leaves out what happens once.
fn per_run(program: &str, case: &str) -> f64 {
    let [few, many] = [1_000, 11_000].map(|count| {
        let output = Command::new("valgrind")
            .args([
                "--tool=callgrind",
                "--callgrind-out-file=/dev/null",
                program,
                "run",
                case,
                &count.to_string(),
            ])
            .output()
            .expect("valgrind runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = text.lines().find(|line| line.contains("Collected")).expect("callgrind counts");
        line.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok()).expect("a number")
    });
    (many - few) / 10_000.0
}

fn run(case: &str, count: usize) {
    // Any case of the table, for a profiler.
    let payload = case.split(' ').next().unwrap_or_default();
    if let Some(case) = benches::cases::of(payload).iter_mut().find(|known| format!("{known:?}") == case) {
        return (0..count).for_each(|_| (case.run)());
    }
    let parts: Vec<_> = case.split(' ').collect();
    let [payload, operation, codec] = parts[..] else { panic!("a case has three words") };
    if payload == "a" {
        run_as::<AddString, AddStringRef<'_>>(&payloads::add_string(), operation, codec, count);
    } else {
        run_as::<Tick, TickRef<'_>>(&payloads::tick(&mut Random::new(7)), operation, codec, count);
    }
}

fn run_as<T, B>(value: &T, operation: &str, codec: &str, count: usize)
where
    T: Serialize + for<'de> Deserialize<'de>,
    B: Deserialize<'static>,
{
    let bytes =
        if codec == "hessian" { hessian::to_vec(value).unwrap() } else { rmp_serde::to_vec(value).unwrap() };
    let bytes: &'static [u8] = bytes.leak();
    let repeat = |run: &dyn Fn()| (0..count).for_each(|_| run());
    match (operation, codec) {
        ("encode", "hessian") => repeat(&|| drop(black_box(hessian::to_vec(black_box(value)).unwrap()))),
        ("encode", _) => repeat(&|| drop(black_box(rmp_serde::to_vec(black_box(value)).unwrap()))),
        ("decode", "hessian") => {
            repeat(&|| drop(black_box(hessian::from_slice::<T>(black_box(bytes)).unwrap())))
        }
        ("decode", _) => repeat(&|| drop(black_box(rmp_serde::from_slice::<T>(black_box(bytes)).unwrap()))),
        ("borrow", "hessian") => {
            repeat(&|| drop(black_box(hessian::from_slice::<B>(black_box(bytes)).unwrap())))
        }
        (_, _) => repeat(&|| drop(black_box(rmp_serde::from_slice::<B>(black_box(bytes)).unwrap()))),
    }
}
