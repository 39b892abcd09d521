//! A set of numbered places: bitmaps of those in use and of those given back but still in some TLB. Pure.

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
            let now = self.stale[word] & settled;
            self.stale[word] &= !now;
            self.stale_count -= now.count_ones() as usize;
            if now != 0 {
                self.hint = self.hint.min(word);
            }
        }
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
