//! What the fuzzers found worth keeping, through the same checks. `fuzz/Cargo.toml` says how to run them.

use std::{fs, path::Path};

#[path = "../fuzz/checks/classify.rs"]
mod classify;
#[path = "../fuzz/checks/player.rs"]
mod player;
#[path = "../fuzz/checks/policy_xml.rs"]
mod policy_xml;

fn replay(name: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut inputs = 0;
    for file in fs::read_dir(&folder).unwrap() {
        check(&fs::read(file.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 3, "{inputs} inputs in {}", folder.display());
}

#[test]
fn the_classifier() {
    replay("classify", classify::check);
}

#[test]
fn policy_files() {
    replay("policy_xml", policy_xml::check);
}

#[test]
fn answers_to_a_player() {
    replay("player", player::check);
}
