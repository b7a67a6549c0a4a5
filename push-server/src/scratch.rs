//! Room to encode in: what is encoded is kept in exactly as many bytes as it has.
//!
//! A body is kept for as long as the log keeps its message, without room for more; an allocation that is shrunk leaves a
//! piece behind for the allocator to keep account of, which costs more than a copy of what most messages have.

use std::cell::Cell;

/// Above this a copy costs more than a piece left behind: the room itself is kept, shrunk.
const COPIED: usize = 16 << 10;

thread_local! {
    /// Empty. Taken while it is in use: whoever publishes from within a `Serialize` gets a new one.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What `encode` writes, in an allocation of its length.
pub(crate) fn exactly<R, E>(encode: impl FnOnce(&mut Vec<u8>) -> Result<R, E>) -> Result<(Vec<u8>, R), E> {
    let mut room = ROOM.take();
    let result = encode(&mut room);
    let bytes = match room.len() {
        ..=COPIED => room.as_slice().to_vec(),
        _ => {
            room.shrink_to_fit();
            std::mem::take(&mut room)
        }
    };
    room.clear();
    ROOM.set(room);
    result.map(|result| (bytes, result))
}
