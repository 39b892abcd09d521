//! Iteration, change in place, merging, copying.
use crate::map::{Chunk, Place};
use crate::{Area, AreaMap, MapError, Payload};
use reserved::Reserved;

/// Areas in order of address.
pub struct Iter<'a, T> {
    map: &'a AreaMap<T>,
    place: Option<Place>,
}

impl<'a, T: Payload> Iterator for Iter<'a, T> {
    type Item = &'a Area<T>;
    fn next(&mut self) -> Option<Self::Item> {
        let place = self.place?;
        self.place = self.map.next(place);
        self.map.at(place)
    }
}

impl<T: Payload> AreaMap<T> {
    /// All areas, lowest first.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter {
            map: self,
            place: self.place_after(0),
        }
    }

    /// The areas that end above `addr`, lowest first.
    pub fn iter_from(&self, addr: usize) -> Iter<'_, T> {
        Iter {
            map: self,
            place: self.place_after(addr),
        }
    }

    /// The areas that touch `start..end`, lowest first.
    pub fn range(&self, start: usize, end: usize) -> impl Iterator<Item = &Area<T>> {
        self.iter_from(start).take_while(move |a| a.start < end)
    }

    /// Whether areas cover `start..end` without a hole.
    pub fn covers(&self, start: usize, end: usize) -> bool {
        let mut at = start;
        for area in self.range(start, end) {
            if area.start > at {
                return false;
            }
            at = area.end;
        }
        at >= end
    }

    /// Changes the data of each area that touches `start..end` (whole areas: see [`AreaMap::isolate`]).
    pub fn for_each_mut(
        &mut self,
        start: usize,
        end: usize,
        mut f: impl FnMut(usize, usize, &mut T),
    ) {
        let Some((first, mut i)) = self.place_after(start) else {
            return;
        };
        for chunk in &mut self.chunks[first..] {
            if chunk.first >= end {
                return;
            }
            for area in chunk.areas[i..].iter_mut().take_while(|a| a.start < end) {
                f(area.start, area.end, &mut area.data);
            }
            chunk.note();
            i = 0;
        }
    }

    /// Joins neighbours that agree, from the one that ends at `start` to the one that begins at `end`.
    pub fn merge(&mut self, start: usize, end: usize) {
        let mut place = match self.place_after(start) {
            Some(place) => self.prev(place).unwrap_or(place),
            None => return,
        };
        let first = place.0;
        while let Some(next) = self.next(place) {
            if self.at(next).is_none_or(|a| a.start > end) {
                break;
            }
            if !self.try_join(place, next) {
                place = next;
            }
        }
        self.compact(first);
    }

    /// Joins two neighbours if they touch and agree.
    fn try_join(&mut self, low: Place, high: Place) -> bool {
        let agree = match (self.at(low), self.at(high)) {
            (Some(a), Some(b)) => a.end == b.start && a.data.joins(a.len(), &b.data),
            _ => false,
        };
        if !agree {
            return false;
        }
        let upper = self.chunks[high.0].areas.remove(high.1);
        self.len -= 1;
        let area = &mut self.chunks[low.0].areas[low.1];
        area.end = upper.end;
        area.data.absorb(upper.data);
        self.chunks[low.0].note();
        if high.0 != low.0 {
            if self.chunks[high.0].areas.is_empty() {
                self.chunks.remove(high.0);
            } else {
                self.chunks[high.0].note();
            }
        }
        true
    }

    /// A copy with each area's data made by `f`; areas for which it answers `None` are left out.
    /// [`MapError::NoMemory`].
    pub fn try_map<'a>(
        &'a self,
        mut f: impl FnMut(&'a Area<T>) -> Option<T>,
    ) -> Result<Self, MapError> {
        let mut copy = Self::new();
        copy.chunks
            .try_reserve_exact(self.chunks.len())
            .map_err(|_| MapError::NoMemory)?;
        for chunk in &self.chunks {
            let mut new = Chunk::try_new()?;
            for area in &chunk.areas {
                if let Some(data) = f(area) {
                    new.areas.push_reserved(Area {
                        start: area.start,
                        end: area.end,
                        data,
                    });
                }
            }
            if !new.areas.is_empty() {
                copy.len += new.areas.len();
                new.note();
                copy.chunks.push_reserved(new);
            }
        }
        Ok(copy)
    }
}
