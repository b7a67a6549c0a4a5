//! What is asked for wrongly is one clear line and exit code 2.

use std::net::TcpListener;

use crate::harness::{Folder, run};

fn refused(args: &[&str]) -> String {
    let (code, out, error) = run(&[&["serve"][..], args].concat());
    assert_eq!((code, out.as_str()), (Some(2), ""), "{error}");
    // Logs may stand before it.
    let line = error.lines().find(|line| line.starts_with("policy-server: ") || line.starts_with("error: "));
    line.unwrap_or_else(|| panic!("no error in {error:?}")).to_owned()
}

#[test]
fn each_mistake_says_what_to_do() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let bad = folder.write("bad.xml", "<cross-domain-policy>\n<allow-access-from/>\n</cross-domain-policy>");
    let large = folder.write("large.xml", &" ".repeat(20_001));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let unix = format!("unix:{}", folder.text("twice.sock"));
    let missing = folder.text("missing.xml");
    let in_no_folder = format!("unix:{}", folder.text("none/p.sock"));
    let not_socket = format!("unix:{bad}");
    let any = ["--listen", "127.0.0.1:0"];
    let allow = ["--allow", "a.com:8080"];
    let cases: &[(&[&[&str]], &str)] = &[
        (&[&any], "no policy to serve; give --policy FILE, or --allow DOMAIN:PORTS"),
        (&[&allow], "--listen <ADDR>"),
        (&[&any, &["--allow", "*foo.com:80"]], "domain: "),
        (&[&any, &["--policy", &missing]], "missing.xml: cannot be read: No such file"),
        (
            &[&any, &["--policy", &bad]],
            "bad.xml: line 2: <allow-access-from> lacks the attribute `domain`; correct",
        ),
        (
            &[&any, &["--policy", &large]],
            "large.xml: cannot be read: 20001 bytes; a policy file may have 20000",
        ),
        (&[&any, &["--policy", "/dev/zero"]], "/dev/zero: cannot be read: not an ordinary file"),
        (&[&allow, &["--listen", &taken]], "in use (os error 98); end the program that listens there"),
        (&[&allow, &["--listen", &taken, "--threads", "2"]], "in use (os error 98); end the program"),
        (&[&allow, &["--listen", "192.0.2.1:0"]], "give --listen an address of this host"),
        (&[&allow, &["--listen", "8080"]], "no port; write HOST:PORT"),
        (&[&allow, &["--listen", "no-such-host.invalid:80"]], "cannot listen on no-such-host.invalid:80"),
        (&[&allow, &["--listen", &in_no_folder]], "none/p.sock: No such file"),
        (
            &[&allow, &["--listen", &free, "--policy-only", &free]],
            " is given twice, the first time with --listen; give each address once",
        ),
        (&[&allow, &["--listen", &unix, "--admin", &unix]], "twice.sock is given twice"),
        (&[&allow, &["--listen", &not_socket]], "bad.xml: Address already in use"),
        (&[&allow, &["--listen", "fd:http"]], "no socket fd:http was passed by the service manager"),
        (
            &[&allow, &any, &["--user", "no-such-user"]],
            "no user \"no-such-user\"; `getent passwd` lists them",
        ),
        (&[&allow, &any, &["--user", "root"]], "root is what is to be given up"),
        (
            &[&allow, &any, &["--upstream", "no-such-host.invalid:80"]],
            "the upstream no-such-host.invalid:80: cannot be found: ",
        ),
        (&[&allow, &any, &["--upstream", "here"]], "no port; write HOST:PORT"),
        (&[&allow, &any, &["--proxy-protocol", "v1"]], "--upstream <ADDR>"),
        (&[&allow, &["--policy-only", "127.0.0.1:0", "--upstream", "127.0.0.1:1"]], "--listen <ADDR>"),
        (&[&allow, &any, &["--max-connections", "0"]], "0 would let nobody in"),
        (&[&allow, &any, &["--proxy-protocol", "v3", "--upstream", "127.0.0.1:1"]], "invalid value 'v3'"),
        (&[&allow, &any, &["--policy", &bad]], "cannot be used with"),
        (&[&allow, &any, &["--answer", "5"]], "write a number and its unit"),
        (&[&allow, &any, &["--unix-mode", "9"]], "access rights in octal"),
        (&[&allow, &any, &["--threads", "0"]], "'--threads <N>'"),
    ];
    for (args, expected) in cases {
        let args = args.concat();
        let (code, out, error) = run(&[&["serve"][..], &args].concat());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}: {error}");
        assert!(error.contains(expected), "{args:?}: expected {expected:?} in {error}");
        refused(&args);
    }
}

#[test]
fn a_server_is_not_put_in_front_of_itself() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = Folder::new();
    std::os::unix::fs::symlink(folder.path("own.sock"), folder.path("link.sock")).unwrap();
    let tcp = |host: &str| format!("{host}:{port}");
    let unix = |name: &str| format!("unix:{}", folder.text(name));
    for (listen, upstream) in [
        (tcp("0.0.0.0"), tcp("127.0.0.1")),
        (tcp("127.0.0.1"), tcp("0.0.0.0")),
        (tcp("127.0.0.1"), tcp("localhost")),
        (unix("own.sock"), unix("own.sock")),
        (unix("own.sock"), unix("link.sock")),
    ] {
        let error = refused(&["--listen", &listen, "--upstream", &upstream, "--allow", "a.com:80"]);
        assert!(error.contains("is this server itself"), "{listen}, {upstream}: {error}");
    }
}

#[test]
fn help_has_examples_and_the_exit_codes() {
    let (code, out, _) = run(&["serve", "--help"]);
    assert_eq!(code, Some(0));
    for text in
        ["Examples:", "--upstream 127.0.0.1:8080", "Exit codes: 0", "[default: 65536]", "--first-byte"]
    {
        assert!(out.contains(text), "{text} in {out}");
    }
}

#[test]
fn a_filter_that_is_none_is_told() {
    let mut command = std::process::Command::new(crate::harness::binary());
    command.args(["serve", "--listen", "127.0.0.1:0", "--allow", "a.com:80"]).env("RUST_LOG", "x=y=z");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("policy-server: RUST_LOG=\"x=y=z\": "), "{error}");
}
