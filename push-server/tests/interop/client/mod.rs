//! The script for browsers, in headless Chromium: every transport by itself, over cuts, renewals, restarts and the end;
//! which one is chosen when a proxy spoils some; many tabs.

mod messages;
pub(crate) mod proxy;
mod site;

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{fs, process};

use push_server::Limits;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::chromium::Browser;
use proxy::{Proxy, Rule};
use site::Site;

const TRANSPORTS: [&str; 6] = ["ws", "sse", "xhr", "longpoll", "poll", "script"];

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Short times, so that the tests are; what they are by default the client's own tests check.
fn quick() -> Value {
    json!({ "begin": 8_000, "retryFirst": 100, "retryMost": 400, "heartbeat": 1_000, "longpoll": 4_000 })
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.heartbeat = Duration::from_secs(1);
    limits.poll_interval = Duration::from_millis(300);
    limits.poll_wait = Duration::from_secs(2);
    limits
}

/// A browser at the page of `site`, by way of a proxy.
struct Page {
    browser: Browser,
    proxy: Proxy,
}

impl Page {
    async fn open(site: &Site) -> Self {
        let page = Self { browser: Browser::start("900,700").await, proxy: Proxy::start(site.address) };
        page.load().await;
        page
    }

    async fn load(&self) {
        let url = format!("http://{}/page", self.proxy.address);
        self.browser.page.goto(&url).await.expect("the page loads");
        self.until("window.is_ready === true", |ready| ready == &json!(true)).await;
    }

    async fn listen(&self, name: &str, options: Value) {
        self.browser.value(&format!("listen({}, 'news', {options})", json!(name))).await;
    }

    async fn value(&self, expression: &str) -> Value {
        self.browser.value(expression).await
    }

    /// Waits until `expression` is as `wanted`, and returns it.
    async fn until(&self, expression: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let value = self.value(expression).await;
            if wanted(&value) {
                return value;
            }
            if start.elapsed() > PATIENCE {
                let told = self.value("Object.values(window.streams ?? {}).map(({ told }) => told)").await;
                panic!("after {PATIENCE:?} {expression} is {value}; told: {told:#}");
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until_is(&self, expression: &str, expected: Value) {
        self.until(expression, |value| *value == expected).await;
    }

    async fn close(self) {
        self.browser.close().await;
    }
}

/// Texts that would leave a script, a line, or an event if they could, and one that is long.
fn texts() -> Vec<Value> {
    let mut texts = vec![
        json!("</script><script>window.is_broken = true</script>"),
        json!("<!--<script>\u{2028}\u{2029}\r\n\ndata: 1\n\nid: x\0"),
        json!({"constructor": 1, "grün": ["🌍", null, 1.5e300, {"event": "end"}]}),
        json!("x".repeat(20_000)),
    ];
    texts.extend((1..=30).map(|n| json!(n)));
    texts
}

/// Everything once and in order, whatever happens to the connection, over `transport` alone.
async fn all_arrives(transport: &'static str) {
    let site = Site::start(1, limits()).await;
    let page = Page::open(&site).await;
    let start = Instant::now();
    let options = json!({
        "transports": [transport], "last": 100, "client": "me", "rotate": 2, "limits": quick(),
    });
    site.publish(&json!("before")).await;
    page.listen("it", options).await;
    let mut expected = vec![json!("before")];
    let values = "streams.it.values";
    page.until_is(values, json!(expected)).await;

    for text in texts() {
        site.publish(&text).await;
        expected.push(text);
    }
    page.until_is(values, json!(expected)).await;
    assert_eq!(page.value("window.is_broken ?? null").await, Value::Null);
    assert_eq!(page.value("streams.it.values[3] instanceof Object").await, json!(true));
    assert_eq!(page.value("streams.it.values[3].grün instanceof Array").await, json!(true));

    // To it alone.
    site.send("me", &json!("direct"));
    expected.push(json!("direct"));
    page.until_is(values, json!(expected)).await;

    // Cuts at any moment, and renewals each two seconds, under a stream of messages.
    for round in 0..4 {
        for n in 0..40 {
            let value = json!([round, n]);
            site.publish(&value).await;
            expected.push(value);
            sleep(Duration::from_millis(25)).await;
            if n == 10 + 7 * round {
                page.proxy.cut();
            }
        }
    }
    page.until_is(values, json!(expected)).await;
    let verdicts = "streams.it.told.filter(({ type }) => type === 'resume').map(({ verdict }) => verdict)";
    let verdicts_now = page.value(verdicts).await;
    let are_complete = verdicts_now.as_array().is_some_and(|all| all.iter().all(|one| one == "complete"));
    assert!(are_complete, "{verdicts_now}");

    // Renewed twice, without a cut: nothing is told.
    if !["longpoll", "poll"].contains(&transport) {
        page.until_is("streams.it.connection.state", json!("open")).await;
        let (opened, told) = (site.opened(), page.value("streams.it.told.length").await);
        for n in 0..45 {
            site.publish(&json!(n)).await;
            expected.push(json!(n));
            sleep(Duration::from_millis(100)).await;
        }
        page.until_is(values, json!(expected)).await;
        assert!(site.opened() >= opened + 2, "{} renewals", site.opened() - opened);
        assert_eq!(page.value("streams.it.told.length").await, told, "a renewal is no news");
    }

    // The server is away for a while: told, and waited for.
    page.proxy.down(true);
    page.until_is(
        "streams.it.connection.state === 'waiting' && streams.it.connection.reason",
        json!("the server cannot be reached"),
    )
    .await;
    site.publish(&json!("while away")).await;
    expected.push(json!("while away"));
    page.proxy.down(false);
    page.until_is(values, json!(expected)).await;

    // Killed, and started anew on the same port: another history, which is told.
    let site = site.restart(2).await;
    for text in ["a", "b"] {
        site.publish(&json!(text)).await;
        expected.push(json!(text));
    }
    page.until_is(values, json!(expected)).await;
    page.until_is(&format!("{verdicts}.at(-1)"), json!("epoch-changed")).await;
    let position = page.value("streams.it.connection.position").await;
    assert_eq!(position, json!("2:2"));

    // Stopped in good order, and the next one started: it comes back by itself, and is told that as well.
    let site = site.replace(3).await;
    site.publish(&json!("replaced")).await;
    expected.push(json!("replaced"));
    page.until_is(values, json!(expected)).await;
    page.until_is(&format!("{verdicts}.at(-1)"), json!("epoch-changed")).await;
    assert_eq!(page.value("streams.it.connection.position").await, json!("3:1"));

    // What it sends is read by itself as well.
    let sent = "streams.it.connection.send({ text: '<b>' }).then(answer => { window.sent = answer; })";
    page.value(&format!("void {sent}")).await;
    page.until("window.sent?.position ?? null", |position| position == "3:2").await;
    expected.push(json!({"text": "<b>"}));
    page.until_is(values, json!(expected)).await;

    // The end is the end. Who polls now and then opens a namesake by its next poll, and hears of none.
    site.end();
    let over = match transport {
        "poll" => json!(["open", null]),
        _ => json!(["closed", "ended by the server"]),
    };
    page.until_is("[streams.it.connection.state, streams.it.connection.reason]", over).await;
    if transport != "poll" {
        let asked = page.value("performance.getEntriesByType('resource').length").await;
        sleep(Duration::from_secs(1)).await;
        let asked_later = page.value("performance.getEntriesByType('resource').length").await;
        assert_eq!(asked_later, asked, "asked again");
    }
    let transports = "[...new Set(streams.it.told.map(({ transport }) => transport).filter(Boolean))]";
    assert_eq!(page.value(transports).await, json!([transport]));
    assert_eq!(page.value(values).await, json!(expected));
    let requests = page.value("performance.getEntriesByType('resource').length").await;
    println!(
        "{transport}: {} values, {requests} requests, {} ms",
        expected.len(),
        start.elapsed().as_millis()
    );
    page.close().await;
}

macro_rules! for_each_transport {
    ($($transport:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            #[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh stream"]
            async fn $transport() {
                super::all_arrives(stringify!($transport)).await;
            }
        )*
        #[test]
        fn are_all() {
            assert_eq!([$(stringify!($transport)),*], super::TRANSPORTS);
        }
    };
}

mod all_arrives_over {
    for_each_transport! { ws sse xhr longpoll poll script }
}

/// Heartbeats keep an idle stream; where they stay away, it is opened anew, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn silence_is_noticed_and_heartbeats_are_heard() {
    let site = Site::start(1, limits()).await;
    let page = Page::open(&site).await;
    for transport in ["ws", "sse", "xhr", "longpoll", "script"] {
        let options = json!({ "transports": [transport], "rotate": 0, "limits": quick() });
        page.listen(transport, options).await;
    }
    let states = "Object.fromEntries(Object.entries(streams).map(([name, { connection }]) => [name, connection.state]))";
    let all_open = json!({"ws": "open", "sse": "open", "xhr": "open", "longpoll": "open", "script": "open"});
    page.until_is(states, all_open.clone()).await;
    sleep(Duration::from_secs(6)).await;
    let told = "Object.values(streams).flatMap(({ told }) => told).filter(({ state }) => state === 'waiting').length";
    assert_eq!(page.value(told).await, json!(0), "an idle stream stays open");
    site.publish(&json!("one")).await;
    let values = "Object.values(streams).map(({ values }) => values.join())";
    page.until_is(values, json!(["one", "one", "one", "one", "one"])).await;

    page.proxy.freeze();
    site.publish(&json!("two")).await;
    let start = Instant::now();
    page.until_is(values, json!(["one,two", "one,two", "one,two", "one,two", "one,two"])).await;
    println!("frozen connections were given up and resumed within {} ms", start.elapsed().as_millis());
    page.until_is(states, all_open).await;
    page.close().await;
}

/// What proxies do to each transport, and what is then chosen.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn the_best_transport_that_works_is_found_and_remembered() {
    let site = Site::start(1, limits()).await;
    let page = Page::open(&site).await;
    let begin = 1_500;
    let mut limits = quick();
    limits["begin"] = begin.into();
    let options = json!({ "limits": limits });
    let open = |name: &str| format!("[streams.{name}.connection.state, streams.{name}.connection.transport]");
    page.listen("free", options.clone()).await;
    page.until_is(&open("free"), json!(["open", "ws"])).await;
    // One spoiled after the other; each page load is a new session's beginning but for what is remembered.
    for (name, spoiled, rule, chosen) in [
        ("refused", "ws", Rule::Refuse, "sse"),
        ("held", "sse", Rule::HoldBody, "xhr"),
        ("kept", "xhr", Rule::Hold, "longpoll"),
        ("gone", "longpoll", Rule::Refuse, "poll"),
    ] {
        page.proxy.rule(spoiled, rule);
        let start = Instant::now();
        page.listen(name, options.clone()).await;
        page.until_is(&open(name), json!(["open", chosen])).await;
        println!("{spoiled} spoiled by {rule:?}: {chosen} after {} ms", start.elapsed().as_millis());
        let said =
            page.value(&format!("streams.{name}.told.map(({{ reason }}) => reason).filter(Boolean)")).await;
        println!("    {said}");
        let tried = format!("[...new Set(streams.{name}.told.map(({{ transport }}) => transport))]");
        assert_eq!(page.value(&tried).await, json!([spoiled, chosen]), "what failed before is passed over");
        // The page that comes next in this tab knows.
        page.load().await;
        page.listen("next", options.clone()).await;
        page.until_is(&open("next"), json!(["open", chosen])).await;
        assert_eq!(page.value("streams.next.told.length").await, json!(2));
    }
    // A WebSocket that opens, and lets nothing through.
    page.value("void sessionStorage.clear()").await;
    page.load().await;
    page.proxy.rule("ws", Rule::HoldBody);
    page.listen("last", options.clone()).await;
    page.until_is(&open("last"), json!(["open", "poll"])).await;
    site.publish(&json!("arrives")).await;
    page.until_is("streams.last.values", json!(["arrives"])).await;

    // Another network: everything is tried again, the best first.
    page.value("void dispatchEvent(new Event('online'))").await;
    assert_eq!(
        page.value("Object.keys(JSON.parse(sessionStorage.getItem(sessionStorage.key(0)))).length").await,
        json!(0)
    );
    page.close().await;
}

/// The browser has six connections to a host for HTTP, and more for WebSockets.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn many_tabs_of_one_browser_each_get_everything() {
    const TABS: usize = 9;
    let site = Site::start(1, limits()).await;
    let page = Page::open(&site).await;
    let mut tabs = vec![page.browser.page.window().await.expect("a window")];
    while tabs.len() < TABS {
        tabs.push(page.browser.page.new_window(true).await.expect("a tab").handle);
    }
    for tab in &tabs {
        page.browser.page.switch_to_window(tab.clone()).await.expect("the tab is open");
        page.load().await;
        page.listen("it", json!({ "limits": quick() })).await;
        page.until_is("streams.it.connection.transport + streams.it.connection.state", json!("wsopen")).await;
    }
    let expected: Vec<_> = (0..20).collect();
    for n in &expected {
        site.publish(&json!(n)).await;
    }
    page.proxy.cut();
    for tab in &tabs {
        page.browser.page.switch_to_window(tab.clone()).await.expect("the tab is open");
        page.until_is("streams.it.values", json!(expected)).await;
    }
    page.close().await;
}

/// What a person sees, and that going online or looking at the page ends a wait.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn the_state_is_shown_and_a_wait_can_be_cut_short() {
    let site = Site::start(1, limits()).await;
    let page = Page::open(&site).await;
    let mut patient = quick();
    patient["retryFirst"] = 100_000.into();
    patient["retryMost"] = 100_000.into();
    page.listen("live", json!({ "limits": patient })).await;
    page.value("void listen('missing', '..%2f', {})").await;
    let text = |name: &str| format!("streams.{name}.state.textContent");
    page.until_is(&text("live"), json!("● live, by WebSocket")).await;
    page.until_is("streams.missing.state.dataset.state", json!("closed")).await;
    page.listen("eager", json!({ "limits": quick() })).await;
    page.until_is(&text("eager"), json!("● live, by WebSocket")).await;
    // What is read out, again and again if it is written again.
    let read_out = "new MutationObserver(changes => { for (const { target, addedNodes: [node] } of changes) \
                    if (target.closest('[role=status]')) (window.read_out ??= []).push(node.textContent); }) \
                    .observe(streams.eager.state, { subtree: true, childList: true, characterData: true })";
    page.value(&format!("void {read_out}")).await;
    page.proxy.down(true);
    let waiting =
        page.until(&text("live"), |text| text.as_str().is_some_and(|text| text.contains("again"))).await;
    let waiting = waiting.as_str().unwrap();
    assert!(waiting.starts_with("● the server cannot be reached; trying again in about "), "{waiting}");
    let aria = "[...streams.live.state.children].map(part => part.getAttribute('aria-live'))";
    assert_eq!(page.value(aria).await, json!([null, "polite", null]));
    assert_eq!(page.value("streams.live.state.dataset.state").await, json!("waiting"));
    // A colour of the page is taken, as soon as there is one.
    let dot = "getComputedStyle(streams.live.state.firstChild).color";
    assert_eq!(page.value(dot).await, json!("rgb(183, 121, 31)"));
    page.value("void document.documentElement.style.setProperty('--wait', '#010203')").await;
    assert_eq!(page.value(dot).await, json!("rgb(1, 2, 3)"));
    // However often it tries in vain, that is said once.
    let tries = "streams.eager.told.filter(({ state }) => state === 'waiting').length";
    page.until(tries, |tries| tries.as_u64() >= Some(4)).await;
    let read_out = page.value("window.read_out").await;
    let (last, before) = read_out.as_array().and_then(|all| all.split_last()).expect("it was told");
    assert_eq!((last, before.len() <= 1), (&json!("the server cannot be reached"), true), "{read_out}");
    Browser::keep(&page.browser.page.screenshot().await.expect("a screenshot"), "client-state.png");
    page.proxy.down(false);
    page.value("void dispatchEvent(new Event('online'))").await;
    page.until_is(&text("live"), json!("● live, by WebSocket")).await;

    // The classic script has the same.
    let classic = "document.head.append(Object.assign(document.createElement('script'), { src: '/push-client.global.js' }))";
    page.value(&format!("void {classic}")).await;
    page.until_is("typeof window.pushClient?.connect", json!("function")).await;
    page.value("void (window.classic = pushClient.connect('/streams/news'))").await;
    page.until_is("classic.state", json!("open")).await;
    page.close().await;
}

/// No event tells of a frame that is cut. What does: a message that nobody answers, and another connection of the page.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn a_frame_that_is_cut_is_not_taken_for_live() {
    for witness in [true, false] {
        let site = Site::start(1, limits()).await;
        let page = Page::open(&site).await;
        let mut silent = quick();
        // Its silence would be noticed when this test has long given up.
        silent["heartbeat"] = 600_000.into();
        page.listen("frame", json!({ "transports": ["script"], "rotate": 0, "limits": silent })).await;
        let state = "streams.frame.connection.state";
        page.until_is(state, json!("open")).await;
        if witness {
            page.listen("other", json!({ "transports": ["sse"], "limits": quick() })).await;
            page.until_is("streams.other.connection.state", json!("open")).await;
        }
        page.proxy.down(true);
        if !witness {
            page.value("void streams.frame.connection.send('to nobody').catch(() => {})").await;
        }
        page.until_is(
            "streams.frame.connection.reason ?? streams.frame.connection.state",
            json!("the server cannot be reached"),
        )
        .await;
        page.proxy.down(false);
        site.publish(&json!("back")).await;
        page.until_is("streams.frame.values", json!(["back"])).await;
        page.close().await;
    }
}

fn client() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("client")
}

/// Runs `command` and shows what it says.
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    said
}

/// Reads a stream, says something, and tells what it has got.
const PROGRAM: &str = r#"
    import { connect } from "push-client";
    const stream = connect(process.argv.at(-1), { last: 9 });
    const values = [];
    for await (const { data } of stream) {
        if (values.push(data) === 1) await stream.send({ back: data });
        if (values.length === 2) stream.close();
    }
    console.log(JSON.stringify([values, stream.reason]));
"#;

/// As a package, where there is neither a page nor a WebSocket.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node: bash .ci/interop.sh stream"]
async fn node_reads_and_sends() {
    let site = Site::start(1, limits()).await;
    site.publish(&json!("there")).await;
    let url = format!("http://{}/streams/news", site.address);
    let said = tokio::task::spawn_blocking(move || {
        let mut node = Command::new("node");
        succeeds(node.args(["--input-type=module", "--eval", PROGRAM, &url]).current_dir(client()))
    });
    let said = said.await.expect("it has ended");
    assert_eq!(said.trim(), r#"[["there",{"back":"there"}],"closed by the page"]"#);
}

#[test]
#[ignore = "needs node: bash .ci/interop.sh stream"]
fn its_own_tests_pass_in_node() {
    let said = succeeds(Command::new("node").args(["--test", "test/"]).current_dir(client()));
    let passed = said.lines().find_map(|line| line.strip_prefix("# pass ")?.parse::<u32>().ok());
    println!("{passed:?} tests in node");
    assert!(passed >= Some(30), "{said}");
}

#[test]
#[ignore = "needs npm, and typescript by .ci/packages.sh: bash .ci/interop.sh stream"]
fn the_types_are_right_and_the_package_is_whole() {
    let typescript =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/npm/node_modules/typescript/bin/tsc");
    assert!(typescript.exists(), "no typescript: bash .ci/packages.sh");
    println!(
        "{}",
        succeeds(
            Command::new("node").arg(typescript).args(["--project", "test/types"]).current_dir(client())
        )
    );
    let packed = succeeds(
        Command::new("npm").args(["pack", "--dry-run", "--json", "--loglevel=error"]).current_dir(client()),
    );
    for file in ["push-client.js", "push-client.d.ts", "package.json"] {
        assert!(packed.contains(&format!("\"path\": \"{file}\"")), "{packed}");
    }
    assert!(!packed.contains("test/"), "{packed}");
}

/// As a project gets it from npm: packed, installed where nothing else is, imported, and bundled into one file.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node and npm, and esbuild by .ci/packages.sh: bash .ci/interop.sh stream"]
async fn packed_and_installed_it_is_imported_and_bundled() {
    let esbuild =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/npm/node_modules/esbuild/bin/esbuild");
    assert!(esbuild.exists(), "no esbuild: bash .ci/packages.sh");
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("packed-{}", process::id()));
    fs::create_dir_all(&work).expect("cargo's folder for test files is writable");
    let run = |program: &str, arguments: &[&str]| {
        succeeds(Command::new(program).args(arguments).current_dir(&work))
    };
    let destination = work.to_str().expect("a path that is text");
    let pack = ["pack", "--loglevel=error", "--pack-destination", destination];
    succeeds(Command::new("npm").args(pack).current_dir(client()));
    fs::write(work.join("package.json"), r#"{ "private": true, "type": "module" }"#).unwrap();
    let tarball = concat!("./push-client-", env!("CARGO_PKG_VERSION"), ".tgz");
    run("npm", &["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", tarball]);
    fs::write(work.join("main.js"), PROGRAM).unwrap();

    let site = Site::start(1, limits()).await;
    site.publish(&json!("there")).await;
    let url = format!("http://{}/streams/news", site.address);
    let expected = r#"[["there",{"back":"there"}],"closed by the page"]"#;
    let installed = tokio::task::block_in_place(|| run("node", &["main.js", &url]));
    assert_eq!(installed.trim(), expected);

    let bundle =
        ["main.js", "--bundle", "--minify", "--format=esm", "--outfile=bundle.js", "--log-level=warning"];
    let said = run(esbuild.to_str().expect("a path that is text"), &bundle);
    assert_eq!(said.trim(), "", "no warning");
    // All that it needs is in it.
    fs::remove_dir_all(work.join("node_modules")).unwrap();
    println!("bundled: {} bytes", fs::metadata(work.join("bundle.js")).unwrap().len());
    let site = Site::start(2, limits()).await;
    site.publish(&json!("there")).await;
    let url = format!("http://{}/streams/news", site.address);
    let bundled = tokio::task::block_in_place(|| run("node", &["bundle.js", &url]));
    assert_eq!(bundled.trim(), expected);
    fs::remove_dir_all(&work).expect("our own folder");
}
