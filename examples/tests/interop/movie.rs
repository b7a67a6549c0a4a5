//! The movie of `examples/flash/comet`: the committed one is what its source says, and reads what it should.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use policy_server::{ListenConfig, PolicyFile, Responder};
use push_server::controller::{self, Context, Controller, Flow, Form};
use push_server::{Epoch, Hub, Limits, Server};
use tower_http::services::ServeDir;

use crate::haxe;
use crate::page::Page;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("flash/comet")
}

#[test]
#[ignore = "needs haxe: bash .ci/interop.sh examples"]
fn the_committed_movie_is_what_its_source_says() {
    haxe::committed_is_what_its_source_gives(&folder(), "comet_client.swf");
}

/// The npm package.
pub(crate) fn ruffle() -> PathBuf {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/npm/node_modules/@ruffle-rs/ruffle");
    assert!(folder.exists(), "no Ruffle: bash .ci/packages.sh");
    folder
}

/// Plays the movie against one of the servers below, `play(0)` and so on, and shows what it tells.
const PAGE: &str = r#"<!doctype html><html lang="en"><title>movie</title><main id="told"></main><script>
window.RufflePlayer = { config: { autoplay: "on", unmuteOverlay: "hidden", splashScreen: false, allowScriptAccess: true } };
function play(server) {
  const player = window.RufflePlayer.newest().createPlayer(), told = document.createElement("p");
  document.querySelector("ruffle-player")?.remove();
  document.body.append(player);
  document.getElementById("told").replaceChildren(told);
  player.ruffle().addFSCommandHandler((event, text) => {
    if (event !== "connect" && event !== "head") told.append(`${event} ${text};`);
  });
  player.ruffle().load({
    url: "/comet_client.swf", parameters: { host: "old.example.com", port: "80" },
    socketProxy: [{ host: "old.example.com", port: 80, proxyUrl: `ws://${location.host}/says/${server}` }],
  });
}
</script><script src="/player/ruffle.js"></script>"#;

const HEAD: &[u8] = b"HTTP/1.0 200 OK\r\n\r\n";

/// Says these bytes, each piece in a message of its own.
struct Says(Vec<Vec<u8>>);

impl Controller for Says {
    async fn begin(&mut self, cx: &mut Context) -> controller::Result {
        for piece in &self.0 {
            cx.write(piece)?;
        }
        Ok(Flow::Suspend)
    }
}

/// Packets after a head, each with its length: `p` and `P` are followed by their data.
fn packets(packets: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = HEAD.to_vec();
    for (kind, data) in packets {
        bytes.push(*kind);
        bytes.extend_from_slice(&u16::try_from(data.len()).expect("a short one").to_be_bytes());
        bytes.extend_from_slice(data);
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver, and Ruffle from npm: bash .ci/interop.sh examples"]
async fn the_movie_reads_both_grammars_and_refuses_what_is_no_object() {
    const DRAFT: &[u8] = b"O\x11example.AddString\x91\x05valueo\x90\x02hi";
    const FINAL: &[u8] = b"C\x11example.AddString\x91\x05value\x60\x02hi";
    let whole = |data: &[u8]| vec![packets(&[(b'P', data)])];
    let accents = [b"o\x90\x06", "wörl€d".as_bytes()].concat();
    let long = [&b"o\x90S\x03\xe8"[..], "x".repeat(1000).as_bytes()].concat();
    let said = packets(&[
        (b'P', DRAFT),
        (b'P', b""),
        (b'p', &accents[..5]),
        (b'P', b""),
        (b'P', &accents[5..]),
        (b'P', &long),
    ]);
    let xs = "x".repeat(1000);
    let cases: Vec<(Vec<Vec<u8>>, String)> = vec![
        (whole(DRAFT), "line hi;".into()),
        (whole(FINAL), "line hi;".into()),
        // Objects over several packets, heartbeats, and every byte by itself.
        (said.iter().map(|byte| vec![*byte]).collect(), format!("line hi;line wörl€d;line {xs};")),
        (
            vec![[HEAD, b"<html>"].concat()],
            "error expected a packet, which begins with p or P, and read 0x3C;".into(),
        ),
        (vec![vec![b'x'; 17_000]], "error a response head of more than 16384 bytes;".into()),
        (
            whole(b"O\x0bexample.Foo\x91\x05valueo\x90\x02hi"),
            "error the movie has no class example.Foo;".into(),
        ),
        (
            whole(b"O\x13flash.net.URLLoader\x90o\x90"),
            "error the movie has no class flash.net.URLLoader;".into(),
        ),
        (whole(b"O\x13example.ClientState\x90o\x90"), "error an object came that is no Updater;".into()),
        (whole(b"o\x95\x02hi"), "error expected an object, and read 0x6F;".into()),
        (whole(b"N"), "error expected an object, and read 0x4E;".into()),
        (whole(&DRAFT[..DRAFT.len() - 1]), "error an object is cut short;".into()),
        (whole(&[DRAFT, b"!"].concat()), "error 1 bytes after an object;".into()),
        (
            whole(b"O\x11example.AddString\xc9\x2c"),
            "error a class of 300 fields, and at most 256 are read;".into(),
        ),
        (
            whole(b"O\x11example.AddString\x91\x05valueo\x90\x01\xff"),
            "error 0xFF begins no character;".into(),
        ),
    ];
    let hub = Hub::start(Epoch::new(1), Limits::default(), 1);
    let mut routes = Router::new()
        .route("/", get(async || Html(PAGE)))
        .route_service(
            "/comet_client.swf",
            tower_http::services::ServeFile::new(folder().join("comet_client.swf")),
        )
        .nest_service("/player", ServeDir::new(ruffle()));
    for (at, (said, _)) in cases.iter().enumerate() {
        let said = said.clone();
        let says = controller::route(Form::WsJson, move |_| Says(said.clone()));
        routes = routes.route(&format!("/says/{at}"), says);
    }
    let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).expect("a port of loopback");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let policy = PolicyFile::builder().build().expect("an empty policy");
    let serving = tokio::spawn(
        Server::new(hub, routes, Responder::new(&policy)).serve(listener, std::future::pending()),
    );

    let page = Page::open(&url).await;
    for (at, (_, expected)) in cases.iter().enumerate() {
        page.browser.page.execute(&format!("play({at});"), Vec::new()).await.expect("the page is open");
        page.until("#told", |told| told.len() >= expected.len() || told.starts_with("error ")).await;
        assert_eq!(page.text("#told").await, *expected, "server {at}");
    }
    page.close().await;
    serving.abort();
}
