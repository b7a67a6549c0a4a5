//! References in typed decoding: the container that a reference names is read once more.
//!
//! Nothing is kept while a message has no reference. The first one makes an index of where each container starts, by
//! a pass over what has been read; later ones carry it on, so that all passes together read each byte once.

use super::reader::Reader;
use crate::error::{ErrorKind, Result};
use crate::event::Event;
use crate::grammar::Grammar;
use crate::limits::{Limits, told_again};
use crate::parser::{Core, Step};
use crate::shared::Decoded;
use std::sync::Arc;

/// What following a reference counts beside the bytes it leads to: the value that it makes is not smaller.
const FOLLOWING: u64 = 32;

/// What a packet needs that tells something more than once: where its containers start.
#[derive(Debug)]
pub(super) struct Replay<G> {
    core: Core<G>,
    /// How far the index goes.
    pos: usize,
    starts: Vec<usize>,
    /// Containers that are open at `pos`.
    open: Vec<usize>,
    /// References that are being followed.
    following: Vec<usize>,
    /// Bytes that were read or told again.
    expanded: u64,
    /// Values of the graphs so far.
    graphs: u64,
    /// Values that references may be asked to share.
    decoded: Arc<Decoded>,
}

/// Where to go on after a reference was followed.
#[derive(Debug)]
pub(super) struct Return {
    pos: usize,
    start: usize,
    depth_left: u32,
}

impl<G: Grammar> Replay<G> {
    fn new() -> Self {
        let mut core = Core::new();
        core.replay = true;
        Self {
            core,
            pos: 0,
            starts: Vec::new(),
            open: Vec::new(),
            following: Vec::new(),
            expanded: 0,
            graphs: 0,
            decoded: Arc::default(),
        }
    }
}

impl<G: Grammar> Reader<'_, '_, G> {
    /// Moves to the start of the container that the reference names. Its token was taken.
    #[cold]
    pub(super) fn jump(&mut self, number: Option<u32>) -> Result<Return> {
        let number = match number {
            Some(number) => i64::from(number),
            None => self.int("an int (the number of a reference)")?.into(),
        };
        let id = match usize::try_from(number) {
            Ok(id) if id < self.containers as usize => id,
            _ => {
                let defined = self.containers as usize;
                return Err(self.fail(ErrorKind::UnknownReference { number, defined }));
            }
        };
        let mut replay = self.replay.take().unwrap_or_else(|| Box::new(Replay::new()));
        let start = self.start_of(&mut replay, id);
        if start.is_ok() {
            replay.following.push(id);
        }
        *self.replay = Some(replay);
        let start = start?;
        let depth_left = self.depth_left;
        self.replaying += 1;
        if let Err(error) = self.open() {
            self.replaying -= 1;
            if let Some(replay) = &mut *self.replay {
                replay.following.pop();
            }
            return Err(error);
        }
        Ok(Return { pos: std::mem::replace(&mut self.pos, start), start, depth_left })
    }

    /// Where the container starts, unless it encloses the reference.
    fn start_of(&mut self, replay: &mut Replay<G>, id: usize) -> Result<usize> {
        if self.replaying == 0 {
            self.index(replay)?;
        }
        if replay.open.contains(&id) || replay.following.contains(&id) {
            #[expect(clippy::cast_possible_truncation, reason = "below self.containers")]
            return Err(self.fail(ErrorKind::Cycle { number: id as u32 }));
        }
        // The index goes up to this reference and has every container that has started.
        replay.starts.get(id).copied().ok_or_else(|| {
            self.fail(ErrorKind::UnknownReference { number: id as i64, defined: replay.starts.len() })
        })
    }

    /// The number of the list, map or object that starts here or next.
    pub(super) fn next_number(&self) -> u32 {
        match &*self.replay {
            #[expect(clippy::cast_possible_truncation, reason = "at most self.containers")]
            Some(replay) if self.replaying > 0 => {
                replay.starts.partition_point(|&start| start < self.pos) as u32
            }
            _ => self.containers,
        }
    }

    /// Goes on behind the reference.
    pub(super) fn back(&mut self, to: &Return) -> Result<()> {
        let expanded = self.pos.saturating_sub(to.start) as u64;
        self.pos = to.pos;
        self.replaying -= 1;
        self.depth_left = to.depth_left;
        let replay = self.again();
        replay.following.pop();
        self.expand(expanded + FOLLOWING)
    }

    fn again(&mut self) -> &mut Replay<G> {
        self.replay.get_or_insert_with(|| Box::new(Replay::new()))
    }

    /// How many values the graphs have that were read so far.
    pub(super) fn graphs_so_far(&self) -> u64 {
        self.replay.as_ref().map_or(0, |replay| replay.graphs)
    }

    pub(super) fn count_graph(&mut self, values: u64) {
        self.again().graphs += values;
    }

    /// A name of so many bytes is told once more.
    #[inline]
    pub(super) fn name_again(&mut self, length: usize) -> Result<()> {
        match told_again(length) {
            0 => Ok(()),
            bytes => self.expand(bytes),
        }
    }

    /// So many bytes are told once more.
    #[inline(never)]
    fn expand(&mut self, bytes: u64) -> Result<()> {
        let replay = self.again();
        replay.expanded = replay.expanded.saturating_add(bytes);
        if replay.expanded > self.limits.max_expansion {
            return Err(self.limit("max_expansion", self.limits.max_expansion));
        }
        Ok(())
    }

    /// The values that references of this packet may be asked to share.
    pub(super) fn decoded(&mut self) -> Arc<Decoded> {
        Arc::clone(&self.again().decoded)
    }

    /// Passes over bytes between two values that belong to neither: what references name is counted on.
    pub(super) fn pass_over(&mut self, bytes: usize) -> Result<()> {
        let mut replay = self.replay.take().unwrap_or_else(|| Box::new(Replay::new()));
        let indexed = self.index(&mut replay);
        self.pos += bytes;
        replay.pos = self.pos;
        *self.replay = Some(replay);
        indexed
    }

    /// Carries the index on to the present position.
    fn index(&mut self, replay: &mut Replay<G>) -> Result<()> {
        // What was read once was within the limits: only where it starts matters here.
        let limits = Limits { max_depth: u32::MAX, max_containers: u32::MAX, ..*self.limits };
        while replay.pos < self.pos {
            match replay.core.step(self.tables, &limits, &self.input[replay.pos..self.pos])? {
                Step::Event { event, used } => {
                    match event {
                        Event::List { .. } | Event::Map { .. } | Event::Object { .. } => {
                            replay.open.push(replay.starts.len());
                            replay.starts.push(replay.pos);
                        }
                        Event::End => {
                            replay.open.pop();
                        }
                        _ => {}
                    }
                    replay.pos += used;
                }
                Step::NeedMore { used, needed } => {
                    replay.pos += used;
                    return Err(self.fail(ErrorKind::Incomplete { needed }));
                }
                Step::Done => replay.core.next_value(),
            }
        }
        Ok(())
    }
}
