//! Against a naive model: one entry per page.
#![expect(
    clippy::needless_range_loop,
    reason = "pages are numbers here, used in several places at once"
)]
use crate::{Area, AreaMap, MapError, Payload};
use alloc::vec::Vec;
use proptest::prelude::*;

/// A colour that joins only with itself, an offset that runs on, a guard for odd colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag {
    colour: u8,
    offset: usize,
}

impl Payload for Tag {
    fn split(&mut self, offset: usize) -> Self {
        Self {
            offset: self.offset + offset,
            ..*self
        }
    }
    fn joins(&self, len: usize, next: &Self) -> bool {
        self.colour == next.colour && self.offset + len == next.offset
    }
    fn guard_below(&self) -> usize {
        if self.colour == 3 { 2 } else { 0 }
    }
}

const PAGES: usize = 256;

#[derive(Clone, Debug)]
enum Op {
    Insert(usize, usize, u8),
    Split(usize),
    Remove(usize, usize),
    Paint(usize, usize, u8),
    Merge(usize, usize),
    Resize(usize, usize, usize),
}

fn op() -> impl Strategy<Value = Op> {
    let page = 0..PAGES;
    let len = 1..12usize;
    prop_oneof![
        4 => (page.clone(), len.clone(), 0..4u8).prop_map(|(s, l, c)| Op::Insert(s, (s + l).min(PAGES), c)),
        2 => page.clone().prop_map(Op::Split),
        1 => (page.clone(), 1..40usize).prop_map(|(s, l)| Op::Remove(s, (s + l).min(PAGES))),
        2 => (page.clone(), len.clone(), 0..4u8).prop_map(|(s, l, c)| Op::Paint(s, (s + l).min(PAGES), c)),
        1 => (page.clone(), 1..100usize).prop_map(|(s, l)| Op::Merge(s, (s + l).min(PAGES))),
        1 => (page.clone(), 0..4usize, 0..4usize).prop_map(|(a, s, e)| Op::Resize(a, s, e)),
    ]
}

/// What each page holds: the colour and the offset.
type Model = Vec<Option<Tag>>;

fn pages_of(map: &AreaMap<Tag>) -> Model {
    let mut pages = alloc::vec![None; PAGES];
    for area in map.iter() {
        for page in area.start..area.end {
            assert!(pages[page].is_none(), "overlap at {page}");
            pages[page] = Some(Tag {
                colour: area.data.colour,
                offset: area.data.offset + page - area.start,
            });
        }
    }
    pages
}

fn check_shape(map: &AreaMap<Tag>) {
    assert_eq!(map.iter().count(), map.len());
    let mut at = 0;
    for chunk in &map.chunks {
        assert!(!chunk.areas.is_empty() && chunk.areas.len() <= crate::CHUNK);
        assert_eq!(chunk.first, chunk.areas[0].start);
        assert_eq!(chunk.end, chunk.areas.last().unwrap().end);
        for area in &chunk.areas {
            assert!(area.start >= at && area.end > area.start);
            at = area.end;
        }
    }
}

fn model_gaps(map: &AreaMap<Tag>, len: usize, low: usize, high: usize) -> Vec<usize> {
    let mut taken = alloc::vec![false; PAGES];
    for area in map.iter() {
        for page in area.start.saturating_sub(area.data.guard_below())..area.end {
            taken[page] = true;
        }
    }
    (low..high)
        .filter(|&s| s + len <= high && !taken[s..s + len].contains(&true))
        .collect()
}

fn apply(map: &mut AreaMap<Tag>, model: &mut Model, op: &Op) {
    match *op {
        Op::Insert(start, end, colour) => {
            let tag = Tag {
                colour,
                offset: start,
            };
            let free = model[start..end].iter().all(Option::is_none);
            let got = map.insert(Area {
                start,
                end,
                data: tag,
            });
            assert_eq!(got, if free { Ok(()) } else { Err(MapError::Overlap) });
            if free {
                for page in start..end {
                    model[page] = Some(Tag {
                        colour,
                        offset: page,
                    });
                }
            }
        }
        Op::Split(at) => {
            map.split_at(at).unwrap();
        }
        Op::Remove(start, end) => {
            map.isolate(start, end).unwrap();
            let mut removed = 0;
            map.remove_range(start, end, |a| removed += a.len());
            let mut expect = 0;
            for page in &mut model[start..end] {
                expect += usize::from(page.take().is_some());
            }
            assert_eq!(removed, expect);
        }
        Op::Paint(start, end, colour) => {
            map.isolate(start, end).unwrap();
            map.for_each_mut(start, end, |_, _, tag| tag.colour = colour);
            map.merge(start, end);
            for tag in model[start..end].iter_mut().flatten() {
                tag.colour = colour;
            }
        }
        Op::Merge(start, end) => map.merge(start, end),
        Op::Resize(at, start, end) => {
            let Some(area) = map.find(at).cloned() else {
                assert!(map.resize(at, at, at + 1).is_err());
                return;
            };
            // Only outwards at the end and inwards at the start, where offsets stay what they were.
            let (new_start, new_end) = (area.start, (area.end + end).min(PAGES));
            let free = model[area.end..new_end].iter().all(Option::is_none);
            let _ = start;
            assert_eq!(map.resize(at, new_start, new_end).is_ok(), free);
            if free {
                for page in area.end..new_end {
                    let offset = area.data.offset + page - area.start;
                    model[page] = Some(Tag {
                        colour: area.data.colour,
                        offset,
                    });
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]
    #[test]
    fn behaves_like_the_model(ops in prop::collection::vec(op(), 1..200), probe in 1..10usize, low in 0..PAGES, high in 0..PAGES) {
        let mut map = AreaMap::new();
        let mut model: Model = alloc::vec![None; PAGES];
        for op in &ops {
            apply(&mut map, &mut model, op);
            check_shape(&map);
            assert_eq!(pages_of(&map), model);
        }
        for page in 0..PAGES {
            assert_eq!(map.find(page).is_some(), model[page].is_some());
            let next = map.find_from(page).map(|a| a.start.max(page));
            assert_eq!(next, (page..PAGES).find(|&p| model[p].is_some()));
            let before = map.find_before(page).map(|a| a.end);
            let area_start = map.find(page).map_or(page, |a| a.start);
            assert_eq!(before, (0..area_start).rev().find(|&p| model[p].is_some()).map(|p| p + 1));
        }
        let gaps = model_gaps(&map, probe, low, high);
        assert_eq!(map.gap_bottom_up(probe, low, high), gaps.first().copied());
        assert_eq!(map.gap_top_down(probe, low, high), gaps.last().copied());
        let covered = low < high && model[low..high].iter().all(Option::is_some);
        assert_eq!(low < high && map.covers(low, high), covered);
        let copy = map.try_map(|a| (a.data.colour != 1).then_some(a.data)).unwrap();
        check_shape(&copy);
        let expect: Model = model.iter().map(|t| t.filter(|t| t.colour != 1)).collect();
        assert_eq!(pages_of(&copy), expect);
    }
}

#[test]
fn holds_linux_limit_of_areas() {
    let mut map = AreaMap::new();
    for n in 0..65_530usize {
        // Spread the order so that chunks are cut everywhere.
        let at = (n * 7919) % 65_536 * 4;
        map.insert(Area {
            start: at,
            end: at + 2,
            data: Tag {
                colour: 0,
                offset: 0,
            },
        })
        .unwrap();
    }
    assert_eq!(map.len(), 65_530);
    assert!(map.chunks.len() < 5000);
    map.remove_range(0, usize::MAX, drop);
    assert!(map.is_empty() && map.chunks.is_empty());
}
