//! Values in script tags, as real parsers read them: those of JavaScript in Node, and of HTML and JavaScript in an iframe of Chromium. What
//! arrives is what was published, whatever the value tries.

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs, process};

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::chromium::Browser;
use crate::site::Site;

const COUNT: usize = 1_000;

const PATIENCE: Duration = Duration::from_secs(30);

/// What texts and keys are put together from: everything that means something to one of the two languages.
const PIECES: [&str; 38] = [
    "<",
    ">",
    "&",
    "/",
    "!",
    "-",
    "\u{2028}",
    "\u{2029}",
    "\\",
    "\"",
    "'",
    "`",
    "${",
    "</script",
    "</script>",
    "<!--",
    "]]>",
    "<script",
    "__proto__",
    "constructor",
    "toString",
    "\0",
    "\r",
    "\n",
    "\t",
    "\u{7f}",
    "\u{85}",
    "\u{feff}",
    "\u{fffe}",
    "\u{1f30d}",
    "ä",
    "€",
    "\u{2027}",
    "0",
    "-->",
    "&lt;",
    "*/",
    "//",
];

/// Values that are the same in every run: a generator of xorshift's family.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % bound
    }

    /// In JSON, as it is or with everything beyond ASCII escaped.
    fn text(&mut self) -> String {
        let pieces = self.below(6);
        let text: String = (0..pieces).map(|_| PIECES[self.below(PIECES.len())]).collect();
        let json = Value::from(text).to_string();
        if self.below(2) == 0 {
            return json;
        }
        let escaped = |c: char| {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
        };
        json.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect()
    }

    fn value(&mut self, depth: usize) -> String {
        const PLAIN: [&str; 11] = [
            "0",
            "-1",
            "-0.0",
            "1.5e300",
            "1e-7",
            "123456789012",
            "9007199254740993",
            "true",
            "false",
            "null",
            "\"\"",
        ];
        match self.below(if depth < 4 { 10 } else { 6 }) {
            0..5 => self.text(),
            5 => PLAIN[self.below(PLAIN.len())].to_owned(),
            6 | 7 => {
                let count = self.below(4);
                let items: Vec<_> = (0..count).map(|_| self.value(depth + 1)).collect();
                format!("[{}]", items.join(","))
            }
            _ => {
                let count = self.below(4);
                let member = |_| format!("{}:{}", self.text(), self.value(depth + 1));
                let members: Vec<_> = (0..count).map(member).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }
}

/// The page around the iframe.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>script</title><script>
const got = [], positions = [];
let end = null;
function comet_update(value, position) { got.push(value); positions.push(position); }
function comet_end(why) { end = why; }
</script><iframe src="/streams/comet/script?last=1000&rotate=1"></iframe>"#;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node, chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn a_thousand_values_are_in_node_and_in_an_iframe_what_they_were() {
    let mut random = Random(0x5eed);
    let texts: Vec<_> = (0..COUNT).map(|_| random.value(0)).collect();
    let special = |what: &str| texts.iter().filter(|text| text.contains(what)).count();
    assert!(
        ["</script", "<!--", "__proto__\"", "\u{2028}", "\\u2028", "\\u0000", "\u{1f30d}"]
            .into_iter()
            .all(|what| special(what) >= 5)
    );
    let served = json!(texts).to_string();
    let library = include_str!("script.js");
    let pages = Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/texts", get(async move || served))
        .route("/script.js", get(async move || ([("content-type", "text/javascript")], library)));
    let site = Site::start(([127, 0, 0, 1], 0).into(), 1, pages).await;
    for text in &texts {
        site.stream.publish_json(text.clone()).await.expect("it is JSON");
    }

    // As it comes, run tag by tag.
    let mut socket = TcpStream::connect(site.address).await.unwrap();
    let request = format!("GET /streams/comet/script?last={COUNT}&rotate=1 HTTP/1.0\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut page = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut page)).await.expect("an end").unwrap();
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("script-{}", process::id()));
    fs::create_dir_all(&work).expect("cargo's folder for test files is writable");
    fs::write(work.join("page.html"), &page).unwrap();
    fs::write(work.join("texts.json"), json!(texts).to_string()).unwrap();
    let run = format!(
        r#"{library}
        const {{ readFileSync }} = require("node:fs");
        const vm = require("node:vm");
        const html = readFileSync("page.html", "utf8"), texts = JSON.parse(readFileSync("texts.json", "utf8"));
        const got = [], ends = [];
        const parent = {{ comet_update: value => got.push(value), comet_end: why => ends.push(why) }};
        const context = vm.createContext({{ window: {{ parent }} }});
        for (const [, tag] of html.matchAll(/<script type="text\/javascript">([^]*?)<\/script>/g)) vm.runInContext(tag, context);
        console.log(JSON.stringify([differences(texts, got), ends]));"#
    );
    let node = Command::new("node").args(["-e", &run]).current_dir(&work).output();
    let node = node.expect("no node: apt-get install nodejs");
    let told = String::from_utf8_lossy(&node.stdout);
    assert!(node.status.success(), "{}", String::from_utf8_lossy(&node.stderr));
    assert_eq!(told.trim(), r#"[[],["rotate"]]"#);
    fs::remove_dir_all(&work).expect("our own folder");

    let browser = Browser::start("640,480").await;
    browser.page.goto(&site.url("/")).await.expect("the page loads");
    let start = Instant::now();
    while browser.value("end").await.is_null() {
        assert!(start.elapsed() < PATIENCE, "{} values came", browser.value("got.length").await);
        sleep(Duration::from_millis(50)).await;
    }
    let compare = "const [done] = arguments;
        const script = document.createElement('script');
        script.src = '/script.js';
        script.onload = async () => done(differences(await (await fetch('/texts')).json(), got));
        document.head.append(script);";
    let differences = browser.page.execute_async(compare, Vec::new()).await.expect("an answer");
    assert_eq!(differences, json!([]));
    let positions: Vec<_> = (1..=COUNT).map(|number| format!("1:{number}")).collect();
    assert_eq!(browser.value("positions").await, json!(positions));
    browser.close().await;
    site.stop().await;
}
