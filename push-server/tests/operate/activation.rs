//! Sockets from the service manager, and what it is told.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use crate::harness::{Folder, PATIENCE, Reader, Server, binary, get, policy_of};

/// Passes two sockets as service managers do: as descriptors 3 and 4, with the process's own number in `LISTEN_PID`, which
/// a shell knows. They stay open here, as they do there.
fn activated(http: &TcpListener, policy: &TcpListener, args: &[&str]) -> Command {
    activate(&[binary()], http, policy, args)
}

fn activate(program: &[&str], http: &TcpListener, policy: &TcpListener, args: &[&str]) -> Command {
    let script = "exec 3<&\"$HTTP_FD\" 4<&\"$POLICY_FD\"; LISTEN_PID=$$; export LISTEN_PID; exec \"$@\"";
    let mut command = Command::new("bash");
    command.args(["-c", script, "activate"]).args(program).arg("serve").args(args).env_remove("RUST_LOG");
    for (name, socket) in [("HTTP_FD", http), ("POLICY_FD", policy)] {
        // Not to be closed when the shell begins.
        rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::empty()).unwrap();
        command.env(name, socket.as_raw_fd().to_string());
    }
    command.env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", "http:policy");
    command
}

const ARGS: [&str; 6] = ["--listen", "fd:http", "--policy-only", "fd:policy", "--drain-window", "0s"];

#[test]
fn sockets_are_taken_by_name_and_nobody_meets_a_closed_port_while_the_server_is_replaced() {
    let (http, policy) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (address, of_policy) = (http.local_addr().unwrap(), policy.local_addr().unwrap());
    let mut first = Server::start_command(activated(&http, &policy, &ARGS));
    assert_eq!((first.clients(), first.address("policy-only")), (address, of_policy));
    assert!(policy_of(of_policy).contains(&address.port().to_string()));
    let reader = Reader::new(address, "/streams/news/sse");
    first.signal("TERM");
    assert!(reader.rest().contains("event: "));
    assert_eq!(first.status().code(), Some(0), "{}", first.log());
    // In between: the system keeps who comes.
    let waiting = std::thread::spawn(move || get(address, "/readyz").body);
    let _second = Server::start_command(activated(&http, &policy, &ARGS));
    assert_eq!(waiting.join().unwrap(), "ready\n");
}

#[test]
fn the_manager_is_told_of_each_step() {
    let folder = Folder::new();
    let manager = UnixDatagram::bind(folder.path("notify")).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = || {
        let mut text = [0; 256];
        let length = manager.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let mut command = crate::harness::serve(&["--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", folder.path("notify"));
    let mut server = Server::start_command(command);
    assert!(heard().contains("READY=1"));
    server.signal("HUP");
    let reloading = heard();
    assert!(reloading.contains("RELOADING=1") && reloading.contains("MONOTONIC_USEC="), "{reloading}");
    assert!(heard().contains("READY=1"));
    server.signal("TERM");
    assert!(heard().contains("STOPPING=1"));
    assert_eq!(server.status().code(), Some(0));
}

/// Ports below 1024, opened by the manager, and a server that may do nothing at all. Needs root to begin with.
#[test]
fn an_ordinary_user_serves_ports_80_and_843() {
    // Loopback addresses of its own, so that whatever has these ports of the others is left alone.
    let bind = |port: u16| TcpListener::bind(("127.0.0.83", port));
    let (true, Ok(http), Ok(policy)) = (rustix::process::geteuid().is_root(), bind(80), bind(843)) else {
        return eprintln!("left out: it needs root and the ports 80 and 843 of 127.0.0.83");
    };
    let folder = Folder::new();
    // Where everybody may look, as /usr/local/bin is.
    std::fs::set_permissions(folder.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path("push-server");
    std::fs::copy(binary(), &program).unwrap();
    let file = folder.write("push-server.toml", include_str!("../../systemd/push-server.toml"));
    let user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--bounding-set=-all"];
    let program = [&user[..], &["--no-new-privs", program.to_str().unwrap()]].concat();
    let args = ["--config", &file, "--listen", "fd:http", "--policy-only", "fd:policy"];
    let server = Server::start_command(activate(&program, &http, &policy, &args));
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    for line in ["Uid:\t65534\t65534\t65534\t65534", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"]
    {
        assert!(status.contains(line), "{line}\n{status}");
    }
    let (http, policy) = (server.clients(), server.address("policy-only"));
    assert_eq!((http.port(), policy.port()), (80, 843));
    assert_eq!(server.publish("news", "1").status, 200);
    assert_eq!(policy_of(policy), policy_of(http));
    assert!(policy_of(policy).contains("to-ports=\"80\""));
}

/// The unit files name options and sockets that there are.
#[test]
fn the_units_start_what_there_is() {
    let service = include_str!("../../systemd/push-server.service");
    let sockets = [
        include_str!("../../systemd/push-server.socket"),
        include_str!("../../systemd/push-server-843.socket"),
    ];
    let command = service.replace("\\\n", " ");
    let command = command.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let mut words = command.split_whitespace();
    assert_eq!(words.next(), Some("/usr/local/bin/push-server"));
    let args: Vec<_> = words.skip(1).collect();
    for name in args.iter().filter_map(|word| word.strip_prefix("fd:")) {
        let line = format!("FileDescriptorName={name}\n");
        assert!(sockets.iter().any(|socket| socket.contains(&line)), "{name}");
    }
    let (http, policy) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let folder = Folder::new();
    let file = folder.write("push-server.toml", include_str!("../../systemd/push-server.toml"));
    let args: Vec<_> = args
        .into_iter()
        .map(|word| match word {
            "/etc/push-server/push-server.toml" => file.as_str(),
            // Its own port may be taken on this machine.
            word if word.starts_with("127.0.0.1:") => "127.0.0.1:0",
            word => word,
        })
        .collect();
    let server = Server::start_command(activated(&http, &policy, &args));
    assert_eq!(get(server.address("admin"), "/readyz").status, 200);
    let mut byte = [0];
    let mut socket = TcpStream::connect(server.address("policy-only")).unwrap();
    std::io::Write::write_all(&mut socket, b"<policy-file-request/>\0").unwrap();
    assert_eq!(socket.read(&mut byte).unwrap(), 1);
}
