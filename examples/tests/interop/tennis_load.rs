//! A hundred games of `tennis` at once, for a minute, played by programs over the forever iframe's stream: how punctual the
//! ticks are, and what they cost.

use std::net::SocketAddr;
use std::time::Duration;
use std::{env, fs};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::support::Example;

const GAMES: usize = 100;
const MINUTE: Duration = Duration::from_secs(60);
/// Of a minute, and those for which the ball rests before each serve.
const TICKS: u64 = 1_500;
const HOLD: u64 = 25;
/// As pages do.
const PING: Duration = Duration::from_secs(1);
/// No faster than people press keys.
const REACTION: Duration = Duration::from_millis(150);

/// Sends messages, one after the other, on one connection.
struct Sender {
    socket: BufReader<TcpStream>,
    client: String,
}

impl Sender {
    async fn connect(address: SocketAddr, client: String) -> Self {
        Self { socket: BufReader::new(TcpStream::connect(address).await.unwrap()), client }
    }

    /// The whole answer; it must be a good one.
    async fn send(&mut self, stream: &str, value: &Value) -> Value {
        let body = value.to_string();
        let request = format!(
            "POST /streams/{stream}/send?client={} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.client,
            body.len()
        );
        self.socket.write_all(request.as_bytes()).await.unwrap();
        let (mut length, mut line) = (0, String::new());
        let mut status = String::new();
        loop {
            line.clear();
            assert!(self.socket.read_line(&mut line).await.unwrap() > 0, "the server hung up");
            if status.is_empty() {
                status = line.trim().to_owned();
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body).await.unwrap();
        assert_eq!(status, "HTTP/1.1 200 OK", "{}", body.escape_ascii());
        serde_json::from_slice(&body).unwrap()
    }
}

/// What a player has seen.
#[derive(Default)]
struct Seen {
    frames: usize,
    /// The newest frame's sequence, and those between frames that have not come.
    sequence: u64,
    missed: u64,
    score: u64,
    hits: usize,
    keys: usize,
    /// Between two frames of play.
    gaps: Vec<Duration>,
}

/// Reads the game, and goes after the ball, until the end.
async fn play(address: SocketAddr, game: String, side: usize, mut sender: Sender, end: Instant) -> Seen {
    let stream = format!("game-{game}");
    let mut page = BufReader::new(TcpStream::connect(address).await.unwrap());
    let request =
        format!("GET /streams/{stream}/script?client={}&last=1&rotate=0 HTTP/1.0\r\n\r\n", sender.client);
    page.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Seen::default();
    let (mut held, mut said, mut last, mut speed) = (0, Instant::now(), None, 0.0_f64);
    let mut line = String::new();
    while Instant::now() < end {
        line.clear();
        let Ok(read) = timeout_at(end, page.read_line(&mut line)).await else { break };
        assert!(read.unwrap() > 0, "the stream of game {game} has ended");
        let frame = line
            .strip_prefix("<script type=\"text/javascript\">comet_update(")
            .and_then(|rest| rest.rsplit_once(", \""))
            .map(|(json, position)| (serde_json::from_str::<Value>(json).unwrap(), sequence(position)));
        let Some((frame, sequence)) = frame else { continue };
        if seen.frames > 0 {
            seen.missed += sequence - seen.sequence - 1;
        }
        seen.sequence = sequence;
        seen.frames += 1;
        seen.score = frame["score"][0].as_u64().unwrap() + frame["score"][1].as_u64().unwrap();
        let is_play = frame["phase"] == "play";
        let now = Instant::now();
        if let Some(last) = last.replace(now).filter(|_| is_play) {
            seen.gaps.push(now - last);
        }
        if !is_play {
            last = None;
        }
        let along = frame["speed"][0].as_f64().unwrap();
        if is_play && along * speed < 0.0 {
            seen.hits += 1;
        }
        speed = along;
        // Goes where the ball is; always late, so that some are missed.
        let (ball, pad) = (frame["ball"][1].as_f64().unwrap(), frame["pads"][side].as_f64().unwrap());
        let key = match ball - pad {
            far if far.abs() < 7.0 => 0,
            far => far.signum() as i8,
        };
        if said.elapsed() >= if key == held { PING } else { REACTION } {
            seen.keys += usize::from(key != held);
            (held, said) = (key, now);
            sender.send(&stream, &json!({ "pad": key })).await;
        }
    }
    seen
}

/// Of `epoch:7")</script>`.
fn sequence(position: &str) -> u64 {
    let (_, rest) = position.split_once(':').expect("a position");
    rest.split('"').next().and_then(|sequence| sequence.parse().ok()).expect("a sequence")
}

/// Processor time of the process so far, in user and system mode, as Linux counts it.
fn processor_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: bash .ci/interop.sh examples"]
async fn a_hundred_games_for_a_minute() {
    // Another build than that of the tests: `TENNIS=target/release/examples/tennis`.
    let example = match env::var_os("TENNIS") {
        Some(program) => Example::start_program(program.as_ref(), ([127, 0, 0, 1], 0).into(), &[]),
        None => Example::start("tennis", &[]),
    };
    let address = example.address;
    let mut pairs = Vec::new();
    for number in 0..GAMES {
        let mut left = Sender::connect(address, format!("left-{number:012}")).await;
        let mut right = Sender::connect(address, format!("right-{number:012}")).await;
        let game = left.send("lobby", &json!("new")).await["reply"]["game"].as_str().unwrap().to_owned();
        right.send("lobby", &json!({ "join": game })).await;
        pairs.push((game, left, right));
    }
    let (begin, before) = (Instant::now(), processor_time(example.id()));
    let end = begin + MINUTE;
    let mut players = JoinSet::new();
    for (game, left, right) in pairs {
        players.spawn(play(address, game.clone(), 0, left, end));
        players.spawn(play(address, game, 1, right, end));
    }
    let seen = players.join_all().await;
    let (took, used) = (begin.elapsed(), processor_time(example.id()) - before);
    let ticks: Value = serde_json::from_str(example.get("/ticks").split_once("\r\n\r\n").unwrap().1).unwrap();
    example.stop();

    let mut gaps: Vec<_> = seen.iter().flat_map(|seen| &seen.gaps).map(Duration::as_micros).collect();
    gaps.sort_unstable();
    let gap = |part: usize| gaps[(gaps.len() - 1) * part / 1_000] as f64 / 1_000.0;
    let sum = |of: fn(&Seen) -> usize| seen.iter().map(of).sum::<usize>();
    let (frames, hits, keys) = (sum(|seen| seen.frames), sum(|seen| seen.hits), sum(|seen| seen.keys));
    let points = seen.iter().map(|seen| seen.score).sum::<u64>() / 2;
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    println!(
        "{GAMES} games, {} players, {:.0} s: {points} points, {hits} hits seen, {keys} keys sent",
        seen.len(),
        took.as_secs_f64()
    );
    let missed = seen.iter().map(|seen| seen.missed).sum::<u64>();
    println!(
        "frames received   {frames}, {:.0} a second; {missed} skipped for slow readers",
        frames as f64 / took.as_secs_f64()
    );
    println!("the server's last ticks, and what was skipped between them: {ticks}");
    println!(
        "between frames    median {:.1} ms, 99 % {:.1} ms, 99.9 % {:.1} ms, most {:.1} ms (40 ms is due)",
        gap(500),
        gap(990),
        gap(999),
        gap(1000)
    );
    println!(
        "processor         {:.1} s of the server in {:.0} s: {:.0} % of one core; load {}",
        used.as_secs_f64(),
        took.as_secs_f64(),
        100.0 * used.as_secs_f64() / took.as_secs_f64(),
        load.trim()
    );

    // Everybody has played, and nobody was forgotten.
    assert!(seen.iter().all(|seen| seen.hits > 0 && seen.keys > 0), "somebody has not played");
    assert!(points > 0, "nobody has scored");
    // What is skipped makes games slower, so most of it must not be; nor may half of the ticks wait for the one before.
    let skipped = ticks["skipped"].as_u64().unwrap();
    assert!(skipped < TICKS / 3, "{skipped} ticks were skipped");
    assert!(ticks["late_us"]["median"].as_u64().unwrap() < 40_000, "{ticks}");
    // Every tick that was not skipped has moved every ball but for those that rested, or lay there for a moment while the
    // players came; and players have got nearly all of that.
    for Seen { frames, missed, score, .. } in &seen {
        let (moved, told) = (TICKS - skipped, *frames as u64 + missed);
        let at_rest = HOLD * (score + 1) + TICKS / 10;
        assert!(told + at_rest >= moved, "{told} frames in {moved} ticks, with {score} points");
        assert!(missed * 10 <= told, "{missed} of {told} frames have not come");
    }
    // They fit into one core, of a build for debugging too. How fast it is beyond that is for people to judge.
    assert!(used < took, "{used:?} of a processor in {took:?}");
}
