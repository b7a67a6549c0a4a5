//! Streams of packets, in whatever pieces they arrive.

use super::Dump;
use super::lines::{Lines, Part, Span};
use super::walk::{Fed, Walk};
use crate::error::ErrorKind;
use crate::grammar::Grammar;
use crate::packet::{Framing, Header, PacketDecoder, recognise};
use std::fmt;

/// Frames of one packet that are shown.
const MAX_FRAMES: u64 = 8;
/// Bytes of the longest header of a frame.
const MAX_HEADER: usize = 10;

/// A stream of packets. Nothing of a packet is kept but what [`Walk`] keeps.
#[derive(Debug)]
pub(super) struct Packets<G> {
    walk: Walk<G>,
    headers: PacketDecoder,
    framing: Option<Framing>,
    max_packet: u64,
    max_empty_frames: u32,
    /// The beginning of a header.
    header: Vec<u8>,
    /// The packet in hand, or the next one, and where it begins.
    number: u64,
    start: u64,
    /// Its frames and the bytes of its data so far.
    frames: u64,
    data: u64,
    /// Frames without data in a row.
    empty: u32,
    /// Bytes that the frame in hand lacks, and whether it is the last of its packet.
    frame: Option<(u64, bool)>,
    /// A value of the packet failed: what else it holds is passed over.
    is_skipped: bool,
}

/// Nothing can be told of the stream any more.
pub(super) struct Broken;

impl<G: Grammar> Packets<G> {
    pub(super) fn new(dump: &Dump<G>, framing: Option<Framing>) -> Self {
        Self {
            walk: Walk::new(dump),
            headers: PacketDecoder::recognising(&dump.limits),
            framing,
            max_packet: dump.limits.max_packet,
            max_empty_frames: dump.limits.max_empty_frames,
            header: Vec::new(),
            number: 0,
            start: 0,
            frames: 0,
            data: 0,
            empty: 0,
            frame: None,
            is_skipped: false,
        }
    }

    /// Packets that are complete.
    pub(super) fn count(&self) -> u64 {
        self.number
    }

    pub(super) fn push(
        &mut self,
        lines: &mut Lines<'_>,
        bytes: &[u8],
        place: u64,
    ) -> Result<Result<(), Broken>, fmt::Error> {
        let mut at = 0;
        while at < bytes.len() && !lines.is_full() {
            let (rest, here) = (&bytes[at..], place + at as u64);
            match self.frame {
                Some((left, last)) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    self.values(lines, &rest[..taken], here)?;
                    at += taken;
                    let left = left - taken as u64;
                    self.frame = (left > 0).then_some((left, last));
                    if left == 0 && last {
                        self.end(lines, here + taken as u64)?;
                    }
                }
                None => {
                    // The header began before these bytes if a part of it is kept.
                    let start = here - self.header.len() as u64;
                    match self.head(lines, rest, start)? {
                        Ok(used) => at += used,
                        Err(Broken) => return Ok(Err(Broken)),
                    }
                }
            }
        }
        Ok(Ok(()))
    }

    /// Reads the header of a frame: how many of the bytes belong to it.
    fn head(
        &mut self,
        lines: &mut Lines<'_>,
        bytes: &[u8],
        start: u64,
    ) -> Result<Result<usize, Broken>, fmt::Error> {
        let known = self.header.len();
        let added = (MAX_HEADER - known).min(bytes.len());
        self.header.extend_from_slice(&bytes[..added]);
        self.framing = self.framing.or_else(|| recognise(&self.header));
        let Some(framing) = self.framing else { return Ok(Ok(added)) };
        let (used, end) = match self.headers.header(framing, &self.header) {
            Ok(Header::Incomplete) => return Ok(Ok(added)),
            Ok(Header::Frame(frame, used)) => {
                let len = frame.len as u64;
                let more = if frame.last { "the last" } else { "more follow" };
                self.frame_line(lines, start, used, format_args!("{len} bytes, {more}"))?;
                let too_long = self.data.saturating_add(len) > self.max_packet;
                // In the `P` framing an empty frame ends nothing that has begun.
                let ends = len == 0 && frame.last && (framing != Framing::P || self.data == 0);
                self.empty = if len == 0 && !ends { self.empty + 1 } else { 0 };
                if too_long || self.empty > self.max_empty_frames {
                    let (limit, max) = match too_long {
                        true => ("max_packet", self.max_packet),
                        false => ("max_empty_frames", self.max_empty_frames.into()),
                    };
                    let why = format!("error: {}", ErrorKind::Limit { limit, max });
                    let place = start + used as u64;
                    self.fail(lines, &Span::of(place, &bytes[used - known..]), place, &why)?;
                    return Ok(Err(Broken));
                }
                self.data += len;
                self.frame = (len > 0).then_some((len, frame.last));
                (used, ends)
            }
            Ok(Header::End(used)) => {
                self.frame_line(lines, start, used, format_args!("the end"))?;
                (used, true)
            }
            Err(error) => {
                let whole = std::mem::take(&mut self.header);
                let mut span = Span::of(start, &whole);
                span.add(start, &bytes[added..]);
                self.fail(lines, &span, start, &format!("error: {}", error.kind()))?;
                return Ok(Err(Broken));
            }
        };
        self.header.clear();
        if end {
            self.end(lines, start + used as u64)?;
        }
        Ok(Ok(used - known))
    }

    /// The stream cannot go on: that comes first, also for a value that is cut off by it.
    fn fail(&mut self, lines: &mut Lines<'_>, span: &Span, noticed: u64, what: &str) -> fmt::Result {
        lines.failed(span.at().unwrap_or(noticed), noticed, what);
        if self.walk.is_inside() {
            self.walk.cut_off(lines, noticed)?;
        }
        lines.failure(span, 0, "", noticed, what)
    }

    fn frame_line(
        &mut self,
        lines: &mut Lines<'_>,
        start: u64,
        used: usize,
        what: fmt::Arguments<'_>,
    ) -> fmt::Result {
        let span = Span::of(start, &self.header[..used]);
        self.frames += 1;
        match self.frames {
            1 => {
                let number = self.number;
                self.start = start;
                lines.line(&span, 0, "", Part::Frame, format_args!("packet {number}, frame: {what}"))
            }
            2..=MAX_FRAMES => lines.line(&span, 0, "", Part::Frame, format_args!("  frame: {what}")),
            frame if frame == MAX_FRAMES + 1 => {
                lines.line(&span, 0, "", Part::Frame, format_args!("  further frames …"))
            }
            _ => Ok(()),
        }
    }

    /// Data of the packet.
    fn values(&mut self, lines: &mut Lines<'_>, mut bytes: &[u8], mut place: u64) -> fmt::Result {
        while !bytes.is_empty() && !self.is_skipped && !lines.is_full() {
            if !self.walk.is_inside() {
                self.walk.begin("");
            }
            match self.walk.feed(lines, bytes, place)? {
                Fed::Done(used) => {
                    bytes = &bytes[used..];
                    place += used as u64;
                }
                Fed::More => break,
                Fed::Failed => self.is_skipped = true,
            }
        }
        Ok(())
    }

    /// The packet ends.
    fn end(&mut self, lines: &mut Lines<'_>, end: u64) -> fmt::Result {
        if self.walk.is_inside() {
            self.walk.cut_off(lines, end)?;
        }
        if self.data == 0 {
            lines.line(&Span::of(end, &[]), 1, "", Part::Note, format_args!("no data: a heartbeat"))?;
        }
        self.walk.next_packet();
        self.number += 1;
        (self.frames, self.data, self.empty, self.is_skipped) = (0, 0, 0, false);
        Ok(())
    }

    /// The input ends.
    pub(super) fn finish(&mut self, lines: &mut Lines<'_>, end: u64) -> fmt::Result {
        let why = match (&self.frame, self.header.as_slice()) {
            (Some((left, _)), _) => format!("cut off: {left} bytes of the frame are missing"),
            (None, []) if self.frames == 0 => return Ok(()),
            (None, []) => "cut off: the packet goes on".to_owned(),
            (None, _) if self.framing.is_none() => "cut off: too short for a frame".to_owned(),
            (None, _) => "cut off: in the header of a frame".to_owned(),
        };
        let header = std::mem::take(&mut self.header);
        // As a whole the packet was not read.
        lines.failed(self.start, end, &why);
        self.fail(lines, &Span::of(end - header.len() as u64, &header), end, &why)
    }
}
