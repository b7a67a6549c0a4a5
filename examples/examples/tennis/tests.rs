//! The game's physics, and the server without a browser, in paused time.

use std::net::SocketAddr;

use examples::loopback;
use push_server::{ClientId, Epoch};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::court::GAMES;
use super::game::*;
use super::*;

const ANN: &str = "ann-0123456789abcdef";
const BOB: &str = "bob-0123456789abcdef";

fn id(name: &str) -> ClientId {
    name.parse().unwrap()
}

fn game() -> Game {
    let mut game = Game::new(id(ANN));
    assert_eq!(game.phase(), Phase::Waiting);
    assert_eq!(game.join(&id(BOB)), Some(Side::Right));
    game
}

/// One step, with a word of both: these keys are held.
fn step(game: &mut Game, left: i8, right: i8) -> Frame {
    game.hear(Side::Left, left);
    game.hear(Side::Right, right);
    game.step();
    game.frame()
}

/// Steps until the right pad has sent the ball back, with a player who stands behind the ball and holds `key` at the last
/// moment.
fn meet(game: &mut Game, key: i8) -> Frame {
    loop {
        let frame = game.frame();
        let target = frame.ball[1] - f64::from(key) * 4.0;
        let is_close = frame.ball[0] > WIDTH - FACE - 10.0;
        let follow =
            if (target - frame.pads[1]).abs() < 2.0 { 0 } else { (target - frame.pads[1]).signum() as i8 };
        let next = step(game, 0, if is_close { key } else { follow });
        if frame.speed[0] > 0.0 && next.speed[0] < 0.0 {
            assert_eq!(next.score, [0, 0], "{next:?}");
            return next;
        }
        assert_eq!(next.score, [0, 0], "missed: {next:?}");
    }
}

#[test]
fn a_pad_gives_the_ball_of_its_own_speed() {
    let resting = meet(&mut game(), 0).speed;
    assert_eq!(meet(&mut game(), 1).speed, [resting[0], resting[1] + PUSH]);
    assert_eq!(meet(&mut game(), -1).speed, [resting[0], resting[1] - PUSH]);
}

#[test]
fn who_misses_the_ball_loses_the_point_and_is_served_the_next() {
    let mut game = game();
    // The right one stands in the corner.
    let scored = (0..500).map(|_| step(&mut game, 0, -1)).find(|frame| frame.score != [0, 0]).unwrap();
    assert_eq!((scored.score, scored.phase), ([1, 0], Phase::Serve));
    assert_eq!(scored.ball, [WIDTH / 2.0, HEIGHT / 2.0]);
    assert!(scored.speed[0] > 0.0, "{scored:?}");
    for _ in 0..HOLD {
        assert_eq!(step(&mut game, 0, 0).ball, scored.ball);
    }
    assert_ne!(step(&mut game, 0, 0).ball, scored.ball);
}

/// Whatever the players do, for an hour of play.
#[test]
fn ball_and_pads_stay_in_the_court() {
    let (mut game, mut random) = (game(), 1_u64);
    let mut fastest = 0.0_f64;
    for _ in 0..60 * 60 * TICKS_PER_SECOND {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Both go after the ball, and shake.
        let frame = game.frame();
        let keys = frame.pads.map(|pad| if frame.ball[1] > pad { 1 } else { -1 });
        let shake = ((random >> 40) % 3) as i8 - 1;
        let frame = step(&mut game, if shake == 0 { keys[0] } else { shake }, keys[1]);
        assert!((-10.0..=WIDTH + 10.0).contains(&frame.ball[0]), "{frame:?}");
        assert!((BALL..=HEIGHT - BALL).contains(&frame.ball[1]), "{frame:?}");
        assert!(frame.speed[1].abs() <= FASTEST, "{frame:?}");
        fastest = fastest.max(frame.speed[1].abs());
        for pad in frame.pads {
            assert!((PAD / 2.0..=HEIGHT - PAD / 2.0).contains(&pad), "{frame:?}");
        }
    }
    let [left, right] = game.frame().score;
    assert!(left + right > 10 && fastest > 100.0, "a dull game: {left} : {right}, {fastest}");
}

#[test]
fn the_game_waits_for_who_is_away_and_ends_when_they_are_gone() {
    let mut game = game();
    for _ in 0..2 * HOLD {
        step(&mut game, 1, 1);
    }
    // Only the left one is heard of from now on.
    let alone = |game: &mut Game, ticks: u32| {
        for _ in 0..ticks {
            game.hear(Side::Left, 0);
            game.step();
        }
        game.frame()
    };
    assert_ne!(alone(&mut game, AWAY - 2).phase, Phase::Paused);
    let paused = alone(&mut game, 1);
    assert_eq!((paused.phase, paused.here), (Phase::Paused, [true, false]));
    assert_eq!(alone(&mut game, 100), paused, "nothing moves");
    game.hear(Side::Right, 0);
    assert_eq!(game.phase(), Phase::Serve, "both are given time");
    for _ in 0..=HOLD {
        step(&mut game, 0, 0);
    }
    assert_eq!(game.phase(), Phase::Play);
    assert_eq!(alone(&mut game, GONE).end, Some((Side::Right, Why::Gone)));
}

/// Whoever has created it may be elsewhere, and tell somebody the id; and then has as long to come back as anybody.
#[test]
fn a_game_that_nobody_has_joined_waits_longer() {
    let mut game = Game::new(id(ANN));
    for _ in 1..WAITING {
        game.step();
    }
    assert_eq!((game.phase(), game.frame().here), (Phase::Waiting, [false, false]));
    assert_eq!(game.join(&id(BOB)), Some(Side::Right));
    let alone = |game: &mut Game, ticks: u32| {
        for _ in 0..ticks {
            game.hear(Side::Right, 0);
            game.step();
        }
        game.phase()
    };
    assert_eq!(alone(&mut game, GONE - AWAY - 1), Phase::Paused);
    game.hear(Side::Left, 0);
    assert_eq!(game.phase(), Phase::Serve);
    assert_eq!(alone(&mut game, GONE), Phase::Over);

    let mut game = Game::new(id(ANN));
    for _ in 0..WAITING {
        assert_eq!(game.phase(), Phase::Waiting);
        game.step();
    }
    assert_eq!(game.frame().end, Some((Side::Left, Why::Gone)));
}

#[test]
fn a_game_is_for_two() {
    let mut game = game();
    assert_eq!(game.join(&id("eve-0123456789abcdef")), None);
    assert_eq!((game.join(&id(BOB)), game.join(&id(ANN))), (Some(Side::Right), Some(Side::Left)), "a reload");
}

fn serve() -> (SocketAddr, Court) {
    let mut opened = None;
    let address = loopback::serve(|hub| {
        let court = opened.insert(Court::new(hub.clone())).clone();
        tokio::spawn(court.clone().run());
        routes(hub, court).unwrap()
    });
    (address, opened.unwrap())
}

/// The reply, or the words of the refusal.
async fn send(address: SocketAddr, stream: &str, client: &str, value: Value) -> Result<Value, String> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let body = value.to_string();
    let request = format!(
        "POST /streams/{stream}/send?client={client} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let mut said: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1)
        .unwrap_or_else(|error| panic!("{error}: {answer}"));
    match said["people"].as_bool() {
        Some(true) => Err(said["message"].as_str().unwrap().to_owned()),
        _ => Ok(said["reply"].take()),
    }
}

async fn start(address: SocketAddr) -> (String, String) {
    let reply = send(address, "lobby", ANN, json!("new")).await.unwrap();
    assert_eq!(reply["side"], "left");
    let game = reply["game"].as_str().unwrap().to_owned();
    let stream = format!("game-{game}");
    (game, stream)
}

/// Read by script tags, as the pages do by default.
#[tokio::test(start_paused = true)]
async fn two_play_and_one_quits() {
    let (address, _) = serve();
    let (game, stream) = start(address).await;
    let mut page = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /streams/{stream}/script?client={ANN}&last=1&rotate=0 HTTP/1.0\r\n\r\n");
    page.write_all(request.as_bytes()).await.unwrap();
    let reply = send(address, "lobby", BOB, json!({ "join": game })).await;
    assert_eq!(reply, Ok(json!({ "game": game, "side": "right" })));
    let mut text = String::new();
    let mut until = async |end: &str| {
        while !text.contains(end) {
            let mut bytes = Vec::new();
            assert!(page.read_buf(&mut bytes).await.unwrap() > 0, "ended without {end:?}: {text}");
            text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        text.clone()
    };
    until(r#""phase":"serve""#).await;
    send(address, &stream, ANN, json!({ "pad": 1 })).await.unwrap();
    until(r#""pads":[91.0,50.0]"#).await;
    until(r#""phase":"play""#).await;
    send(address, &stream, BOB, json!("quit")).await.unwrap();
    let text = until(r#""comet_end", "complete""#).await;
    assert!(text.contains(r#""phase":"over""#) && text.contains(r#""end":["right","quit"]"#), "{text}");
    assert_eq!(
        send(address, "lobby", BOB, json!({ "join": game })).await,
        Err("There is no game of this id.".into())
    );
}

#[tokio::test(start_paused = true)]
async fn only_who_plays_moves_a_pad() {
    let (address, _) = serve();
    let (game, stream) = start(address).await;
    let eve = "eve-0123456789abcdef";
    assert!(send(address, "lobby", BOB, json!({ "join": game })).await.is_ok());
    for (stream, client, value, says) in [
        (&*stream, eve, json!({ "pad": 1 }), "You do not play in this game."),
        (&stream, "x", json!("quit"), "You do not play in this game."),
        ("lobby", eve, json!({ "join": game }), "In this game there are two players already."),
        ("lobby", eve, json!({ "join": "abcde" }), "There is no game of this id."),
        ("lobby", eve, json!({ "join": "../../x" }), "There is no game of this id."),
        ("lobby", "short", json!("new"), "Who are you?"),
        ("lobby", ANN, json!({ "pad": 1 }), "Not here."),
        (&stream, ANN, json!("new"), "Not here."),
        (&stream, ANN, json!({ "pad": 300 }), "That is no message of this game."),
        (&stream, ANN, json!({ "phase": "over" }), "That is no message of this game."),
    ] {
        assert_eq!(send(address, stream, client, value.clone()).await, Err(says.into()), "{value}");
    }
}

/// As this player has it; `None` if there is no such game.
fn phase(court: &Court, game: &str, player: &ClientId) -> Option<Phase> {
    let mut phase = None;
    let stream = format!("game-{game}").parse().unwrap();
    let _ = court.with_player(&stream, Some(player), |game, _| phase = Some(game.phase()));
    phase
}

/// Whoever joins a game quits the one in which they wait or play; whoever is refused stays where they are.
#[tokio::test(start_paused = true)]
async fn nobody_plays_two_games() {
    let (_, court) = serve();
    let (ann, bob, eve) = (id(ANN), id(BOB), id("eve-0123456789abcdef"));
    let (anns, bobs) = (court.create(&ann).unwrap(), court.create(&bob).unwrap());
    court.join(&anns, &bob).unwrap();
    assert_eq!(phase(&court, &bobs, &bob), Some(Phase::Over));
    assert_eq!(phase(&court, &anns, &bob), Some(Phase::Serve));
    // A reload is no other game.
    court.join(&anns, &bob).unwrap();
    assert_eq!(phase(&court, &anns, &ann), Some(Phase::Serve));
    let eves = court.create(&eve).unwrap();
    assert!(court.join(&anns, &eve).is_err());
    assert_eq!(phase(&court, &eves, &eve), Some(Phase::Waiting));
}

/// Games that nobody plays make room by themselves, and whoever begins another one leaves theirs, if they get it.
#[tokio::test(start_paused = true)]
async fn there_are_so_many_games_at_most() {
    let (_, court) = serve();
    let ann = id(ANN);
    let mut games = Vec::new();
    for number in 0..GAMES {
        let game = court.create(&id(&format!("left-{number:011}"))).unwrap();
        court.join(&game, &id(&format!("right-{number:010}"))).unwrap();
        games.push(game);
    }
    const FULL: Result<String, court::Cannot> = Err("All courts are taken. Try again later.");
    assert_eq!(court.create(&ann), FULL);
    // Who plays gives up one court for another.
    let player = id("right-0000000000");
    let own = court.create(&player).unwrap();
    assert_eq!((phase(&court, &games[0], &player), court.create(&ann)), (Some(Phase::Over), FULL));
    assert_eq!(phase(&court, &own, &player), Some(Phase::Waiting));
    tokio::time::sleep(GONE * TICK + TICK).await;
    court.create(&ann).unwrap();
    for _ in 0..2 * GAMES {
        court.create(&ann).unwrap();
        tokio::time::sleep(TICK).await;
    }
    let report: Value = serde_json::from_str(&court.clock().report()).unwrap();
    assert_eq!(report["ticks"], 60 * TICKS_PER_SECOND, "{report}");
    assert_eq!(report["skipped"], 0, "{report}");
}

/// Nobody takes all courts by creating games and going away: the one that was left first goes first.
#[tokio::test(start_paused = true)]
async fn games_that_nobody_waits_for_make_room_when_all_courts_are_taken() {
    let (_, court) = serve();
    let lefts: Vec<_> = (0..GAMES).map(|number| id(&format!("left-{number:011}"))).collect();
    let first = court.create(&lefts[0]).unwrap();
    tokio::time::sleep(TICK).await;
    let games: Vec<_> = lefts[1..].iter().map(|left| court.create(left).unwrap()).collect();
    assert!(court.create(&id(ANN)).is_err(), "they have just come");
    tokio::time::sleep(AWAY * TICK).await;
    court.create(&id(ANN)).unwrap();
    assert_eq!(phase(&court, &first, &lefts[0]), Some(Phase::Over));
    court.create(&id(BOB)).unwrap();
    tokio::time::sleep(TICK).await;
    let waiting =
        std::iter::zip(&games, &lefts[1..]).filter(|(game, left)| phase(&court, game, left).is_some());
    assert_eq!(waiting.count(), GAMES - 2);
}

/// A server that can open no stream more ends nothing for it.
#[tokio::test(start_paused = true)]
async fn who_is_refused_a_new_game_keeps_the_old_one() {
    let mut limits = Limits::default();
    limits.streams = 1;
    let court = Court::new(Hub::start(Epoch::new(1), limits, 1));
    let (ann, bob) = (id(ANN), id(BOB));
    let game = court.create(&ann).unwrap();
    court.join(&game, &bob).unwrap();
    assert_eq!(court.create(&ann), Err("The server has no room for a game."));
    assert_eq!(phase(&court, &game, &ann), Some(Phase::Serve));
}

/// However long somebody waits for the other one: the page that they load again is told the game.
#[tokio::test(start_paused = true)]
async fn a_game_that_does_not_change_is_told_again() {
    let (address, _) = serve();
    let (_, stream) = start(address).await;
    for _ in 0..66 {
        send(address, &stream, ANN, json!({ "pad": 0 })).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let answer = poll(address, &stream).await;
    assert!(answer.contains(r#""phase":"waiting""#), "{answer}");
}

/// A page that polls comes for it some time later.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_game_is_there_for_a_while() {
    let (address, _) = serve();
    let (_, stream) = start(address).await;
    send(address, &stream, ANN, json!("quit")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let answer = poll(address, &stream).await;
    assert!(answer.contains(r#""phase":"over""#), "{answer}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let answer = poll(address, &stream).await;
    assert!(answer.starts_with("HTTP/1.0 404"), "{answer}");
}

/// The newest frame, as a page that polls is answered.
async fn poll(address: SocketAddr, stream: &str) -> String {
    let mut page = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /streams/{stream}/poll?last=1 HTTP/1.0\r\n\r\n");
    page.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).await.unwrap();
    answer
}

/// What was left out is told, and forgotten with the tick before which it was.
#[tokio::test(start_paused = true)]
async fn ticks_that_are_left_out_are_counted() {
    let (clock, begin) = (clock::Clock::default(), tokio::time::Instant::now());
    let tick = |number: u32| {
        let due = begin + number * TICK;
        clock.ticked(due, due + TICK / 8, due + TICK / 4);
        serde_json::from_str::<Value>(&clock.report()).unwrap()
    };
    for number in [0, 1, 4, 5] {
        tick(number);
    }
    let report = tick(7);
    assert_eq!((&report["ticks"], &report["skipped"]), (&json!(5), &json!(3)), "{report}");
    assert_eq!(
        (&report["late_us"]["most"], &report["took_us"]["p99"]),
        (&json!(5_000), &json!(5_000)),
        "{report}"
    );
    let last = (8..7 + 60 * TICKS_PER_SECOND).fold(report, |_, number| tick(number));
    assert_eq!((&last["ticks"], &last["skipped"]), (&json!(60 * TICKS_PER_SECOND), &json!(1)), "{last}");
    assert_eq!(tick(7 + 60 * TICKS_PER_SECOND)["skipped"], 0);
}
