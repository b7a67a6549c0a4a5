//! What all subcommands have: help, versions, completions, exit codes, pipes that close.

use crate::support::{Running, command, file, run};

const SUBCOMMANDS: [&str; 7] = ["dump", "json", "encode", "listen", "call", "vectors", "completions"];

#[test]
fn help_has_examples_and_the_exit_codes() {
    let help = run(&["--help"], b"").ok();
    for word in SUBCOMMANDS {
        assert!(help.text().contains(&format!("\n  {word} ")), "{word}: {}", help.text());
        let help = run(&[word, "--help"], b"").ok();
        assert!(help.text().contains("Usage: hessian"), "{word}");
        assert!(help.text().contains(&format!("Examples:\n  hessian {word}")) || word == "encode", "{word}");
        assert!(help.text().contains("--color"), "{word}");
    }
    for line in [
        "Exit codes:",
        "  0    done",
        "  1    what was read",
        "  2    arguments",
        "  3    the server",
        "  130  ended",
    ] {
        assert!(help.text().contains(line), "{line}");
    }
    let version = run(&["--version"], b"").ok();
    assert_eq!(version.text(), format!("hessian {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_cannot_be_used_has_code_2() {
    for (arguments, words) in [
        (&["dmup"][..], &["unrecognized subcommand 'dmup'", "'dump'"][..]),
        (&["dump", "--as", "value"], &["invalid value 'value'", "values, packets, rpc, envelope"]),
        (&["dump", "--limit", "max_dpeth=3"], &["no such limit", "max_depth"]),
        (&["dump", "--limit", "max_depth=x"], &["`x` is no whole number"]),
        (&["dump", "--hex", "--base64"], &["cannot be used with"]),
        (&["listen", "http://localhost/", "--since", "now"], &["epoch:sequence"]),
        (&["listen", "http://localhost/", "--count", "0"], &["0 is not in 1.."]),
        (&["call", "http://localhost/", "a", "--timeout", "0"], &["more than 0 seconds"]),
        (&["call", "http://localhost/"], &["<METHOD>"]),
        (&["encode", "--hessian1"], &["--hessian1 is for --call and --reply"]),
        (&[], &["Usage: hessian"]),
    ] {
        let ended = run(arguments, b"");
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.err);
        for word in words {
            assert!(ended.err.contains(word), "{arguments:?}: {word:?} in {}", ended.err);
        }
    }
    run(&["dump", "/does/not/exist"], b"").told(2, &["/does/not/exist: No such file"]);
    run(&["json", env!("CARGO_MANIFEST_DIR")], b"").told(2, &["this is a folder"]);
    run(&["vectors", "/does/not/exist"], b"").told(2, &["/does/not/exist: "]);
    run(&["encode", "--out", "/does/not/exist"], b"1").told(2, &["/does/not/exist: "]);
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell], b"").ok();
        for word in SUBCOMMANDS {
            assert!(script.text().contains(word), "{shell}: {word}");
        }
        assert!(script.text().contains("framing"), "{shell}");
    }
}

#[test]
fn vectors_are_checked() {
    let lines = run(&["vectors", file("vectors/refs.jsonl").to_str().unwrap()], b"").ok();
    assert!(lines.text().ends_with("49 passed, 0 failed\n"), "{}", lines.text());
    let folder = tempfile("broken.jsonl", br#"{"name":"one","hex":"91","value":{"int":2}}"#);
    let failed = run(&["vectors", "--quiet", folder.to_str().unwrap()], b"");
    assert_eq!((failed.code, failed.err.as_str()), (Some(1), ""), "{}", failed.text());
    assert!(failed.text().ends_with("0 passed, 1 failed\n"), "{}", failed.text());
}

/// A file of this run.
pub(crate) fn tempfile(name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// `| head -1`: no message, no failure, and it does not go on for ever.
#[test]
fn who_reads_no_more_ends_it_quietly() {
    for arguments in [&["dump"][..], &["json"], &["encode", "--hex"], &["encode", "--framing", "ws"]] {
        let mut running = Running::start(arguments);
        let mut input = running.child.stdin.take().unwrap();
        let is_json = arguments[0] == "encode";
        let writer = std::thread::spawn(move || {
            use std::io::Write;
            let piece = if is_json { b"[1,2]\n".repeat(1000) } else { b"\x05\x01\x91".repeat(1000) };
            // For ever, if nobody ended it.
            while input.write_all(&piece).is_ok() {}
        });
        if !is_json {
            running.line();
        }
        let ended = running.close_output().wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), "", "{arguments:?}");
        writer.join().unwrap();
    }
}

/// A disk that is full is not a reader that has gone.
#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_told() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended =
        command(&["dump", file("recorded/comet.bin").to_str().unwrap()]).stdout(full).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8(ended.stderr).unwrap().starts_with("hessian: cannot write: No space"));
}

#[test]
fn colours_are_for_terminals_and_for_who_wants_them() {
    let comet = file("recorded/comet.bin");
    let comet = comet.to_str().unwrap();
    let plain = run(&["dump", comet], b"").ok();
    assert!(!plain.out.contains(&0x1b));
    let colored = run(&["dump", "--color", "always", comet], b"").ok();
    assert!(colored.text().contains("\x1b[36mvalue:\x1b[0m \x1b[32mstring \""), "{}", colored.text());
    // The same but for the colours.
    let mut bare = String::new();
    let mut rest = colored.text();
    while let Some((before, after)) = rest.split_once('\x1b') {
        bare += before;
        rest = after.split_once('m').unwrap().1;
    }
    assert_eq!(bare + rest, plain.text());
    for (arguments, variable, is_colored) in [
        (&["--color", "never"][..], ("CLICOLOR_FORCE", "1"), false),
        (&["--color", "auto"], ("NO_COLOR", "1"), false),
        (&[], ("CLICOLOR_FORCE", "1"), true),
        (&["--color", "always"], ("NO_COLOR", "1"), true),
    ] {
        let mut command = command(&[&["dump", comet], arguments].concat());
        let ended = command.env(variable.0, variable.1).output().unwrap();
        assert_eq!(ended.stdout.contains(&0x1b), is_colored, "{arguments:?} {variable:?}");
    }
}
