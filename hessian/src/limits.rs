//! What hostile input may cost: every bound of the decoder, by name.

/// Bounds of a decoder. Each field says which attack it stops; [`Limits::default`] suits messages from strangers.
///
/// A length that the input only *claims* reserves room for 4,096 elements at most, for no more than bytes are left, and
/// (by serde) for no more than 1 MiB, whatever the limits say: more room is made for what has arrived. Reaching a limit gives [`ErrorKind::Limit`](crate::ErrorKind::Limit) with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Lists, maps and objects inside each other. Stops stack exhaustion by `79 79 79 …`. Default 128.
    pub max_depth: u32,
    /// UTF-16 units of one string, all chunks together. Stops endless chunked strings. Default 16 Mi units.
    pub max_string: u64,
    /// Bytes of one binary value, all chunks together. Stops endless chunked binaries (`41 ffff …` without a last chunk),
    /// which are joined in memory. Default 64 MiB.
    pub max_binary: u64,
    /// Elements of one list, entries of one map. Stops lists up to their end (`57 90 90 90 …`) that grow for ever where
    /// values are taken one by one; in a list that tells its length, a length that no sender has. Default 16 Mi.
    pub max_elements: u64,
    /// Fields of one class definition. Stops `C "a" 7fffffff`. Default 1,024.
    pub max_fields: u32,
    /// Different classes of one stream. Stops tables that grow for ever. Default 4,096.
    pub max_classes: u32,
    /// Different type names of one stream. Stops tables that grow for ever by a new name in each list. Default 4,096.
    pub max_types: u32,
    /// Class definitions of one stream that repeat an earlier one, which some senders write anew in each packet, and the
    /// same for type names. Each takes a number, 4 bytes. Stops tables that grow for ever. Default 16 Mi.
    pub max_repeats: u32,
    /// UTF-16 units of one class, field or type name. Stops names that are costly each time they are told, compared or
    /// hashed: one definition serves objects of one byte. Default 1,024.
    pub max_name: u32,
    /// Bytes of all different class, field and type names of one stream, with 4 for each. Stops many classes of many
    /// long fields. Default 1 MiB.
    pub max_names: u32,
    /// Lists, maps and objects of one packet (what references can name). Stops amplification by one-byte
    /// objects (`60 60 60 …`). Default 4 Mi.
    pub max_containers: u32,
    /// Values of one [`Graph`](crate::Graph), with the ends of its containers; in typed decoding those of all graphs in a
    /// packet together. A value takes 24 bytes, up to three times that while it is read. Stops amplification by one-byte values
    /// (`4e 4e 4e …`). Default 4 Mi: about 300 MiB at worst.
    pub max_values: u64,
    /// Bytes read again because references lead to them, 32 for each reference, and what names that are told again have
    /// beyond their first 32 bytes. It counts where a value becomes a tree: typed decoding, and a
    /// [`Graph`](crate::Graph) in another format. Stops exponential growth (`a = [b, b]`, `b = [c, c]`, …) and one-byte
    /// objects of long field names, decoded as maps. What comes of a byte depends on the type: with 32 bytes for a null the
    /// default, 8 MiB, is 280 MiB at worst.
    pub max_expansion: u64,
    /// Bytes of one packet. Stops frames that never end. Default 64 MiB.
    pub max_packet: u64,
    /// Frames without data in a row of which none ends a packet. Stops a flood of them that keeps the decoder busy
    /// without progress. Heartbeats end a packet: they do not count. Default 1,024.
    pub max_empty_frames: u32,
    /// Bytes that a compressed envelope may unfold to. Stops deflate bombs. Default 64 MiB.
    pub max_inflated: u64,
}

impl Limits {
    /// For what this process has written itself.
    pub(crate) const UNBOUNDED: Self = Self {
        max_depth: u32::MAX,
        max_string: u64::MAX,
        max_binary: u64::MAX,
        max_elements: u64::MAX,
        max_fields: u32::MAX,
        max_classes: u32::MAX,
        max_types: u32::MAX,
        max_repeats: u32::MAX,
        max_name: u32::MAX,
        max_names: u32::MAX,
        max_containers: u32::MAX,
        max_values: u64::MAX,
        max_expansion: u64::MAX,
        max_packet: u64::MAX,
        max_empty_frames: u32::MAX,
        max_inflated: u64::MAX,
    };

    /// The defaults, to refer to.
    pub const DEFAULT: Self = Self::new();

    /// The defaults, usable in constants.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_depth: 128,
            max_string: 16 << 20,
            max_binary: 64 << 20,
            max_elements: 16 << 20,
            max_fields: 1024,
            max_classes: 4096,
            max_types: 4096,
            max_repeats: 16 << 20,
            max_name: 1024,
            max_names: 1 << 20,
            max_containers: 4 << 20,
            max_values: 4 << 20,
            max_expansion: 8 << 20,
            max_packet: 64 << 20,
            max_empty_frames: 1024,
            max_inflated: 64 << 20,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// What a name of so many bytes counts for `max_expansion` when it is told again: a short one is no more than the value
/// that comes with it.
pub(crate) const fn told_again(bytes: usize) -> u64 {
    (bytes as u64).saturating_sub(32)
}
