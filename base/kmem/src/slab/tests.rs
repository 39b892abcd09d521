//! Slab caches on the host: layouts, counts, threads, and the poison that shows a use after free.
use super::classes::class_of;
use super::*;
use crate::charge::{self, Charge};
use core::alloc::Layout;
use std::vec::Vec;

#[test]
fn classes_hold_and_align_every_layout() {
    for size in 1..=8192usize {
        for align in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096] {
            let Ok(layout) = Layout::from_size_align(size, align) else {
                continue;
            };
            let Some(class) = class_of(layout) else {
                assert!(size.next_multiple_of(align) > 8192);
                continue;
            };
            assert!(class.size() >= size);
            let natural = match class.size() {
                96 => 32,
                192 => 64,
                8192 => 4096,
                power => power,
            };
            assert!(natural >= align, "{size} {align}");
        }
    }
    assert!(class_of(Layout::from_size_align(8193, 1).unwrap()).is_none());
    assert_eq!(kmalloc_size(97), 128);
    assert_eq!(kmalloc_size(9000), 12288);
}

#[derive(Debug, PartialEq)]
struct Object([u64; 7]);
static OBJECTS: Cache<Object> = Cache::new("test_object");

#[test]
fn objects_are_distinct_and_counted() {
    let mut held: Vec<SlabBox<Object>> = (0..1000)
        .map(|i| OBJECTS.alloc(Object([i; 7])).unwrap())
        .collect();
    let info = OBJECTS.info();
    assert_eq!(
        (info.active_objs, info.objsize, info.objperslab),
        (1000, 56, 73)
    );
    assert!(info.num_objs >= 1000 && info.num_slabs >= info.active_slabs);
    for (i, o) in held.iter().enumerate() {
        assert_eq!(**o, Object([i as u64; 7]));
    }
    held.retain(|o| o.0[0] % 3 == 0);
    assert_eq!(OBJECTS.info().active_objs, held.len());
    drop(held);
    assert_eq!(OBJECTS.info().active_objs, 0);
    drain_local();
    assert_eq!(OBJECTS.info().num_slabs, 0);
    let mut seen = false;
    for_each_info(|i| seen |= i.name == "test_object");
    assert!(seen);
}

static SHARED: Cache<[u64; 32]> = Cache::new("test_shared");

#[test]
fn threads_share_a_cache() {
    std::thread::scope(|s| {
        for t in 0..4u64 {
            s.spawn(move || {
                let mut held = Vec::new();
                for i in 0..5000u64 {
                    held.push(SHARED.alloc([t << 32 | i; 32]).unwrap());
                    if i % 7 == 0 {
                        let at = (i as usize * 31) % held.len();
                        let o = held.swap_remove(at);
                        assert!(o.iter().all(|w| *w == o[0] && w >> 32 == t));
                    }
                }
                drop(held);
                drain_local();
            });
        }
    });
    assert_eq!(SHARED.info().active_objs, 0);
}

#[test]
fn large_objects_lie_in_blocks() {
    let layout = Layout::from_size_align(8192, 4096).unwrap();
    let class = class_of(layout).unwrap();
    let objects: Vec<_> = (0..20).map(|_| class.alloc().unwrap()).collect();
    for (i, o) in objects.iter().enumerate() {
        assert_eq!(o.as_ptr() as usize % 4096, 0);
        // SAFETY: 8192 bytes that are ours.
        unsafe { o.write_bytes(i as u8, 8192) };
    }
    for (i, o) in objects.iter().enumerate() {
        // SAFETY: as above.
        assert_eq!(unsafe { o.add(8191).read() }, i as u8);
        // SAFETY: from this class.
        unsafe { class.free(*o) };
    }
    assert!(charge::pages(charge::ROOT, Charge::Slab) > 0);
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "written to after it was freed")]
fn use_after_free_shows() {
    static CACHE: Cache<[u8; 48]> = Cache::new("test_uaf");
    let o = CACHE.alloc([1; 48]).unwrap();
    let at = (&raw const *o).cast_mut();
    drop(o);
    // SAFETY: none: this is the bug to be caught; the memory exists.
    unsafe { (*at)[20] = 0 };
    let _ = CACHE.alloc([2; 48]);
}
