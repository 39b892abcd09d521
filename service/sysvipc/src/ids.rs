//! Which ids are given out: an index below 32768, and a sequence number above it that tells one user of an index from the
//! next. Pure.
//!
//! Indices go round, so that an id comes again as late as can be, within the first 64 or half as many again as are in use:
//! the tables stay small.
use abi::{Errno, Result};
use alloc::vec::Vec;
use kmem::TryVec;

/// Bits of an id that are its index (`IPCMNI_SHIFT`).
const INDEX_BITS: u32 = 15;
/// Most objects of a kind (`IPCMNI`).
pub(crate) const MOST: u32 = 1 << INDEX_BITS;
/// Sequence numbers go up to here.
const SEQ_END: u32 = i32::MAX as u32 >> INDEX_BITS;
/// Indices go round in no fewer.
const LEAST_CYCLE: u32 = 64;

/// The index of an id.
pub(crate) const fn index_of(id: i32) -> u32 {
    id as u32 & (MOST - 1)
}

/// The sequence number of an id.
pub(crate) const fn seq_of(id: i32) -> u32 {
    id as u32 >> INDEX_BITS
}

/// The ids of one kind of object in a namespace.
#[derive(Default)]
pub(crate) struct Ids {
    /// A bit for each index.
    used: Vec<u64>,
    in_use: u32,
    /// Where the search goes on.
    next: u32,
    /// One past the index given out last.
    last: u32,
    seq: u32,
    /// What `/proc/sys/kernel/*_next_id` asks for.
    pub(crate) wanted: Option<i32>,
}

impl Ids {
    /// How many are given out.
    pub(crate) fn in_use(&self) -> u32 {
        self.in_use
    }

    fn has(&self, index: u32) -> bool {
        let word = self.used.get(index as usize / 64);
        word.is_some_and(|word| word & 1 << (index % 64) != 0)
    }

    /// The lowest index in use that is at least `from`.
    pub(crate) fn next_used(&self, from: u32) -> Option<u32> {
        let end = self.used.len() as u32 * 64;
        let mut at = from;
        while at < end {
            let word = self.used[at as usize / 64] >> (at % 64);
            if word != 0 {
                return Some(at + word.trailing_zeros());
            }
            at = (at / 64 + 1) * 64;
        }
        None
    }

    /// The highest index in use.
    pub(crate) fn highest(&self) -> Option<u32> {
        let at = self.used.iter().rposition(|word| *word != 0)?;
        Some(at as u32 * 64 + 63 - self.used[at].leading_zeros())
    }

    fn free_in(&self, from: u32, end: u32) -> Option<u32> {
        (from..end).find(|index| !self.has(*index))
    }

    /// A new id, while fewer than `most` are in use. `ENOSPC`, `ENOMEM`.
    pub(crate) fn take(&mut self, most: u32) -> Result<i32> {
        if self.in_use >= most.min(MOST) {
            return Err(Errno::ENOSPC);
        }
        let (index, seq) = match self.wanted {
            Some(id) => {
                let index = self.free_in(index_of(id), MOST).ok_or(Errno::ENOSPC)?;
                (index, seq_of(id))
            }
            None => self.next_free()?,
        };
        let words = index as usize / 64 + 1;
        if self.used.len() < words {
            self.used.try_resize(words, 0)?;
        }
        if self.wanted.take().is_none() {
            (self.next, self.last, self.seq) = (index + 1, index + 1, seq);
        }
        self.used[index as usize / 64] |= 1 << (index % 64);
        self.in_use += 1;
        Ok((seq << INDEX_BITS | index) as i32)
    }

    fn next_free(&self) -> Result<(u32, u32)> {
        let end = (self.in_use * 3 / 2).clamp(LEAST_CYCLE, MOST);
        let index = self
            .free_in(self.next, end)
            .or_else(|| self.free_in(0, end))
            .ok_or(Errno::ENOSPC)?;
        let around = index < self.last;
        let seq = self.seq + u32::from(around);
        Ok((index, if seq >= SEQ_END { 0 } else { seq }))
    }

    /// Takes an id back.
    pub(crate) fn give(&mut self, id: i32) {
        let index = index_of(id);
        if self.has(index) {
            self.used[index as usize / 64] &= !(1 << (index % 64));
            self.in_use -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_again_late_and_with_another_sequence() {
        let mut ids = Ids::default();
        for round in 0..3 {
            for index in 0..64 {
                let id = ids.take(MOST).unwrap();
                assert_eq!((seq_of(id), index_of(id)), (round, index));
                ids.give(id);
            }
        }
        assert_eq!(ids.in_use(), 0);
        assert_eq!(ids.highest(), None);
    }

    #[test]
    fn as_many_as_there_are() {
        let mut ids = Ids::default();
        for n in 0..MOST {
            assert_eq!(index_of(ids.take(MOST).unwrap()), n);
        }
        assert_eq!(ids.take(MOST), Err(Errno::ENOSPC));
        ids.give(7);
        // Index 7 again: lower than the last one, so another sequence number.
        assert_eq!(ids.take(MOST), Ok(1 << INDEX_BITS | 7));
        assert_eq!(ids.take(10), Err(Errno::ENOSPC));
    }

    #[test]
    fn the_sequence_wraps_below_the_sign() {
        let mut ids = Ids {
            seq: SEQ_END - 1,
            last: 1,
            ..Ids::default()
        };
        let id = ids.take(MOST).unwrap();
        assert_eq!(id, 0);
        assert_eq!(SEQ_END << INDEX_BITS | (MOST - 1), i32::MAX as u32);
    }

    #[test]
    fn an_id_that_is_asked_for() {
        let mut ids = Ids::default();
        assert_eq!(ids.take(MOST), Ok(0));
        ids.wanted = Some(5 << INDEX_BITS | 100);
        assert_eq!(ids.take(MOST), Ok(5 << INDEX_BITS | 100));
        assert_eq!(ids.take(MOST), Ok(1));
        ids.wanted = Some(100);
        assert_eq!(ids.take(MOST), Ok(101));
        assert_eq!(ids.highest(), Some(101));
    }

    #[test]
    fn used_indices_in_order() {
        let mut ids = Ids::default();
        let given: Vec<i32> = (0..130).map(|_| ids.take(MOST).unwrap()).collect();
        for id in &given {
            if !index_of(*id).is_multiple_of(65) {
                ids.give(*id);
            }
        }
        assert_eq!(ids.next_used(0), Some(0));
        assert_eq!(ids.next_used(1), Some(65));
        assert_eq!(ids.next_used(66), None);
        ids.give(0);
        ids.give(0);
        assert_eq!(ids.in_use(), 1);
    }
}
