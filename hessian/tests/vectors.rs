//! Every line of the vectors: decoded whole, in pieces and cut, and encoded again. Prints the totals of each file.

#[path = "../src/cli/vectors/mod.rs"]
mod vectors;

use std::path::Path;
use vectors::Effort;

/// Fewer cuts of long values than the `hessian vectors` command makes.
const EFFORT: Effort = Effort { all: 2048, edge: 64, stride: 1499, messages: 2048 };

/// Every file, with its number of lines: none may be lost.
const FILES: [(&str, usize); 16] = [
    ("alternates", 45),
    ("binary", 60),
    ("draft", 264),
    ("envelope", 10),
    ("hessian1", 65),
    ("lists", 87),
    ("malformed", 481),
    ("maps", 23),
    ("objects", 47),
    ("refs", 49),
    ("rpc", 91),
    ("scalars", 191),
    ("streaming", 139),
    ("streaming-legacy", 113),
    ("strings", 99),
    ("testhessian2", 183),
];

#[test]
fn every_line_of_every_file_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let (mut passed, mut failed) = (0, 0);
    for (file, lines) in FILES {
        let report = vectors::check_file(&folder.join(format!("{file}.jsonl")), EFFORT).unwrap();
        for failure in &report.failures {
            println!("{file}.jsonl:{}: {}: {}", failure.line, failure.name, failure.reason);
        }
        println!("{file}.jsonl: {} passed, {} failed", report.passed, report.failures.len());
        assert_eq!(report.passed + report.failures.len(), lines, "lines of {file}.jsonl");
        passed += report.passed;
        failed += report.failures.len();
    }
    println!("{passed} passed, {failed} failed");
    assert_eq!(failed, 0);
}
