//! `publish_from_java`: Caucho's library publishes, Chromium shows it.

use std::path::Path;
use std::process::{Child, Stdio};

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
    page.journal_tells("news: lost").await;
    let example = Example::start_at("publish_from_java", address, &[]);
    page.journal_tells("news: back again").await;
    page.journal_tells("news: the server was started anew, with another history").await;
    let before = received(&page.text("#foot").await);
    page.until("#foot", |text| received(text) > before + 1).await;
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
