//! The page cache over a disk and a file system made up here: holes, truncation, write-back.
use super::*;
use abi::{Errno, PAGE_SIZE};
use alloc::sync::{Arc, Weak};
use kmem::user::UserBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::vec;
use std::vec::Vec;

const P: u64 = PAGE_SIZE as u64;

/// Memory with a limit.
#[derive(Default)]
struct Memory {
    used: AtomicU64,
    limit: u64,
}

impl PageSource for Memory {
    fn is_memory(&self) -> bool {
        true
    }
    fn charge(&self) -> abi::Result<()> {
        if self.used.fetch_add(1, Ordering::Relaxed) < self.limit {
            return Ok(());
        }
        self.uncharge(1);
        Err(Errno::ENOSPC)
    }
    fn uncharge(&self, pages: u64) {
        self.used.fetch_sub(pages, Ordering::Relaxed);
    }
}

/// A disk whose byte at `i` is `i / PAGE_SIZE + 1`.
struct Disk(Mutex<Vec<u64>>);

impl PageSource for Disk {
    fn fill(&self, index: u64, page: &Frame) -> abi::Result<()> {
        page.write(0, &[index as u8 + 1; PAGE_SIZE]);
        Ok(())
    }
    fn write_back(&self, index: u64, _page: &Frame) -> abi::Result<()> {
        self.0.lock().unwrap().push(index);
        Ok(())
    }
}

fn memory(limit: u64) -> (Arc<Memory>, PageCache) {
    let source = Arc::new(Memory {
        used: AtomicU64::new(0),
        limit,
    });
    (source.clone(), PageCache::new(source))
}

fn read(cache: &PageCache, pos: u64, size: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0xee; len];
    let n = cache
        .read(pos, size, &mut UserBuf::kernel_dst(&mut out))
        .unwrap();
    out.truncate(n);
    out
}

#[test]
fn writes_are_read_back_and_holes_are_zeros() {
    let (source, cache) = memory(10);
    let data: Vec<u8> = (0..3 * PAGE_SIZE).map(|i| i as u8 | 1).collect();
    assert_eq!(
        cache.write(P + 5, &mut UserBuf::kernel_src(&data)).unwrap(),
        data.len()
    );
    let size = P + 5 + data.len() as u64;
    let all = read(&cache, 0, size, 100_000);
    assert_eq!(all.len() as u64, size);
    assert!(all[..PAGE_SIZE + 5].iter().all(|b| *b == 0));
    assert_eq!(all[PAGE_SIZE + 5..], data);
    assert_eq!(
        (cache.nr_pages(), source.used.load(Ordering::Relaxed)),
        (4, 4)
    );
    assert_eq!(
        (cache.next_page(0), cache.next_hole(1, 100)),
        (Some(1), Some(5))
    );
    drop(cache);
    assert_eq!(source.used.load(Ordering::Relaxed), 0);
}

#[test]
fn a_full_source_cuts_the_write() {
    let (_, cache) = memory(2);
    let data = vec![1; 3 * PAGE_SIZE];
    assert_eq!(
        cache.write(0, &mut UserBuf::kernel_src(&data)).unwrap(),
        2 * PAGE_SIZE
    );
    let again = cache.write(2 * P, &mut UserBuf::kernel_src(&data));
    assert_eq!(again, Err(Errno::ENOSPC));
}

#[test]
fn truncation_zeroes_the_tail_and_drops_the_rest() {
    let (source, cache) = memory(100);
    cache
        .write(0, &mut UserBuf::kernel_src(&vec![7; 50 * PAGE_SIZE]))
        .unwrap();
    cache.truncate(P + 10);
    assert_eq!(source.used.load(Ordering::Relaxed), 2);
    let all = read(&cache, 0, 3 * P, 3 * PAGE_SIZE);
    assert!(all[..PAGE_SIZE + 10].iter().all(|b| *b == 7));
    assert!(all[PAGE_SIZE + 10..].iter().all(|b| *b == 0));
}

#[test]
fn punching_keeps_what_is_around() {
    for (from, to) in [
        (10, 20),
        (10, 2 * P + 7),
        (P, 2 * P),
        (P - 1, P + 1),
        (5, 5),
        (0, 4 * P),
    ] {
        let (_, cache) = memory(100);
        cache
            .write(0, &mut UserBuf::kernel_src(&vec![7; 4 * PAGE_SIZE]))
            .unwrap();
        cache.punch(from, to);
        for (i, byte) in read(&cache, 0, 4 * P, 4 * PAGE_SIZE)
            .into_iter()
            .enumerate()
        {
            let inside = (from..to).contains(&(i as u64));
            assert_eq!(byte, if inside { 0 } else { 7 }, "{from}..{to} at {i}");
        }
    }
}

#[test]
fn a_disk_is_read_once_and_written_back_where_dirty() {
    let disk = Arc::new(Disk(Mutex::new(Vec::new())));
    let cache = PageCache::new(disk.clone());
    assert_eq!(read(&cache, P - 1, 4 * P, 2), [1, 2]);
    assert_eq!(cache.nr_pages(), 2);
    cache.write(P + 1, &mut UserBuf::kernel_src(b"x")).unwrap();
    cache
        .write(3 * P + 1, &mut UserBuf::kernel_src(b"y"))
        .unwrap();
    assert_eq!(read(&cache, 3 * P, 4 * P, 3), [4, b'y', 4]);
    cache.sync(0, u64::MAX).unwrap();
    cache.sync(0, u64::MAX).unwrap();
    assert_eq!(*disk.0.lock().unwrap(), [1, 3]);
}

/// Writes down what it was told.
#[derive(Default)]
struct Space(Mutex<Vec<(u64, u64, Unmapped)>>);

impl MapUser for Space {
    fn unmap_pages(&self, _identity: u64, first: u64, last: u64, why: Unmapped) {
        self.0.lock().unwrap().push((first, last, why));
    }

    fn shares(&self, _identity: u64) -> bool {
        false
    }
}

#[test]
fn mappers_hear_of_truncation_until_they_detach() {
    let (_, cache) = memory(10);
    let (a, b) = (Arc::new(Space::default()), Arc::new(Space::default()));
    let weak =
        |s: &Arc<Space>| -> Weak<dyn MapUser> { Arc::downgrade(&(s.clone() as Arc<dyn MapUser>)) };
    let token = cache.attach(weak(&a)).unwrap();
    cache.attach(weak(&b)).unwrap();
    cache.truncate(1);
    cache.detach(token);
    assert_eq!(cache.attach(weak(&b)).unwrap(), token);
    cache.detach(token);
    cache.punch(0, 2 * P);
    assert_eq!(*a.0.lock().unwrap(), [(1, u64::MAX, Unmapped::Truncated)]);
    let both = [
        (1, u64::MAX, Unmapped::Truncated),
        (0, 1, Unmapped::Punched),
    ];
    assert_eq!(*b.0.lock().unwrap(), both);
}
