//! Publishers that have to try again. Answers get lost on the way, and Java's own HTTP client sends what was not answered
//! again, without a word: with a key a message arrives once. A server that asks for tokens, or is told too much at once.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use push_server::Limits;
use push_server::guard::{Rate, Reason, Rules, Token, Tokens};

use crate::java_library::Java;
use crate::support::{EPOCH, TestServer};

/// Passes requests on, one over each connection, and drops every other answer: the server has done what was asked.
struct Lossy {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Lossy {
    /// Ends with the process.
    fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<AtomicUsize> = Arc::default();
        let count = requests.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let _ = Self::pass(client.unwrap(), server, number.is_multiple_of(2));
            }
        });
        Self { address, requests }
    }

    fn pass(mut client: TcpStream, server: SocketAddr, loses: bool) -> std::io::Result<()> {
        let mut request = Vec::new();
        while !is_whole(&request) {
            let mut buffer = [0; 4096];
            let read = client.read(&mut buffer)?;
            request.extend_from_slice(&buffer[..read]);
            if read == 0 {
                return Ok(());
            }
        }
        // So that the answer ends with the connection.
        let head_end = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let text = String::from_utf8_lossy(&request[..head_end]).replace("keep-alive", "close");
        let mut server = TcpStream::connect(server)?;
        server.write_all(text.as_bytes())?;
        server.write_all(&request[head_end..])?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", answer.escape_ascii());
        if !loses {
            client.write_all(&answer)?;
        }
        Ok(())
    }
}

/// Whether a head and a body have come; a chunked one ends with an empty chunk.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    match head.lines().find_map(|line| line.strip_prefix("content-length: ")) {
        Some(length) => request.len() - end - 4 >= length.parse::<usize>().unwrap(),
        None => request.ends_with(b"0\r\n\r\n"),
    }
}

/// What the stream holds.
async fn lines(server: &TestServer) -> Vec<String> {
    let poll = server.answer("GET /streams/comet/poll?last=100 HTTP/1.0\r\n\r\n").await;
    let poll: serde_json::Value = serde_json::from_str(poll.split_once("\r\n\r\n").unwrap().1).unwrap();
    let messages = poll["messages"].as_array().unwrap().iter();
    messages.map(|message| message["data"]["value"].as_str().unwrap().to_owned()).collect()
}

/// The programs of these tests.
fn java() -> Java {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Java::compile(&here.join("tests/interop/publishers"), &[&here.join("../examples/java/example")], &[])
}

/// Runs the example that publishes the lines of its input, and returns what it printed.
async fn publish_lines(address: SocketAddr, token: Option<&str>, lines: &str) -> Vec<String> {
    let java = Java::compile(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/java"), &[], &[]);
    let mut command = java.command("PublishLines");
    command.arg(format!("http://{address}/streams/comet/messages")).env_remove("PUSH_TOKEN");
    command.envs(token.map(|token| ("PUSH_TOKEN", token)));
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = tokio::task::spawn_blocking(|| process.wait_with_output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(ToOwned::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh stream"]
async fn a_line_whose_answer_is_lost_is_published_once() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let lossy = Lossy::start(server.address);
    let answers = publish_lines(lossy.address, None, "one\ntwo\nthree\nviér\nfive\n").await;
    assert_eq!(lines(&server).await, ["one", "two", "three", "viér", "five"]);
    let expected: Vec<_> = (1..=5).map(|n| format!(r#"{{"position":"ab:{n}","receivers":0}}"#)).collect();
    assert_eq!(answers, expected);
    let requests = lossy.requests.load(Ordering::SeqCst);
    println!("5 lines, {requests} requests, {} published", server.stream.position().sequence);
    assert_eq!(requests, 10, "every other answer is lost");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh stream"]
async fn a_call_whose_answer_is_lost_is_repeated_by_java_itself_and_published_once_with_a_key() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let lossy = Lossy::start(server.address);
    let mut command = java().command("CallLossy");
    command.args([&format!("http://{}", lossy.address), "comet"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Without a key Java's own repetition is another message.
    assert_eq!(lines(&server).await, ["with a key", "without", "without"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "ab:1\nab:3\n");
    println!("2 calls, {} requests", lossy.requests.load(Ordering::SeqCst));
    server.stop().await;
}

const TOKEN: &str = "token-of-the-publisher";

async fn guarded(rate: Rate) -> TestServer {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let mut rules = Rules::default();
    rules.publish = Tokens::new([Token::new(TOKEN).unwrap()]).unwrap();
    rules.rates.publishes = rate;
    server.hub.guard().replace(rules);
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh stream"]
async fn a_publisher_that_is_too_fast_comes_back_when_it_is_told() {
    let server = guarded(Rate::new(2, 1)).await;
    publish_lines(server.address, Some(TOKEN), "one\ntwo\nthree\nfour\nfive\nsix\n").await;
    assert_eq!(lines(&server).await, ["one", "two", "three", "four", "five", "six"]);
    let refused = server.hub.stats().refusals.get(Reason::PublishRate);
    println!("6 lines, {refused} of them refused first with 429");
    assert!(refused >= 3, "{refused}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh stream"]
async fn calls_of_java_give_a_token_as_a_password_or_in_the_address() {
    let server = guarded(Rate::UNLIMITED).await;
    let mut command = java().command("CallGuarded");
    command.args([&format!("http://{}", server.address), "comet", TOKEN]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    print!("{told}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(told, "password ab:1\naddress ab:2\nwrong refused, 401\nnone refused, 401\n");
    assert_eq!(lines(&server).await, ["password", "address"]);
    server.stop().await;
}
