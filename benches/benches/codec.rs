//! The codec against its peers, by criterion: `cargo bench -p benches --bench codec [FILTER]`.

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for mut case in benches::cases::all() {
        let name = format!("{} {}/{}", case.payload, case.operation, case.codec);
        criterion.bench_function(&name, |bencher| bencher.iter(|| (case.run)()));
    }
    criterion.final_summary();
}
