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
