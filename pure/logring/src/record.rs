//! What a record says, and its form as bytes.

/// Longest text of one record in bytes; longer texts are cut.
pub const TEXT_MAX: usize = 1000;
/// Bytes of the header before the text.
pub(crate) const HEADER: usize = 8 + 8 + 4 + 4 + 2 + 1 + 1;

/// What is noted beside the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// When, in nanoseconds of the monotonic clock.
    pub ts_ns: u64,
    /// The CPU that wrote it.
    pub cpu: u32,
    /// The thread that wrote it (its id), or 0 in an interrupt.
    pub caller: u32,
    /// Severity and facility as syslog(3) joins them: `facility << 3 | level`.
    pub priority: u16,
    /// Free for the owner (continuation marks).
    pub flags: u8,
}

/// A record as it was read: its number, its meta data and its text's length in the buffer given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The sequence number.
    pub seq: u64,
    /// What was noted beside the text.
    pub meta: Meta,
    /// Bytes of text put in the buffer.
    pub len: usize,
}

/// The header's bytes of a record.
pub(crate) fn encode(seq: u64, meta: &Meta, len: usize) -> [u8; HEADER] {
    let mut out = [0; HEADER];
    out[..8].copy_from_slice(&seq.to_le_bytes());
    out[8..16].copy_from_slice(&meta.ts_ns.to_le_bytes());
    out[16..20].copy_from_slice(&meta.cpu.to_le_bytes());
    out[20..24].copy_from_slice(&meta.caller.to_le_bytes());
    out[24..26].copy_from_slice(&meta.priority.to_le_bytes());
    out[26] = meta.flags;
    // The text's length needs ten bits: the low eight here, the others in the spare top bits of the priority's field.
    out[27] = len as u8;
    out[25] = (out[25] & 0x0f) | ((len >> 8) as u8) << 4;
    out
}

/// The other way: sequence number, meta data, text length.
pub(crate) fn decode(bytes: &[u8; HEADER]) -> (u64, Meta, usize) {
    let word = |at: usize| {
        let mut out = [0; 8];
        out.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(out)
    };
    let callers = word(16);
    let meta = Meta {
        ts_ns: word(8),
        cpu: callers as u32,
        caller: (callers >> 32) as u32,
        priority: u16::from_le_bytes([bytes[24], bytes[25] & 0x0f]),
        flags: bytes[26],
    };
    (
        word(0),
        meta,
        usize::from(bytes[27]) | usize::from(bytes[25] >> 4) << 8,
    )
}
