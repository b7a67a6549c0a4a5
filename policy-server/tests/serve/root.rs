//! Ports 80 and 843 without serving as root. These tests need root to begin with, and leave with a note else.

use std::{
    fs,
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::fs::PermissionsExt as _,
    process::Command,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};

use crate::{
    activation::activated,
    harness::{Folder, PATIENCE, Server, binary, end_of, get, policy_of, policy_text},
};

/// A loopback address of each test's own, so that whatever has port 80 of the others is left alone.
fn may_run(test: &str, address: &str) -> bool {
    let is_free = |port: u16| TcpListener::bind((address, port)).is_ok();
    let may = geteuid().is_root() && is_free(80) && is_free(843);
    if !may {
        eprintln!("{test}: left out, it needs root and the ports 80 and 843 of {address}");
    }
    may
}

/// The real, effective, saved and file-system ids, and the effective capabilities.
fn identity(server: &Server) -> (String, String, String) {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    (field("Uid:"), field("Gid:"), field("CapEff:"))
}

const NOBODY: &str = "65534 65534 65534 65534";
const CAP_NET_BIND_SERVICE: u64 = 1 << 10;

fn serves(server: &Server) {
    assert_eq!(server.address("listen").port(), 80);
    assert!(policy_of(server.address("listen")).contains("www.example.com"));
    assert!(get(server.address("listen"), "/crossdomain.xml").1.contains("www.example.com"));
    for name in server.names("policy-only") {
        assert!(policy_of(name.parse().unwrap()).contains("www.example.com"));
    }
}

#[test]
fn root_binds_and_becomes_another_user() {
    if !may_run("bind-then-drop", "127.0.0.80") {
        return;
    }
    let folder = Folder::new();
    fs::set_permissions(folder.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.write("policy.xml", &policy_text("www.example.com"));
    let unix = format!("unix:{}", folder.text("p.sock"));
    let server = Server::start(&[
        "--listen",
        "127.0.0.80:80",
        "--policy-only",
        "127.0.0.80:843",
        "--listen",
        &unix,
        "--policy",
        &file,
        "--user",
        "nobody",
        "--threads",
        "2",
    ]);
    serves(&server);
    let (uid, gid, capabilities) = identity(&server);
    assert_eq!((uid.as_str(), gid.as_str(), capabilities.as_str()), (NOBODY, NOBODY, "0000000000000000"));
    // Every thread, not the first alone.
    for thread in fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap() {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert!(status.contains("\nUid:\t65534\t65534\t65534\t65534\n"), "{status}");
        assert!(status.contains("\nGroups:\t65534 \n"), "{status}");
    }
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(folder.path("p.sock")).unwrap());
    assert_eq!(owner, 65534, "the Unix socket is the user's");
    // It can still reload.
    folder.write("policy.xml", &policy_text("new.www.example.com"));
    server.signal(Signal::SIGHUP);
    server.expect_log("policy reloaded");
    serves(&server);
    // The folder is root's.
    let (_, log) = server.stop();
    assert!(log.contains("the file of the socket is left behind"), "{log}");
}

#[test]
fn a_file_that_the_user_cannot_read_is_told_at_the_start() {
    if !geteuid().is_root() {
        return eprintln!("left out, it needs root");
    }
    let folder = Folder::new();
    let file = folder.write("policy.xml", &policy_text("www.example.com"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--policy", &file, "--user", "nobody"];
    let (code, _, error) = crate::harness::run(&args);
    assert_eq!(code, Some(2));
    assert!(
        error.contains("policy.xml: cannot be read: Permission denied (os error 13) (as the user nobody)"),
        "{error}"
    );
}

#[test]
fn a_signal_ends_a_start_that_waits_for_a_resolver() {
    const RESOLVER: &str = "127.0.0.83";
    let Ok(resolver) = UdpSocket::bind((RESOLVER, 53)) else {
        return eprintln!("left out, it needs root and port 53 of {RESOLVER}");
    };
    resolver.set_read_timeout(Some(PATIENCE)).unwrap();
    let folder = Folder::new();
    let conf = folder.write("resolv.conf", &format!("nameserver {RESOLVER}\noptions timeout:30\n"));
    let may = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c"])
            .arg(format!("mount --bind {conf} /etc/resolv.conf && {script}"));
        command
    };
    if !may("true").status().is_ok_and(|status| status.success()) {
        return eprintln!("left out, it needs a mount namespace of its own");
    }
    let program = binary();
    let mut child =
        may(&format!("exec {program} serve --listen 127.0.0.1:0 --allow a.com:80 --upstream app.example:80"))
            .spawn()
            .unwrap();
    // Asked, and never answered.
    resolver.recv(&mut [0; 512]).unwrap();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(end_of(&mut child).expect("it ends").code(), Some(0));
}

/// `nobody` may not look into the folder where the binary was built.
fn copied_binary(folder: &Folder) -> String {
    fs::set_permissions(folder.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.text("policy-server");
    fs::copy(binary(), &path).unwrap();
    path
}

const AS_NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

#[test]
fn a_capability_is_enough() {
    if !may_run("capability", "127.0.0.81") {
        return;
    }
    let folder = Folder::new();
    let program = copied_binary(&folder);
    let serve = [
        "serve",
        "--listen",
        "127.0.0.81:80",
        "--policy-only",
        "127.0.0.81:843",
        "--allow",
        "www.example.com:8080",
    ];
    let mut command = Command::new("setpriv");
    command
        .args(AS_NOBODY)
        .args(["--inh-caps=-all,+net_bind_service", "--ambient-caps=-all,+net_bind_service"]);
    command.arg("--bounding-set=-all,+net_bind_service").arg(&program).args(serve);
    let server = Server::start_command(command);
    serves(&server);
    let (uid, _, capabilities) = identity(&server);
    let capabilities = u64::from_str_radix(&capabilities, 16).unwrap();
    assert_eq!((uid.as_str(), capabilities), (NOBODY, CAP_NET_BIND_SERVICE));
    drop(server);

    // And without it, the message says what is missing.
    let output = Command::new("setpriv").args(AS_NOBODY).arg(&program).args(serve).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    if unprivileged_from_80() {
        return eprintln!("anybody may bind port 80 here");
    }
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("Permission denied (os error 13); for a port below 1024 start as root with --user"),
        "{error}"
    );
}

/// Some containers let everybody bind every port.
fn unprivileged_from_80() -> bool {
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    first.trim().parse::<u16>().is_ok_and(|first| first <= 80)
}

#[test]
fn who_is_the_user_already_is_verified_as_well() {
    if !geteuid().is_root() {
        return eprintln!("left out, it needs root");
    }
    let folder = Folder::new();
    let program = copied_binary(&folder);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--groups=0", &program, "serve"]);
    command.args(["--listen", "127.0.0.1:0", "--allow", "a.com:8080", "--user", "nobody"]);
    let (code, _, error) = crate::harness::run_command(command);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("still in the group of root after becoming nobody"), "{error}");
}

#[test]
fn a_socket_from_the_manager_needs_no_right_at_all() {
    if !may_run("socket activation", "127.0.0.82") {
        return;
    }
    let folder = Folder::new();
    let program = copied_binary(&folder);
    let socket = TcpListener::bind("127.0.0.82:80").unwrap();
    let mut args = AS_NOBODY.to_vec();
    args.extend(["--bounding-set=-all", "--no-new-privs", &program]);
    args.extend(["serve", "--listen", "fd:http", "--allow", "www.example.com:8080"]);
    let server = Server::start_command(activated(socket, "http", "setpriv", &args));
    serves(&server);
    let (uid, gid, capabilities) = identity(&server);
    assert_eq!((uid.as_str(), gid.as_str(), capabilities.as_str()), (NOBODY, NOBODY, "0000000000000000"));
    assert!(TcpStream::connect("127.0.0.82:843").is_err());
}
