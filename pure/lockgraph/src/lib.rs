//! Which lock classes were held when which others were taken. An edge a → b means "b was taken while a was held"; a
//! circle of edges is a possible deadlock, whether or not it ever happens (Linux' Documentation/locking/lockdep-design.rst).
//!
//! Called by `sync` in debug builds. Nothing is allocated: classes are numbers below [`CLASSES`]. Edges may be looked
//! up at any time; [`AtomicGraph::add`] is called by one thread at a time.
#![no_std]
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicU64, Ordering};

/// Most classes that are told apart; edges of higher numbers are not kept.
pub const CLASSES: usize = 512;
const WORDS: usize = CLASSES / 64;

/// The graph as a matrix of bits.
pub struct AtomicGraph {
    rows: [[AtomicU64; WORDS]; CLASSES],
}

impl Default for AtomicGraph {
    fn default() -> Self {
        Self::new()
    }
}

impl AtomicGraph {
    /// No edges.
    pub const fn new() -> Self {
        Self {
            rows: [const { [const { AtomicU64::new(0) }; WORDS] }; CLASSES],
        }
    }

    /// Whether the edge `from → to` has not been seen; false for classes that are not kept.
    pub fn is_new(&self, from: usize, to: usize) -> bool {
        from < CLASSES
            && to < CLASSES
            && self.rows[from][to / 64].load(Ordering::Relaxed) >> (to % 64) & 1 == 0
    }

    /// Adds the edge `from → to` and says whether it closes a circle.
    pub fn add(&self, from: usize, to: usize) -> bool {
        if from >= CLASSES || to >= CLASSES {
            return false;
        }
        let circle = from == to || self.reaches(to, from);
        self.rows[from][to / 64].fetch_or(1 << (to % 64), Ordering::Relaxed);
        circle
    }

    /// Forgets a class: all edges from it and to it. The caller is the one who adds.
    pub fn remove(&self, class: usize) {
        if class >= CLASSES {
            return;
        }
        for word in &self.rows[class] {
            word.store(0, Ordering::Relaxed);
        }
        for row in &self.rows {
            row[class / 64].fetch_and(!(1 << (class % 64)), Ordering::Relaxed);
        }
    }

    /// Whether there is the edge `from → to`.
    pub fn has(&self, from: usize, to: usize) -> bool {
        from < CLASSES && to < CLASSES && !self.is_new(from, to)
    }

    /// Whether a path of edges leads from `start` to `goal`.
    pub fn reaches(&self, start: usize, goal: usize) -> bool {
        self.walk(start, |node| node == goal)
    }

    /// How many classes paths of edges lead to from `start`, itself among them.
    pub fn reached(&self, start: usize) -> usize {
        let mut count = 0;
        self.walk(start, |_| {
            count += 1;
            false
        });
        count
    }

    /// Calls `is_it` with all that paths lead to, until it says so.
    fn walk(&self, start: usize, mut is_it: impl FnMut(usize) -> bool) -> bool {
        let mut seen = [0u64; WORDS];
        let mut frontier = [0u64; WORDS];
        frontier[start / 64] = 1 << (start % 64);
        while let Some(node) = pop(&mut frontier) {
            if is_it(node) {
                return true;
            }
            seen[node / 64] |= 1 << (node % 64);
            for (word, edges) in self.rows[node].iter().enumerate() {
                frontier[word] |= edges.load(Ordering::Relaxed) & !seen[word];
            }
        }
        false
    }
}

fn pop(set: &mut [u64; WORDS]) -> Option<usize> {
    let word = set.iter().position(|w| *w != 0)?;
    let bit = set[word].trailing_zeros() as usize;
    set[word] &= set[word] - 1;
    Some(word * 64 + bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_inversion_and_long_circle() {
        let g = AtomicGraph::new();
        assert!(!g.add(1, 2));
        assert!(!g.is_new(1, 2));
        assert!(g.add(2, 1), "the inversion of two");
        let g = AtomicGraph::new();
        assert!(!g.add(10, 70));
        assert!(!g.add(70, 130));
        assert!(!g.add(130, 200));
        assert!(!g.add(10, 200), "a short cut is no circle");
        assert!(g.add(200, 10), "a circle of four");
    }

    #[test]
    fn a_class_that_is_forgotten_closes_no_circle() {
        let g = AtomicGraph::new();
        assert!(!g.add(1, 2) && !g.add(2, 300));
        assert!(g.has(2, 300) && !g.has(300, 2));
        assert_eq!([1, 2, 300].map(|class| g.reached(class)), [3, 2, 1]);
        g.remove(2);
        assert!(g.is_new(1, 2) && g.is_new(2, 300));
        assert!(!g.add(300, 1), "nothing leads from 1 to 300 any more");
    }

    #[test]
    fn numbers_out_of_range_are_ignored() {
        let g = AtomicGraph::new();
        assert!(!g.add(CLASSES, 1));
        assert!(!g.is_new(1, CLASSES));
    }
}
