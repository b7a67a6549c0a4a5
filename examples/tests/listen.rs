//! The `listen` example against the demo's server.

mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use policy_server::{ListenConfig, PolicyFile, Responder};
use push_server::{Epoch, Hub, Limits, Server, demo};
use tokio::sync::oneshot;

fn listen(arguments: &[&str]) -> Child {
    let mut command = Command::new(support::program("listen"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs `client` on a thread of its own while the server serves; then the server ends.
async fn with_server<T: Send + 'static>(
    client: impl FnOnce(SocketAddr, oneshot::Sender<()>) -> T + Send + 'static,
) -> T {
    let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let hub = Hub::start(Epoch::new(1), Limits::default(), 1);
    let stream = demo::open(&hub).unwrap();
    let policy = PolicyFile::builder().allow("*", "843").build().unwrap();
    let router = demo::router(hub.clone(), &stream, policy.to_string());
    let server = Server::new(hub, router, Responder::new(&policy));
    for value in ["first", "héllo"] {
        stream.publish(&demo::AddString { value: value.to_owned() }).await.unwrap();
    }
    let (stop, stopped) = oneshot::channel();
    let client = tokio::task::spawn_blocking(move || client(address, stop));
    server
        .serve(listener, async {
            let _ = stopped.await;
        })
        .await;
    client.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn prints_each_object_and_what_becomes_of_the_connection() {
    let lines = with_server(|address, stop| {
        let mut child = listen(&[&format!("http://{address}/comet")]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut seen: Vec<_> = lines.by_ref().take(3).collect();
        drop(stop);
        seen.extend(lines.by_ref().take(1));
        // It would wait for the server to come back.
        child.kill().unwrap();
        child.wait().unwrap();
        seen
    })
    .await;
    assert!(lines[0].ends_with("connected: fresh"), "{lines:?}");
    assert!(lines[1].ends_with("AddString { value: \"héllo\" }"), "{lines:?}");
    assert!(lines[2].ends_with("example.AddString: value = Str(\"héllo\")"), "{lines:?}");
    assert!(lines[3].contains("the server has ended the connection"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn says_what_is_wrong_with_an_address() {
    let told = with_server(|address, stop| {
        let told = ["/", "/comet/sse", "/nothing"].map(|path| {
            let output = listen(&[&format!("http://{address}{path}")]).wait_with_output().unwrap();
            assert!(!output.status.success());
            String::from_utf8(output.stderr).unwrap()
        });
        drop(stop);
        told
    })
    .await;
    assert!(told[0].contains("text/html; charset=utf-8"), "{told:?}");
    assert!(told[1].contains("text/event-stream"), "{told:?}");
    assert!(told[2].contains("404 Not Found"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_quietly_when_nobody_reads_it() {
    let errors = with_server(|address, stop| {
        let mut child = listen(&[&format!("http://{address}/comet")]);
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        drop(stop);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    })
    .await;
    assert_eq!(errors, "");
}

#[test]
fn wants_an_address() {
    let output = listen(&[]).wait_with_output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("usage: listen URL"));
}
