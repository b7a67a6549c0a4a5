//! One game: two pads, a ball, and what becomes of them from one tick to the next. Nothing here knows of streams or clocks.

use std::time::Duration;

use push_server::ClientId;
use serde::Serialize;

/// Between two steps of every game.
pub(crate) const TICK: Duration = Duration::from_millis(40);
pub(crate) const TICKS_PER_SECOND: u32 = 25;
/// Seconds of one tick.
const DT: f64 = 1.0 / TICKS_PER_SECOND as f64;

/// The court, in its own units. The page draws the same.
pub(crate) const WIDTH: f64 = 160.0;
pub(crate) const HEIGHT: f64 = 100.0;
/// From the end of the court to the face of a pad.
pub(crate) const FACE: f64 = 7.0;
/// Length of a pad.
pub(crate) const PAD: f64 = 18.0;
/// Radius of the ball.
pub(crate) const BALL: f64 = 2.0;

/// Units a second: of a pad, and of the ball along the court.
const PAD_SPEED: f64 = 90.0;
const BALL_SPEED: f64 = 75.0;
/// What a moving pad adds to the ball's speed across the court, in the direction of the pad; and the most that this speed can
/// become.
pub(crate) const PUSH: f64 = 30.0;
pub(crate) const FASTEST: f64 = 140.0;
/// Speeds across the court with which balls are served, in turn.
const SERVES: [f64; 6] = [24.0, -38.0, 52.0, -24.0, 38.0, -52.0];

/// Before the ball is served, or goes on after a pause.
pub(crate) const HOLD: u32 = TICKS_PER_SECOND;
/// Pages say that they are there once a second. After so much silence the game waits for them, and after so much it is over.
pub(crate) const AWAY: u32 = 3 * TICKS_PER_SECOND;
pub(crate) const GONE: u32 = 30 * TICKS_PER_SECOND;
/// Until somebody has joined, the creator may be silent for so long: on a phone the page sleeps while they tell somebody the id.
/// (Less if all courts are taken.)
pub(crate) const WAITING: u32 = 10 * 60 * TICKS_PER_SECOND;

/// Whoever has created the game is on the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    Left,
    Right,
}

impl Side {
    const BOTH: [Self; 2] = [Self::Left, Self::Right];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// For the second player.
    Waiting,
    /// The ball is about to move.
    Serve,
    Play,
    /// A player is away.
    Paused,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Why {
    /// This player has quit,
    Quit,
    /// or has not been heard of for [`GONE`], or [`WAITING`].
    Gone,
}

/// The game as pages draw it; numbers to a hundredth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Frame {
    pub(crate) phase: Phase,
    pub(crate) ball: [f64; 2],
    /// Units a second, for pages to move it between two frames.
    pub(crate) speed: [f64; 2],
    pub(crate) pads: [f64; 2],
    pub(crate) score: [u32; 2],
    /// Which players are there.
    pub(crate) here: [bool; 2],
    /// Who has ended it, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<(Side, Why)>,
}

#[derive(Debug)]
struct Player {
    id: ClientId,
    /// The middle of the pad.
    y: f64,
    /// -1 up, 0, 1 down: the key that is held, and how the pad has moved in this tick.
    key: i8,
    moved: f64,
    /// Ticks since the last word.
    silent: u32,
}

impl Player {
    const fn new(id: ClientId) -> Self {
        Self { id, y: HEIGHT / 2.0, key: 0, moved: 0.0, silent: 0 }
    }

    const fn is_here(&self) -> bool {
        self.silent < AWAY
    }

    fn step(&mut self) {
        self.silent = self.silent.saturating_add(1);
        if !self.is_here() {
            // The key that was held when the network was lost.
            self.key = 0;
        }
        let before = self.y;
        self.y = (self.y + f64::from(self.key) * PAD_SPEED * DT).clamp(PAD / 2.0, HEIGHT - PAD / 2.0);
        self.moved = self.y - before;
    }
}

#[derive(Debug)]
pub(crate) struct Game {
    left: Player,
    right: Option<Player>,
    ball: [f64; 2],
    speed: [f64; 2],
    score: [u32; 2],
    /// Ticks until the ball moves.
    hold: u32,
    end: Option<(Side, Why)>,
}

impl Game {
    pub(crate) fn new(creator: ClientId) -> Self {
        let mut game = Self {
            left: Player::new(creator),
            right: None,
            ball: [0.0; 2],
            speed: [0.0; 2],
            score: [0; 2],
            hold: 0,
            end: None,
        };
        game.serve(Side::Right);
        game
    }

    /// The side of whoever joins, again or anew; `None` where two others play.
    pub(crate) fn join(&mut self, id: &ClientId) -> Option<Side> {
        if self.left.id != *id && self.right.is_none() {
            self.right = Some(Player::new(id.clone()));
            self.hold = HOLD;
            // However long they have waited, they are given the time of those who are away.
            self.left.silent = self.left.silent.min(AWAY);
        }
        self.side_of(id)
    }

    pub(crate) fn side_of(&self, id: &ClientId) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| self.player(*side).is_some_and(|player| player.id == *id))
    }

    const fn player(&self, side: Side) -> Option<&Player> {
        match side {
            Side::Left => Some(&self.left),
            Side::Right => self.right.as_ref(),
        }
    }

    /// While it waits for the second player with its creator away: for how many ticks that has said nothing.
    pub(crate) fn waits_alone(&self) -> Option<u32> {
        (self.phase() == Phase::Waiting && !self.left.is_here()).then_some(self.left.silent)
    }

    /// A word of this player, who holds this key: 0, or up if less, or down if more.
    pub(crate) fn hear(&mut self, side: Side, key: i8) {
        let was_paused = self.phase() == Phase::Paused;
        let player = match side {
            Side::Left => Some(&mut self.left),
            Side::Right => self.right.as_mut(),
        };
        if let Some(player) = player {
            (player.key, player.silent) = (key.signum(), 0);
        }
        if was_paused && self.phase() != Phase::Paused {
            self.hold = HOLD;
        }
    }

    pub(crate) fn end(&mut self, side: Side, why: Why) {
        self.end.get_or_insert((side, why));
    }

    pub(crate) fn phase(&self) -> Phase {
        match &self.right {
            _ if self.end.is_some() => Phase::Over,
            None => Phase::Waiting,
            Some(right) if !(self.left.is_here() && right.is_here()) => Phase::Paused,
            Some(_) if self.hold > 0 => Phase::Serve,
            Some(_) => Phase::Play,
        }
    }

    /// One tick further.
    pub(crate) fn step(&mut self) {
        self.left.step();
        if let Some(right) = &mut self.right {
            right.step();
        }
        let patience = if self.phase() == Phase::Waiting { WAITING } else { GONE };
        for side in Side::BOTH {
            if self.player(side).is_some_and(|player| player.silent >= patience) {
                self.end(side, Why::Gone);
            }
        }
        match self.phase() {
            Phase::Serve => self.hold -= 1,
            Phase::Play => self.step_ball(),
            Phase::Waiting | Phase::Paused | Phase::Over => {}
        }
    }

    fn step_ball(&mut self) {
        let [x, y] = self.ball;
        let mut next = [x + self.speed[0] * DT, y + self.speed[1] * DT];
        // Off the walls.
        let (top, bottom) = (BALL, HEIGHT - BALL);
        if next[1] < top || next[1] > bottom {
            next[1] = if next[1] < top { 2.0 * top - next[1] } else { 2.0 * bottom - next[1] };
            self.speed[1] = -self.speed[1];
        }
        // Off the pads: where it passes the face of one, however fast it is.
        for (side, face) in [(Side::Left, FACE + BALL), (Side::Right, WIDTH - FACE - BALL)] {
            let passes = match side {
                Side::Left => x >= face && next[0] < face,
                Side::Right => x <= face && next[0] > face,
            };
            let Some(pad) = self.player(side).filter(|_| passes) else { continue };
            let part = (face - x) / (next[0] - x);
            let at = y + (next[1] - y) * part;
            if (at - pad.y).abs() <= PAD / 2.0 + BALL {
                let push = if pad.moved == 0.0 { 0.0 } else { PUSH.copysign(pad.moved) };
                next[0] = 2.0 * face - next[0];
                self.speed = [-self.speed[0], (self.speed[1] + push).clamp(-FASTEST, FASTEST)];
            }
        }
        self.ball = next;
        if next[0] < -BALL {
            self.point(Side::Right);
        } else if next[0] > WIDTH + BALL {
            self.point(Side::Left);
        }
    }

    fn point(&mut self, winner: Side) {
        let (at, loser) = match winner {
            Side::Left => (0, Side::Right),
            Side::Right => (1, Side::Left),
        };
        self.score[at] = self.score[at].saturating_add(1);
        self.serve(loser);
    }

    /// From the middle, to this side.
    fn serve(&mut self, to: Side) {
        let along = if to == Side::Left { -BALL_SPEED } else { BALL_SPEED };
        let balls = self.score[0].wrapping_add(self.score[1]) as usize;
        self.ball = [WIDTH / 2.0, HEIGHT / 2.0];
        self.speed = [along, SERVES[balls % SERVES.len()]];
        self.hold = HOLD;
    }

    pub(crate) fn frame(&self) -> Frame {
        let hundredth = |number: f64| (number * 100.0).round() / 100.0;
        let right = self.right.as_ref();
        Frame {
            phase: self.phase(),
            ball: self.ball.map(hundredth),
            speed: self.speed.map(hundredth),
            pads: [self.left.y, right.map_or(HEIGHT / 2.0, |right| right.y)].map(hundredth),
            score: self.score,
            here: [self.left.is_here(), right.is_some_and(Player::is_here)],
            end: self.end,
        }
    }
}
