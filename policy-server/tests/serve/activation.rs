//! Sockets from the service manager, and what it is told.

use std::{
    net::TcpListener,
    os::{
        fd::OwnedFd,
        unix::net::{UnixDatagram, UnixListener},
    },
    process::Command,
};

use nix::sys::signal::Signal;

use crate::harness::{Folder, PATIENCE, Server, binary, policy_of, policy_of_unix, policy_text};

/// Passes a socket as service managers do: as descriptor 3, with the process's own number in `LISTEN_PID`,
/// which a shell knows.
pub(crate) fn activated(socket: impl Into<OwnedFd>, name: &str, program: &str, args: &[&str]) -> Command {
    let script = "LISTEN_PID=$$; export LISTEN_PID; exec \"$0\" \"$@\" 3<&0 0</dev/null";
    let mut command = Command::new("sh");
    command.args(["-c", script, program]).args(args);
    command.env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", name).stdin(socket.into());
    command
}

#[test]
fn sockets_are_taken_by_name_and_by_number() {
    for (asked, threads) in [("fd:http", "1"), ("fd:3", "2")] {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let args = ["serve", "--listen", asked, "--allow", "a.com:8080", "--threads", threads];
        let server = Server::start_command(activated(socket, "http", binary(), &args));
        assert_eq!(server.address("listen"), address);
        assert!(policy_of(address).contains("a.com"));
    }
}

#[test]
fn a_unix_socket_is_taken_and_its_file_stays() {
    let folder = Folder::new();
    let path = folder.path("p.sock");
    let socket = UnixListener::bind(&path).unwrap();
    let args = ["serve", "--policy-only", "fd:policy", "--allow", "a.com:8080"];
    let server = Server::start_command(activated(socket, "policy", binary(), &args));
    assert!(policy_of_unix(&path).contains("a.com"));
    assert_eq!(server.names("policy-only"), [format!("unix:{}", path.display())]);
    server.stop();
    assert!(path.exists(), "it is the manager's");
}

#[test]
fn a_name_that_was_not_passed_is_told_with_those_that_were() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let args = ["serve", "--listen", "fd:web", "--allow", "a.com:8080"];
    let output = activated(socket, "http", binary(), &args).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("no socket fd:web was passed by the service manager; it passed fd:3 \"http\""),
        "{error}"
    );
}

#[test]
fn a_socket_that_is_not_used_is_told() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--allow", "a.com:8080"];
    let server = Server::start_command(activated(socket, "http", binary(), &args));
    server.expect_log("a passed socket is not used");
}

#[test]
fn the_manager_is_told_of_each_change() {
    let folder = Folder::new();
    let manager = UnixDatagram::bind(folder.path("notify")).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut buffer = [0; 512];
        let n = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..n].to_vec()).unwrap()
    };
    let file = folder.write("policy.xml", &policy_text("a.com"));
    let mut command = Command::new(binary());
    command.args(["serve", "--listen", "127.0.0.1:0", "--policy", &file]);
    command.env("NOTIFY_SOCKET", folder.path("notify"));
    let server = Server::start_command(command);
    assert_eq!(told(), "READY=1\n");
    server.signal(Signal::SIGHUP);
    let reloading = told();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(told(), "READY=1\n");
    server.signal(Signal::SIGTERM);
    assert_eq!(told(), "STOPPING=1\n");
    assert!(server.wait().0.success());
}
