//! Streams of packets.

use super::walk::{Walk, bytes_line};
use super::{Dump, Lines};
use crate::grammar::Grammar;
use crate::packet::{Framing, Header, PacketDecoder, recognise};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Frames of one packet that are shown.
const MAX_FRAMES: usize = 8;

pub(super) fn packets<G: Grammar>(
    dump: &Dump<G>,
    framing: Option<Framing>,
    bytes: &[u8],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut lines = Lines::new::<G>(f, dump.max_lines);
    let Some(framing) = framing.or_else(|| recognise(bytes)) else {
        return bytes_line(
            &mut lines,
            bytes,
            0..bytes.len(),
            0,
            format_args!("!!! cut off: too short for a frame"),
        );
    };
    let headers = PacketDecoder::new(framing, &dump.limits);
    let mut walk = Walk::new(dump);
    let mut at = 0;
    let mut number = 0;
    while at < bytes.len() && lines.left > 0 {
        let mut packet = Packet { frames: Vec::new(), len: 0 };
        let ended = loop {
            match headers.header(framing, &bytes[at..]) {
                Ok(Header::Frame(frame, header)) => {
                    let data = at + header;
                    let end = data.saturating_add(frame.len).min(bytes.len());
                    let is_whole = end - data.min(end) == frame.len;
                    let more = if frame.last { "the last" } else { "more follow" };
                    packet.show(
                        &mut lines,
                        bytes,
                        number,
                        at..data,
                        format_args!("{} bytes, {more}", frame.len),
                    )?;
                    packet.add(data.min(end)..end);
                    at = end;
                    if !is_whole {
                        let missing = frame.len - (end - data.min(end));
                        break Err(format!("cut off: {missing} bytes of the frame are missing"));
                    }
                    if frame.last {
                        break Ok(true);
                    }
                }
                Ok(Header::End(mark)) => {
                    packet.show(&mut lines, bytes, number, at..at + mark, format_args!("the end"))?;
                    at += mark;
                    break Ok(true);
                }
                Ok(Header::Incomplete) if at == bytes.len() => {
                    break Err("cut off: the packet goes on".into());
                }
                Ok(Header::Incomplete) => break Err("cut off: in the header of a frame".into()),
                Err(error) => break Err(format!("error: {}", error.kind())),
            }
            if at == bytes.len() {
                break Err("cut off: the packet goes on".into());
            }
        };
        if packet.len == 0 && ended == Ok(true) {
            lines.line(at as u64, &[], 0, false, 1, format_args!("no data: a heartbeat"))?;
        }
        walk.next_packet();
        packet.values(&mut walk, &mut lines, bytes)?;
        if let Err(why) = ended {
            return bytes_line(&mut lines, bytes, at..bytes.len(), 0, format_args!("!!! {why}"));
        }
        number += 1;
    }
    Ok(())
}

/// The frames of a packet.
struct Packet {
    /// Where the data of each stands in the stream.
    frames: Vec<Range<usize>>,
    len: usize,
}

impl Packet {
    fn add(&mut self, data: Range<usize>) {
        self.len += data.len();
        self.frames.push(data);
    }

    fn show(
        &self,
        lines: &mut Lines<'_, '_>,
        bytes: &[u8],
        number: u64,
        header: Range<usize>,
        what: fmt::Arguments<'_>,
    ) -> fmt::Result {
        match self.frames.len() {
            0 => bytes_line(lines, bytes, header, 0, format_args!("packet {number}, frame: {what}")),
            1..MAX_FRAMES => bytes_line(lines, bytes, header, 0, format_args!("  frame: {what}")),
            MAX_FRAMES => bytes_line(lines, bytes, header, 0, format_args!("  further frames …")),
            _ => Ok(()),
        }
    }

    fn values<G: Grammar>(
        &self,
        walk: &mut Walk<'_, G>,
        lines: &mut Lines<'_, '_>,
        bytes: &[u8],
    ) -> fmt::Result {
        let data: Cow<'_, [u8]> = match self.frames.as_slice() {
            [frame] => Cow::Borrowed(&bytes[frame.clone()]),
            frames => Cow::Owned(frames.iter().flat_map(|frame| &bytes[frame.clone()]).copied().collect()),
        };
        // Where each frame's data begins in the packet.
        let starts: Vec<usize> = self
            .frames
            .iter()
            .scan(0, |sum, frame| {
                *sum += frame.len();
                Some(*sum - frame.len())
            })
            .collect();
        let place = |offset: usize| {
            let frame = starts.partition_point(|&start| start <= offset).saturating_sub(1);
            let (start, data) = (starts.get(frame).copied(), self.frames.get(frame));
            (data.map_or(0, |data| data.start) + offset - start.unwrap_or_default()) as u64
        };
        let mut at = 0;
        while at < data.len() && lines.left > 0 {
            match walk.value(lines, &data, at, "", &place)? {
                Some(end) => at = end,
                None => break,
            }
        }
        Ok(())
    }
}
