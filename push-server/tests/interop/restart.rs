//! A server that is replaced, and one that reloads its settings, each a real process with some hundreds of clients over every transport that are
//! published to all the while.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::harness::{Folder, Server, get, serve};
use crate::support::forms::{STREAMING, understand};

/// Beside the forms of [`STREAMING`]: WebSockets of JSON and of Hessian values, movies in Ruffle, long polls.
const OTHERS: [&str; 4] = ["ws", "ws:push.hessian", "ruffle", "longpoll"];
const FORMS: usize = STREAMING.len() + OTHERS.len();

/// Of each form.
const CLIENTS: usize = 30;

/// How long a client waits for anything, a new server too.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two messages.
const PACE: Duration = Duration::from_millis(20);

const WINDOW: Duration = Duration::from_secs(6);

fn forms() -> impl Iterator<Item = &'static str> + Clone {
    STREAMING.into_iter().chain(OTHERS)
}

/// What a client saw of one server, from its first connection to the word that it is to come back.
#[derive(Debug)]
struct Visit {
    form: &'static str,
    /// The verdict on where it was before.
    resume: Option<String>,
    messages: Vec<u64>,
    /// Where it is in the end.
    position: String,
    is_told: bool,
    end: Instant,
}

impl Visit {
    /// Every message once and in order, from `first` on if it is to begin there.
    fn check(&self, first: Option<u64>) {
        assert!(self.is_told, "{} was cut without a word: {self:?}", self.form);
        let first = first.unwrap_or(self.messages[0]);
        for (index, number) in self.messages.iter().enumerate() {
            assert_eq!(*number, first + index as u64, "{}: {:?}", self.form, self.messages);
        }
        let (_, sequence) = self.position.split_once(':').unwrap();
        assert_eq!(sequence, self.messages.last().unwrap().to_string(), "{}", self.form);
    }
}

impl Visit {
    /// Everything to the end, but for polls, which come back for the rest.
    fn check_last(&self, last: u64) {
        let heard = *self.messages.last().unwrap();
        assert!(heard == last || self.form == "longpoll" && heard < last, "{}: {heard} of {last}", self.form);
    }
}

/// As clients do: again and again, while a server is replaced.
async fn connect(address: SocketAddr) -> TcpStream {
    let begin = Instant::now();
    loop {
        match TcpStream::connect(address).await {
            Ok(socket) => return socket,
            Err(error) => assert!(begin.elapsed() < PATIENCE, "{error}"),
        }
        sleep(PACE).await;
    }
}

fn target(form: &str, since: Option<&str>) -> String {
    let since = since.map(|since| format!("{}since={since}", if form.contains('?') { '&' } else { '?' }));
    format!("/streams/news/{form}{}", since.unwrap_or_default())
}

fn request(address: SocketAddr, target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n")
}

fn visit_of(form: &'static str, transport: &str, response: &[u8], is_told: bool) -> Visit {
    let end = Instant::now();
    let understood = understand(transport, response);
    let messages = understood.messages.iter().map(|message| message.as_u64().unwrap()).collect();
    let is_told = is_told || understood.farewell.as_deref() == Some("rotate");
    Visit { form, resume: understood.resume, messages, position: understood.position, is_told, end }
}

async fn stream(address: SocketAddr, form: &'static str, since: Option<&str>) -> io::Result<Visit> {
    let mut socket = connect(address).await;
    socket.write_all(request(address, &target(form, since)).as_bytes()).await?;
    let mut response = Vec::new();
    while timeout(PATIENCE, socket.read_buf(&mut response)).await.expect("something comes")? > 0 {}
    if response.is_empty() {
        // It was in the queue of a listener that closed.
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    // Packets know no other farewell than the end of the body.
    let is_whole = form.starts_with("hessian") && response.ends_with(b"\r\n0\r\n\r\n");
    Ok(visit_of(form, form, &response, is_whole))
}

async fn websocket(address: SocketAddr, form: &'static str, since: Option<&str>) -> io::Result<Visit> {
    let (path, protocol) = form.split_once(':').map_or((form, None), |(path, name)| (path, Some(name)));
    let url = format!("ws://{address}{}", target(path, since));
    let mut request = url.into_client_request().expect("a request");
    // Movies are served to pages only.
    let origin = HeaderValue::from_str(&format!("http://{address}")).expect("a header value");
    request.headers_mut().insert("origin", origin);
    if let Some(name) = protocol {
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(name));
    }
    let socket = connect(address).await;
    let handshake = timeout(PATIENCE, client_async(request, socket)).await.expect("an answer");
    let (mut socket, _) = handshake.map_err(io::Error::other)?;
    let (mut bytes, mut lines, mut values, mut is_told) =
        (Vec::new(), String::new(), Vec::<u64>::new(), false);
    while let Some(message) = timeout(PATIENCE, socket.next()).await.expect("something comes") {
        match message.map_err(io::Error::other)? {
            Message::Text(text) => lines.push_str(&format!("{text}\n")),
            Message::Binary(value) if path == "ws" => {
                values.push(hessian::from_slice(&value).expect("a number"))
            }
            Message::Binary(some) => bytes.extend_from_slice(&some),
            Message::Close(why) => is_told = u16::from(why.expect("a code").code) == 1012,
            _ => {}
        }
    }
    if path == "ruffle" {
        // The bytes of a connection, of the client of 2008.
        return Ok(visit_of(form, "hessian?framing=p&grammar=tutorial", &bytes, is_told));
    }
    // As the lines of `xhr`, but for what stands in the head there.
    let begin: Value = serde_json::from_str(lines.lines().next().expect("a notice")).expect("JSON");
    let field = |name: &str| begin[name].as_str().expect("a text").to_owned();
    let resume = field("resume");
    let mut head = format!("HTTP/1.1 200 OK\r\npush-position: {}\r\n", field("position"));
    if resume != "fresh" {
        head.push_str(&format!("push-resume: {resume}\r\n"));
    }
    let mut visit = visit_of(form, "xhr", format!("{head}\r\n{lines}").as_bytes(), false);
    visit.messages.extend(values);
    visit.is_told = is_told && visit.is_told;
    Ok(visit)
}

/// One poll after the other on one connection, until that is to be left.
async fn polls(address: SocketAddr, form: &'static str, since: Option<&str>) -> io::Result<Visit> {
    let mut socket = connect(address).await;
    let mut all: Option<Visit> = None;
    loop {
        let since = all.as_ref().map(|visit| &*visit.position).or(since);
        let asked = socket.write_all(request(address, &target(form, since)).as_bytes()).await;
        let mut response = Vec::new();
        let whole = loop {
            let read = timeout(PATIENCE, socket.read_buf(&mut response)).await.expect("something comes");
            if !matches!((&asked, &read), (Ok(()), Ok(1..))) {
                // The end of a connection between two answers is one in good order.
                assert!(response.is_empty(), "cut within an answer");
                let mut visit = all.ok_or(io::ErrorKind::ConnectionReset)?;
                (visit.is_told, visit.end) = (true, Instant::now());
                return Ok(visit);
            }
            let Some(end) = response.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&response[..end]).to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            if response.len() == end + 4 + length.unwrap().parse::<usize>().unwrap() {
                break head;
            }
        };
        if whole.starts_with("http/1.1 503 ") {
            // The server had ended when it asked: it is to come back.
            assert!(whole.contains("retry-after: "), "{whole}");
            let mut visit = all.ok_or(io::ErrorKind::ConnectionReset)?;
            (visit.is_told, visit.end) = (true, Instant::now());
            return Ok(visit);
        }
        let next = visit_of(form, form, &response, whole.contains("connection: close"));
        match &mut all {
            None => all = Some(next),
            Some(visit) => {
                visit.messages.extend(next.messages);
                (visit.position, visit.is_told, visit.end) = (next.position, next.is_told, next.end);
            }
        }
        if let Some(visit) = all.take_if(|visit| visit.is_told) {
            return Ok(visit);
        }
    }
}

/// Stays with as many servers as are to come, one after the other at the same address. What it saw of each, and how often
/// it found one that had just closed.
async fn client(address: SocketAddr, form: &'static str, servers: usize) -> (Vec<Visit>, usize) {
    let (mut visits, mut tries) = (Vec::<Visit>::new(), 0);
    while visits.len() < servers {
        let since = visits.last().map(|visit| visit.position.clone());
        let visit = match form {
            "longpoll" => polls(address, form, since.as_deref()).await,
            form if OTHERS.contains(&form) => websocket(address, form, since.as_deref()).await,
            form => stream(address, form, since.as_deref()).await,
        };
        match visit {
            Ok(visit) => visits.push(visit),
            Err(error) => {
                tries += 1;
                assert!(tries < 20, "{form}: {error}");
                sleep(PACE).await;
            }
        }
    }
    (visits, tries)
}

fn crowd(address: SocketAddr, servers: usize) -> JoinSet<(Vec<Visit>, usize)> {
    forms().cycle().take(FORMS * CLIENTS).map(|form| client(address, form, servers)).collect()
}

/// Publishes numbers from 1 on over one connection, until it is told to stop or the connection closes. Returns the last
/// that was taken.
fn publisher(address: SocketAddr) -> (watch::Sender<bool>, JoinHandle<u64>) {
    let (stop, stopped) = watch::channel(false);
    let publishing = tokio::spawn(async move {
        let mut socket = connect(address).await;
        let mut last = 0;
        while !*stopped.borrow() {
            let number = (last + 1).to_string();
            let request = format!(
                "POST /streams/news/messages HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{number}",
                number.len()
            );
            let mut answer = Vec::new();
            if socket.write_all(request.as_bytes()).await.is_err() {
                break;
            }
            while !answer.trim_ascii_end().ends_with(b"}") {
                match timeout(PATIENCE, socket.read_buf(&mut answer)).await.expect("an answer") {
                    Ok(1..) => {}
                    _ => return last,
                }
            }
            assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", answer.escape_ascii());
            last += 1;
            sleep(PACE).await;
        }
        last
    });
    (stop, publishing)
}

fn status(server: &Server) -> Value {
    serde_json::from_str(&get(server.address("admin"), "/console/status").body).expect("JSON")
}

fn published(server: &Server) -> u64 {
    status(server)["all"]["messages"].as_u64().unwrap()
}

/// Those that stream; polls come and go.
const STREAMS: u64 = ((FORMS - 1) * CLIENTS) as u64;

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "not {what}");
        sleep(PACE).await;
    }
}

async fn until_all_stream(server: &Server) {
    let open = || {
        let status = status(server);
        let open = status["connections"]["open"].as_object().unwrap();
        open.values().map(|count| count.as_u64().unwrap()).sum::<u64>()
    };
    until("everybody has come", || open() == STREAMS).await;
}

/// How many left in each twelfth of the window, and what is the share of each third.
fn histogram(visits: &[(Duration, &'static str)]) -> [usize; 3] {
    const BARS: u32 = 12;
    let (mut bars, mut thirds) = ([0; BARS as usize + 1], [0; 3]);
    let mut of_form = BTreeMap::<&str, (Duration, Duration)>::new();
    for (left, form) in visits {
        let part = left.as_secs_f64() / WINDOW.as_secs_f64();
        bars[((part * f64::from(BARS)) as usize).min(BARS as usize)] += 1;
        thirds[((part * 3.0) as usize).min(2)] += 1;
        let (first, last) = of_form.entry(form).or_insert((*left, *left));
        (*first, *last) = ((*first).min(*left), (*last).max(*left));
    }
    println!("{} clients on connections left after SIGTERM, window {WINDOW:?}:", visits.len());
    for (index, count) in bars.into_iter().enumerate() {
        let from = WINDOW * u32::try_from(index).unwrap() / BARS;
        println!("  {:>4.1} s {} {count}", from.as_secs_f64(), "#".repeat(count));
    }
    for (form, (first, last)) in of_form {
        println!("  {form:<34} first {first:>5.2?} last {last:>5.2?}");
    }
    thirds
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 20 s: bash .ci/interop.sh stream"]
async fn clients_leave_spread_over_the_window_and_resume_on_the_server_that_takes_its_place() {
    let window = WINDOW.as_secs().to_string() + "s";
    let common = ["--admin", "127.0.0.1:0", "--set", "limits.rotate=0s", "--drain-window"];
    let mut first = Server::start(&[&common[..], &[&window]].concat());
    let address = first.clients();
    let (_go_on, publishing) = publisher(address);
    until("published to", || published(&first) > 0).await;
    let mut clients = crowd(address, 2);
    until_all_stream(&first).await;
    let before = published(&first);

    let begin = Instant::now();
    first.signal("TERM");
    until("closed", || std::net::TcpStream::connect(address).is_err()).await;
    let second = serve(&[&["--listen", &address.to_string()], &common[..], &["0s"]].concat());
    let mut second = Server::start_command(second);
    println!("the next server is ready {:.2?} after the signal", begin.elapsed());
    let (stop, publishing_there) = publisher(address);
    let last = publishing.await.expect("it does not panic");
    assert!(last > before + 20, "publishing went on while clients left: {before}, then {last}");
    assert_eq!(first.status().code(), Some(0), "{}", first.log());
    let took = begin.elapsed();

    until_all_stream(&second).await;
    let so_far = published(&second);
    until("published to all", || published(&second) > so_far + 10).await;
    stop.send_replace(true);
    let last_there = publishing_there.await.expect("it does not panic");
    second.signal("TERM");
    assert_eq!(second.status().code(), Some(0), "{}", second.log());

    let (mut left, mut polls, mut tries) = (Vec::new(), Vec::new(), 0);
    while let Some(client) = clients.join_next().await {
        let (visits, more) = client.expect("each client is served");
        tries += more;
        let [here, there] = &visits[..] else { unreachable!("two servers") };
        here.check(None);
        assert!(*here.messages.last().unwrap() >= before, "{here:?}");
        assert_eq!(here.resume, None);
        // The history of the next server is another one: all of it follows.
        assert_eq!(there.resume.as_deref(), Some("epoch-changed"), "{}", there.form);
        there.check(Some(1));
        there.check_last(last_there);
        let list = if here.form == "longpoll" { &mut polls } else { &mut left };
        list.push((here.end.duration_since(begin), here.form));
    }
    let thirds = histogram(&left);
    // Who asks again all the time is sent on with the next answer.
    let polled = polls.iter().map(|(left, _)| *left).max().unwrap();
    println!(
        "{} pollers left within {polled:.2?}; {tries} tries found a server that had just closed; the first ended after {took:.2?}; \
         {last} messages there, {last_there} here",
        polls.len(),
    );
    assert_eq!((left.len(), polls.len()), (STREAMS as usize, CLIENTS));
    for count in thirds {
        assert!((left.len() / 5..left.len() / 2).contains(&count), "uneven: {thirds:?}");
    }
    let latest = left.iter().map(|(left, _)| *left).max().unwrap();
    assert!(latest > WINDOW * 3 / 4 && latest < WINDOW + Duration::from_secs(3), "{latest:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 20 s: bash .ci/interop.sh stream"]
async fn reloads_under_load_keep_every_connection_and_lose_no_message() {
    const RELOADS: usize = 10;
    let folder = Folder::new();
    let text = |number: usize| {
        format!(
            "listen = ['127.0.0.1:0']\nadmin.listen = ['127.0.0.1:0']\nlimits.rotate = '0s'\ndrain.window = '0s'\n\
             policy.allow = ['{number}.example']\nmetrics.streams = {number}\naccess.origins = ['https://{number}.example']\n"
        )
    };
    let file = folder.write("push.toml", &text(1));
    let mut server = Server::start_command(serve(&["--config", &file]));
    let (stop, publishing) = publisher(server.clients());
    until("published to", || published(&server) > 0).await;
    let mut clients = crowd(server.clients(), 1);
    until_all_stream(&server).await;

    for number in 1..=RELOADS {
        folder.write("push.toml", &text(number + 1));
        server.signal("HUP");
        until("reloaded", || server.log().matches("settings reloaded").count() == number).await;
        assert!(server.get("/crossdomain.xml").body.contains(&format!("{}.example", number + 1)));
        if number == RELOADS / 2 {
            folder.write("push.toml", "drain = 7\n");
            server.signal("HUP");
            until("refused", || server.log().contains("settings not reloaded")).await;
        }
        let so_far = published(&server);
        until("published to all", || published(&server) > so_far + 2).await;
    }
    stop.send_replace(true);
    let last = publishing.await.expect("it does not panic");
    let status = status(&server);
    let closed: u64 =
        status["connections"]["closed"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!((status["connections"]["opened"].as_u64(), closed), (Some(STREAMS), 0), "{status}");
    assert_eq!(status["reloads"], serde_json::json!({"done": RELOADS, "refused": 1}));
    server.signal("TERM");
    assert_eq!(server.status().code(), Some(0), "{}", server.log());
    let mut connections = 0;
    while let Some(client) = clients.join_next().await {
        let (visits, tries) = client.expect("each client is served");
        assert_eq!(tries, 0);
        visits[0].check(None);
        visits[0].check_last(last);
        connections += 1;
    }
    println!("{RELOADS} reloads, {connections} connections, {last} messages: none lost, none closed");
}
