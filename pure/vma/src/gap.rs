//! Searches for free room, first fit from either side. Chunks whose inner gaps are too small are passed over whole.
use crate::map::guarded_start;
use crate::{AreaMap, Payload};

impl<T: Payload> AreaMap<T> {
    /// The lowest address of `len` free bytes within `low..high`, guards of the areas above kept free.
    pub fn gap_bottom_up(&self, len: usize, low: usize, high: usize) -> Option<usize> {
        let mut from = low;
        loop {
            let at = self.first_gap(len, from, high)?;
            // The guard of an area further up may reach down past smaller ones: all below its end is taken then.
            match self
                .iter_from(at)
                .find(|area| guarded_start(area) < at + len)
            {
                None => return Some(at),
                Some(area) => from = area.end,
            }
        }
    }

    /// As [`Self::gap_bottom_up`], with the guards of adjacent areas only.
    fn first_gap(&self, len: usize, low: usize, high: usize) -> Option<usize> {
        let mut at = low;
        let first = self.chunks.partition_point(|c| c.end <= low);
        for chunk in &self.chunks[first..] {
            let below = guarded_start(chunk.areas.first()?);
            if fits(at, below.min(high), len) {
                return Some(at);
            }
            if chunk.max_gap >= len {
                for area in &chunk.areas {
                    if fits(at, guarded_start(area).min(high), len) {
                        return Some(at);
                    }
                    at = at.max(area.end);
                }
            }
            at = at.max(chunk.end);
            if at >= high {
                return None;
            }
        }
        fits(at, high, len).then_some(at)
    }

    /// The highest address of `len` free bytes within `low..high`, guards of the areas above kept free.
    pub fn gap_top_down(&self, len: usize, low: usize, high: usize) -> Option<usize> {
        let mut top = high;
        // Chunks that begin at or above `high` matter only through their guards; those reach down at most that far.
        for chunk in self.chunks.iter().rev() {
            if fits(chunk.end.max(low), top, len) {
                return Some(top - len);
            }
            if chunk.end <= low {
                return None;
            }
            if chunk.max_gap >= len {
                for area in chunk.areas.iter().rev() {
                    if fits(area.end.max(low), top, len) {
                        return Some(top - len);
                    }
                    top = top.min(guarded_start(area));
                }
            }
            top = top.min(guarded_start(chunk.areas.first()?));
        }
        fits(low, top, len).then(|| top - len)
    }
}

fn fits(low: usize, high: usize, len: usize) -> bool {
    high.checked_sub(low).is_some_and(|room| room >= len)
}
