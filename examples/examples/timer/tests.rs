//! The example's server, without a browser, in paused time.

use std::net::SocketAddr;
use std::time::Duration;

use examples::loopback;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::timer_service::{LAST, PACE};
use super::*;

/// The example, served until the test ends.
fn serve() -> (SocketAddr, TimerService) {
    let timer = TimerService::default();
    tokio::spawn(timer.clone().run());
    (loopback::serve(|hub| routes(hub, timer.clone()).unwrap()), timer)
}

async fn open(address: SocketAddr, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    client
}

/// Reads on until `end` has come.
async fn read_until(client: &mut TcpStream, text: &mut String, end: &str) {
    while !text.contains(end) {
        let mut bytes = Vec::new();
        assert!(client.read_buf(&mut bytes).await.unwrap() > 0, "ended without {end:?}: {text}");
        text.push_str(std::str::from_utf8(&bytes).unwrap());
    }
}

/// As the tutorial says: ten calls, two seconds apart, and then the service closes the connection.
#[tokio::test(start_paused = true)]
async fn counts_to_ten_and_closes() {
    let mut client = open(serve().0, "/comet").await;
    let mut page = String::new();
    read_until(&mut client, &mut page, "comet_update(1, null);").await;
    let begin = Instant::now();
    for count in 2..=LAST {
        read_until(&mut client, &mut page, &format!("comet_update({count}, null);")).await;
        assert_eq!(begin.elapsed().as_secs(), u64::from(count - 1) * PACE.as_secs());
    }
    client.read_to_string(&mut page).await.unwrap();
    assert!(
        page.ends_with("comet_call(\"comet_end\", \"complete\", null);</script>\n</body></html>\n"),
        "{page}"
    );
    assert_eq!(
        page.matches("<script type=\"text/javascript\">comet_update(").count(),
        LAST as usize,
        "{page}"
    );
}

/// Who comes later is counted for by itself; and the steps of a connection are told to its page alone.
#[tokio::test(start_paused = true)]
async fn each_connection_has_a_count_and_steps_of_its_own() {
    let (address, _) = serve();
    let mut theirs = open(address, "/streams/steps/sse?client=theirs").await;
    let mut mine = open(address, "/streams/steps/sse?client=mine").await;
    let (mut their_steps, mut my_steps) = (String::new(), String::new());
    read_until(&mut theirs, &mut their_steps, "retry:").await;
    read_until(&mut mine, &mut my_steps, "retry:").await;

    let (mut first_page, mut second_page) = (String::new(), String::new());
    let mut first = open(address, "/comet?visitor=theirs").await;
    read_until(&mut first, &mut first_page, "comet_update(3, null);").await;
    let mut second = open(address, "/comet?visitor=mine").await;
    read_until(&mut second, &mut second_page, "comet_update(1, null);").await;
    read_until(&mut second, &mut second_page, "comet_end\", \"complete\"").await;

    read_until(&mut mine, &mut my_steps, r#"{"call":"close","then":"Complete"}"#).await;
    assert_eq!(my_steps.matches(r#"{"call":"begin","then":"suspended"}"#).count(), 1, "{my_steps}");
    assert_eq!(
        my_steps.matches(r#"{"call":"resume","then":"suspended"}"#).count(),
        LAST as usize,
        "{my_steps}"
    );
    assert_eq!(my_steps.matches("\"call\"").count(), LAST as usize + 2, "{my_steps}");
}

/// A visitor's name that is none is nobody's: the counter goes on without a show.
#[tokio::test(start_paused = true)]
async fn counts_for_whoever_has_no_good_name() {
    let (address, _) = serve();
    let too_long = "x".repeat(65);
    for name in ["", "a%20b", &too_long] {
        let mut client = open(address, &format!("/comet?visitor={name}")).await;
        read_until(&mut client, &mut String::new(), "comet_update(2, null);").await;
    }
}

/// Those whose connection has ended are forgotten at the next update.
#[tokio::test(start_paused = true)]
async fn who_has_gone_is_forgotten() {
    let (address, timer) = serve();
    let mut steps = open(address, "/streams/steps/sse?client=mine").await;
    read_until(&mut steps, &mut String::new(), "retry:").await;
    let mut client = open(address, "/comet?visitor=mine").await;
    read_until(&mut client, &mut String::new(), "comet_update(1, null);").await;
    assert_eq!(timer.len(), 1);
    drop(client);
    read_until(&mut steps, &mut String::new(), r#"{"call":"close","then":"Peer"}"#).await;
    // One update, and by then its end.
    tokio::time::sleep(PACE + Duration::from_millis(1)).await;
    assert_eq!(timer.len(), 0);
}
