//! Frames on the host: content, references, blocks and the pages of an initrd, with threads.
use super::*;
use crate::machine;
use core::ptr::NonNull;
use hal::addr::PhysAddr;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::vec::Vec;

#[test]
fn content_and_words() {
    let f = Frame::zeroed().unwrap();
    f.write(4090, b"123456");
    let mut back = [0; 6];
    f.read(4090, &mut back);
    assert_eq!(&back, b"123456");
    f.write_pod(8, &7u32);
    assert_eq!(f.cas_u32(8, 7, 9), Ok(7));
    assert_eq!(f.cas_u32(8, 7, 9), Err(9));
    assert_eq!(f.update_u32(8, |v| v + 1), 9);
    assert_eq!(f.load_u32(8), 10);
    let g = Frame::uninit().unwrap();
    g.copy_from(&f);
    assert_eq!(g.read_pod::<u32>(8), 10);
    g.fill_zero(0..4096);
    assert_eq!(g.read_pod::<[u64; 512]>(0), [0; 512]);
    g.copy_part(100, &f, 4090, 6);
    g.read(100, &mut back);
    assert_eq!(&back, b"123456");
}

#[test]
#[should_panic(expected = "beyond the page")]
fn ranges_are_checked() {
    Frame::zeroed().unwrap().write(4090, b"1234567");
}

#[test]
fn references_are_counted() {
    let f = Frame::zeroed().unwrap();
    let (g, pfn) = (f.clone(), f.pfn());
    assert!(f.same(&g) && f.refs() == 2 && g.paddr() == PhysAddr::from_pfn(pfn));
    f.meta().set_owner(77);
    f.meta().set_flags(PageFlags::DIRTY | PageFlags::UPTODATE);
    assert!(g.meta().has(PageFlags::DIRTY) && g.meta().owner() == 77);
    assert!(f.meta().try_lock_page() && !g.meta().try_lock_page());
    f.meta().set_flags(PageFlags::WAITERS);
    assert!(g.meta().unlock_page() && f.meta().try_lock_page());
    drop(f);
    assert_eq!(g.refs(), 1);
}

#[test]
fn a_page_outlives_its_block() {
    let mut block = alloc_block(2, Gfp::KERNEL.zeroed()).unwrap();
    block.bytes_mut()[3 * 4096] = 7;
    let (third, again) = (block.frame(3), block.frame(3));
    let first = block.frame(0);
    assert!(third.same(&again) && third.refs() == 3 && first.refs() == 2);
    assert_eq!(first.pfn() + 3, third.pfn());
    drop((again, block));
    assert_eq!((third.refs(), first.refs()), (1, 1));
    assert_eq!(third.read_pod::<u8>(0), 7);
}

#[test]
#[should_panic(expected = "beyond the block")]
fn a_block_has_so_many_pages() {
    let _ = alloc_block(1, Gfp::KERNEL).unwrap().frame(2);
}

#[test]
fn a_new_page_knows_nothing_of_its_past() {
    for _ in 0..300 {
        let f = Frame::uninit().unwrap();
        let m = f.meta();
        assert!(m.flags().is_empty() && m.owner() == 0 && m.index() == 0 && m.mapcount() == 0);
        assert_eq!((m.private(), f.refs()), (0, 1));
        m.set_flags(PageFlags::all());
        m.set_owner(u64::MAX);
        m.set_index(1);
        m.set_private(2);
        m.inc_mapcount();
        f.write(0, &[0xff; 4096]);
    }
    for _ in 0..100 {
        assert_eq!(Frame::zeroed().unwrap().read_pod::<[u64; 512]>(0), [0; 512]);
    }
}

#[test]
fn pages_are_distinct_across_threads() {
    let seen: std::sync::Mutex<BTreeSet<usize>> = std::sync::Mutex::default();
    let failed = AtomicBool::new(false);
    std::thread::scope(|s| {
        for t in 0..4usize {
            let (seen, failed) = (&seen, &failed);
            s.spawn(move || {
                let mut held: Vec<Frame> = Vec::new();
                for i in 0..4000usize {
                    if i % 3 != 0 || held.is_empty() {
                        let f = Frame::uninit().unwrap();
                        let new = seen.lock().unwrap().insert(f.pfn());
                        failed.fetch_or(!new, Ordering::Relaxed);
                        held.push(f);
                    } else {
                        let f = held.swap_remove((i * 7 + t) % held.len());
                        seen.lock().unwrap().remove(&f.pfn());
                    }
                }
                for f in &held {
                    seen.lock().unwrap().remove(&f.pfn());
                }
            });
        }
    });
    assert!(
        !failed.load(Ordering::Relaxed),
        "a page was handed out twice"
    );
}

#[test]
fn blocks_are_aligned_and_merge_again() {
    let blocks: Vec<Block> = (0..=10)
        .map(|o| alloc_block(o, Gfp::KERNEL.zeroed()).unwrap())
        .collect();
    for b in &blocks {
        assert_eq!(b.paddr().0 % b.len(), 0);
        assert!(b.bytes().iter().all(|x| *x == 0));
    }
    assert!(alloc_block(11, Gfp::KERNEL).is_err());
}

#[test]
fn initrd_pages_are_adopted_once() {
    let r = machine::INITRD;
    let bytes = PhysAddr::from_pfn(r.start).add(1)..PhysAddr::from_pfn(r.start + 4);
    let got: Vec<Frame> = adopt(bytes.clone()).collect();
    assert_eq!(
        got.iter().map(Frame::pfn).collect::<Vec<_>>(),
        [r.start + 1, r.start + 2, r.start + 3]
    );
    assert!(got[0].meta().has(PageFlags::ADOPTED));
    assert_eq!(adopt(bytes).count(), 0);
    assert_eq!(
        adopt(PhysAddr(0)..PhysAddr(0x10_0000)).count(),
        0,
        "only the initrd"
    );
    let all = PhysAddr::from_pfn(r.start)..PhysAddr::from_pfn(r.end);
    assert_eq!(free_reserved(all.clone()), r.len() - 3);
    assert_eq!(free_reserved(all), 0);
}

/// More tables than a section has, used, given back dirty and taken again: each comes empty and is nobody else's.
#[test]
fn tables_come_empty() {
    let word = |meta: NonNull<FrameMeta>| {
        let at = machine::table_virt(PhysAddr::from_pfn(machine::pfn_of(meta)));
        // SAFETY: the page is ours, and only atomics touch it.
        unsafe { AtomicU64::from_ptr(at.cast::<u64>().wrapping_add(511)) }
    };
    for round in 0..3 {
        let held: Vec<_> = (0..2500)
            .map(|_| alloc_table(Gfp::KERNEL).unwrap())
            .collect();
        let pages: BTreeSet<_> = held.iter().map(|meta| machine::pfn_of(*meta)).collect();
        assert_eq!(pages.len(), held.len());
        for meta in &held {
            assert_eq!(word(*meta).swap(round + 1, Ordering::Relaxed), 0);
        }
        for meta in held {
            free_table(meta, false);
        }
        drain_tables();
        trim_tables();
    }
    // Without a wait for TLBs there may be none of a section: still a table.
    let last = alloc_table(Gfp::ATOMIC).unwrap();
    assert_eq!(word(last).load(Ordering::Relaxed), 0);
    free_table(last, true);
}
