//! What idle connections of controllers hold, measured: `cargo test --release -p push-server --test controller_memory --
//! --ignored --nocapture`.

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use push_server::controller::{self, Context, Controller, Flow, Form, Result};
use push_server::{Limits, Start, Stream};
use support::TestServer;

/// Waits for ever; joined to a stream, or not.
struct Idle(Option<Stream>);

impl Controller for Idle {
    async fn begin(&mut self, cx: &mut Context) -> Result {
        cx.set("count", 0_u64);
        if let Some(stream) = &self.0 {
            cx.join(stream.subscribe(cx.form().transport(), Start::Live));
        }
        Ok(Flow::Suspend)
    }
}

/// Resident memory of this process, whose clients are bare descriptors.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs 16,000 descriptors: bash .ci/interop.sh stream"]
async fn bytes_per_idle_controller() {
    const N: usize = 2_500;
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let server = TestServer::serving_also(Limits::default(), |stream| {
        let stream = stream.clone();
        let alone = controller::route(Form::Sse, |_| Idle(None));
        let joined = controller::route(Form::Sse, move |_| Idle(Some(stream.clone())));
        axum::Router::new().route("/alone", alone).route("/joined", joined)
    })
    .await;
    let address = server.address;
    let open = move |path: &str, count: usize| -> Vec<TcpStream> {
        let ask = |_| {
            let mut client = TcpStream::connect(address).unwrap();
            write!(client, "GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: a browser of some length\r\n\r\n")
                .unwrap();
            client
        };
        let mut clients: Vec<_> = (0..count).map(ask).collect();
        let mut head = [0; 1_024];
        for client in &mut clients {
            assert!(client.read(&mut head).unwrap() > 0);
        }
        clients
    };
    // Both ends count here: 16,000 descriptors in all.
    // Whatever is allocated once, for a few hundred, is.
    let warm = tokio::task::spawn_blocking(move || open("/alone", 500)).await.unwrap();
    for path in ["/alone", "/joined", "/comet/sse"] {
        let before = resident();
        let clients = tokio::task::spawn_blocking(move || open(path, N)).await.unwrap();
        let each = resident().saturating_sub(before) / N;
        println!("{path}: {each} bytes of resident memory for each of {N} idle connections");
        assert!(each < 8 << 10, "{path}: {each}");
        // Kept, so that the next ones do not get memory that these have given back.
        std::mem::forget(clients);
    }
    drop(warm);
}
