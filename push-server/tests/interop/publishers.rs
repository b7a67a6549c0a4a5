//! Java and curl publish to one stream in every way there is; Java, Rust, a browser and a Flash movie read it. What each
//! publisher was told of positions is compared with what each reader saw.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use hessian::StreamDecoder;
use hessian::packet::{Framing, Packet};
use push_server::demo::AddString;
use push_server::web::{self, Access};
use push_server::{Hub, Limits, demo};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::chromium::Browser;
use crate::java_library::Java;
use crate::ruffle;
use crate::support::{Client, EPOCH, TestServer, wait_for};

/// Ruffle has to be compiled by a browser first.
const PATIENCE: Duration = Duration::from_secs(90);

/// What publishers were told, in the order in which they published: a position of each message.
#[derive(Debug, Default)]
struct Tape {
    /// Values by their sequence, from 1 on.
    lines: Vec<String>,
    /// What one client alone got.
    direct: Vec<String>,
}

impl Tape {
    /// A publication was answered; one that was tried again is known already.
    fn told(&mut self, values: &[&str], first: &str, last: &str, receivers: u64, readers: u64) {
        let sequence = |position: &str| {
            let (epoch, sequence) = position.split_once(':').expect("a position");
            assert_eq!(epoch, "ab", "{values:?}");
            sequence.parse::<usize>().expect("a sequence")
        };
        let (first, last) = (sequence(first), sequence(last));
        assert_eq!(last - first + 1, values.len(), "{values:?}");
        assert_eq!(receivers, readers, "{values:?}");
        if first <= self.lines.len() {
            return assert_eq!(&self.lines[first - 1..last], values, "an answer that was given before");
        }
        assert_eq!(first, self.lines.len() + 1, "{values:?}");
        self.lines.extend(values.iter().map(|&value| value.to_owned()));
    }

    fn answered(&mut self, values: &[&str], answer: &Value, readers: u64) {
        let position = answer["position"].as_str().unwrap_or_else(|| panic!("{values:?}: {answer}"));
        let first = answer["first"].as_str().unwrap_or(position);
        self.told(values, first, position, answer["receivers"].as_u64().expect("a number"), readers);
    }

    /// As readers show it who tell positions.
    fn positions(&self) -> Vec<String> {
        self.lines.iter().enumerate().map(|(at, line)| format!("ab:{}\t{line}", at + 1)).collect()
    }
}

fn java() -> Java {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Java::compile(&here.join("tests/interop/publishers"), &[&here.join("../examples/java/example")], &[])
}

/// Runs the Java program that publishes in every way, and enters what it was told.
fn java_publishes(java: &Java, site: &str, readers: u64, tape: &mut Tape) {
    let output = java.command("Publish").args([site, "comet", "ann"]).output().expect("java runs");
    let text = String::from_utf8(output.stdout).unwrap();
    print!("{text}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut refused, mut again) = (Vec::new(), 0);
    for line in text.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let values: Vec<_> = fields[1].split('|').collect();
        match fields[..] {
            ["call", _, first, last, receivers] => {
                tape.told(&values, first, last, receivers.parse().unwrap(), readers);
            }
            ["http", _, "200", is_again, answer] => {
                let answer: Value = serde_json::from_str(answer).unwrap();
                again += usize::from(is_again == "true");
                match answer["waits"].as_bool() {
                    Some(waits) => {
                        assert!(!waits && answer["receivers"] == 1, "{answer}");
                        tape.direct.push(fields[1].to_owned());
                    }
                    None => tape.answered(&values, &answer, readers),
                }
            }
            ["http", "never" | "never|never", status, "false", why] => {
                refused.push(format!("{status} {why}"))
            }
            ["direct", value, "true"] => {
                if tape.direct.last().is_none_or(|last| last != value) {
                    tape.direct.push(value.to_owned());
                }
            }
            ["thrown", what] => refused.push(what.to_owned()),
            _ => panic!("{line}"),
        }
    }
    assert_eq!(again, 2);
    let used = "key: this idempotency key was used on this stream for something else; nothing was published";
    let thrown = |what: &str| format!("java.lang.IllegalArgumentException: {what}.");
    let lost = "values: a batch is a list or an array, each element a message; this is a java.util.CollSer, as \
                which Java's List.of(…) is written, without its elements: use Arrays.asList(…) or an ArrayList";
    assert_eq!(refused[..4], [thrown(lost), thrown(used), thrown(lost), thrown(used)]);
    assert_eq!(
        refused[4],
        "422 this idempotency key was used on this stream for something else; nothing was published."
    );
    let two = "400 The body is no Hessian 2.0 value that can be published: 2 bytes follow the value at byte ";
    assert!(refused[5].starts_with(two), "{}", refused[5]);
    assert_eq!(refused[6..], ["404 client nobody is not present."]);
}

/// Runs `curl`, and returns the status, whether the answer was given before, and the body.
fn curl(url: &str, fields: &[&str], body: &Path) -> (u16, bool, String) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--include", "--max-time", "30", "--data-binary"]);
    command.arg(format!("@{}", body.display()));
    for field in fields {
        command.args(["--header", field]);
    }
    let output = command.arg(url).output().expect("no curl: apt-get install curl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer = String::from_utf8(output.stdout).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    println!("curl\t{}\t{}", fields.join(", "), body.trim());
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.contains("idempotent-replayed: true"), body.trim().to_owned())
}

fn object(value: &str) -> Vec<u8> {
    hessian::to_vec(&AddString { value: value.to_owned() }).unwrap()
}

const HESSIAN: &str = "Content-Type: application/x-hessian";
const JSON: &str = "Content-Type: application/json";
const LINES: &str = "Content-Type: application/x-ndjson";

/// Files for curl, in a folder that is removed afterwards.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bodies-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("cargo's folder for test files is writable");
        Self(folder)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Objects by curl; then twelve curls at once, with one key.
fn curl_publishes_objects(site: &str, files: &Files, readers: u64, tape: &mut Tape) {
    let one = files.write("one", &object("by curl"));
    let two = files.write("two", &[object("first by curl"), object("second by curl")].concat());
    let messages = format!("{site}/streams/comet/messages");
    let mut publish = |url: &str, fields: &[&str], values: &[&str], file: &Path, replayed: bool| {
        let (status, again, body) = curl(url, fields, file);
        assert_eq!((status, again), (200, replayed), "{body}");
        tape.answered(values, &serde_json::from_str(&body).unwrap(), readers);
    };
    publish(&messages, &[HESSIAN], &["by curl"], &one, false);
    let key = "Idempotency-Key: \"0b1fa6d9\"";
    publish(&messages, &[HESSIAN, key], &["by curl"], &one, false);
    publish(&messages, &[HESSIAN, key], &["by curl"], &one, true);
    publish(
        &format!("{site}/streams/comet/batch"),
        &[HESSIAN],
        &["first by curl", "second by curl"],
        &two,
        false,
    );
    let racing = files.write("racing", &object("by twelve at once"));
    let answers: Vec<_> = thread::scope(|scope| {
        let curl = || curl(&messages, &[HESSIAN, "Idempotency-Key: race"], &racing);
        let racers: Vec<_> = (0..12).map(|_| scope.spawn(curl)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|(status, again, _)| *status == 200 && !again).count(), 1);
    for (status, _, body) in &answers {
        assert_eq!(*status, 200, "{body}");
        tape.answered(&["by twelve at once"], &serde_json::from_str(body).unwrap(), readers);
    }
    let (status, _, why) = curl(&messages, &[HESSIAN], &two);
    assert_eq!((status, why.contains("bytes follow the value at byte ")), (400, true), "{why}");
    let alone = files.write("alone", &object("for one alone, by curl"));
    let (status, _, body) = curl(&format!("{site}/streams/comet/clients/ann/messages"), &[HESSIAN], &alone);
    assert_eq!((status, body.as_str()), (200, r#"{"receivers":1,"waits":false}"#));
    tape.direct.push("for one alone, by curl".to_owned());
}

/// JSON by curl, which has no classes.
fn curl_publishes_json(site: &str, files: &Files, readers: u64, tape: &mut Tape) {
    let one = files.write("json", br#"{"value":"JSON by curl"}"#);
    let lines = files.write("lines", b"{\"value\":\"a line\"}\n{\"value\":\"another\"}\n");
    let array = files.write("array", br#"[{"value":"one of an array"},{"value":"the other"}]"#);
    for (path, field, file, values) in [
        ("messages", JSON, &one, &["JSON by curl"][..]),
        ("batch", LINES, &lines, &["a line", "another"]),
        ("batch", JSON, &array, &["one of an array", "the other"]),
    ] {
        let (status, again, body) = curl(&format!("{site}/streams/comet/{path}"), &[field], file);
        assert_eq!((status, again), (200, false), "{body}");
        tape.answered(values, &serde_json::from_str(&body).unwrap(), readers);
    }
}

/// A reader of the test's own, of packets in this framing, over HTTP/1.0, whose body ends with the connection.
async fn reader(server: &TestServer, query: &str) -> Client {
    let mut client = server.ask(&format!("GET /streams/comet/hessian?{query} HTTP/1.0\r\n\r\n")).await;
    let head = client.head().await;
    assert!(head.contains("push-position: ab:0\r\n"), "{head}");
    client
}

/// What the packets hold.
fn decoded(bytes: &[u8]) -> Vec<String> {
    let mut decoder = <StreamDecoder>::new(Some(Framing::Ws), hessian::Limits::new());
    decoder.push(bytes);
    let mut lines = Vec::new();
    while let Some(packet) = decoder.next_packet().unwrap() {
        if let Packet::Data(data) = packet {
            let value = decoder.graph(&data).unwrap();
            lines.push(value.root().get("value").and_then(|line| line.as_str()).unwrap().to_owned());
        }
    }
    lines
}

/// The bytes that the Flash client of 2008 is sent: the class is defined once, JSON's objects are maps.
fn tutorial(objects: &[String], maps: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut packet = |parts: &[&[u8]]| {
        let value = parts.concat();
        bytes.push(b'P');
        bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        bytes.extend(value);
    };
    let text = |text: &str| {
        let mut string = match text.len() {
            short @ 0..32 => vec![short as u8],
            long => vec![b'S', (long >> 8) as u8, long as u8],
        };
        string.extend(text.as_bytes());
        string
    };
    for (at, line) in objects.iter().enumerate() {
        let definition: &[u8] = if at == 0 { b"O\x11example.AddString\x91\x05value" } else { b"" };
        packet(&[definition, b"o\x90", &text(line)]);
    }
    for line in maps {
        packet(&[b"M\x05value", &text(line), b"z"]);
    }
    bytes
}

/// A page with the movie, and readers of the page's own.
const LISTEN: &str = "
    window.events = []; window.objects = [];
    const source = new EventSource('/streams/comet/sse');
    source.onmessage = (event) => events.push(`${event.lastEventId}\t${JSON.parse(event.data).value}`);
    const socket = new WebSocket(`ws://${location.host}/streams/comet/ws`);
    socket.onmessage = (message) => {
        const object = JSON.parse(message.data);
        if (!object.event) objects.push(`${object.position}\t${object.data.value}`);
    };";

async fn until(browser: &Browser, expression: &str, wanted: &Value) {
    let start = Instant::now();
    loop {
        let value = browser.value(expression).await;
        if value == *wanted {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{expression} is {value:#}, not {wanted:#}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libhessian-java, a JDK, curl, haxe, npm's Ruffle and chromium: bash .ci/interop.sh stream"]
async fn java_and_curl_publish_and_java_rust_a_browser_and_a_movie_read_the_same() {
    /// Java, two of this program, a named one, `EventSource`, WebSocket, the movie.
    const READERS: u64 = 7;
    let hub = Hub::start(EPOCH, Limits::default(), 2);
    let stream = demo::open(&hub).unwrap();
    let pages = ruffle::pages(ruffle::movie()).merge(Router::new().route("/blank", get(async || Html(""))));
    let server = TestServer::of(hub.clone(), stream, web::router_with(hub, Access::ALL).merge(pages));
    let site = format!("http://{}", server.address);
    let java = java();
    let reading = java
        .command("ReadLines")
        .arg(format!("{site}/streams/comet/hessian"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("no java: apt-get install default-jdk-headless");
    let rust = reader(&server, "framing=ws").await;
    let flash = reader(&server, "framing=p&grammar=tutorial").await;
    let mut ann = server.ask("GET /streams/comet/xhr?client=ann&rotate=0 HTTP/1.0\r\n\r\n").await;
    ann.head().await;
    let browser = Browser::start("640,480").await;
    let bridge = ruffle::encoded("/streams/comet/ruffle?framing=p&grammar=tutorial");
    let page = format!("{site}/?host=old.example.com&port=80&framing=p&flush=no&bridge={bridge}");
    browser.page.goto(&page).await.expect("the page loads");
    browser.page.execute(LISTEN, Vec::new()).await.expect("the page listens");
    let start = Instant::now();
    while server.stream.readers() as u64 != READERS {
        assert!(start.elapsed() < PATIENCE, "{} readers", server.stream.readers());
        sleep(Duration::from_millis(50)).await;
    }

    let files = Files::new();
    let (told, java_told) = tokio::task::spawn_blocking({
        let site = site.clone();
        move || {
            let mut tape = Tape::default();
            java_publishes(&java, &site, READERS, &mut tape);
            curl_publishes_objects(&site, &files, READERS, &mut tape);
            (tape, files)
        }
    })
    .await
    .unwrap();
    let (mut tape, files) = (told, java_told);
    // The movie knows objects only: it has seen all of them when maps come.
    let objects = tape.lines.clone();
    let shown: Vec<_> =
        objects.iter().map(|line| format!("object example.AddString.value = {line}")).collect();
    let start = Instant::now();
    let movie = loop {
        let told: Vec<_> =
            ruffle::told(&browser).await.into_iter().filter(|entry| entry != "connect ").collect();
        if told.len() >= shown.len() {
            break told;
        }
        assert!(start.elapsed() < PATIENCE, "the movie has told {told:?}");
        sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(movie, shown);
    let mut tape = tokio::task::spawn_blocking(move || {
        curl_publishes_json(&site, &files, READERS, &mut tape);
        tape
    })
    .await
    .unwrap();
    let positions = tape.positions();
    until(&browser, "events", &json!(positions)).await;
    until(&browser, "objects", &json!(positions)).await;
    browser.close().await;
    wait_for(|| server.stream.readers() as u64 == READERS - 3).await;
    // Each reader gets what is due to it, and the end.
    server.hub.close_stream(&"comet".parse().unwrap());
    let output = tokio::task::spawn_blocking(|| reading.wait_with_output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let got = String::from_utf8(output.stdout).unwrap();
    assert_eq!(got.lines().collect::<Vec<_>>(), positions);
    assert_eq!(decoded(&rust.rest().await), tape.lines);
    let expected = tutorial(&objects, &tape.lines[objects.len()..]);
    assert_eq!(flash.rest().await.escape_ascii().to_string(), expected.escape_ascii().to_string());
    let mut own = Vec::new();
    let mut all = Vec::new();
    for line in ann.rest_text().await.lines().filter(|line| line.contains("\"data\"")) {
        let object: Value = serde_json::from_str(line).unwrap();
        let value = object["data"]["value"].as_str().unwrap();
        match object["position"].as_str() {
            Some(position) => all.push(format!("{position}\t{value}")),
            None => own.push(value.to_owned()),
        }
    }
    tape.direct.dedup();
    assert_eq!((all, own), (positions, tape.direct));
    println!("{} messages, {READERS} readers", tape.lines.len());
    server.stop().await;
}
