//! `hessian json` and `hessian encode`.

use crate::basics::tempfile;
use crate::support::{Running, file, run};
use hessian::rpc::{Form, write_call, write_fault, write_reply};

/// The bytes of every vector of a file that are a value.
fn values(name: &str) -> Vec<(String, Vec<u8>)> {
    let text = std::fs::read_to_string(file(&format!("vectors/{name}.jsonl"))).unwrap();
    let vectors = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    vectors
        .filter(|vector| vector.get("expect").is_none())
        .filter_map(|vector| {
            let hex = vector["hex"].as_str()?;
            let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
            Some((vector["name"].as_str()?.to_owned(), bytes.collect()))
        })
        .collect()
}

/// All vectors in one stream of each framing: to JSON and back, byte for byte.
#[test]
fn there_and_back() {
    for framing in ["ws", "p", "varint", "marked"] {
        let mut lines = Vec::new();
        let mut number = 0;
        for name in ["lists", "maps", "objects", "refs"] {
            for (_, bytes) in values(name) {
                if let Ok(graph) = hessian::Graph::from_slice(&bytes) {
                    lines.extend(hessian::json::to_string(&graph).unwrap().into_bytes());
                    lines.push(b'\n');
                    number += 1;
                }
            }
        }
        let stream = run(&["encode", "--framing", framing], &lines).ok();
        let json = run(&["json", "--framing", framing], &stream.out).ok();
        assert_eq!(json.text(), std::str::from_utf8(&lines).unwrap(), "{framing}");
        assert!(number > 150 && json.text().lines().count() == number, "{number}");
        let again = run(&["encode", "--framing", framing], &json.out).ok();
        assert!(again.out == stream.out, "{framing}");
    }
    // Without packets.
    for (name, bytes) in values("refs") {
        let json = run(&["json", "--as", "values"], &bytes).ok();
        let back = run(&["encode"], &json.out).ok();
        let graphs = [&bytes, &back.out].map(|bytes| hessian::Graph::from_slice(bytes).unwrap());
        assert_eq!(graphs[0], graphs[1], "{name}");
        if name.len() > 12 {
            break;
        }
    }
}

#[test]
fn packets_are_lines_as_they_arrive() {
    let mut running = Running::start(&["json"]);
    running.write(b"\x05\x21C\x11example.AddString\x91\x05value\x60\x05hello\x05\x00");
    assert_eq!(running.line(), "{\"$class\":\"example.AddString\",\"value\":\"hello\"}\n");
    running.write(b"\x05\x04\x60\x02h");
    running.write(b"i");
    assert_eq!(running.line(), "{\"$class\":\"example.AddString\",\"value\":\"hi\"}\n");
    running.write(b"\x05\x04\x60");
    running.end().told(1, &["standard input: packet 3: cut off: the packet goes on"]);
}

#[test]
fn documents_are_packets_as_they_arrive() {
    let mut running = Running::start(&["encode", "--framing", "ws", "--hex"]);
    running.write(b"{\"$class\": \"a.B\",\n \"v\": 1}\n{\"$class\"");
    assert_eq!(running.line(), "05 0a 43 03 61 2e 42 91 01 76 60 91\n");
    running.write(b": \"a.B\", \"v\": 2}");
    assert_eq!(running.line(), "05 02 60 92\n");
    running.write(b"3");
    assert_eq!(running.end().ok().text(), "05 01 93\n");
}

#[test]
fn messages_have_a_form_in_json() {
    let mut call = Vec::new();
    write_call(Form::Two, "add", &(1, "two"), &mut call).unwrap();
    assert_eq!(run(&["json"], &call).ok().text(), "{\"call\":\"add\",\"arguments\":[1,\"two\"]}\n");
    let mut envelope = Vec::new();
    hessian::envelope::deflate(&call, &mut envelope);
    assert_eq!(run(&["json"], &envelope).ok().text(), "{\"call\":\"add\",\"arguments\":[1,\"two\"]}\n");
    for form in [Form::One, Form::Two] {
        let mut bytes = Vec::new();
        write_call(form, "none", &(), &mut bytes).unwrap();
        assert_eq!(run(&["json"], &bytes).ok().text(), "{\"call\":\"none\",\"arguments\":[]}\n");
        let mut bytes = Vec::new();
        write_reply(form, &[1, 2], &mut bytes).unwrap();
        assert_eq!(run(&["json"], &bytes).ok().text(), "{\"reply\":[1,2]}\n");
        let mut bytes = Vec::new();
        write_fault(form, "ServiceException", "a \"b\"", Some(&5), &mut bytes).unwrap();
        assert_eq!(
            run(&["json"], &bytes).ok().text(),
            "{\"fault\":{\"code\":\"ServiceException\",\"message\":\"a \\\"b\\\"\",\"detail\":5}}\n"
        );
    }
    let header = b"c\x01\x00H\x00\x01h\x91m\x00\x01mN\x7a";
    let header = [&header[..5], b"\x00\x01hI\x00\x00\x00\x01m\x00\x01mNz"].concat();
    let ended = run(&["json"], &[&b"c\x01\x00H"[..], &header[5..]].concat());
    assert_eq!(
        ended.ok().text(),
        "{\"call\":\"m\",\"headers\":[\"h\"],\"headers_and_arguments\":[1,null]}\n"
    );
}

#[test]
fn messages_are_made_of_json() {
    for (options, form) in [(&[][..], Form::Two), (&["--hessian1"], Form::One)] {
        let mut call = Vec::new();
        write_call(form, "add", &(2, 3_i64, "x"), &mut call).unwrap();
        let made = run(&[&["encode", "--call", "add"], options].concat(), b"2 {\"$long\":\"3\"} \"x\"").ok();
        assert_eq!(made.out, call);
        let mut reply = Vec::new();
        write_reply(form, &[2.5], &mut reply).unwrap();
        assert_eq!(run(&[&["encode", "--reply"], options].concat(), b"[2.5]").ok().out, reply);
    }
    assert_eq!(run(&["encode", "--call", "none"], b"").ok().out, b"H\x02\x00C\x04none\x90");
    run(&["encode", "--reply"], b"1 2").told(1, &["document 2: 1 at most were expected"]);
    let many = "1 ".repeat(256);
    run(&["encode", "--call", "m"], many.as_bytes()).told(1, &["document 256: 255 at most were expected"]);
}

#[test]
fn output_has_the_form_that_is_asked_for() {
    let json = br#"{"$class":"a.B","v":1}"#;
    let bytes = run(&["encode"], json).ok().out;
    assert_eq!(bytes, b"C\x03a.B\x91\x01v`\x91");
    assert_eq!(run(&["encode", "--hex"], json).ok().text(), "43 03 61 2e 42 91 01 76 60 91\n");
    assert_eq!(run(&["encode", "--base64"], json).ok().text(), "QwNhLkKRAXZgkQ==\n");
    assert_eq!(run(&["encode", "--base64"], b"1 2 3 4").ok().text(), "kZKTlA==\n");
    let path = tempfile("encoded.bin", b"old");
    let ended = run(&["encode", "--out", path.to_str().unwrap()], json).ok();
    assert_eq!((ended.text(), std::fs::read(&path).unwrap()), ("", bytes));
    let pretty = run(&["json", "--pretty", path.to_str().unwrap()], b"").ok();
    assert_eq!(pretty.text(), "{\n  \"$class\": \"a.B\",\n  \"v\": 1\n}\n");
    assert_eq!(run(&["encode", "--grammar", "draft"], b"{\"a\":1}").ok().out, b"M\x01a\x91z");
    run(&["encode", "--grammar", "tutorial"], br#"{"$map":[[1,2]]}"#).told(1, &["document 1: "]);
}

#[test]
fn what_is_none_is_told() {
    run(&["encode"], b"{\"a\":1} [1,").told(1, &["standard input: document 2: input ends"]);
    run(&["encode"], b"99999999999999999999").told(1, &["document 1: ", "64 bits"]);
    run(&["encode"], b"{\"$clas\":1}").told(1, &["document 1: "]);
    run(&["encode"], b"\"\xff\"").told(1, &["document 1: ", "utf-8"]);
    run(&["encode", "--limit", "max_packet=10"], &b"[".repeat(70_000))
        .told(1, &["longer than max_packet = 10 bytes"]);
    run(&["json"], b"<html>").told(1, &["standard input: ", " at byte "]);
    run(&["json", "--as", "packets", "--framing", "ws"], b"\x05\x02\x91\x40")
        .told(1, &["packet 0: ", "0x40"]);
    run(&["json", "--limit", "max_packet=10"], &b"\x91".repeat(100))
        .told(1, &["longer than max_packet = 10 bytes"]);
    // Nothing is one value less than none.
    assert_eq!(run(&["json"], b"").ok().text(), "");
    assert_eq!(run(&["json"], b"\x91\x92").ok().text(), "{\"$roots\":[1,2]}\n");
}
