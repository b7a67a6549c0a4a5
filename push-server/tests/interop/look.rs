//! A load whose numbers are known, as the metrics tell it to Prometheus' own parser, and as the console tells and shows it, light and dark.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fantoccini::Locator;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::chromium::Browser;
use crate::harness::{Folder, Reader, Server, ask, get, policy_of, serve, wait_for};

/// Starting a browser on a busy machine takes long; the console itself is told every second.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every sample, `name{label="value",…}`, as Prometheus' library for Python reads it.
fn samples(admin: SocketAddr) -> BTreeMap<String, f64> {
    let text = get(admin, "/metrics").body;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/python");
    let mut parser = Command::new("python3")
        .env("PYTHONPATH", folder.join("site-packages"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(folder.join("metrics.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    parser.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = parser.wait_with_output().expect("a child of ours");
    assert!(output.status.success(), "Prometheus does not read it:\n{text}");
    let lines = String::from_utf8(output.stdout).expect("JSON");
    let sample = |line: &str| {
        let sample: Value = serde_json::from_str(line).expect("JSON");
        let labels: Vec<_> = sample["labels"].as_object().expect("labels").iter().collect();
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let name = sample["name"].as_str().expect("a name").strip_prefix("push_server_").expect("our prefix");
        (format!("{name}{labels}"), sample["value"].as_f64().expect("a number"))
    };
    lines.lines().map(sample).collect()
}

/// A server, and who reads it.
struct Loaded {
    server: Server,
    readers: Vec<Reader>,
    _folder: Folder,
}

/// What the load comes to.
const KNOWN: &[(&str, f64)] = &[
    ("ready", 1.0),
    ("connections_open{transport=\"sse\"}", 5.0),
    ("connections_open{transport=\"xhr\"}", 3.0),
    ("connections_open{transport=\"hessian\"}", 2.0),
    ("connections_open{transport=\"multipart\"}", 2.0),
    ("connections_open{transport=\"script\"}", 0.0),
    ("connections_opened_total", 15.0),
    ("connections_closed_total{reason=\"complete\"}", 1.0),
    ("connections_closed_total{reason=\"peer\"}", 2.0),
    ("connections_closed_total{reason=\"slow\"}", 0.0),
    ("connections_rotated_total", 1.0),
    ("messages_total", 13.0),
    // Each body as JSON, `"x"`, and as Hessian, `\x01x`.
    ("message_bytes_total", 13.0 * 5.0),
    ("streams_open", 4.0),
    ("stream_messages_total{stream=\"a\"}", 7.0),
    ("stream_messages_total{stream=\"b\"}", 2.0),
    ("stream_readers{stream=\"a\"}", 8.0),
    ("stream_readers{stream=\"b\"}", 4.0),
    ("stream_clients{stream=\"a\"}", 3.0),
    ("stream_held_messages{stream=\"a\"}", 7.0),
    ("stream_held_bytes{stream=\"a\"}", 35.0),
    ("stream_held_messages{stream=\"(others)\"}", 4.0),
    ("stream_readers{stream=\"(others)\"}", 0.0),
    // 13 publications, 15 streams, one page.
    ("http_responses_total{code=\"200\"}", 29.0),
    ("http_responses_total{code=\"400\"}", 2.0),
    ("http_responses_total{code=\"404\"}", 3.0),
    ("http_responses_total{code=\"415\"}", 1.0),
    ("port_connections_total{reason=\"policy_served\"}", 4.0),
    ("reloads_total{result=\"done\"}", 1.0),
    ("reloads_total{result=\"refused\"}", 2.0),
    ("turned_away_total", 0.0),
    ("shard_restarts_total", 0.0),
];

fn load() -> Loaded {
    let folder = Folder::new();
    let text = "listen = ['127.0.0.1:0']\nadmin.listen = ['127.0.0.1:0']\n[metrics]\nstreams = 2\n[drain]\nwindow = '0s'\n";
    let file = folder.write("push.toml", text);
    let server = Server::start_command(serve(&["--config", &file]));
    let mut readers = Vec::new();
    for (path, count) in [
        ("/streams/a/sse", 5),
        ("/streams/a/xhr?rotate=0&client=", 3),
        ("/streams/b/hessian", 2),
        ("/streams/b/multipart", 2),
    ] {
        for number in 0..count {
            let name = if path.ends_with('=') { format!("reader-{number}") } else { String::new() };
            readers.push(server.read(&format!("{path}{name}")));
        }
    }
    // Two that go, and one whose time is over.
    drop([server.read("/streams/a/sse"), server.read("/streams/a/sse")]);
    assert!(server.read("/streams/a/script?rotate=1").rest().contains("comet_end"));
    for (stream, count) in [("a", 7), ("b", 2), ("c", 3), ("d", 1)] {
        for _ in 0..count {
            assert_eq!(server.publish(stream, "\"x\"").status, 200);
        }
    }
    // Answers of each kind, and the page of help.
    assert_eq!(server.get("/").status, 200);
    for path in ["/streams/%20/sse", "/streams/a/sse?since=x"] {
        assert_eq!(server.get(path).status, 400);
    }
    for path in ["/no", "/metrics", "/console"] {
        assert_eq!(server.get(path).status, 404);
    }
    let unknown =
        "POST /streams/a/messages HTTP/1.0\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\n1";
    assert_eq!(ask(server.clients(), unknown).status, 415);
    (0..4).for_each(|_| assert!(policy_of(server.clients()).contains("allow-access-from")));
    for (text, told) in [
        ("drain = 1\n".to_owned(), "settings not reloaded"),
        ("[drain]\nwindow = 1\n".to_owned(), "a time from 0s"),
        (text.replace("'0s'", "'1s'"), "settings reloaded"),
    ] {
        folder.write("push.toml", &text);
        server.signal("HUP");
        server.expect_log(told, 1);
    }
    Loaded { server, readers, _folder: folder }
}

#[test]
#[ignore = "needs prometheus_client: bash .ci/interop.sh stream"]
fn prometheus_reads_the_numbers_of_a_known_load_and_the_console_tells_the_same() {
    let Loaded { server, readers, .. } = load();
    let admin = server.address("admin");
    let wrong = || {
        let samples = samples(admin);
        let differs = |(name, value): &&(&str, f64)| samples.get(*name) != Some(value);
        let told = |(name, value): &(&str, f64)| format!("{name} is {:?}, not {value}", samples.get(*name));
        KNOWN.iter().filter(differs).map(told).collect::<Vec<_>>()
    };
    // Who has gone is noticed a moment later.
    wait_for(|| wrong().is_empty(), || format!("{:#?}", wrong()));

    // What does not change with the clock is told alike by both.
    let told: Value = serde_json::from_str(&get(admin, "/console/status").body).expect("JSON");
    let samples = samples(admin);
    let mut compared = 0;
    let mut same = |name: &str, value: &Value| {
        assert_eq!(samples.get(name).copied(), value.as_f64(), "{name}");
        compared += 1;
    };
    for (family, label, counts) in [
        ("connections_open", "transport", &told["connections"]["open"]),
        ("connections_closed_total", "reason", &told["connections"]["closed"]),
        ("overruns_total", "reason", &told["all"]["overruns"]),
        ("dropped_messages_total", "reason", &told["all"]["dropped"]),
        ("http_responses_total", "code", &told["responses"]),
        ("reloads_total", "result", &told["reloads"]),
    ] {
        for (value, count) in counts.as_object().expect("counts") {
            same(&format!("{family}{{{label}=\"{value}\"}}"), count);
        }
    }
    for (name, value) in [
        ("connections_opened_total", &told["connections"]["opened"]),
        ("connections_rotated_total", &told["connections"]["rotated"]),
        ("turned_away_total", &told["connections"]["turned_away"]),
        ("messages_total", &told["all"]["messages"]),
        ("message_bytes_total", &told["all"]["bytes"]),
        ("streams_open", &told["streams_open"]),
        ("log_bytes", &told["log_bytes"]),
        ("direct_bytes", &told["direct_bytes"]),
    ] {
        same(name, value);
    }
    for (family, field) in [
        ("stream_messages_total", "messages"),
        ("stream_message_bytes_total", "bytes"),
        ("stream_readers", "readers"),
        ("stream_clients", "clients"),
        ("stream_lag_messages", "lag"),
        ("stream_held_messages", "held_messages"),
        ("stream_held_bytes", "held_bytes"),
    ] {
        for row in told["streams"].as_array().expect("rows") {
            same(&format!("{family}{{stream={}}}", row["name"]), &row[field]);
        }
    }
    println!(
        "{} samples, {} known and as expected, {compared} told alike by the console",
        samples.len(),
        KNOWN.len()
    );
    drop(readers);
}

/// Whoever may open streams cannot fill the collector, or the page.
#[test]
#[ignore = "takes 10 s: bash .ci/interop.sh stream"]
fn ten_thousand_streams_are_told_in_bounded_room() {
    const STREAMS: usize = 10_000;
    let server = Server::start(&[
        "--admin",
        "127.0.0.1:0",
        "--set",
        "rates.publishes=0",
        "--set",
        "rates.stream_publishes=0",
    ]);
    let (address, admin) = (server.clients(), server.address("admin"));
    let mut socket = TcpStream::connect(address).expect("it listens");
    for number in 0..STREAMS {
        let request = format!(
            "POST /streams/stream-{number}/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: 1\r\n\r\n1"
        );
        socket.write_all(request.as_bytes()).expect("it reads");
        let (mut answer, mut part) = (Vec::new(), [0; 1024]);
        while !answer.trim_ascii_end().ends_with(b"}") {
            let read = socket.read(&mut part).expect("it answers");
            assert!(read > 0, "closed at {number}");
            answer.extend_from_slice(&part[..read]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", answer.escape_ascii());
    }
    let begin = std::time::Instant::now();
    let (metrics, status) = (get(admin, "/metrics").body, get(admin, "/console/status").body);
    let took = begin.elapsed();
    println!("{STREAMS} streams: metrics {} B, status {} B, both in {took:.0?}", metrics.len(), status.len());
    assert!(metrics.len() < 256 << 10 && status.len() < 128 << 10);
    let samples = samples(admin);
    let of_streams = samples.keys().filter(|name| name.starts_with("stream_messages_total{")).count();
    assert_eq!((of_streams, samples["streams_open"], samples["messages_total"]), (100, 10_000.0, 10_000.0));
    assert_eq!(samples["stream_held_messages{stream=\"(others)\"}"], 9_900.0);
}

/// What axe finds wrong with the page, a line each, and how many rules it has held.
async fn violations(browser: &Browser) -> (Vec<String>, usize) {
    let axe =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/npm/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(axe).expect("bash .ci/packages.sh");
    browser.page.execute(&axe, Vec::new()).await.expect("axe runs");
    let run =
        "const done = arguments[arguments.length - 1]; axe.run().then(done, (error) => done(String(error)));";
    let found = browser.page.execute_async(run, Vec::new()).await.expect("axe ends");
    let list = |name: &str| found[name].as_array().unwrap_or_else(|| panic!("{found}")).clone();
    let told = |rule: &Value| {
        let nodes = rule["nodes"].as_array().expect("nodes").iter().map(|node| node["html"].to_string());
        format!("{}: {}: {}", rule["id"], rule["help"], nodes.collect::<Vec<_>>().join(" "))
    };
    (list("violations").iter().map(told).collect(), list("passes").len())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromium-driver and axe-core: bash .ci/interop.sh stream"]
async fn the_console_shows_a_known_load_in_light_and_dark_and_everybody_can_read_it() {
    let Loaded { server, readers, .. } = load();
    let console = format!("http://{}/console", server.address("admin"));
    for (scheme, number) in [("dark", 0), ("light", 1)] {
        for window in ["1280,1100", "390,1900"] {
            let option = format!("--blink-settings=preferredColorScheme={number}");
            let browser = Browser::start_with(window, &[&option]).await;
            browser.page.goto(&console).await.expect("the page loads");
            let is_dark = browser.value("matchMedia('(prefers-color-scheme: dark)').matches").await;
            assert_eq!(is_dark, json!(scheme == "dark"));
            let begin = Instant::now();
            for (css, text) in [
                ("#link", "live"),
                ("#phase", "serving"),
                ("#tiles", "12\nstreaming connections\n0\nlong polls that wait\n4\nstreams"),
                ("#tiles", "13\nmessages published\n0\nmessages dropped"),
                ("#transports", "sse\n5\nxhr\n3\nhessian\n2\nmultipart\n2"),
                ("#closed", "peer\n2\ncomplete\n1"),
                ("#responses", "404\n3\n400\n2\n415\n1"),
                ("#port", "policy served\n4"),
                ("#overruns", "none"),
                ("#streams tr:nth-child(1)", "a "),
                ("#streams tr:nth-child(1)", " 8 3 0 7 7 / 35 B 0 0"),
                ("#streams tr:nth-child(2)", " 4 0 0 2 2 / 10 B 0 0"),
                ("#streams tr:nth-child(3)", "2 others "),
            ] {
                loop {
                    let shown = match browser.page.find(Locator::Css(css)).await {
                        Ok(element) => element.text().await.unwrap_or_default(),
                        Err(_) => String::new(),
                    };
                    if shown.contains(text) {
                        break;
                    }
                    assert!(begin.elapsed() < PATIENCE, "{css} shows {shown:?}, not {text:?}");
                    sleep(Duration::from_millis(100)).await;
                }
            }
            let (violations, passes) = violations(&browser).await;
            println!("{scheme} {window}: axe has {} violations, {passes} rules held", violations.len());
            assert!(violations.is_empty() && passes > 10, "{violations:#?}");
            let width = window.split_once(',').expect("a comma").0;
            let picture = browser.page.screenshot().await.expect("a screenshot");
            Browser::keep(&picture, &format!("console-{scheme}-{width}.png"));
            browser.close().await;
        }
    }
    drop(readers);
}
