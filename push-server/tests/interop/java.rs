//! `/comet` read by `examples/java/ReadComet.java` with `Hessian2StreamingInput` of Caucho's library, over HTTP/1.1 and as the Flash client asks.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::arrivals::{LEAST_GAP, MOST_GAP};
use crate::demo::Demo;
use crate::java_library::Java;

fn java() -> &'static Java {
    static JAVA: OnceLock<Java> = OnceLock::new();
    JAVA.get_or_init(|| {
        Java::compile(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/java"), &[], &[])
    })
}

/// Runs `ReadComet`, which prints each value and checks the gaps between them itself.
fn read_comet(url: &str, count: usize, gaps: [u128; 2], more: &[&str]) -> Output {
    let mut command: Command = java().command("ReadComet");
    command.arg(url).arg(count.to_string()).args(gaps.map(|gap| gap.to_string())).args(more);
    let output = command.output().expect("no java: apt-get install default-jdk-headless");
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output
}

fn assert_java_reads(more: &[&str]) {
    let demo = Demo::start();
    let output = read_comet(&demo.url("/comet"), 5, [LEAST_GAP.as_millis(), MOST_GAP.as_millis()], more);
    assert!(output.status.success(), "ReadComet: {}", output.status);
    let values = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.contains(" ms  AddString "))
        .count();
    assert_eq!(values, 5);
    demo.stop();
}

#[test]
#[ignore = "needs libhessian-java and a JDK, takes 10 s: bash .ci/interop.sh stream"]
fn java_reads_comet_over_http_1_1() {
    assert_java_reads(&[]);
}

#[test]
#[ignore = "needs libhessian-java and a JDK, takes 10 s: bash .ci/interop.sh stream"]
fn java_reads_comet_over_http_1_0_without_host() {
    assert_java_reads(&["http/1.0"]);
}

/// The reader itself is checked against Caucho's own writer: it accepts a stream that is written as things happen, and finds out one
/// whose packets were held back.
#[test]
#[ignore = "needs libhessian-java and a JDK, takes 6 s: bash .ci/interop.sh stream"]
fn the_reader_finds_out_packets_that_were_held_back() {
    for (held, accepted) in [(None, true), (Some("held"), false)] {
        let mut server = java()
            .command("ServeComet")
            .args(["5", "400"])
            .args(held)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("no java: apt-get install default-jdk-headless");
        let mut url = String::new();
        BufReader::new(server.stdout.as_mut().expect("stdout is a pipe"))
            .read_line(&mut url)
            .expect("it prints its address");
        let output = read_comet(url.trim(), 4, [200, 1500], &[]);
        drop(server.stdin.take()); // its sign to end
        server.wait().expect("a child of ours");
        assert_eq!(output.status.success(), accepted, "held back: {}", held.is_some());
    }
}
