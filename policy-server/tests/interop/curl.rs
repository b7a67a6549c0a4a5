//! `curl` on the port, over HTTP and over TLS, with a crowd around it.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::crowd::{Crowd, SILENT};
use crate::service::Service;

/// What curl printed to its standard output. Fails unless curl succeeded, within ten seconds.
async fn curl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut process = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--insecure", "--max-time", "10"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("no curl: apt-get install curl");
    let mut stdin = process.stdin.take().expect("stdin is a pipe");
    let feed = async {
        // curl reads it only if it was told to.
        let _ = stdin.write_all(input).await;
        drop(stdin);
    };
    let (output, ()) = tokio::join!(process.wait_with_output(), feed);
    let output = output.expect("a child of ours");
    assert!(output.status.success(), "curl {arguments:?}: {}", output.status);
    output.stdout
}

/// The text that curl printed: what it got, and what it tells of the connection.
async fn text(arguments: &[&str]) -> String {
    let output = String::from_utf8(curl(arguments, b"").await).expect("text");
    println!("curl {}\n  {}", arguments.join(" "), output.trim_end().replace('\n', "\n  "));
    output
}

/// Everything that is asked of an HTTP server here, over `scheme`.
async fn assert_curl_is_served(service: &Service, scheme: &str) {
    let url = |path: &str| service.url(scheme, path);
    const TOLD: &str = " HTTP/%{http_version} %{response_code} connections %{num_connects}\n";

    let told = text(&["--http1.0", "--write-out", TOLD, &url("/part/7")]).await;
    assert_eq!(told, "part 7 HTTP/1 200 connections 1\n"); // curl's way to write 1.0
    let told = text(&["--http1.1", "--write-out", TOLD, &url("/part/7")]).await;
    assert_eq!(told, "part 7 HTTP/1.1 200 connections 1\n");

    // Kept alive: three requests on one connection.
    let told = text(&["--http1.1", "--write-out", TOLD, &url("/part/[1-3]")]).await;
    let expected = [("1", 1), ("2", 0), ("3", 0)]
        .map(|(part, connections)| format!("part {part} HTTP/1.1 200 connections {connections}\n"));
    assert_eq!(told, expected.concat());
    // And a connection for each.
    let told = text(&["--header", "Connection: close", "--write-out", TOLD, &url("/part/[1-3]")]).await;
    let expected = ["1", "2", "3"].map(|part| format!("part {part} HTTP/1.1 200 connections 1\n"));
    assert_eq!(told, expected.concat());

    // A mebibyte there and back: with its length known, in chunks, and after `100 Continue`.
    let sent: Vec<u8> = (0..1u32 << 20).map(|i| ((i * 31) >> 3) as u8).collect();
    for header in ["Expect:", "Transfer-Encoding: chunked", "Expect: 100-continue"] {
        let arguments = ["--header", header, "--data-binary", "@-", &url("/echo")];
        let got = curl(&arguments, &sent).await;
        println!("curl {}\n  {} bytes", arguments.join(" "), got.len());
        assert!(got == sent, "{header}: {} bytes came back, or other ones", got.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs curl and a thousand sockets: bash .ci/interop.sh policy"]
async fn http_and_https_beside_a_crowd() {
    let service = Service::start();
    let crowd = Crowd::come(&service).await;
    assert_curl_is_served(&service, "http").await;
    assert_curl_is_served(&service, "https").await;
    for version in ["1.2", "1.3"] {
        let url = service.url("https", "/part/7");
        let told = text(&["--tlsv1.2", "--tls-max", version, &url]).await;
        assert_eq!(told, "part 7");
    }
    // They are closed after five seconds, and come again.
    assert!(crowd.silent() > SILENT / 2, "the crowd was still there: {} silent clients", crowd.silent());
    crowd.leave(&service);
}
