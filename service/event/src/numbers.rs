//! Numbers given out, the lowest free one first, and taken back.
use abi::Result;
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, Mutex, rank};

static CLASS: LockClass = LockClass::new("event_numbers", rank::EVENT_NUMBERS);
const BITS: usize = u64::BITS as usize;

/// One bit a number, set while it is given out.
pub(crate) struct Numbers(Mutex<Given>);

struct Given {
    words: Vec<u64>,
    /// No word before this one has a free number.
    first: usize,
}

impl Numbers {
    pub(crate) const fn new() -> Self {
        let given = Given {
            words: Vec::new(),
            first: 0,
        };
        Self(Mutex::new(&CLASS, given))
    }

    /// Gives one out. `ENOMEM`.
    pub(crate) fn take(&self) -> Result<u32> {
        let given = &mut *self.0.lock();
        while given.words.get(given.first) == Some(&u64::MAX) {
            given.first += 1;
        }
        if given.first == given.words.len() {
            given.words.try_push(0)?;
        }
        let free = given.words[given.first].trailing_ones();
        given.words[given.first] |= 1 << free;
        Ok((given.first * BITS) as u32 + free)
    }

    /// Takes one back.
    pub(crate) fn give_back(&self, number: u32) {
        let word = number as usize / BITS;
        let given = &mut *self.0.lock();
        given.words[word] &= !(1 << (number as usize % BITS));
        given.first = given.first.min(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_one() {
        let numbers = Numbers::new();
        for wanted in 0..200 {
            assert_eq!(numbers.take(), Ok(wanted));
        }
        for free in [130, 7, 64] {
            numbers.give_back(free);
        }
        for wanted in [7, 64, 130, 200] {
            assert_eq!(numbers.take(), Ok(wanted));
        }
    }
}
