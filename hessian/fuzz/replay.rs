//! Fuzz targets run on what the fuzzers found, without a fuzzer.

use std::path::{Path, PathBuf};

/// The files of a folder, in order; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Runs a target of this crate on its corpus and on what once failed.
pub(crate) fn replay(name: &str, target: fn(&[u8])) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let corpus = files(&fuzz.join("corpus").join(name));
    assert!(corpus.len() > 20, "the corpus of {name} is gone");
    for file in corpus.into_iter().chain(files(&fuzz.join("regressions").join(name))) {
        let data = std::fs::read(&file).unwrap();
        if std::panic::catch_unwind(|| target(&data)).is_err() {
            panic!("{}", file.display());
        }
    }
}
