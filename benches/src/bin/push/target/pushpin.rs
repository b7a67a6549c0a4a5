//! pushpin: its runner with four processes, and an origin that tells it to hold every connection.
//!
//! The origin is a thread of this program, and zurl, which asks it, is not counted: both are at work only
//! while subscribers connect.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::publish::Publisher;
use super::{Directory, Running, free_address, is_program};
use crate::form::{stream_name, stream_number};

/// More requests at a time, and some are answered with 502.
const AT_ONCE: usize = 48;

pub(super) fn is_installed() -> bool {
    ["pushpin", "pushpin-proxy", "pushpin-handler", "condure", "zurl"].into_iter().all(is_program)
}

pub(super) fn start(streams: usize) -> anyhow::Result<Running> {
    let origin = origin()?;
    let (address, publish) = (free_address()?, free_address()?);
    let specs = [free_address()?, free_address()?, free_address()?];
    let directory = Directory::new("pushpin")?;
    let place = directory.0.display();
    let [push, subscribe, command] = specs;
    let (port, publish_port) = (address.port(), publish.port());
    let configuration = format!(
        "[global]
include={{libdir}}/internal.conf
rundir={place}
ipc_prefix=push-
port_offset=0
stats_connection_ttl=120

[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:{port}
logdir={place}
log_level=1
client_buffer_size=8192
client_maxconn=50000

[proxy]
routesfile={place}/routes
zurl_out_specs=ipc://{place}/push-zurl-in
zurl_out_stream_specs=ipc://{place}/push-zurl-in-stream
zurl_in_specs=ipc://{place}/push-zurl-out
updates_check=off

[handler]
push_in_spec=tcp://{push}
push_in_sub_specs=tcp://{subscribe}
push_in_http_addr=127.0.0.1
push_in_http_port={publish_port}
push_in_http_max_headers_size=10000
push_in_http_max_body_size=1000000
stats_spec=ipc://{place}/push-stats
command_spec=tcp://{command}
message_rate=100000000
message_hwm=1000000
message_wait=5000
id_cache_ttl=60
connection_subscription_max=20
subscription_linger=60
stats_subscription_ttl=60
stats_report_interval=10
stats_format=tnetstring
"
    );
    directory.write("routes", &format!("* {origin}\n"))?;
    let file = directory.write("pushpin.conf", &configuration)?;
    let log = std::fs::File::create(directory.0.join("runner.log")).context("a log")?;
    let child = Command::new("pushpin")
        .arg(format!("--config={}", file.display()))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let publisher = Publisher::by_http(publish, streams, request);
    let running = Running::peer(child, address, publisher, "zurl", directory)?;
    Ok(Running { at_once: AT_ONCE, ..running })
}

fn request(stream: usize, text: &str) -> (String, String) {
    let item = serde_json::json!({
        "channel": stream_name(stream),
        "formats": { "http-stream": { "content": format!("data: {text}\n\n") } },
    });
    ("/publish/".to_owned(), serde_json::json!({ "items": [item] }).to_string())
}

/// Answers every request with the instruction to hold it as a stream.
fn origin() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            std::thread::spawn(move || hold(&socket));
        }
    });
    Ok(address)
}

fn hold(socket: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(socket.try_clone()?);
    let mut writer = socket;
    loop {
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            if reader.read_line(&mut request)? == 0 {
                return Ok(());
            }
        }
        let stream = stream_name(stream_number(request.as_bytes()).unwrap_or(0));
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nGrip-Hold: stream\r\n\
             Grip-Channel: {stream}\r\nContent-Length: 0\r\n\r\n"
        );
        writer.write_all(answer.as_bytes())?;
    }
}
