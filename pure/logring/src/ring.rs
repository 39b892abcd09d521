//! The ring.
use crate::record::{HEADER, Meta, Record, TEXT_MAX, decode, encode};
use crate::sync::{AtomicU64, Ordering, fence};

/// Bytes of a record in one data word; the eighth is the lap.
const PAYLOAD: usize = 7;
/// The slot's record is complete (low bit of its state).
const DONE: u64 = 1;

/// Why a record could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is not written yet, or its writer is still at it.
    NotYet,
    /// It was overwritten; the oldest record that may still be there has this number.
    Lost(u64),
}

struct Slot {
    /// `(seq + 1) << 1 | DONE`; 0 was never used.
    state: AtomicU64,
    /// Where the record starts in the data, in words since the beginning of time.
    pos: AtomicU64,
}

/// A ring of at most `SLOTS` records in `WORDS` words of 7 bytes; both are powers of two.
pub struct Ring<const SLOTS: usize, const WORDS: usize> {
    slots: [Slot; SLOTS],
    words: [AtomicU64; WORDS],
    next_seq: AtomicU64,
    next_pos: AtomicU64,
    /// Records before this number are hidden from [`Ring::oldest`] (syslog's "clear").
    hidden: AtomicU64,
}

impl<const SLOTS: usize, const WORDS: usize> Default for Ring<SLOTS, WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const SLOTS: usize, const WORDS: usize> Ring<SLOTS, WORDS> {
    const CHECK: () = assert!(
        SLOTS.is_power_of_two() && WORDS.is_power_of_two(),
        "sizes must be powers of two"
    );

    /// An empty ring.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        let () = Self::CHECK;
        Self {
            slots: [const {
                Slot {
                    state: AtomicU64::new(0),
                    pos: AtomicU64::new(0),
                }
            }; SLOTS],
            words: [const { AtomicU64::new(0) }; WORDS],
            next_seq: AtomicU64::new(0),
            next_pos: AtomicU64::new(0),
            hidden: AtomicU64::new(0),
        }
    }

    /// An empty ring (loom's atomics are not const).
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        let () = Self::CHECK;
        Self {
            slots: core::array::from_fn(|_| Slot {
                state: AtomicU64::new(0),
                pos: AtomicU64::new(0),
            }),
            words: core::array::from_fn(|_| AtomicU64::new(0)),
            next_seq: AtomicU64::new(0),
            next_pos: AtomicU64::new(0),
            hidden: AtomicU64::new(0),
        }
    }

    /// Bytes of text and headers that the ring keeps.
    #[must_use]
    pub const fn capacity_bytes(&self) -> usize {
        WORDS * PAYLOAD
    }

    /// Writes a record and returns its number. Text beyond [`TEXT_MAX`] (or half the ring) is cut. Lock-free.
    pub fn push(&self, meta: &Meta, text: &[u8]) -> u64 {
        let limit = TEXT_MAX.min((WORDS * PAYLOAD / 2).saturating_sub(HEADER));
        let text = &text[..text.len().min(limit)];
        let words = (HEADER + text.len()).div_ceil(PAYLOAD) as u64;
        // Sequence first: between two writers the order of data does not matter.
        let seq = self.next_seq.fetch_add(1, Ordering::Relaxed);
        let slot = self.slot(seq);
        slot.state.store(Self::state_of(seq), Ordering::Relaxed);
        let pos = self.next_pos.fetch_add(words, Ordering::Relaxed);
        slot.pos.store(pos, Ordering::Relaxed);
        // A reader who sees one of the words below also sees `next_pos` moved past what it replaces.
        fence(Ordering::Release);
        self.write_bytes(pos, &encode(seq, meta, text.len()), text);
        // A later lap may have taken the slot over while this writer was stalled: then the record is lost.
        let _ = slot.state.compare_exchange(
            Self::state_of(seq),
            Self::state_of(seq) | DONE,
            Ordering::Release,
            Ordering::Relaxed,
        );
        seq
    }

    /// Reads record `seq`; its text goes to the head of `buf` (cut if that is shorter).
    ///
    /// # Errors
    /// [`ReadError::NotYet`] and [`ReadError::Lost`] as they say.
    pub fn read(&self, seq: u64, buf: &mut [u8]) -> Result<Record, ReadError> {
        let next = self.next_seq.load(Ordering::Acquire);
        if seq >= next {
            return Err(ReadError::NotYet);
        }
        let lost = Err(ReadError::Lost(
            (seq + 1).max(next.saturating_sub(SLOTS as u64)),
        ));
        let slot = self.slot(seq);
        let state = slot.state.load(Ordering::Acquire);
        if state < Self::state_of(seq) || state == Self::state_of(seq) {
            // Older, or being written. A writer who died in mid-record is passed over once the ring has moved on.
            return if next - seq > SLOTS as u64 / 2 {
                lost
            } else {
                Err(ReadError::NotYet)
            };
        }
        if state != Self::state_of(seq) | DONE {
            return lost;
        }
        let pos = slot.pos.load(Ordering::Relaxed);
        match self.read_record(seq, pos, buf) {
            Some(record) => Ok(record),
            None => lost,
        }
    }

    /// Reads the first record numbered `seq` or higher that is still there; `None` when there is none yet.
    /// What was skipped is the difference of the numbers.
    pub fn read_from(&self, mut seq: u64, buf: &mut [u8]) -> Option<Record> {
        loop {
            match self.read(seq, buf) {
                Ok(record) => return Some(record),
                Err(ReadError::NotYet) => return None,
                Err(ReadError::Lost(next)) => seq = next,
            }
        }
    }

    /// The number that the next record will have.
    pub fn next_seq(&self) -> u64 {
        self.next_seq.load(Ordering::Acquire)
    }

    /// The number of the oldest record that may still be there.
    pub fn oldest(&self) -> u64 {
        let mut seq = self.next_seq().saturating_sub(SLOTS as u64);
        let mut none = [0; 0];
        while let Err(ReadError::Lost(next)) = self.read(seq, &mut none) {
            seq = next;
        }
        seq
    }

    /// The number below which [`Ring::hide`] hid records.
    pub fn visible_from(&self) -> u64 {
        self.hidden.load(Ordering::Relaxed)
    }

    /// Hides all records written so far from readers who start at [`Ring::visible_from`].
    pub fn hide(&self) {
        self.hidden.store(self.next_seq(), Ordering::Relaxed);
    }

    fn slot(&self, seq: u64) -> &Slot {
        &self.slots[seq as usize & (SLOTS - 1)]
    }

    const fn state_of(seq: u64) -> u64 {
        (seq + 1) << 1
    }

    /// The lap a word position belongs to, as its tag; never 0, which is what an unused word holds.
    const fn tag(pos: u64) -> u8 {
        (pos / WORDS as u64 % 255) as u8 + 1
    }

    fn write_bytes(&self, pos: u64, header: &[u8; HEADER], text: &[u8]) {
        let mut bytes = header.iter().chain(text);
        let words = (HEADER + text.len()).div_ceil(PAYLOAD) as u64;
        for at in pos..pos + words {
            let mut word = [0; 8];
            for (to, from) in word[..PAYLOAD].iter_mut().zip(&mut bytes) {
                *to = *from;
            }
            word[PAYLOAD] = Self::tag(at);
            self.words[at as usize & (WORDS - 1)]
                .store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
    }

    fn word(&self, pos: u64) -> Option<[u8; PAYLOAD]> {
        let word = self.words[pos as usize & (WORDS - 1)]
            .load(Ordering::Relaxed)
            .to_le_bytes();
        let [a, b, c, d, e, f, g, tag] = word;
        (tag == Self::tag(pos)).then_some([a, b, c, d, e, f, g])
    }

    fn read_record(&self, seq: u64, pos: u64, buf: &mut [u8]) -> Option<Record> {
        let mut header = [0; HEADER];
        let head_words = HEADER / PAYLOAD;
        const { assert!(HEADER.is_multiple_of(PAYLOAD), "text starts on a word") };
        for (i, part) in header.chunks_exact_mut(PAYLOAD).enumerate() {
            part.copy_from_slice(&self.word(pos + i as u64)?);
        }
        let (stored, meta, len) = decode(&header);
        if stored != seq || len > TEXT_MAX {
            return None;
        }
        let len = len.min(buf.len());
        for (i, part) in buf[..len].chunks_mut(PAYLOAD).enumerate() {
            part.copy_from_slice(&self.word(pos + (head_words + i) as u64)?[..part.len()]);
        }
        // Every word had this lap's tag; 255 laps during one read are the only way to be fooled. Rule that out too.
        fence(Ordering::Acquire);
        let behind = self.next_pos.load(Ordering::Relaxed).wrapping_sub(pos);
        (behind <= WORDS as u64).then_some(Record { seq, meta, len })
    }
}
