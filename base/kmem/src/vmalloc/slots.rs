//! A set of numbered places: bitmaps of those in use and of those given back but still in some TLB. Pure.
use core::ops::Range;

/// The words that hold `places`, with the bits that do.
fn masks(places: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
    (places.start / 64..places.end.div_ceil(64)).map(move |word| {
        let from = places.start.saturating_sub(word * 64);
        let to = (places.end - word * 64).min(64);
        (word, (!0 >> (64 - (to - from))) << from)
    })
}

/// `WORDS * 64` places.
pub(super) struct Slots<const WORDS: usize> {
    used: [u64; WORDS],
    /// Given back; not to be used before the TLBs forget them.
    stale: [u64; WORDS],
    /// No free place lies in a word below this one.
    hint: usize,
    in_use: usize,
    stale_count: usize,
}

impl<const WORDS: usize> Slots<WORDS> {
    pub(super) const fn new() -> Self {
        Self {
            used: [0; WORDS],
            stale: [0; WORDS],
            hint: 0,
            in_use: 0,
            stale_count: 0,
        }
    }

    /// The lowest free place below `limit`.
    pub(super) fn take(&mut self, limit: usize) -> Option<usize> {
        for word in self.hint..WORDS {
            let free = !(self.used[word] | self.stale[word]);
            if free == 0 {
                continue;
            }
            self.hint = word;
            let slot = word * 64 + free.trailing_zeros() as usize;
            if slot >= limit {
                return None;
            }
            self.used[word] |= 1 << (slot % 64);
            self.in_use += 1;
            return Some(slot);
        }
        self.hint = WORDS;
        None
    }

    /// Gives a place back; it stays unusable until [`settle`](Self::settle).
    pub(super) fn give(&mut self, slot: usize) {
        let bit = 1 << (slot % 64);
        debug_assert!(
            self.used[slot / 64] & bit != 0,
            "place {slot} given back twice"
        );
        self.used[slot / 64] &= !bit;
        self.stale[slot / 64] |= bit;
        self.in_use -= 1;
        self.stale_count += 1;
    }

    /// The TLBs have forgotten all places in `which`, a copy of the stale set taken before they did.
    pub(super) fn settle(&mut self, which: &[u64; WORDS]) {
        for (word, settled) in which.iter().enumerate() {
            self.settle_word(word, *settled);
        }
    }

    fn settle_word(&mut self, word: usize, settled: u64) {
        let now = self.stale[word] & settled;
        self.stale[word] &= !now;
        self.stale_count -= now.count_ones() as usize;
        if now != 0 {
            self.hint = self.hint.min(word);
        }
    }

    /// Whether all of `places` can be taken.
    pub(super) fn are_free(&self, places: Range<usize>) -> bool {
        masks(places).all(|(word, mask)| (self.used[word] | self.stale[word]) & mask == 0)
    }

    /// Keeps free places from being taken until they [`settle`](Self::settle), as if they had been given back.
    pub(super) fn seize(&mut self, places: Range<usize>) {
        debug_assert!(self.are_free(places.clone()));
        self.stale_count += places.len();
        masks(places).for_each(|(word, mask)| self.stale[word] |= mask);
    }

    /// The TLBs have forgotten these places.
    pub(super) fn settle_places(&mut self, places: Range<usize>) {
        masks(places).for_each(|(word, mask)| self.settle_word(word, mask));
    }

    pub(super) fn stale(&self) -> [u64; WORDS] {
        self.stale
    }
    pub(super) fn stale_count(&self) -> usize {
        self.stale_count
    }
    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }
    #[cfg(test)]
    pub(super) fn is_used(&self, slot: usize) -> bool {
        self.used[slot / 64] & 1 << (slot % 64) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;
    use std::collections::BTreeSet;

    #[test]
    fn places_are_reused_only_after_they_settled() {
        let mut slots = Slots::<4>::new();
        let mut held = BTreeSet::new();
        let mut stale = BTreeSet::new();
        let mut seed = 7u64;
        for step in 0..50_000 {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            if seed >> 60 < 9 {
                match slots.take(200) {
                    Some(s) => assert!(s < 200 && held.insert(s) && !stale.contains(&s)),
                    None => assert_eq!(held.len() + stale.len(), 200),
                }
            } else if let Some(&s) = held.range((seed >> 33) as usize % 200..).next() {
                held.remove(&s);
                stale.insert(s);
                slots.give(s);
                assert!(!slots.is_used(s));
            }
            if step % 89 == 0 {
                // Groups that are free are seized, and settle like any others.
                let group = (step / 89 % 6) * 32..(step / 89 % 6 + 1) * 32;
                let free = group
                    .clone()
                    .all(|s| !held.contains(&s) && !stale.contains(&s));
                assert_eq!(slots.are_free(group.clone()), free);
                if free {
                    slots.seize(group.clone());
                    if step % 2 == 0 {
                        slots.settle_places(group);
                    } else {
                        stale.extend(group);
                    }
                }
            }
            if step % 97 == 0 {
                let which = slots.stale();
                slots.settle(&which);
                stale.clear();
            }
            assert_eq!(
                (slots.in_use(), slots.stale_count()),
                (held.len(), stale.len())
            );
        }
    }
}
