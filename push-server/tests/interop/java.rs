//! `/comet` read by `examples/java/ReadComet.java` with `Hessian2StreamingInput` of Caucho's library, over HTTP/1.1 and as the Flash client asks.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use axum::Router;
use tokio::time::sleep;

use crate::arrivals::{LEAST_GAP, MOST_GAP};
use crate::demo::Demo;
use crate::java_library::Java;
use crate::site::Site;

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

/// As a Java program reads on that follows the documentation: nothing lost, nothing twice, and a new history told once.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs libhessian-java and a JDK, takes 10 s: bash .ci/interop.sh stream"]
async fn java_reads_on_across_rotations_cuts_and_a_restart() {
    const LINES: usize = 150;
    let java = Java::compile(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/java"), &[], &[]);
    let first = Site::start(([127, 0, 0, 1], 0).into(), 0xa, Router::new()).await;
    let address = first.address;
    // It ends by itself, also if this test fails.
    let reader = java
        .command("ReadResume")
        .args([&first.url("/streams/comet/hessian"), "90"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("no java: apt-get install default-jdk-headless");
    let start = Instant::now();
    while first.stream.readers() == 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "no reader came");
        sleep(Duration::from_millis(10)).await;
    }
    for number in 1..=LINES {
        first.publish(&format!("line {number}")).await;
        sleep(Duration::from_millis(40)).await;
    }
    first.stop().await;
    let second = Site::start(address, 0xb, Router::new()).await;
    for line in ["again 1", "again 2", "again 3", "last"] {
        second.publish(line).await;
        sleep(Duration::from_millis(300)).await;
    }
    let output = tokio::task::spawn_blocking(|| reader.wait_with_output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}{told}", output.status);
    let values: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("value ")).collect();
    let lines = (1..=LINES).map(|number| format!("line {number} at a:{number}"));
    let again = ["again 1 at b:1", "again 2 at b:2", "again 3 at b:3", "last at b:4"].map(ToOwned::to_owned);
    assert_eq!(values, lines.chain(again).collect::<Vec<_>>(), "{text}");
    let verdicts: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("verdict ")).collect();
    assert_eq!(verdicts[0], "null at a:0");
    let changed = verdicts.iter().filter(|verdict| **verdict == "epoch-changed at b:0").count();
    let complete = verdicts.iter().filter(|verdict| verdict.starts_with("complete at ")).count();
    assert_eq!((changed, complete), (1, verdicts.len() - 2), "{verdicts:?}");
    println!("{} values over {} connections", values.len(), verdicts.len());
    assert!(verdicts.len() >= 8, "{verdicts:?}");
    second.stop().await;
}
