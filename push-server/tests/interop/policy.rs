//! A policy request through netcat, on the port that serves HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::demo::Demo;

const REQUEST: &[u8] = b"<policy-file-request/>\0";

/// Longer than a receiver may wait before it acknowledges (40 ms on Linux), so that the sender's kernel joins no two bytes.
const BETWEEN_SEGMENTS: Duration = Duration::from_millis(60);

/// What netcat printed. It sends `segments` one by one and ends three seconds after the last, whatever the server does.
fn netcat<'a>(demo: &Demo, segments: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut nc = Command::new("nc")
        .args(["-q3", &demo.address().ip().to_string(), &demo.address().port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("no nc: apt-get install netcat-openbsd");
    let mut input = nc.stdin.take().expect("stdin is a pipe");
    for (i, segment) in segments.into_iter().enumerate() {
        if i > 0 {
            thread::sleep(BETWEEN_SEGMENTS);
        }
        input
            .write_all(segment)
            .expect("nc still reads: the server has not closed before the request was whole");
    }
    drop(input);
    let output = nc.wait_with_output().expect("a child of ours");
    assert!(output.status.success(), "nc: {}", output.status);
    output.stdout
}

fn assert_policy(answer: &[u8]) {
    println!("{}", answer.escape_ascii());
    let (&last, policy) = answer.split_last().expect("an answer");
    assert_eq!(last, 0, "the policy ends with NUL");
    assert!(!policy.contains(&0), "one NUL, at the end");
    let policy = std::str::from_utf8(policy).expect("XML in UTF-8");
    assert!(
        policy.contains("<cross-domain-policy>") && policy.trim_end().ends_with("</cross-domain-policy>"),
        "{policy}"
    );
    assert!(
        policy.contains("<allow-access-from "),
        "a policy that allows nobody is no use to the demo: {policy}"
    );
}

#[test]
#[ignore = "needs netcat, takes 3 s: bash .ci/interop.sh stream"]
fn whole_request() {
    let demo = Demo::start();
    assert_policy(&netcat(&demo, [REQUEST]));
    demo.stop();
}

#[test]
#[ignore = "needs netcat, takes 5 s: bash .ci/interop.sh stream"]
fn one_byte_per_segment() {
    let demo = Demo::start();
    assert_policy(&netcat(&demo, REQUEST.chunks(1)));
    demo.stop();
}

/// An answer read to its end: fails unless the server ends it, cleanly and soon.
fn ask(demo: &Demo, request: &[u8]) -> Vec<u8> {
    let asked = Instant::now();
    let mut socket = TcpStream::connect(demo.address()).expect("the port is open");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out can be set");
    socket.write_all(request).expect("the request is small");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("an answer, then a clean end");
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
    answer
}

/// Clients that say nothing keep neither a policy request nor an HTTP request on the same port from being answered.
#[test]
#[ignore = "starts the demo: bash .ci/interop.sh stream"]
fn silent_clients_stop_nobody() {
    let demo = Demo::start();
    let silent: Vec<_> =
        (0..20).map(|_| TcpStream::connect(demo.address()).expect("the port is open")).collect();
    assert_policy(&ask(&demo, REQUEST));
    let page = ask(&demo, b"GET / HTTP/1.0\r\n\r\n");
    assert!(page.starts_with(b"HTTP/1."), "{}", page.escape_ascii());
    drop(silent);
    demo.stop();
}
