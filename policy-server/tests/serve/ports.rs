//! Listeners: dual-mode, dedicated, IPv4, IPv6, Unix sockets; and their counters.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    thread,
};

use crate::harness::{
    Folder, REQUEST, Server, connect, exchange, get, has_ipv6, http, policy_of, policy_of_unix,
};

#[test]
fn the_policy_and_http_come_from_one_port_and_only_the_policy_from_the_other() {
    let server = Server::start(&[
        "--listen",
        "127.0.0.1:0",
        "--policy-only",
        "127.0.0.1:0",
        "--allow",
        "www.example.com:8080",
    ]);
    let (dual, dedicated) = (server.address("listen"), server.address("policy-only"));
    let policy = policy_of(dual);
    assert!(policy.contains(r#"<allow-access-from domain="www.example.com" to-ports="8080"/>"#), "{policy}");
    assert_eq!(policy_of(dedicated), policy);
    assert!(get(dual, "/healthz").0.starts_with("HTTP/1.1 200 OK\r\n"));
    // Closed, with whatever a close with unread input does.
    let mut stream = connect(dedicated);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    assert_eq!(bytes, b"");
}

#[test]
fn every_kind_of_listener_serves() {
    let folder = Folder::new();
    let path = folder.text("p.sock");
    let unix = format!("unix:{path}");
    let args = ["--allow", "a.com:8080", "--unix-mode", "660", "--threads", "2"];
    let second = if has_ipv6() { "[::1]:0" } else { "127.0.0.1:0" };
    let listen = ["--listen", "127.0.0.1:0", "--listen", second, "--listen", &unix];
    let server = Server::start(&[&args[..], &listen].concat());
    let names = server.names("listen");
    assert_eq!((names.len(), names[2]), (3, unix.as_str()));
    let policy = policy_of(names[0].parse().unwrap());
    assert_eq!(policy_of(names[1].parse().unwrap()), policy);
    assert_eq!(policy_of_unix(path.as_ref()), policy);
    let request = "GET /crossdomain.xml HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let (head, body) = http(UnixStream::connect(&path).unwrap(), request);
    assert!(head.contains("content-type: text/x-cross-domain-policy"), "{head}");
    assert!(body.contains(r#"<allow-access-from domain="a.com"/>"#), "{body}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    assert!(server.stop().0.success());
    assert!(!fs::exists(&path).unwrap(), "the socket is removed");
}

#[test]
fn ipv4_and_ipv6_may_have_the_same_port() {
    if !has_ipv6() {
        return;
    }
    let server = Server::start(&["--listen", "127.0.0.1:0", "--allow", "a.com:8080"]);
    let port = server.address("listen").port();
    drop(server);
    let (v4, v6) = (format!("127.0.0.1:{port}"), format!("[::]:{port}"));
    // In the order in which the system alone would refuse.
    let server = Server::start(&["--listen", &v6, "--listen", &v4, "--allow", "a.com:8080"]);
    assert_eq!(policy_of(v4.parse().unwrap()), policy_of(format!("[::1]:{port}").parse().unwrap()));
    assert_eq!(server.names("listen"), [v6.as_str(), &v4]);
    server.expect_log("takes IPv6 alone, as IPv4 has an address of its own");
}

#[test]
fn a_socket_left_behind_is_taken_over_and_one_in_use_is_not() {
    let folder = Folder::new();
    let (path, unix) = (folder.path("p.sock"), format!("unix:{}", folder.text("p.sock")));
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(fs::exists(&path).unwrap());
    let args = ["--listen", &unix, "--allow", "a.com:8080"];
    let _server = Server::start(&args);
    policy_of_unix(&path);
    let (code, _, error) = crate::harness::run(&[&["serve"][..], &args].concat());
    assert_eq!(code, Some(2));
    assert!(error.contains("address in use; end the program that listens there"), "{error}");
    policy_of_unix(&path);
}

#[test]
fn a_socket_whose_server_is_too_busy_to_answer_is_in_use() {
    use socket2::{Domain, SockAddr, Socket, Type};

    let folder = Folder::new();
    let address = SockAddr::unix(folder.path("p.sock")).unwrap();
    let socket = || Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    let busy = socket();
    busy.bind(&address).unwrap();
    busy.listen(0).unwrap();
    let waiting = [(); 3].map(|()| socket());
    for socket in &waiting {
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&address);
    }
    let unix = format!("unix:{}", folder.text("p.sock"));
    let args = ["serve", "--listen", &unix, "--allow", "a.com:8080"];
    let (code, _, error) = crate::harness::run(&args);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("address in use; end the program that listens there"), "{error}");
}

/// With few descriptors, and an upstream so that a connection takes two.
fn with_open_files(files: u32, more: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new("prlimit");
    command.args([&format!("--nofile={files}"), crate::harness::binary(), "serve"]);
    command.args(["--listen", "127.0.0.1:0", "--allow", "a.com:8080", "--admin", "127.0.0.1:0"]).args(more);
    command
}

#[test]
fn silence_from_one_address_closes_the_port_to_nobody_though_descriptors_are_few() {
    let args = ["--upstream", "127.0.0.1:9", "--first-byte", "1min", "--first-byte-crowded", "1min"];
    let server = Server::start_command(with_open_files(512, &args));
    let listener = server.address("listen");
    // Each has its place, or was told that there is none.
    let silent: Vec<_> = (0..300).map(|_| connect(listener)).collect();
    let admitted = (512 - 128 - 5) / 2 / 8;
    let line =
        format!(r#"policy_server_connections_total{{listener="{listener}",reason="refused_address"}}"#);
    let open = "policy_server_connections_open";
    server.expect_metric(&line, 300 - admitted);
    server.expect_metric(open, admitted);
    // From another address, and slow enough to need a place.
    let address = socket2::SockAddr::from(std::net::SocketAddr::from(([127, 0, 0, 2], 0)));
    let player = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    player.bind(&address).unwrap();
    player.connect(&listener.into()).unwrap();
    server.expect_metric(open, admitted + 1);
    assert!(exchange(std::net::TcpStream::from(player), REQUEST).ends_with(b"\0"));
    drop(silent);
}

#[test]
fn what_threads_need_is_known_before_they_start() {
    let threads = ["--threads", "16"];
    let server = Server::start_command(with_open_files(1024, &threads));
    let files = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
    // The runtimes and a listener each, within what is set aside.
    assert!((16 * 2..=64 + 16 * 5).contains(&files), "{files} open files");
    drop(server);
    let (code, _, error) = crate::harness::run_command(with_open_files(128, &threads));
    assert_eq!(code, Some(2), "{error}");
    assert!(
        error.contains("128 open files are too few for 16 threads x 1 listeners: 209 at least"),
        "{error}"
    );
    // As it says.
    Server::start_command(with_open_files(209, &threads));
}

#[test]
fn counters_equal_a_known_load() {
    let server = Server::start(&[
        "--listen",
        "127.0.0.1:0",
        "--policy-only",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--allow",
        "a.com:8080",
        "--threads",
        "2",
        "--first-byte",
        "2s",
    ]);
    let (dual, dedicated) = (server.address("listen"), server.address("policy-only"));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    policy_of(dual);
                    policy_of(dedicated);
                    // With its own end it is not kept open.
                    get(dual, "/");
                }
            });
        }
    });
    for _ in 0..3 {
        let mut stream = connect(dual);
        stream.write_all(b"<policy-file-XXXXXXX/>\0").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
        let mut stream = connect(dedicated);
        stream.write_all(b"G").unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "closed");
    }
    assert_eq!(exchange(connect(dual), b""), b"", "a silent connection is closed");
    let early = connect(dedicated);
    early.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(exchange(&early, b""), b"");

    for (listener, reason, count) in [
        (dual, "policy_served", 100),
        (dual, "handed_on", 100),
        (dual, "mismatch", 3),
        (dual, "silent", 1),
        (dual, "ended_early", 0),
        (dedicated, "policy_served", 100),
        (dedicated, "not_policy", 3),
        (dedicated, "ended_early", 1),
        (dedicated, "mismatch", 0),
        (dual, "refused_full", 0),
    ] {
        let line = format!(r#"policy_server_connections_total{{listener="{listener}",reason="{reason}"}}"#);
        server.expect_metric(&line, count);
    }
    server.expect_metric("policy_server_connections_open", 0);
}

#[test]
fn bounds_hold_for_all_ports_together() {
    let server = Server::start(&[
        "--listen",
        "127.0.0.1:0",
        "--policy-only",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--allow",
        "a.com:8080",
        "--max-connections",
        "2",
        "--first-byte",
        "1min",
    ]);
    let (dual, dedicated) = (server.address("listen"), server.address("policy-only"));
    let silent = [connect(dual), connect(dedicated)];
    server.expect_metric("policy_server_connections_open", 2);
    let mut third = connect(dual);
    assert!(third.read(&mut [0]).is_ok_and(|n| n == 0) || third.write_all(REQUEST).is_err());
    let line = |listener| {
        format!(r#"policy_server_connections_total{{listener="{listener}",reason="refused_full"}}"#)
    };
    server.expect_metric(&line(dual), 1);
    drop(silent);
    server.expect_metric("policy_server_connections_open", 0);
    policy_of(dual);
}

#[test]
fn a_crowd_that_says_nothing_or_half_of_it_delays_no_answer() {
    let args =
        ["--listen", "127.0.0.1:0", "--allow", "a.com:8080", "--first-byte", "1min", "--request", "1min"];
    let server = Server::start(&args);
    let crowd: Vec<_> = (0..1000)
        .map(|i| {
            let mut stream = server.connect();
            if i % 2 == 0 {
                stream.write_all(&REQUEST[..1 + i % 22]).unwrap();
            }
            stream
        })
        .collect();
    let slowest = (0..200).map(|_| {
        let start = std::time::Instant::now();
        policy_of(server.address("listen"));
        start.elapsed()
    });
    // A player gives up after 3 s.
    assert!(slowest.max() < Some(std::time::Duration::from_secs(3)));
    drop(crowd);
}
