//! The commands `check` and `lint` as a person or a script runs them. Servers are on loopback addresses
//! where nothing has port 843.
#![cfg(target_os = "linux")]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    process::{Command, Output, Stdio},
    thread,
};

use policy_server::{ListenConfig, PolicyFile, Responder, port::REQUEST, serve};
use serde_json::Value;

/// Nobody's, and loopback all the same.
const HOST: [u8; 4] = [127, 84, 3, 1];

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_policy-server"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that needs no input may be gone.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A server that reads a request and says `answer`; ends with the test.
fn server(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind(SocketAddr::from((HOST, 0))).unwrap();
    let (address, answer) = (listener.local_addr().unwrap(), answer.into());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read_exact(&mut [0; REQUEST.len()]);
            let _ = stream.write_all(&answer);
        }
    });
    address
}

fn policy(port: u16) -> PolicyFile {
    PolicyFile::builder().allow("*.example.com", &port.to_string()).build().unwrap()
}

fn check(address: SocketAddr, more: &[&str]) -> Output {
    let address = address.to_string();
    run(&[&["check", &address, "--origin", "www.example.com"], more].concat(), b"")
}

#[test]
fn our_own_port_is_granted() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let listener = ListenConfig::default().bind((HOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let responder = Responder::new(&policy(address.port()));
    runtime.spawn(serve(listener, responder, std::future::pending(), |_, _, _| async {}));

    let output = check(address, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let shown = text(&output);
    assert!(shown.contains("1. port 843, the master policy: connection refused"), "{shown}");
    let granted = format!("granted: policy from port {}, line 4: grants it\n", address.port());
    assert!(shown.ends_with(&granted), "{shown}");
    assert!(!shown.contains("warning"), "{shown}");

    let value = json(&check(address, &["--json"]));
    assert_eq!((&value["conclusion"], &value["granted_by"]["line"]), (&"granted".into(), &4.into()));
    assert_eq!(value["visits"][0]["fault"], "refused");
    assert_eq!(value["visits"][1]["steps"][0]["outcome"], "granted");
    assert_eq!(value["visits"][1]["remarks"], Value::Array(vec![]));
}

#[test]
fn a_denial_is_exit_code_one_and_names_the_entry_that_is_missing() {
    let address = server(policy(9000).to_wire());
    let output = check(address, &[]);
    assert_eq!(output.status.code(), Some(1));
    let entry = format!("<allow-access-from domain=\"www.example.com\" to-ports=\"{}\"/>", address.port());
    assert!(text(&output).contains("line 4: the entry grants other ports"), "{}", text(&output));
    assert!(text(&output).contains(&entry), "{}", text(&output));
    assert_eq!(json(&check(address, &["--json"]))["missing_entry"], entry);
    // The same server as a location the SWF names, for the port that it does grant.
    let output = check(address, &["--to-port", "9000"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn faults_are_exit_code_one_with_their_remedy() {
    let wire = policy(8080).to_wire();
    for (answer, fault) in [
        (wire[..wire.len() - 1].to_vec(), "no-nul"),
        (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec(), "http"),
        ([b"\xef\xbb\xbf", &wire[..]].concat(), "unreadable"),
        (Vec::new(), "empty"),
        (vec![b' '; 20_001], "too-large"),
    ] {
        let output = check(server(answer), &["--json"]);
        assert_eq!(output.status.code(), Some(1), "{fault}");
        let visit = &json(&output)["visits"][1];
        assert_eq!(visit["fault"], fault);
        assert!(visit["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{fault}");
    }
}

#[test]
fn lines_are_those_of_the_file_that_is_served() {
    let file = "<!-- ours -->\n\n\n\n\n<cross-domain-policy>\n\n\
                <allow-access-from domain='a.com' to-ports='1'/>\n</cross-domain-policy>\n";
    let address = server(file.parse::<PolicyFile>().unwrap().to_wire());
    let output = check(address, &[]);
    assert!(text(&output).contains("line 8: the entry is for other origins"), "{}", text(&output));
    assert!(text(&output).contains(&format!("a policy of {} bytes", file.len())), "{}", text(&output));
}

#[test]
fn what_the_command_line_grants_is_bounded_like_a_file() {
    let grants: Vec<_> =
        (0..600).flat_map(|n| ["--allow".to_owned(), format!("h{n}.example.com:80")]).collect();
    let arguments = ["serve", "--listen", "127.0.0.1:0"].into_iter().chain(grants.iter().map(String::as_str));
    let output = run(&arguments.collect::<Vec<_>>(), b"");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("--allow: ") && error.contains("may have 20000 at most"), "{error}");
}

#[test]
fn a_pattern_is_no_origin_and_a_doubtful_one_is_noted() {
    let output = run(&["check", "127.84.3.1:80", "--origin", "*.example.com"], b"");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("is a pattern; expected the one host"), "{error}");
    let address = server(policy(8080).to_wire()).to_string();
    let output = run(&["check", &address, "--origin", "www.example.com.", "--json"], b"");
    assert_eq!(json(&output)["origin_notes"][0]["note"], "trailing-dot");
}

#[test]
fn a_named_policy_is_asked_and_a_url_is_not() {
    let address = server(policy(8080).to_wire());
    let host = address.ip().to_string();
    let named = format!("xmlsocket://{address}");
    let check = |policy: &str| {
        run(&["check", &host, "--to-port", "8080", "--origin", "a.example.com", "--policy", policy], b"")
    };
    let output = check(&named);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = check(&format!("http://{host}/crossdomain.xml"));
    assert_eq!(output.status.code(), Some(2), "nothing listens on 843 and 8080: {}", text(&output));
    assert!(text(&output).contains("opens no socket since player 9.0.124"), "{}", text(&output));
}

#[test]
fn what_cannot_be_asked_is_exit_code_two() {
    for arguments in [
        &["check", "127.84.3.1:1", "--origin", "www.example.com"][..],
        &["check", "nowhere.invalid:80", "--origin", "www.example.com"],
        &["check", "127.84.3.1", "--origin", "www.example.com"],
        &["check", "127.84.3.1:0", "--origin", "www.example.com"],
        &["check", "http://127.84.3.1/", "--origin", "www.example.com"],
        &["check", "127.84.3.1:80", "--origin", "*.example.com"],
        &["check", "127.84.3.1:80", "--origin", "a.com", "--policy", "127.84.3.1:80"],
        &["check", "127.84.3.1:80", "--origin", "a.com", "--to-port", "0"],
        &["check", "127.84.3.1:80"],
        &["lint", "/no/such/file"],
        &["lint", "-", "--served-on", "65536"],
    ] {
        let output = run(arguments, b"");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert_ne!((output.stdout.len(), output.stderr.len()), (0, 0), "{arguments:?}");
    }
}

#[test]
fn lint_tells_lines_and_remedies_and_ends_with_one_on_errors() {
    let entry = |attributes: &str| {
        format!(
            "<cross-domain-policy>\n<allow-access-from domain=\"a.example.com\"{attributes}/>\n</cross-domain-policy>"
        )
    };
    let (good, grants_nothing) = (entry(" to-ports=\"80\""), entry(""));
    for (input, arguments, code, shown) in [
        (&good, &[][..], 0, "-: 0 errors, 0 warnings\n"),
        (
            &grants_nothing,
            &[],
            1,
            "line 2: error: the entry grants nothing, it has no `to-ports`\n  add to-ports",
        ),
        (&good, &["--served-on", "8080"], 0, "line 2: warning: the entry names ports below 1024"),
        (&good, &["--to-port", "80"], 0, "0 errors"),
        (&good, &["--to-port", "81"], 1, "error: nobody may connect to port 81"),
        (&good, &["--to-port", "80", "--served-on", "8080"], 1, "error: nobody may connect to port 80"),
        (&"<html/>".to_owned(), &[], 1, "line 1: error: root element is <html>"),
        (&"x".repeat(30_000), &[], 1, "error: 30000 bytes; a policy file may have 20000"),
    ] {
        let output = run(&[&["lint", "-"], arguments].concat(), input.as_bytes());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output));
        assert!(text(&output).contains(shown), "{shown:?} is missing in {}", text(&output));
    }
    // The master voids what other ports serve.
    let none = good.replace("\n<allow", "\n<site-control permitted-cross-domain-policies=\"none\"/>\n<allow");
    let ports = ["lint", "-", "--served-on", "843", "--served-on", "8080", "--to-port", "8080"];
    let output = run(&ports, none.replace("\"80\"", "\"8080\"").as_bytes());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("error: nobody may connect to port 8080"), "{}", text(&output));
    assert!(text(&output).contains("error: the meta-policy `none` voids every entry"), "{}", text(&output));

    let output = run(&["lint", "-", "--json"], grants_nothing.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let finding = &json(&output)["findings"][0];
    assert_eq!((&finding["line"], &finding["severity"]), (&2.into(), &"error".into()));
    assert_eq!((&json(&output)["errors"], &json(&output)["warnings"]), (&1.into(), &0.into()));
}
