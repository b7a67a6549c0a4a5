//! All games, and the periodic service that moves them on.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use push_server::{ClientId, Hub, Overflow, PublishError, Stream, StreamConfig, StreamName};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::clock::Clock;
use super::game::{Frame, Game, Phase, Side, TICK, TICKS_PER_SECOND, Why};

/// Games at once.
pub(crate) const GAMES: usize = 1_000;
/// Letters of a game's id; none that is taken for another.
const LETTERS: &[u8; 24] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
/// How many of them: few enough to read out over the telephone, and too many to be guessed.
pub(crate) const ID: usize = 7;
/// What a game's stream holds for those who are late: the newest frame is all that matters.
const HISTORY: (usize, usize, Duration) = (32, 16 << 10, Duration::from_secs(60));
/// Ticks after which a frame that has not changed is told again: before the stream has forgotten it.
const AGAIN: u32 = 30 * TICKS_PER_SECOND;
/// How long the stream of a game that is over remains, for those who poll to hear of it.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The games; clones are the same ones.
#[derive(Clone)]
pub(crate) struct Court {
    hub: Hub,
    games: Arc<Mutex<HashMap<StreamName, Entry>>>,
    clock: Clock,
}

struct Entry {
    game: Game,
    stream: Stream,
    /// What was told last, and how many ticks ago.
    told: Option<Frame>,
    ago: u32,
}

/// What a player cannot do, in words for them.
pub(crate) type Cannot = &'static str;

impl Court {
    pub(crate) fn new(hub: Hub) -> Self {
        Self { hub, games: Arc::default(), clock: Clock::default() }
    }

    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    fn games(&self) -> MutexGuard<'_, HashMap<StreamName, Entry>> {
        self.games.lock().expect("nobody panics with it")
    }

    /// A new game's id. Whoever creates one leaves any other in which they wait or play. If all courts are taken, a game makes
    /// room that waits for a second player and for its creator too.
    pub(crate) fn create(&self, creator: &ClientId) -> Result<String, Cannot> {
        let mut games = self.games();
        let own =
            games.values().filter(|entry| entry.is_on() && entry.game.side_of(creator).is_some()).count();
        let forgotten = match games.len() - own < GAMES {
            true => None,
            false => Some(forgotten(&games).ok_or("All courts are taken. Try again later.")?),
        };
        // Another one, if there is a game of this id.
        let (id, name) = std::iter::repeat_with(|| {
            let mut random = RandomState::new().hash_one(());
            let letters = std::iter::repeat_with(|| {
                let letter = LETTERS[random as usize % LETTERS.len()];
                random /= LETTERS.len() as u64;
                char::from(letter)
            });
            let id: String = letters.take(ID).collect();
            let name = stream_of(&id).expect("letters are a name");
            (id, name)
        })
        .find(|(_, name)| !games.contains_key(name))
        .expect("there are four billion ids");
        let config = StreamConfig::new(self.hub.limits())
            .history(HISTORY.0, HISTORY.1, HISTORY.2)
            .overflow(Overflow::Latest);
        let stream = self.hub.open_with(&name, &config).map_err(|_| "The server has no room for a game.")?;
        // Only now: who is refused stays where they are.
        if let Some(entry) = forgotten.and_then(|name| games.get_mut(&name)) {
            entry.game.end(Side::Left, Why::Gone);
        }
        leave_all(&mut games, creator, None);
        games.insert(name, Entry { game: Game::new(creator.clone()), stream, told: None, ago: 0 });
        Ok(id)
    }

    /// On which side whoever joins plays. They leave any other game, as one who creates one does.
    pub(crate) fn join(&self, id: &str, player: &ClientId) -> Result<Side, Cannot> {
        const NONE: Cannot = "There is no game of this id.";
        let mut games = self.games();
        let name = stream_of(id).ok_or(NONE)?;
        let entry = games.get_mut(&name).filter(|entry| entry.is_on()).ok_or(NONE)?;
        let side = entry.game.join(player).ok_or("In this game there are two players already.")?;
        leave_all(&mut games, player, Some(&name));
        Ok(side)
    }

    /// What a player does in a game.
    pub(crate) fn with_player(
        &self,
        stream: &StreamName,
        player: Option<&ClientId>,
        act: impl FnOnce(&mut Game, Side),
    ) -> Result<(), Cannot> {
        let mut games = self.games();
        let entry = games.get_mut(stream).ok_or("This game is over.")?;
        let side = player.and_then(|id| entry.game.side_of(id)).ok_or("You do not play in this game.")?;
        act(&mut entry.game, side);
        Ok(())
    }

    /// Moves every game on, a step each [`TICK`], and tells who reads it. A tick that would come too late for the next one is
    /// left out: the games are slower then, but none jumps.
    pub(crate) async fn run(self) -> Infallible {
        let mut ticks = interval(TICK);
        let mut complaint = None;
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let due = ticks.tick().await;
            let begun = Instant::now();
            let mut problem = None;
            for (stream, frame) in self.step() {
                match stream.publish(&frame).await {
                    // One that has ended has no readers.
                    Ok(_) | Err(PublishError::Ended) => {}
                    Err(error) => problem = Some(error.to_string()),
                }
                if frame.phase == Phase::Over {
                    let hub = self.hub.clone();
                    tokio::spawn(async move {
                        sleep(LAST_WORDS).await;
                        hub.close_stream(stream.name())
                    });
                }
            }
            // Once, not with each tick.
            if let Some(problem) = problem.as_ref().filter(|_| problem != complaint) {
                eprintln!("tennis: pages miss a frame: {problem}");
            }
            complaint = problem;
            self.clock.ticked(due, begun, Instant::now());
        }
    }

    /// What is new, or has not been told for long. Games that are over are forgotten.
    fn step(&self) -> Vec<(Stream, Frame)> {
        let mut games = self.games();
        let mut news = Vec::with_capacity(games.len());
        for entry in games.values_mut() {
            entry.game.step();
            let frame = entry.game.frame();
            entry.ago += 1;
            if entry.ago >= AGAIN || entry.told.as_ref() != Some(&frame) {
                (entry.told, entry.ago) = (Some(frame.clone()), 0);
                news.push((entry.stream.clone(), frame));
            }
        }
        games.retain(|_, entry| entry.is_on());
        news
    }
}

impl Entry {
    fn is_on(&self) -> bool {
        self.game.phase() != Phase::Over
    }
}

/// Of the games that wait for a second player, and whose creator is away, the one that has done so for longest.
fn forgotten(games: &HashMap<StreamName, Entry>) -> Option<StreamName> {
    let alone = games.iter().filter_map(|(name, entry)| Some((entry.game.waits_alone()?, name)));
    alone.max_by_key(|(ticks, _)| *ticks).map(|(_, name)| name.clone())
}

/// Nobody plays two games at once: this player quits all but `staying`.
fn leave_all(games: &mut HashMap<StreamName, Entry>, player: &ClientId, staying: Option<&StreamName>) {
    for (name, Entry { game, .. }) in games {
        if let Some(side) = game.side_of(player).filter(|_| Some(name) != staying) {
            game.end(side, Why::Quit);
        }
    }
}

/// The stream of a game; `None` if this is no id.
fn stream_of(id: &str) -> Option<StreamName> {
    let is_id = id.len() == ID && id.bytes().all(|byte| LETTERS.contains(&byte));
    is_id.then(|| format!("game-{id}").parse().ok())?
}
