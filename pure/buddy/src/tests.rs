//! The buddy allocator over pages made up here; random traffic held against its invariants.
use super::*;
use std::collections::BTreeMap;
use std::vec::Vec;

/// Metadata as a vector. Pages that were never marked are poisoned: reading them is the bug that lazy initialisation
/// would turn into corruption.
struct Pages(Vec<Option<Page>>);
#[derive(Clone, Copy)]
struct Page {
    next: u32,
    prev: u32,
    order: Option<u8>,
}

impl Pages {
    fn get(&self, page: u32) -> &Page {
        self.0[page as usize]
            .as_ref()
            .expect("metadata read before it was written")
    }
    fn get_mut(&mut self, page: u32) -> &mut Page {
        self.0[page as usize].get_or_insert(Page {
            next: 0,
            prev: 0,
            order: None,
        })
    }
}

impl Store for Pages {
    fn next(&self, page: u32) -> u32 {
        self.get(page).next
    }
    fn prev(&self, page: u32) -> u32 {
        self.get(page).prev
    }
    fn set_next(&mut self, page: u32, next: u32) {
        self.get_mut(page).next = next;
    }
    fn set_prev(&mut self, page: u32, prev: u32) {
        self.get_mut(page).prev = prev;
    }
    fn free_order(&self, page: u32) -> Option<u8> {
        self.get(page).order
    }
    fn set_free_order(&mut self, page: u32, order: Option<u8>) {
        self.get_mut(page).order = order;
    }
}

struct Rng(u64);
impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

/// A zone of `ranges` in `pages` pages; sections of MAX_BLOCK that hold anything reserved are initialised to "not free",
/// as `kmem` does.
fn zone(pages: u32, ranges: &[(u32, u32)]) -> (Buddy, Pages) {
    let mut store = Pages(std::vec![None; pages.next_multiple_of(MAX_BLOCK) as usize]);
    for section in (0..pages).step_by(MAX_BLOCK as usize) {
        let whole = ranges
            .iter()
            .any(|r| r.0 <= section && section + MAX_BLOCK <= r.1);
        if !whole {
            (section..section + MAX_BLOCK).for_each(|p| {
                store.get_mut(p);
            });
        }
    }
    let mut buddy = Buddy::new();
    for &(first, end) in ranges {
        buddy.add_range(&mut store, first, end);
    }
    (buddy, store)
}

#[test]
fn ranges_are_cut_into_aligned_blocks() {
    let (mut buddy, mut store) = zone(4096, &[(3, 2051)]);
    assert_eq!(buddy.free_pages(), 2048);
    assert_eq!(buddy.free_blocks(10), 1);
    let mut seen = 0;
    while let Some(page) = buddy.alloc(&mut store, 0) {
        assert!((3..2051).contains(&page));
        seen += 1;
    }
    assert_eq!(seen, 2048);
    assert_eq!(buddy.free_pages(), 0);
}

#[test]
fn random_traffic_never_overlaps_and_merges_fully() {
    for seed in 0..40 {
        let mut rng = Rng(seed);
        let ranges = [(1, 700), (1024, 4096), (4100 + seed as u32, 9000)];
        let (mut buddy, mut store) = zone(9000, &ranges);
        let start: Vec<usize> = (0..=MAX_ORDER).map(|o| buddy.free_blocks(o)).collect();
        let total = buddy.free_pages();
        let mut held: BTreeMap<u32, u8> = BTreeMap::new();
        let mut held_pages = 0;
        for _ in 0..20_000 {
            if rng.below(100) < 52 {
                let order = rng.below(6).min(rng.below(11)) as u8;
                let Some(page) = buddy.alloc(&mut store, order) else {
                    continue;
                };
                let end = page + (1 << order);
                assert_eq!(page % (1 << order), 0);
                assert!(ranges.iter().any(|r| r.0 <= page && end <= r.1));
                let below = held.range(..end).next_back();
                assert!(below.is_none_or(|(&p, &o)| p + (1 << o) <= page), "overlap");
                held.insert(page, order);
                held_pages += 1 << order;
            } else if !held.is_empty() {
                let key = rng.below(9000) as u32;
                let page = *held.range(key..).next().or(held.iter().next()).unwrap().0;
                let order = held.remove(&page).unwrap();
                buddy.free(&mut store, page, order).unwrap();
                held_pages -= 1 << order;
            }
            assert_eq!(buddy.free_pages() + held_pages, total);
        }
        for (page, order) in held {
            buddy.free(&mut store, page, order).unwrap();
        }
        let end: Vec<usize> = (0..=MAX_ORDER).map(|o| buddy.free_blocks(o)).collect();
        assert_eq!(
            start, end,
            "everything free merges to what it was (seed {seed})"
        );
    }
}

#[test]
fn blocks_below_an_address() {
    let (mut buddy, mut store) = zone(8192, &[(16, 8192)]);
    let low = buddy.alloc_below(&mut store, 2, 64).unwrap();
    assert!(low >= 16 && low + 4 <= 64 && low % 4 == 0);
    let mut held = Vec::from([(low, 2)]);
    // As long as there is one, and no further.
    while let Some(page) = buddy.alloc_below(&mut store, 2, 64) {
        assert!(page + 4 <= 64);
        held.push((page, 2));
    }
    assert_eq!(held.len(), (64 - 16) / 4);
    assert_eq!(buddy.alloc_below(&mut store, 0, 64), None);
    assert!(buddy.alloc(&mut store, 0).is_some_and(|page| page >= 64));
    for (page, order) in held {
        buddy.free(&mut store, page, order).unwrap();
    }
    assert!(buddy.alloc_below(&mut store, 4, 64).is_some());
    assert_eq!(buddy.alloc_below(&mut store, 10, 64), None);
}

#[test]
fn nonsense_is_refused() {
    let (mut buddy, mut store) = zone(1024, &[(0, 1024)]);
    let page = buddy.alloc(&mut store, 3).unwrap();
    assert_eq!(
        buddy.free(&mut store, page + 1, 3),
        Err(FreeError::NotABlock)
    );
    assert_eq!(buddy.free(&mut store, 4096, 0), Err(FreeError::NotABlock));
    assert_eq!(buddy.free(&mut store, page, 11), Err(FreeError::NotABlock));
    buddy.free(&mut store, page, 3).unwrap();
    assert_eq!(buddy.free(&mut store, page, 3), Err(FreeError::DoubleFree));
    assert_eq!(buddy.free_pages(), 1024);
}

#[test]
fn memory_of_boot_can_be_given_back_later() {
    let (mut buddy, mut store) = zone(1024, &[(0, 512)]);
    assert_eq!(buddy.free(&mut store, 700, 0), Err(FreeError::NotABlock));
    buddy.reserve_up_to(1024);
    (512..1024).for_each(|page| buddy.free(&mut store, page, 0).unwrap());
    assert_eq!((buddy.free_pages(), buddy.free_blocks(10)), (1024, 1));
}
