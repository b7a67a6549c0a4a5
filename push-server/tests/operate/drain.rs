//! The end in good order, spread over a time.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{PATIENCE, Server, get, serve, wait_for};

const READERS: usize = 20;

#[test]
fn clients_leave_evenly_over_the_window_and_resume_on_the_next_server() {
    let window = Duration::from_secs(3);
    let mut server = Server::start(&["--admin", "127.0.0.1:0", "--drain-window", "3s"]);
    let (address, admin) = (server.clients(), server.address("admin"));
    let readers: Vec<_> = (0..READERS).map(|_| server.read("/streams/news/sse")).collect();
    assert_eq!(server.publish("news", "\"before\"").status, 200);
    // A publisher whose connection stays.
    let publisher = TcpStream::connect(address).unwrap();
    publisher.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut publish = publisher.try_clone().unwrap();
    let mut answers = BufReader::new(publisher);
    let mut say = move |text: &str| {
        let request = format!(
            "POST /streams/news/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        publish.write_all(request.as_bytes()).unwrap();
        let mut status = String::new();
        answers.read_line(&mut status).unwrap();
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            answers.read_line(&mut line).unwrap();
        }
        line.clear();
        answers.read_line(&mut line).unwrap();
        status
    };
    assert!(say("\"still\"").contains(" 200 "));
    let ends: Vec<_> = readers
        .into_iter()
        .map(|reader| {
            thread::spawn(move || {
                let rest = reader.rest();
                (Instant::now(), rest)
            })
        })
        .collect();
    server.signal("TERM");
    wait_for(|| get(admin, "/readyz").status == 503, || "still ready".to_owned());
    assert_eq!(get(admin, "/healthz").status, 200);
    wait_for(|| TcpStream::connect(address).is_err(), || "the port is still open".to_owned());
    thread::sleep(window / 3);
    // Who has not left yet is served.
    assert!(say("\"meanwhile\"").contains(" 200 "));

    let ends: Vec<_> = ends.into_iter().map(|end| end.join().unwrap()).collect();
    let (first, last) =
        (ends.iter().map(|end| end.0).min().unwrap(), ends.iter().map(|end| end.0).max().unwrap());
    assert!(last - first > window / 2, "{:?}", last - first);
    let mut heard_more = 0;
    for (_, text) in &ends {
        assert!(text.contains("data: \"still\""), "{text}");
        assert!(text.contains("event: rotate\n"), "{text}");
        heard_more += usize::from(text.contains("data: \"meanwhile\""));
    }
    assert!((1..READERS).contains(&heard_more), "{heard_more} of {READERS} were there for it");
    assert_eq!(server.status().code(), Some(0), "{}", server.log());

    // The next server tells them what became of where they were.
    let position = ends[0].1.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap().to_owned();
    let next = Server::start_command(serve(&["--listen", &address.to_string()]));
    let mut reader = next.read(&format!("/streams/news/sse?since={position}"));
    reader.until("event: resume");
    assert_eq!(reader.line(), "data: epoch-changed\n");
}

#[test]
fn whoever_spreads_connections_has_time_to_see_that_no_more_are_wanted() {
    let mut server = Server::start(&["--set", "drain.delay=1500ms", "--drain-window", "0s"]);
    let mut reader = server.read("/streams/news/sse");
    server.signal("TERM");
    wait_for(|| server.get("/readyz").status == 503, || "still ready".to_owned());
    // All is served as before.
    assert_eq!(server.get("/readyz").body, "leaving\n");
    assert_eq!(server.publish("news", "\"late\"").status, 200);
    reader.until("data: \"late\"");
    assert_eq!(server.status().code(), Some(0));
}

#[test]
fn a_long_poll_is_answered_in_its_turn_and_goes_elsewhere() {
    let mut server = Server::start(&["--drain-window", "1s"]);
    let mut poll = TcpStream::connect(server.clients()).unwrap();
    poll.set_read_timeout(Some(PATIENCE)).unwrap();
    poll.write_all(b"GET /streams/news/longpoll HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    server.read("/streams/news/sse").until("\r\n");
    server.signal("TERM");
    let mut answer = String::new();
    poll.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.to_ascii_lowercase().contains("connection: close"),
        "{answer}"
    );
    assert!(answer.contains("\"next\":0"), "{answer}");
    assert_eq!(server.status().code(), Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut server = Server::start(&["--drain-window", "1h", "--admin", "127.0.0.1:0"]);
    let readers: Vec<_> = (0..3).map(|_| server.read("/streams/news/sse")).collect();
    server.signal("INT");
    let admin = server.address("admin");
    wait_for(|| get(admin, "/readyz").body == "draining\n", || "not draining".to_owned());
    assert!(server.ended().is_none());
    server.signal("INT");
    assert_eq!(server.status().code(), Some(1), "{}", server.log());
    server.expect_log("ended at once", 1);
    drop(readers);
}

#[test]
fn who_takes_nothing_is_cut_in_the_end_and_that_is_told() {
    let mut server = Server::start(&["--drain-window", "0s", "--set", "limits.drain=200ms"]);
    let _stalled = server.read("/streams/news/sse");
    let long = format!("\"{}\"", "x".repeat(500_000));
    for _ in 0..3 {
        assert_eq!(server.publish("news", &long).status, 200);
    }
    server.signal("TERM");
    assert_eq!(server.status().code(), Some(0));
    server.expect_log("connections were cut while ending", 1);
    assert!(server.log().contains("cut=1"), "{}", server.log());
}
