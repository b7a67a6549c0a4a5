//! Every example that has a page: it starts, serves what its page needs and nothing from elsewhere, and ends with Ctrl-C.

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use support::{Example, program};

const EXAMPLES: [&str; 7] =
    ["chat", "hessian_comet", "publish_from_java", "tennis", "ticker", "timer", "weather"];

/// Addresses that `text` loads or imports.
fn loaded(text: &str) -> Vec<&str> {
    let after = |mark: &'static str| text.split(mark).skip(1).filter_map(|rest| rest.split('"').next());
    ["src=\"", "href=\"", "from \""].into_iter().flat_map(after).collect()
}

#[test]
fn each_serves_its_page_and_all_that_it_loads() {
    for name in EXAMPLES {
        let example = Example::start(name, &[]);
        let page = example.get("/");
        assert!(page.starts_with("HTTP/1.0 200 OK\r\n"), "{name}: {page}");
        assert!(page.contains("content-security-policy: default-src 'none';"), "{name}: {page}");
        for part in
            ["<html lang=\"en\">", "<meta name=\"viewport\"", "/web/look.css", "/page.js", "<noscript>"]
        {
            assert!(page.contains(part), "{name}: no {part}");
        }
        let script = example.get("/page.js");
        let loaded = [loaded(&page), loaded(&script)].concat();
        assert!(loaded.len() >= 4, "{name}: {loaded:?}");
        for address in loaded.into_iter().filter(|address| !address.starts_with("data:")) {
            assert!(address.starts_with('/') && !address.starts_with("//"), "{name} loads {address}");
            let answer = example.get(address);
            assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{name}: {address}: {answer}");
            let kind = if address.ends_with(".css") { "text/css" } else { "text/javascript" };
            assert!(
                answer.contains(&format!("content-type: {kind}; charset=utf-8\r\n")),
                "{name}: {address}: {answer}"
            );
        }
        example.stop();
    }
}

#[test]
fn each_says_so_when_the_port_is_taken_or_an_option_is_none() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for name in EXAMPLES {
        let run = |arguments: &[&str]| {
            let output = Command::new(program(name)).args(arguments).output().unwrap();
            assert!(!output.status.success(), "{name} {arguments:?}");
            String::from_utf8(output.stderr).unwrap()
        };
        let told = run(&["--listen", &address]);
        assert!(told.contains("--listen ADDRESS:PORT") && told.contains(&address), "{name}: {told}");
        let told = run(&["--listen", "nowhere"]);
        assert!(told.contains("invalid value 'nowhere' for '--listen <ADDRESS:PORT>'"), "{name}: {told}");
    }
}

/// Who streams is told to come back, and holds up nobody.
#[test]
fn a_server_that_stops_tells_its_readers() {
    let example = Example::start("timer", &[]);
    let mut reader = TcpStream::connect(example.address).unwrap();
    reader.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    reader.write_all(b"GET /comet HTTP/1.0\r\n\r\n").unwrap();
    let mut text = Vec::new();
    while !text.windows(9).any(|nine| nine == b"</script>") {
        let mut bytes = [0; 4096];
        let read = reader.read(&mut bytes).unwrap();
        assert!(read > 0, "{}", text.escape_ascii());
        text.extend_from_slice(&bytes[..read]);
    }
    example.stop();
    reader.read_to_end(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("comet_call(\"comet_end\", \"rotate\", null);"), "{text}");
}
