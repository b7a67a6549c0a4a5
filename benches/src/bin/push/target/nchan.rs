//! nginx with nchan: one worker, EventSource subscribers, messages in memory.

use std::path::Path;
use std::process::{Command, Stdio};

use super::publish::Publisher;
use super::{Directory, Running, free_address, is_program};
use crate::form::stream_name;

/// Where Debian puts the module.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

pub(super) fn is_installed() -> bool {
    is_program("nginx") && Path::new(MODULE).is_file()
}

pub(super) fn start(streams: usize) -> anyhow::Result<Running> {
    let address = free_address()?;
    let directory = Directory::new("nchan")?;
    let place = directory.0.display();
    let configuration = format!(
        "load_module {MODULE};
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {place}/pid;
error_log {place}/error.log;
events {{ worker_connections 19900; }}
http {{
  access_log off;
  client_body_temp_path {place}/body;
  proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi;
  scgi_temp_path {place}/scgi;
  keepalive_requests 100000000;
  nchan_shared_memory_size 512M;
  nchan_message_buffer_length 1000;
  server {{
    listen {address} backlog=4096;
    location ~ ^/streams/(\\w+)/sse$ {{ nchan_subscriber eventsource; nchan_channel_id $1; }}
    location ~ ^/publish/(\\w+)$ {{ nchan_publisher; nchan_channel_id $1; }}
  }}
}}
"
    );
    let file = directory.write("nginx.conf", &configuration)?;
    let child =
        Command::new("nginx").arg("-c").arg(file).stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let request = |stream: usize, text: &str| (format!("/publish/{}", stream_name(stream)), text.to_owned());
    let publisher = Publisher::by_http(address, streams, request);
    Running::peer(child, address, publisher, "", directory)
}
