//! `publish_from_java`: Caucho's library publishes, Chromium shows it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::io::{AsyncWriteExt as _, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;

use crate::java_library::Java;
use crate::page::{Network, Page};
use crate::support::Example;

/// The Java program, ended when dropped.
struct Publishing(Child);

impl Publishing {
    fn start(java: &Java, example: &Example) -> Self {
        let mut program = java.command("PublishNews");
        Self(program.arg(example.url("/hessian")).stdout(Stdio::null()).spawn().expect("a JDK"))
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the stream holds.
fn published(example: &Example) -> Vec<Value> {
    let answer = example.get("/streams/news/poll?last=100");
    let mut answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    answer["messages"].as_array_mut().unwrap().iter_mut().map(|message| message["data"].take()).collect()
}

/// What Java gets in place of its first answers: nothing at all, and once more when its own library asks again without a word;
/// a proxy's word; half of one.
const LOST: [&[u8]; 5] = [
    b"",
    b"",
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\nH\x02\x00RH\x08position",
];

/// A way to the example on which its first answers get lost: it has done what was asked, and nobody hears of it.
async fn lossy(example: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        for number in 0.. {
            let (mut java, _) = listener.accept().await.expect("Java connects");
            let mut server = TcpStream::connect(example).await.expect("it listens");
            let Some(instead) = LOST.get(number) else {
                tokio::spawn(async move { copy_bidirectional(&mut java, &mut server).await });
                continue;
            };
            let ((mut asked, _), (mut answer, mut asks)) = (java.split(), server.split());
            let mut byte = [0];
            tokio::select! {
                _ = copy(&mut asked, &mut asks) => panic!("Java waits for its answer"),
                answered = answer.peek(&mut byte) => assert_eq!(answered.expect("it answers"), 1),
            }
            java.write_all(instead).await.expect("Java reads");
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK and libhessian-java: bash .ci/interop.sh examples"]
async fn what_java_was_not_answered_is_published_once() {
    let example = Example::start("publish_from_java", &[]);
    let java = Java::compile(Path::new("java"), &[], &[]);
    let mut program = java.command("PublishNews");
    program.arg(format!("http://{}/hessian", lossy(example.address).await)).args(["One", "Two"]);
    let ended = tokio::task::spawn_blocking(move || program.output()).await.unwrap().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    print!("{told}");
    assert!(ended.status.success(), "{told}");
    let again: Vec<_> = told.lines().filter(|line| line.starts_with("not answered (")).collect();
    assert_eq!(again.len(), 4, "{told}");
    assert!(again[1].contains("503") && again[2].contains("429"), "{told}");
    let titles: Vec<_> = published(&example).iter().map(|headline| headline["title"].clone()).collect();
    assert_eq!(titles, ["One", "Two"]);
    example.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, a JDK, libhessian-java, and axe from npm: bash .ci/interop.sh examples"]
async fn browsers_see_what_java_publishes() {
    let example = Example::start("publish_from_java", &[]);
    let java = Java::compile(Path::new("java"), &[], &[]);
    let page = Page::open(&example.url("/")).await;
    page.until("#state", |text| text.contains("live, by")).await;
    assert_eq!(page.text("#none").await, "Nothing yet. Start the program: the command is below.");

    let titles = ["One of mine & <i>yours</i>", "<img src=x onerror=alert(1)>"];
    let published = java.command("PublishNews").arg(example.url("/hessian")).args(titles).output().unwrap();
    let told = String::from_utf8(published.stdout).unwrap();
    assert!(published.status.success(), "{}", String::from_utf8_lossy(&published.stderr));
    assert_eq!(told.matches("receivers=1").count(), 2, "{told}");
    page.until("#news li:nth-child(1) h3", |text| text == titles[1]).await;
    page.until("#news li:nth-child(2) h3", |text| text == titles[0]).await;
    assert_eq!(page.browser.value("document.querySelectorAll('#news i, #news img').length").await, 0);

    // What the program publishes by itself, with all that its class has.
    let publishing = Publishing::start(&java, &example);
    page.until("#news", |text| text.contains("The old lighthouse has a new keeper")).await;
    page.until("#news", |text| text.contains("Brest · people · the sea")).await;
    page.until("#news", |text| text.contains("Παμβώτιδα")).await;
    page.is_accessible("publish_from_java").await;
    page.asks_nobody_else(&example.url("/")).await;
    drop(publishing);
    page.close().await;
    example.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, a JDK and libhessian-java: bash .ci/interop.sh examples"]
async fn both_ends_outlive_the_server() {
    let example = Example::start("publish_from_java", &[]);
    let java = Java::compile(Path::new("java"), &[], &[]);
    let page = Page::open(&example.url("/?transport=sse")).await;
    let _publishing = Publishing::start(&java, &example);
    let received =
        |text: &str| text.split(' ').next().and_then(|count| count.parse::<u32>().ok()).unwrap_or(0);
    page.until("#foot", |text| received(text) >= 1).await;
    let address = example.kill();
    // For three of its headlines nobody is there; the port is kept from all others.
    let port = TcpSocket::new_v4().unwrap();
    port.set_reuseaddr(true).unwrap();
    port.bind(address).unwrap();
    page.journal_tells("news: lost").await;
    sleep(Duration::from_secs(6)).await;
    let back = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let example = Example::start_at("publish_from_java", address, &[]);
    page.journal_tells("news: back again").await;
    page.journal_tells("news: the server was started anew, with another history").await;
    let before = received(&page.text("#foot").await);
    page.until("#foot", |text| received(text) > before + 1).await;
    let mut times: Vec<_> =
        published(&example).iter().map(|headline| headline["at"].as_u64().unwrap()).collect();
    assert!(u128::from(times[0]) < back, "the headline that was not answered is lost: {times:?}, {back}");
    let count = times.len();
    times.dedup();
    assert_eq!(times.len(), count, "a headline came twice");
    // Slow is only slow; without a network it says so, and what came meanwhile is there afterwards.
    page.network(Network::Slow).await;
    page.goto(&example.url("/?transport=sse")).await;
    let before = received(&page.text("#foot").await);
    page.until("#foot", |text| received(text) > before + 1).await;
    page.network(Network::Offline).await;
    page.until("#state", |text| !text.contains("live, by")).await;
    page.network(Network::Usual).await;
    page.until("#state", |text| text.contains("live, by")).await;
    let before = received(&page.text("#foot").await);
    page.until("#foot", |text| received(text) > before + 1).await;
    page.close().await;
    example.stop();
}
