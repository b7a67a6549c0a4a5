//! One stream of five classes, some inside others; readers who join late, miss messages or get messages of their own: Caucho's library
//! reads every object right. A server that encodes once for all, or as if all had seen the same, fails here.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use push_server::{ClientId, Limits, Overflow, StreamConfig};
use serde::Serialize;

use crate::java_library::Java;
use crate::support::{TestServer, wait_for};

#[derive(Clone, Serialize)]
#[serde(rename = "stream.Tick")]
struct Tick {
    n: i32,
    price: f64,
}

#[derive(Serialize)]
#[serde(rename = "stream.Order")]
struct Order {
    n: i32,
    symbol: String,
    lines: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename = "stream.Note")]
struct Note {
    n: i32,
    text: String,
}

#[derive(Serialize)]
#[serde(rename = "stream.Path")]
struct Route {
    n: i32,
    ticks: Vec<Tick>,
}

#[derive(Serialize)]
#[serde(rename = "stream.Trade")]
struct Trade {
    n: i32,
    order: Order,
    note: Note,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Any {
    Tick(Tick),
    Order(Order),
    Note(Note),
    Route(Route),
    Trade(Trade),
}

/// Characters of a note: enough of them fill every buffer between the server and a reader that waits.
const LENGTH: usize = 48 << 10;

fn tick(n: i32) -> Tick {
    Tick { n, price: f64::from(n) / 4.0 }
}

fn order(n: i32) -> Order {
    Order { n, symbol: format!("ÄÖ{n}"), lines: (0..n % 3).map(|line| format!("line {line}")).collect() }
}

fn note(n: i32) -> Note {
    let letter = char::from(b'a' + u8::try_from(n.rem_euclid(26)).unwrap());
    Note { n, text: std::iter::repeat_n(letter, LENGTH).collect() }
}

/// The value of this number; each class comes first at another number, some of them inside others.
fn value(n: i32) -> Any {
    match n % 5 {
        0 => Any::Route(Route { n, ticks: vec![tick(n), tick(n + 1)] }),
        1 => Any::Note(note(n)),
        2 => Any::Trade(Trade { n, order: order(n), note: note(n) }),
        3 => Any::Tick(tick(n)),
        _ => Any::Order(order(n)),
    }
}

/// How Java's classes show themselves.
fn shown(value: &Any) -> String {
    let tick = |it: &Tick| format!("Tick {} {:?}", it.n, it.price);
    let order = |it: &Order| format!("Order {} {} [{}]", it.n, it.symbol, it.lines.join(", "));
    let note = |it: &Note| format!("Note {} {} {}", it.n, it.text.len(), &it.text[..1]);
    match value {
        Any::Tick(it) => tick(it),
        Any::Order(it) => order(it),
        Any::Note(it) => note(it),
        Any::Route(it) => {
            format!("Path {} [{}]", it.n, it.ticks.iter().map(tick).collect::<Vec<_>>().join(", "))
        }
        Any::Trade(it) => format!("Trade {} ({}) ({})", it.n, order(&it.order), note(&it.note)),
    }
}

/// A Java program that reads; ended when dropped.
struct Reader {
    process: Child,
    input: Option<ChildStdin>,
    lines: Option<JoinHandle<Vec<String>>>,
}

impl Reader {
    /// Starts it and waits until it has the response's head.
    async fn start(url: &str, waits: bool) -> Self {
        static JAVA: OnceLock<Java> = OnceLock::new();
        let java = JAVA.get_or_init(|| {
            Java::compile(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/java"), &[], &[])
        });
        let mut command = java.command("ReadClasses");
        command.arg(url).args(waits.then_some("wait"));
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("no java: apt-get install default-jdk-headless");
        let output = BufReader::new(process.stdout.take().expect("stdout is a pipe"));
        let (opened, open) = tokio::sync::oneshot::channel();
        let lines = thread::spawn(move || {
            let mut lines = output.lines().map_while(Result::ok);
            let _ = opened.send(lines.next());
            lines.collect()
        });
        assert_eq!(open.await.unwrap().as_deref(), Some("open"), "{url}");
        Self { input: process.stdin.take(), process, lines: Some(lines) }
    }

    /// Lets it read on.
    fn go_on(&mut self) {
        self.input.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// What it has printed by the end, without the last line, which says that the stream ended well.
    fn rest(mut self) -> Vec<String> {
        let mut lines = self.lines.take().unwrap().join().unwrap();
        assert_eq!(lines.pop().as_deref(), Some("end"), "after {:?}", lines.last());
        assert!(self.process.wait().unwrap().success());
        lines
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libhessian-java and a JDK, takes 10 s: bash .ci/interop.sh stream"]
async fn java_reads_every_object_of_five_classes() {
    const LAST: i32 = 3_000;
    let server = TestServer::start().await;
    let minute = Duration::from_secs(60);
    let config =
        StreamConfig::new(&Limits::default()).history(1_024, 64 << 20, minute).lag(512, 64 << 20, minute);
    let name = "five".parse().unwrap();
    let stream = server.hub.open_with(&name, &config.overflow(Overflow::DropOldest)).unwrap();
    let url = |query: &str| format!("http://{}/streams/five/hessian{query}", server.address);
    let publish = async |numbers: std::ops::RangeInclusive<i32>| {
        for n in numbers {
            stream.publish(&value(n)).await.unwrap();
            // Those who read keep up: what is lost is lost to who does not.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let early = Reader::start(&url(""), false).await;
    let named = Reader::start(&url("?client=ann"), false).await;
    wait_for(|| stream.readers() == 2).await;
    // Only the first of the classes, and one message that the others do not get.
    publish(3..=3).await;
    let ann: ClientId = "ann".parse().unwrap();
    let direct = note(-1);
    stream.send_to(&ann, &direct).unwrap();
    publish(4..=10).await;
    let late = Reader::start(&url(""), false).await;
    let back = Reader::start(&url("?last=3"), false).await;
    let mut slow = Reader::start(&url(""), true).await;
    wait_for(|| stream.readers() == 5).await;
    publish(11..=LAST).await;
    let direct_last = order(-2);
    stream.send_to(&ann, &direct_last).unwrap();
    let dropped: u64 = stream.stats().dropped.iter().sum();
    assert!(dropped > 0, "the slow one's buffers took {LAST} messages");
    slow.go_on();
    // Closing sends what is due first.
    server.hub.close_stream(&name);
    let all = |from: i32| (from..=LAST).map(|n| shown(&value(n))).collect::<Vec<_>>();
    let (early, late, back) = (early.rest(), late.rest(), back.rest());
    assert_eq!(early, all(3));
    assert_eq!((late, back), (all(11), all(8)));
    let mut expected = all(3);
    expected.insert(1, shown(&Any::Note(direct)));
    expected.push(shown(&Any::Order(direct_last)));
    assert_eq!(named.rest(), expected);

    let slow = slow.rest();
    let expected = all(11);
    let got: HashSet<&String> = slow.iter().collect();
    let in_order: Vec<_> = expected.iter().filter(|line| got.contains(line)).cloned().collect();
    assert_eq!(slow, in_order, "each once, in order");
    assert_eq!(slow.first(), expected.first());
    assert_eq!(slow.last(), expected.last());
    println!(
        "5 classes, {} values, to 5 Java readers: early, named (2 direct), late, last=3; the slow one got {} and missed {dropped}",
        LAST - 2,
        slow.len(),
    );
    assert_eq!(slow.len() as u64 + dropped, expected.len() as u64);
    server.stop().await;
}
