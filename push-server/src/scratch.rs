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
    // A failure may have grown the room and cut what it wrote.
    if room.capacity() <= 2 * COPIED {
        room.clear();
        ROOM.set(room);
    }
    result.map(|result| (bytes, result))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: usize) -> Vec<u8> {
        exactly(|room| {
            room.resize(count, 7);
            Ok::<_, ()>(())
        })
        .unwrap()
        .0
    }

    #[test]
    fn bytes_take_their_length_and_room_stays_small() {
        for count in [0, 1, 66, COPIED, COPIED + 1, 1 << 20] {
            let bytes = filled(count);
            assert_eq!((bytes.len(), bytes.capacity()), (count, count));
        }
        let failed: Result<(Vec<u8>, ()), ()> = exactly(|room| {
            room.resize(1 << 20, 7);
            room.clear();
            Err(())
        });
        assert_eq!(failed, Err(()));
        assert!(ROOM.take().capacity() <= 2 * COPIED);
    }

    #[test]
    fn who_encodes_while_encoding_has_room_of_its_own() {
        let (outer, inner) = exactly(|room| {
            room.extend_from_slice(b"outer");
            let inner = filled(3);
            room.extend_from_slice(b"!");
            Ok::<_, ()>(inner)
        })
        .unwrap();
        assert_eq!((&outer[..], &inner[..]), (&b"outer!"[..], &[7, 7, 7][..]));
    }
}
