//! The corpora of the fuzz targets, and inputs that once failed, replayed without a fuzzer.

#[path = "../fuzz/targets/lib.rs"]
#[allow(
    missing_docs,
    unreachable_pub,
    unnameable_types,
    dead_code,
    reason = "a library of its own in the fuzz folder"
)]
mod targets;

use std::path::{Path, PathBuf};

/// The files of a folder, in order; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Runs a target on its corpus and on what once failed.
fn replay(name: &str, target: fn(&[u8])) {
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

#[test]
fn form() {
    replay("form", targets::form);
}

#[test]
fn send() {
    replay("send", targets::send);
}

#[test]
fn publish() {
    replay("publish", targets::publish);
}

#[test]
fn token() {
    replay("token", targets::token);
}
