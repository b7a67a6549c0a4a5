//! A policy file is refused with a line of its own, or reads, prints and reads again as the same.

use policy_server::{
    Origin, PolicyFile,
    policy::{MAX_FILE_SIZE, lint},
};

pub(crate) fn check(bytes: &[u8]) {
    let findings = lint(bytes, &[843, 8080]);
    match PolicyFile::from_bytes(bytes) {
        Ok(file) => {
            let printed = file.to_string();
            // Escapes may make a file that was just small enough too large.
            if printed.len() <= MAX_FILE_SIZE {
                assert_eq!(printed.parse().as_ref(), Ok(&file));
            }
            assert_eq!(file.to_wire().iter().filter(|b| **b == 0).count(), 1);
            let origin: Origin = "https://www.example.com/a.swf".parse().expect("an origin");
            let _ = file.may_connect(8080, &origin, 8080).to_string();
            let _ = file.to_url_policy();
            let _ = file.lint_port(&[843], 8080);
        }
        Err(e) => {
            assert_eq!(findings.len(), 1);
            let lines = bytes.iter().filter(|b| **b == b'\n').count() + 1;
            assert!(e.line().is_none_or(|line| (1..=lines).contains(&(line as usize))), "{e}");
        }
    }
}
