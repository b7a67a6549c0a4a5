//! The way through the members of a stream with its news.

use std::sync::Arc;

use tokio::time::Instant;

use super::Shard;
use crate::hub::channel::Channel;
use crate::hub::config::Overflow;
use crate::hub::log::{Cursor, Floor};
use crate::lifecycle::{Event, State};
use crate::message::Message;

/// After how many members a walk looks whether there is more to take along.
const LOOK: usize = 8;

/// A way once through the members of a stream with its news.
///
/// What is published meanwhile goes along to those who have not been served yet, so that the messages of a burst leave
/// together although the first of them has set the walk off; those who have been served get it at the end.
#[derive(Debug)]
struct Walk {
    /// What has been published since the last walk.
    window: Vec<Arc<Message>>,
    /// After the last message of the window.
    head: Cursor,
    is_closed: bool,
    /// The next member, of the members by stream.
    place: usize,
    /// Up to where the walk goes again, once it has been through.
    end: Option<usize>,
    /// Members before this place have been served with less than the window.
    again: usize,
    /// What members with full sockets must have got, once somebody asks.
    floor: Option<Floor>,
    /// The largest lag of such a member.
    worst: u64,
}

impl Walk {
    /// Takes along what has been published since it began.
    fn read_on(&mut self, channel: &Channel) {
        let log = channel.log();
        if log.read(self.head.sequence, usize::MAX, &mut self.window).is_ok() {
            self.head = log.head();
            self.again = self.place;
            self.floor = None;
        }
    }
}

impl Shard {
    /// Takes the news of a stream to its members.
    pub(super) async fn walk(&mut self, channel: &Channel) {
        let Some(mut walk) = self.begin(channel) else { return };
        while self.step(channel, &mut walk) {
            self.turn().await;
        }
        self.finish(channel, walk);
    }

    /// Takes the news of a stream to its members, which are few, without giving way to anybody. False if the shard has
    /// panicked, and has yet to begin anew.
    pub(crate) fn deliver(&mut self, channel: &Channel, now: Instant) -> bool {
        if !self.is_sound {
            return false;
        }
        self.is_sound = false;
        self.now = now;
        if let Some(mut walk) = self.begin(channel) {
            while self.step(channel, &mut walk) {}
            self.finish(channel, walk);
        }
        self.is_sound = true;
        true
    }

    /// Reads the news; nothing if there is none.
    fn begin(&mut self, channel: &Channel) -> Option<Walk> {
        let seen = channel.look(self.index);
        let mut window = std::mem::take(&mut self.window);
        let head = {
            let log = channel.log();
            // A gap here is none: members that lag behind the log read for themselves, and are found slow.
            let _ = log.read(seen, usize::MAX, &mut window);
            log.head()
        };
        let is_closed = channel.is_closed();
        if head.sequence == seen && !is_closed {
            self.window = window;
            return None;
        }
        Some(Walk { window, head, is_closed, place: 0, end: None, again: 0, floor: None, worst: 0 })
    }

    /// Serves the next member; false if there is none left.
    fn step(&mut self, channel: &Channel, walk: &mut Walk) -> bool {
        if walk.end.is_none() && walk.place.is_multiple_of(LOOK) && channel.newest() > walk.head.sequence {
            walk.read_on(channel);
        }
        let group = self.groups.get(&channel.id).map_or(&[][..], Vec::as_slice);
        let next = group.get(walk.place).filter(|_| walk.end.is_none_or(|end| walk.place < end));
        let Some(&index) = next else {
            // Those who were served before the window grew.
            (walk.place, walk.end) = (0, Some(std::mem::take(&mut walk.again)));
            return walk.end != Some(0);
        };
        let member = &self.members[index];
        let key = member.key;
        if walk.is_closed {
            self.drive(index, Event::Complete, &walk.window);
        } else if member.is_up_to_date(walk.head) {
            // It has read the log itself, or the walk comes by again.
        } else if member.state == State::Suspended {
            self.drive(index, Event::Wake, &walk.window);
        } else if member.state == State::Resumed {
            // Who begins may be in a long replay, and who ends is nearly gone: only time and the log bound them.
            let floor = *walk.floor.get_or_insert_with(|| channel.log().floor(self.now));
            self.keep_up(index, &floor);
        }
        // Who left has been replaced by the last of the group.
        if let Some(member) = self.members.get(index).filter(|member| member.key == key) {
            walk.place += 1;
            if member.blocked {
                walk.worst = walk.worst.max(member.cursor.lag(walk.head).0);
            }
        }
        true
    }

    fn finish(&mut self, channel: &Channel, walk: Walk) {
        channel.seen(self.index, walk.head.sequence, walk.worst);
        self.window = walk.window;
        self.window.clear();
        self.scratch.forget();
    }

    /// What the stream's policy says about a member with a full socket that is too far behind.
    pub(super) fn keep_up(&mut self, index: usize, floor: &Floor) {
        let member = &mut self.members[index];
        match member.channel.config.overflow {
            // It skips to the newest when its socket takes something again.
            Overflow::Latest => {}
            Overflow::DropOldest => {
                if let Some(why) = floor.overrun(member.cursor) {
                    member.skip(floor.cursor, why);
                }
            }
            Overflow::Disconnect => {
                if let Some(why) = floor.overrun(member.cursor) {
                    member.channel.drops.count(why, 0);
                    self.drive(index, Event::Slow, &[]);
                }
            }
        }
    }
}
