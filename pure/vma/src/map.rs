//! The map itself.
use crate::{Area, CHUNK, MapError, Payload};
use alloc::vec::Vec;
use reserved::Reserved;

/// A sorted run of areas; never empty while it stands in a map.
pub(crate) struct Chunk<T> {
    /// Start of the first area.
    pub(crate) first: usize,
    /// End of the last area.
    pub(crate) end: usize,
    /// Largest gap between two areas of this chunk, guards taken off.
    pub(crate) max_gap: usize,
    pub(crate) areas: Vec<Area<T>>,
}

/// Areas in order of address, none overlapping.
pub struct AreaMap<T> {
    pub(crate) chunks: Vec<Chunk<T>>,
    pub(crate) len: usize,
}

/// Where an area stands: chunk, index in it.
pub(crate) type Place = (usize, usize);

impl<T: Payload> Chunk<T> {
    pub(crate) fn try_new() -> Result<Self, MapError> {
        let mut areas = Vec::new();
        areas
            .try_reserve_exact(CHUNK)
            .map_err(|_| MapError::NoMemory)?;
        Ok(Self {
            first: 0,
            end: 0,
            max_gap: 0,
            areas,
        })
    }

    /// Brings the notes up to date after a change. The chunk is not empty.
    pub(crate) fn note(&mut self) {
        let (Some(first), Some(last)) = (self.areas.first(), self.areas.last()) else {
            return;
        };
        self.first = first.start;
        self.end = last.end;
        self.max_gap = self
            .areas
            .windows(2)
            .map(|w| gap_between(&w[0], &w[1]))
            .max()
            .unwrap_or(0);
    }
}

/// Free room between two neighbours, the upper one's guard taken off.
pub(crate) fn gap_between<T: Payload>(low: &Area<T>, high: &Area<T>) -> usize {
    guarded_start(high).saturating_sub(low.end)
}

/// Where an area's guard begins.
pub(crate) fn guarded_start<T: Payload>(area: &Area<T>) -> usize {
    area.start.saturating_sub(area.data.guard_below())
}

impl<T: Payload> Default for AreaMap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Payload> AreaMap<T> {
    /// An empty map.
    pub const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }

    /// Number of areas.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no area.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Place of the first area that ends above `addr`.
    #[inline]
    pub(crate) fn place_after(&self, addr: usize) -> Option<Place> {
        let c = match self.chunks.len() {
            0 => return None,
            1 if self.chunks[0].end > addr => 0,
            _ => self.chunks.partition_point(|c| c.end <= addr),
        };
        let chunk = self.chunks.get(c)?;
        Some((c, chunk.areas.partition_point(|a| a.end <= addr)))
    }

    #[inline]
    pub(crate) fn at(&self, (c, i): Place) -> Option<&Area<T>> {
        self.chunks.get(c)?.areas.get(i)
    }

    /// The place that follows in order.
    pub(crate) fn next(&self, (c, i): Place) -> Option<Place> {
        if i + 1 < self.chunks[c].areas.len() {
            Some((c, i + 1))
        } else if c + 1 < self.chunks.len() {
            Some((c + 1, 0))
        } else {
            None
        }
    }

    /// The place before in order.
    pub(crate) fn prev(&self, (c, i): Place) -> Option<Place> {
        if i > 0 {
            Some((c, i - 1))
        } else {
            let c = c.checked_sub(1)?;
            Some((c, self.chunks[c].areas.len() - 1))
        }
    }

    /// The area that contains `addr`.
    #[inline]
    pub fn find(&self, addr: usize) -> Option<&Area<T>> {
        self.find_from(addr).filter(|a| a.start <= addr)
    }

    /// The first area that ends above `addr`: the one that contains it, or else the next one.
    #[inline]
    pub fn find_from(&self, addr: usize) -> Option<&Area<T>> {
        self.at(self.place_after(addr)?)
    }

    /// The last area that ends at or below `addr`.
    pub fn find_before(&self, addr: usize) -> Option<&Area<T>> {
        match self.place_after(addr) {
            Some(place) => self.at(self.prev(place)?),
            None => self.last(),
        }
    }

    /// The highest area.
    pub fn last(&self) -> Option<&Area<T>> {
        self.chunks.last()?.areas.last()
    }

    /// Whether no area touches `start..end`.
    pub fn is_free(&self, start: usize, end: usize) -> bool {
        self.find_from(start).is_none_or(|a| a.start >= end)
    }

    /// Changes the data of the area that contains `addr` in place. The guard it asks for must not change: use
    /// [`AreaMap::for_each_mut`] for that.
    pub fn find_mut(&mut self, addr: usize) -> Option<&mut T> {
        let (c, i) = self.place_after(addr)?;
        let area = self.chunks[c].areas.get_mut(i)?;
        (area.start <= addr).then_some(&mut area.data)
    }

    /// Adds an area; joins nothing. [`MapError::Overlap`] if another is there or it is empty, [`MapError::NoMemory`].
    pub fn insert(&mut self, area: Area<T>) -> Result<(), MapError> {
        if area.start >= area.end || !self.is_free(area.start, area.end) {
            return Err(MapError::Overlap);
        }
        let place = match self.place_after(area.start) {
            // Before the first area of a chunk: the end of the chunk before is as good, and may have room.
            Some((c, 0)) if c > 0 && self.chunks[c - 1].areas.len() < CHUNK => {
                (c - 1, self.chunks[c - 1].areas.len())
            }
            Some(place) => place,
            None => match self.chunks.len().checked_sub(1) {
                Some(c) => (c, self.chunks[c].areas.len()),
                None => {
                    self.insert_chunk(0)?;
                    (0, 0)
                }
            },
        };
        let (c, i) = self.make_room(place)?;
        let chunk = &mut self.chunks[c];
        chunk.areas.insert_reserved(i, area);
        chunk.note();
        self.len += 1;
        Ok(())
    }

    /// Cuts the area that strictly contains `addr` in two; true if there was one. [`MapError::NoMemory`].
    pub fn split_at(&mut self, addr: usize) -> Result<bool, MapError> {
        let Some(place) = self.place_after(addr) else {
            return Ok(false);
        };
        if self.at(place).is_none_or(|a| a.start >= addr) {
            return Ok(false);
        }
        // Room for the upper part, which goes right behind the lower one. Both stay in one chunk: the place of the
        // upper part is never the first of a chunk that was cut.
        let (c, upper) = self.make_room((place.0, place.1 + 1))?;
        let chunk = &mut self.chunks[c];
        let lower = &mut chunk.areas[upper - 1];
        let data = lower.data.split(addr - lower.start);
        let end = core::mem::replace(&mut lower.end, addr);
        chunk.areas.insert_reserved(
            upper,
            Area {
                start: addr,
                end,
                data,
            },
        );
        chunk.note();
        self.len += 1;
        Ok(true)
    }

    /// Splits at both ends, so that `start..end` covers whole areas only. On [`MapError::NoMemory`] one of the cuts
    /// may have been made, which changes nothing for a reader.
    pub fn isolate(&mut self, start: usize, end: usize) -> Result<(), MapError> {
        self.split_at(start)?;
        self.split_at(end)?;
        Ok(())
    }

    /// Takes out every area that lies wholly in `start..end` and hands it to `f`; those that stick out stay.
    pub fn remove_range(&mut self, start: usize, end: usize, mut f: impl FnMut(Area<T>)) {
        let Some((first, _)) = self.place_after(start) else {
            return;
        };
        let mut c = first;
        while c < self.chunks.len() && self.chunks[c].first < end {
            let chunk = &mut self.chunks[c];
            let from = chunk.areas.partition_point(|a| a.start < start);
            let to = chunk.areas.partition_point(|a| a.end <= end).max(from);
            self.len -= to - from;
            chunk.areas.drain(from..to).for_each(&mut f);
            if chunk.areas.is_empty() {
                self.chunks.remove(c);
            } else {
                chunk.note();
                c += 1;
            }
        }
        self.compact(first);
    }

    /// Takes everything out.
    pub fn clear(&mut self, f: impl FnMut(Area<T>)) {
        self.len = 0;
        core::mem::take(&mut self.chunks)
            .into_iter()
            .flat_map(|c| c.areas)
            .for_each(f);
    }

    /// Moves the bounds of the area that contains `addr`. [`MapError::Overlap`] if there is none, a neighbour is in the
    /// way, or it would be empty. The data is not told: growing downwards is the caller's to account for.
    pub fn resize(&mut self, addr: usize, start: usize, end: usize) -> Result<(), MapError> {
        let place = self.place_after(addr).ok_or(MapError::Overlap)?;
        let below = self
            .prev(place)
            .and_then(|p| self.at(p))
            .map_or(0, |a| a.end);
        let above = self
            .next(place)
            .and_then(|p| self.at(p))
            .map_or(usize::MAX, |a| a.start);
        let area = &mut self.chunks[place.0].areas[place.1];
        if area.start > addr || start >= end || start < below || end > above {
            return Err(MapError::Overlap);
        }
        area.start = start;
        area.end = end;
        self.chunks[place.0].note();
        Ok(())
    }

    /// Makes sure that an area can be inserted at `place`; answers where that place is now. If the chunk is cut, the
    /// new place is not the first of the upper half, so that it still follows its predecessor in one chunk.
    fn make_room(&mut self, (c, i): Place) -> Result<Place, MapError> {
        if self.chunks[c].areas.len() < CHUNK {
            return Ok((c, i));
        }
        self.insert_chunk(c + 1)?;
        let (low, high) = self.chunks.split_at_mut(c + 1);
        let (low, high) = (&mut low[c], &mut high[0]);
        let half = CHUNK / 2;
        for area in low.areas.drain(half..) {
            high.areas.push_reserved(area);
        }
        low.note();
        high.note();
        Ok(if i <= half { (c, i) } else { (c + 1, i - half) })
    }

    fn insert_chunk(&mut self, at: usize) -> Result<(), MapError> {
        self.chunks.try_reserve(1).map_err(|_| MapError::NoMemory)?;
        self.chunks.insert_reserved(at, Chunk::try_new()?);
        Ok(())
    }

    /// Joins chunks around `c` that became small.
    pub(crate) fn compact(&mut self, c: usize) {
        let mut c = c.saturating_sub(1);
        for _ in 0..2 {
            let Some([low, high]) = self.chunks.get_mut(c..c + 2) else {
                return;
            };
            if low.areas.len() + high.areas.len() > CHUNK / 2 {
                c += 1;
                continue;
            }
            // The capacity is CHUNK: this does not allocate.
            low.areas.append_reserved(&mut high.areas);
            low.note();
            self.chunks.remove(c + 1);
        }
    }
}
