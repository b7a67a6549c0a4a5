//! Where settings come from, and what is said about wrong ones.

use crate::harness::{Folder, Server, policy_of, serve};

fn run(args: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let output = serve(args).envs(environment.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_printed_file_starts_the_same_server() {
    let folder = Folder::new();
    let first =
        folder.write("first.toml", "listen = ['127.0.0.1:0']\n[limits]\nstall = '7s'\nheartbeat = '7s'\n");
    let args = [
        "--config",
        &first,
        "--set",
        "limits.heartbeat=9s",
        "--origin",
        "https://a.example",
        "--print-config",
    ];
    let (code, printed, stderr) = run(&args, &[("PUSH_SERVER_LIMITS_WS_CLOSE", "8s")]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for line in
        ["stall = \"7s\"", "heartbeat = \"9s\"", "ws_close = \"8s\"", "origins = [\"https://a.example\"]"]
    {
        assert!(printed.lines().any(|printed| printed == line), "{line}\n{printed}");
    }
    let second = folder.write("second.toml", &printed);
    assert_eq!(run(&["--config", &second, "--print-config"], &[]), (Some(0), printed, String::new()));
    let server = Server::start_command(serve(&["--config", &second]));
    let answer = server.get("/streams/news/xhr?rotate=1");
    assert!(answer.body.contains("\"heartbeat\":9"), "{answer:?}");
}

/// What a server answers to all kinds of requests, without what differs from one process to the next.
fn answers(server: &Server) -> Vec<String> {
    let origin = |origin: &str| {
        format!(
            "GET /streams/news/ws?rotate=1 HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\nConnection: upgrade, close\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    };
    let post = |length: usize| {
        let body = "1".repeat(length);
        format!(
            "POST /streams/news/messages HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let get = |path: &str| format!("GET {path} HTTP/1.0\r\n\r\n");
    let requests = [
        get("/"),
        get("/crossdomain.xml"),
        get("/healthz"),
        get("/metrics"),
        get("/streams/news/xhr?rotate=1"),
        get("/streams/news/poll"),
        get("/streams/%20/sse"),
        get(&format!("/{}", "x".repeat(9_000))),
        post(100),
        post(2_000),
        origin("https://a.example"),
        origin("https://b.example"),
    ];
    let ports = [server.clients().port(), server.address("policy-only").port()].map(|port| port.to_string());
    let plain = |text: String| ports.iter().fold(text, |text, port| text.replace(port, "PORT"));
    let (head_lines, epoch) = (["date: ", "x-"], server.get("/streams/news/poll").head);
    let epoch =
        epoch.split("push-position: ").nth(1).and_then(|rest| rest.split(':').next()).unwrap().to_owned();
    let answer = |request: &String| {
        let answer = crate::harness::ask(server.clients(), request);
        let head: Vec<_> = answer
            .head
            .lines()
            .filter(|line| !head_lines.iter().any(|start| line.starts_with(start)))
            .collect();
        plain(format!("{}\n{}", head.join("\n"), answer.body)).replace(&epoch, "EPOCH")
    };
    let mut answers: Vec<_> = requests.iter().map(answer).collect();
    answers.push(plain(policy_of(server.clients())));
    answers.push(plain(policy_of(server.address("policy-only"))));
    answers
}

#[test]
fn a_server_of_the_printed_file_answers_as_the_one_that_was_printed() {
    let folder = Folder::new();
    let file = folder.write(
        "push.toml",
        "listen = ['127.0.0.1:0']\npolicy = {listen = ['127.0.0.1:0'], allow = ['a.example', '*.b.example:80']}\n\
         [limits]\nmessage_bytes = '1KiB'\nheader_bytes = '8KiB'\npoll_interval = '9s'\n",
    );
    let args = ["--config", &file, "--origin", "https://a.example", "--public", "all"];
    let variables =
        [("PUSH_SERVER_LIMITS_HEARTBEAT", "3s"), ("PUSH_SERVER_PORT_CONNECTIONS_PER_ADDRESS", "99")];
    let (code, printed, stderr) = run(&[&args[..], &["--print-config"]].concat(), &variables);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let printed = folder.write("printed.toml", &printed);
    let mut first = serve(&args);
    first.envs(variables);
    let (first, second) =
        (Server::start_command(first), Server::start_command(serve(&["--config", &printed])));
    let (of_first, of_second) = (answers(&first), answers(&second));
    for (one, other) in of_first.iter().zip(&of_second) {
        if !one.contains("push_server_uptime_seconds") {
            assert_eq!(one, other);
        }
    }
    // They are not all alike because they are all refusals.
    for (index, says) in
        [(0, "push-server:"), (1, "a.example"), (4, "\"heartbeat\":3"), (5, "\"next\":9"), (9, " 413 ")]
    {
        assert!(of_first[index].contains(says), "{}", of_first[index]);
    }
    assert!(of_first[10].contains(" 101 ") && of_first[11].contains(" 403 "), "{of_first:#?}");
}

#[test]
fn everything_that_is_wrong_is_told_in_a_line_each_and_ends_with_2() {
    let folder = Folder::new();
    let file = folder.write("push.toml", "[limits]\nstall = 30\nlisten = 1\n");
    let (code, _, stderr) = run(&["--config", &file, "--drain-window", "soon", "--set", "x"], &[]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("--set \"x\": no value; write KEY=VALUE"), "{stderr}");
    let environment = [("PUSH_SERVER_STALL", "1s"), ("PUSH_SERVER_CONFIG", file.as_str())];
    let (code, _, stderr) = run(&["--drain-window", "soon"], &environment);
    assert_eq!(code, Some(2));
    let expected = [
        format!("push-server: {file}, line 2: limits.stall: found the number 30; expected a time of 100ms at least with its unit, such as \"30s\""),
        format!("push-server: {file}, line 3: there is no key \"limits.listen\"; did you mean listen?"),
        "push-server: environment, \"PUSH_SERVER_STALL\": there is no such variable; did you mean ".to_owned(),
        "push-server: --drain-window: drain.window: found \"soon\"; expected a time from 0s to 1h with its unit".to_owned(),
    ];
    for expected in &expected {
        assert!(stderr.lines().any(|line| line.starts_with(expected.as_str())), "{expected}\n{stderr}");
    }
    assert_eq!(stderr.lines().count(), expected.len(), "{stderr}");
}

#[test]
fn settings_can_be_checked_without_serving() {
    let folder = Folder::new();
    let right = folder.write("push.toml", "[policy]\nallow = ['a.example:80']\n");
    assert_eq!(run(&["--config", &right, "--check-config"], &[]).0, Some(0));
    let policy =
        folder.write("policy.xml", "<cross-domain-policy><allow-access-from/></cross-domain-policy>");
    let (code, _, stderr) = run(&["--policy", &policy, "--check-config"], &[]);
    assert!(code == Some(2) && stderr.contains("policy.file: ") && stderr.contains("line 1"), "{stderr}");
    // What is wrong in one file does not hide what is wrong in another.
    let args = ["--policy", &policy, "--set", "access.publish_token_file=/nowhere", "--check-config"];
    let (code, _, stderr) = run(&args, &[]);
    assert!(
        code == Some(2) && stderr.contains("policy.file: ") && stderr.contains("access.publish_token_file: "),
        "{stderr}"
    );
}

#[test]
fn an_address_that_is_taken_is_told_with_its_key() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, stderr) = run(&["--listen", "127.0.0.1:0", "--admin", &address], &[]);
    assert_eq!((code, stderr.lines().count()), (Some(2), 1), "{stderr}");
    assert!(stderr.starts_with("push-server: admin.listen: ") && stderr.contains(&address), "{stderr}");
}

#[test]
fn several_ports_serve_the_same_streams_and_the_policy() {
    let server =
        Server::start(&["--listen", "[::1]:0", "--policy-only", "127.0.0.1:0", "--allow", "a.example"]);
    let log = server.log();
    let mut reader = server.read("/streams/news/sse");
    reader.until("\r\n");
    let (first, policy) = (server.clients(), policy_of(server.address("policy-only")));
    assert!(
        policy.contains("domain=\"a.example\"") && policy.contains(&first.port().to_string()),
        "{policy} {log}"
    );
    assert_eq!(policy_of(first), policy, "the same on the port of the streams");
    let url_policy = server.get("/crossdomain.xml");
    assert!(
        url_policy.body.contains("domain=\"a.example\"") && !url_policy.body.contains("to-ports"),
        "{url_policy:?}"
    );
    // What is no policy request is closed there without a word.
    let mut other = std::net::TcpStream::connect(server.address("policy-only")).unwrap();
    std::io::Write::write_all(&mut other, b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut other, &mut answer);
    assert!(answer.is_empty());
}
