//! npm's `policyfile`, the most used policy server, and this one: what a client sees of each, in the same places.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use policy_server::port::REQUEST;

use crate::browser::Browser;
use crate::movie;
use crate::npm;
use crate::ruffle;
use crate::site::{Site, answer, assert_same};

const POLICY: &[u8] = b"<cross-domain-policy>";
const GET: &[u8] = b"GET /none HTTP/1.0\r\n\r\n";
/// Longer than a receiver may wait before it acknowledges (40 ms on Linux), so that no two pieces are joined.
const BETWEEN_PIECES: Duration = Duration::from_millis(60);
/// Longer than a player waits.
const PATIENCE: Duration = Duration::from_secs(4);

/// A running `policyfile`, ended when dropped.
struct Theirs {
    process: Child,
    address: SocketAddr,
}

impl Theirs {
    /// `way` is `inline` or `dedicated`.
    fn start(way: &str) -> Self {
        npm::package("policyfile");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/npm/policyfile.js");
        let mut process = Command::new("node")
            .arg("--no-deprecation")
            .args([script.as_os_str(), way.as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("no node: apt-get install nodejs");
        let mut line = String::new();
        let output = process.stdout.as_mut().expect("stdout is a pipe");
        BufReader::new(output).read_line(&mut line).expect("it prints its port");
        let port: u16 = line.trim().parse().expect("policyfile runs on this Node");
        Self { process, address: ([127, 0, 0, 1], port).into() }
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a client reads that sends `pieces` one by one and waits for the end; whatever came when its patience or the connection ended.
fn ask(address: SocketAddr, pieces: &[&[u8]]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).expect("the port is open");
    socket.set_nodelay(true).expect("an option of TCP");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    for (i, piece) in pieces.iter().enumerate() {
        if i > 0 {
            thread::sleep(BETWEEN_PIECES);
        }
        // It may have closed already, and what it said before that is to be read all the same.
        let _ = socket.write_all(piece);
    }
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    answer
}

fn holds_policy(answer: &[u8]) -> bool {
    answer.windows(POLICY.len()).any(|part| part == POLICY)
}

/// Both servers' answers to one client, printed side by side.
fn compare(case: &str, theirs: SocketAddr, ours: SocketAddr, pieces: &[&[u8]]) -> [Vec<u8>; 2] {
    let answers = [ask(theirs, pieces), ask(ours, pieces)];
    println!("{case}");
    for (server, answer) in ["policyfile", "ours"].iter().zip(&answers) {
        println!("  {server:<11} {:>3} bytes  {}", answer.len(), answer.escape_ascii());
    }
    answers
}

/// Both on the port of an HTTP server.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node and npm's policyfile: bash .ci/interop.sh policy"]
async fn inline_theirs_says_400_and_ours_gives_the_policy() {
    let (theirs, site) = (Theirs::start("inline"), Site::start(Vec::new(), None));
    let (their_port, our_port, policy) = (theirs.address, site.address, answer(&site.policy));
    let asked = move |case, pieces: &[&[u8]]| compare(case, their_port, our_port, pieces);
    let cases = tokio::task::spawn_blocking(move || {
        [asked("the request", &[REQUEST]), asked("in two pieces", &[&REQUEST[..9], &REQUEST[9..]])]
    });
    for [theirs, ours] in cases.await.expect("both can be asked") {
        assert!(theirs.starts_with(b"HTTP/1.1 400 Bad Request\r\n"), "{}", theirs.escape_ascii());
        assert!(!holds_policy(&theirs), "no policy follows either");
        assert_same(&ours, &policy);
    }
    // Both are HTTP servers all the same.
    let [theirs, ours] =
        tokio::task::spawn_blocking(move || asked("HTTP", &[GET])).await.expect("both can be asked");
    assert!(theirs.starts_with(b"HTTP/1.1 200 "), "{}", theirs.escape_ascii());
    assert!(ours.starts_with(b"HTTP/1.0 404 "), "{}", ours.escape_ascii());
}

/// Theirs on a port that does nothing else. Ours is the same port as ever.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node and npm's policyfile, takes 6 s: bash .ci/interop.sh policy"]
async fn dedicated_theirs_leaves_out_the_nul_and_answers_strangers() {
    let (theirs, site) = (Theirs::start("dedicated"), Site::start(Vec::new(), None));
    let (their_port, our_port, policy) = (theirs.address, site.address, answer(&site.policy));
    let cases = tokio::task::spawn_blocking(move || {
        let asked = |case, pieces: &[&[u8]]| compare(case, their_port, our_port, pieces);
        [asked("the request", &[REQUEST]), asked("HTTP", &[GET]), asked("not a word", &[])]
    });
    let [request, http, silence] = cases.await.expect("both can be asked");
    for theirs in [&request[0], &http[0], &silence[0]] {
        assert!(
            theirs.ends_with(b"</cross-domain-policy>"),
            "the policy, and no NUL: {}",
            theirs.escape_ascii()
        );
    }
    assert_same(&request[1], &policy);
    for ours in [&http[1], &silence[1]] {
        assert!(!holds_policy(ours), "a stranger gets no policy: {}", ours.escape_ascii());
    }
}

/// What a movie makes of it: `XMLSocket` hands over what a NUL has ended.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node, npm's policyfile and Ruffle, haxe, chromium and chromium-driver: bash .ci/interop.sh policy"]
async fn a_movies_xml_socket_reads_nothing_from_theirs() {
    let movie = movie::build();
    let browser = Browser::start("720,700").await;
    for way in ["inline", "dedicated"] {
        let theirs = Theirs::start(way);
        let site = Site::start(movie.clone(), Some(theirs.address));
        let url = format!("{}?port={}&bridge=/bridge/other", site.url(), theirs.address.port());
        let [text, bytes] = ruffle::play(&browser, &url).await;
        ruffle::keep_picture(&browser, &format!("policyfile-{way}.png")).await;
        assert_eq!(text.events, ["connect", "close"], "{way}: nothing is handed over");
        let read = ruffle::bytes_of(&bytes.text);
        match way {
            "inline" => assert!(read.starts_with(b"HTTP/1.1 400 "), "{}", read.escape_ascii()),
            _ => assert!(holds_policy(&read) && !read.contains(&0), "{}", read.escape_ascii()),
        }
    }
    browser.close().await;
}
