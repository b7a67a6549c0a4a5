//! `hessian dump`.

use crate::support::{Running, command, file, run};
use hessian::StreamEncoder;
use hessian::packet::Framing;

fn vector(file_name: &str, name: &str, field: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(file(&format!("vectors/{file_name}.jsonl"))).unwrap();
    let mut vectors = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let vector = vectors.find(|vector| vector["name"] == name).unwrap();
    let hex = vector[field].as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn what_it_is_is_recognised_or_told() {
    for (bytes, options, expected) in [
        (vector("objects", "addstring", "hex"), &[][..], "object of class 0"),
        (
            vector("rpc", "h2_add", "request_hex"),
            &[],
            "Hessian 2.0\n       3  43                       C  call",
        ),
        (vector("rpc", "h1_add", "reply_hex"), &[], "reply of Hessian 1"),
        (b"\x05\x01\x91".to_vec(), &[], "packet 0, frame: 1 bytes, the last"),
        (b"\x05\x01\x91".to_vec(), &["--as", "values"], "!!! error at byte 1: text is neither UTF-8"),
        (b"\x01\x91\x00".to_vec(), &["--framing", "varint"], "frame: the end"),
        (b"\x01\x91\x00".to_vec(), &["--as", "packets"], "frame: the end"),
        (b"M\x90".to_vec(), &["--as", "values", "--grammar", "draft"], "map (reference 0)"),
        (b"I\x00\x00\x00\x05".to_vec(), &["--grammar", "one"], "int 5"),
    ] {
        let ended = run(&[&["dump"], options].concat(), &bytes);
        assert!(ended.text().contains(expected), "{options:?}: {}", ended.text());
    }
}

#[test]
fn envelopes_are_opened() {
    let mut envelope = Vec::new();
    hessian::envelope::deflate(b"H\x02\x00C\x03add\x92\x91\x92", &mut envelope);
    let ended = run(&["dump"], &envelope).ok();
    assert!(ended.text().starts_with("       0  45"), "{}", ended.text());
    assert!(ended.text().contains("\nin the envelope, 11 bytes:\n\n       0  48 02 00"), "{}", ended.text());
    assert!(ended.text().contains("argument 1: int 2"));
}

/// A packet is shown while the stream stays open: also one that arrives in pieces.
#[test]
fn a_live_stream_is_followed() {
    let mut running = Running::start(&["dump"]);
    running.write(b"\x05\x01\x91");
    // What it is is known by four bytes.
    running.write(b"\x05");
    assert_eq!(running.line(), "       0  05 01                       packet 0, frame: 1 bytes, the last\n");
    assert_eq!(running.line(), "       2  91                          int 1\n");
    running.write(b"\x03\x7a");
    assert_eq!(running.line(), "       3  05 03                       packet 1, frame: 3 bytes, the last\n");
    assert_eq!(running.line(), "       5  7a                          list of 2 (reference 0)\n");
    running.write(b"\x92\x93");
    assert_eq!(running.line(), "       6  92                            [0] int 2\n");
    assert_eq!(running.line(), "       7  93                            [1] int 3\n");
    assert_eq!(running.end().ok().text(), "");
}

#[test]
fn bytes_as_text() {
    let expected = run(&["dump"], b"H\x02\x00R\x91").ok();
    for (option, text) in [
        ("--hex", "48 02 00 52 91"),
        ("-x", "4802005291\n"),
        ("--hex", "0x48, 0x02, 0x00, 0x52, 0x91"),
        ("--base64", "SAIAUpE="),
        ("--base64", "SAIA\nUpE\n"),
    ] {
        assert_eq!(run(&["dump", option], text.as_bytes()).ok().text(), expected.text(), "{text}");
    }
    run(&["dump", "--hex"], b"48 0")
        .told(1, &["standard input: the text ends after 4 characters inside a byte"]);
    run(&["dump", "--hex"], b"48 zz")
        .told(1, &["character 3 is `z`, where a hexadecimal digit was expected"]);
    run(&["dump", "--base64"], b"SA!").told(1, &["character 2 is `!`, where base64 was expected"]);
}

/// What is wrong, where, what was expected; the code is 1, and all before it is shown.
#[test]
fn failures_are_told() {
    let cut = run(&["dump"], &vector("objects", "addstring", "hex")[..30]);
    assert!(cut.text().contains("class 0: model.M$AddString { value }"), "{}", cut.text());
    assert!(cut.text().contains("!!! cut off"), "{}", cut.text());
    cut.told(
        1,
        &["standard input: byte 30: cut off: input ends inside a value", "more bytes expected", "--as"],
    );
    let garbage = run(&["dump"], b"<html><body>Not here</body></html>");
    garbage.told(1, &["standard input: byte ", "--as and --framing tell otherwise"]);
    run(&["dump", "--as", "values"], b"\x90\x40").told(1, &["byte 1: byte 0x40 where a value was expected"]);
    run(&["dump", "--framing", "p"], b"P\x00\x01\x91X")
        .told(1, &["byte 4: packet framing: a frame begins with"]);
    run(&["dump", "--as", "rpc"], b"\x91")
        .told(1, &["byte 0: a message begins with H or E (Hessian 2), c or r"]);
    run(&["dump", "--as", "values", "--limit", "max_depth=2"], b"\x79\x79\x79\x91")
        .told(1, &["byte 3: limit max_depth = 2 reached"]);
    // A bad value ends its packet, not the stream.
    let stream = run(&["dump", "--framing", "ws"], b"\x05\x01\x40\x05\x01\x91");
    assert!(stream.text().ends_with("int 1\n"), "{}", stream.text());
    stream.told(1, &["byte 2: byte 0x40"]);
    let nothing = run(&["dump"], b"");
    assert_eq!((nothing.code, nothing.text()), (Some(0), ""));
    assert_eq!(nothing.err, "hessian: standard input: nothing to show, not a byte\n");
}

#[test]
fn text_and_lines_are_bounded_as_told() {
    let mut bytes = Vec::new();
    let mut stream = <StreamEncoder>::new(Framing::Ws);
    for _ in 0..10 {
        stream.encode(&"abcdefghij", &mut bytes).unwrap();
    }
    let ended = run(&["dump", "--max-text", "3", "--max-lines", "5"], &bytes).ok();
    assert!(ended.text().contains("string \"abc\"… of 10 units"), "{}", ended.text());
    assert!(ended.text().ends_with("… (the limit of lines is reached)\n"), "{}", ended.text());
    assert_eq!(ended.text().lines().filter(|line| !line.contains(" + ")).count(), 4, "{}", ended.text());
}

/// The most memory that a process has had, in MiB.
#[cfg(target_os = "linux")]
fn peak(child: &std::process::Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

/// 128 MiB go through: as packets of 1 MiB, and as one packet of one binary, of which the dump keeps nothing.
#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_input() {
    use std::io::{Read, Write};

    let mut packet = Vec::new();
    Framing::Ws.frame(&[&hessian::to_vec(&"x".repeat(1 << 20)).unwrap()], &mut packet);
    let chunk = [&b"A\xff\xff"[..], &[7; 0xffff]].concat();
    let frame = [&b"\x85\x7f\x00\x00\x00\x00\x00\x01\x00\x02"[..], &chunk].concat();
    let endless =
        ["dump", "--framing", "ws", "--limit", "max_packet=1000000000", "--limit", "max_binary=1000000000"];
    for (piece, times, arguments, at_most) in [
        (&packet, 128, &["dump"][..], 16),
        (&frame, 2048, &endless, 16),
        // A packet, its text, and that as JSON.
        (&packet, 128, &["json"], 32),
    ] {
        let mut child = command(arguments).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let (mut buffer, mut seen) = (vec![0; 1 << 16], 0);
            loop {
                match out.read(&mut buffer).unwrap() {
                    0 => return seen,
                    read => seen += read,
                }
            }
        });
        let input = child.stdin.as_mut().unwrap();
        for _ in 0..times {
            input.write_all(piece).unwrap();
        }
        // All but what is in the pipe was read.
        let peak = peak(&child);
        assert!(peak <= at_most, "{arguments:?}: {peak} MiB");
        drop(child.stdin.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(i32::from(piece == &frame)), "{arguments:?}");
        assert!(reader.join().unwrap() > 128);
    }
}
