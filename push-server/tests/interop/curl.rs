//! `curl -N` on `/comet`: bytes arrive as they are written, with chunks for HTTP/1.1 and without for HTTP/1.0.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::arrivals::{self, Arrivals};
use crate::demo::Demo;

/// Long enough for five messages; curl ends by itself.
const SECONDS: &str = "11";

fn watch(demo: &Demo, version: &str) -> Arrivals {
    let asked = Instant::now();
    let mut curl = Command::new("curl")
        .args(["--silent", "--show-error", "--no-buffer", "--include", "--max-time", SECONDS, version])
        .arg(demo.url("/comet"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null()) // "timed out" is how a stream without end must end
        .spawn()
        .expect("no curl: apt-get install curl");
    let arrivals = arrivals::read(curl.stdout.take().expect("stdout is a pipe"), asked);
    let status = curl.wait().expect("a child of ours");
    assert_eq!(
        status.code(),
        Some(28),
        "curl must have been cut off by --max-time, not by the server: {}",
        arrivals.head
    );
    arrivals
}

#[test]
#[ignore = "needs curl, takes 11 s: bash .ci/interop.sh stream"]
fn http_1_1_is_chunked_and_paced() {
    let demo = Demo::start();
    let arrivals = watch(&demo, "--http1.1");
    assert!(arrivals.head.starts_with("http/1.1 200"), "{}", arrivals.head);
    assert!(arrivals.head.contains("transfer-encoding: chunked"), "{}", arrivals.head);
    arrivals.assert_paced(5);
    demo.stop();
}

#[test]
#[ignore = "needs curl, takes 11 s: bash .ci/interop.sh stream"]
fn http_1_0_is_paced_without_chunks() {
    let demo = Demo::start();
    let arrivals = watch(&demo, "--http1.0");
    assert!(arrivals.head.contains(" 200 "), "{}", arrivals.head);
    assert!(!arrivals.head.contains("transfer-encoding"), "{}", arrivals.head);
    assert!(
        !arrivals.head.contains("content-length"),
        "a stream without end has no length: {}",
        arrivals.head
    );
    arrivals.assert_paced(5);
    demo.stop();
}
