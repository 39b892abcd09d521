//! Answers that were looked up on Linux.
use super::*;
use abi::raw::{
    MADV_DONTNEED, MADV_FREE, MAP_FIXED_NOREPLACE, MAP_LOCKED, MAP_SHARED, MAP_STACK, MCL_CURRENT,
    MCL_FUTURE, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE, MS_ASYNC, MS_SYNC, PROT_GROWSDOWN,
    PROT_NONE,
};

const P: usize = PAGE_SIZE;

#[test]
fn mmap_refuses_as_linux_does() {
    let mm = Mm::new().unwrap();
    let map = |addr, len, prot, flags| mm.mmap(request(addr, len, prot, flags));
    assert_eq!(map(0, 0, RW, PRIVATE), Err(Errno::EINVAL));
    assert_eq!(map(0, P, RW, MAP_ANONYMOUS), Err(Errno::EINVAL));
    assert_eq!(map(0, usize::MAX, RW, PRIVATE), Err(Errno::ENOMEM));
    assert_eq!(map(0, abi::USER_END, RW, PRIVATE), Err(Errno::ENOMEM));
    assert_eq!(
        map(BASE + 1, P, RW, PRIVATE | MAP_FIXED),
        Err(Errno::EINVAL)
    );
    assert_eq!(map(0x1000, P, RW, PRIVATE | MAP_FIXED), Err(Errno::EPERM));
    assert_eq!(
        map(abi::USER_END, P, RW, PRIVATE | MAP_FIXED),
        Err(Errno::ENOMEM)
    );
    let at = map(BASE, P, RW, PRIVATE | MAP_FIXED).unwrap();
    assert_eq!(
        map(at, P, RW, PRIVATE | MAP_FIXED_NOREPLACE),
        Err(Errno::EEXIST)
    );
    assert_eq!(
        map(at + P, P, RW, PRIVATE | MAP_FIXED_NOREPLACE),
        Ok(at + P)
    );
    // A hint that is taken is a hint; one that is free is followed; a low one is raised.
    assert_ne!(map(at, P, RW, PRIVATE), Ok(at));
    assert_eq!(map(at + 0x10_0123, P, RW, PRIVATE), Ok(at + 0x10_0000));
    assert_eq!(map(0x1234, P, RW, PRIVATE | MAP_STACK), Ok(MMAP_MIN_ADDR));
    mm.set_limits(Limits {
        address_space: 16 << 12,
        ..Limits::default()
    });
    assert_eq!(map(0, 16 * P, PROT_READ, PRIVATE), Err(Errno::ENOMEM));
    mm.set_limits(Limits {
        data: 8 << 12,
        ..Limits::default()
    });
    assert_eq!(map(0, 16 * P, RW, PRIVATE), Err(Errno::ENOMEM));
    assert!(map(0, 16 * P, PROT_READ, PRIVATE).is_ok());
}

#[test]
fn neighbours_become_one_area() {
    let mm = Mm::new().unwrap();
    let first = mm.map_at(0, 1, RW);
    (0..20).for_each(|_| assert_ne!(mm.map_at(0, 2, RW), 0));
    assert_eq!(mm.areas().len(), 1);
    mm.mprotect(first - 10 * P, 3 * P, PROT_READ).unwrap();
    assert_eq!(mm.areas().len(), 3);
    mm.mprotect(first - 10 * P, 3 * P, RW).unwrap();
    assert_eq!(mm.areas().len(), 1);
    mm.munmap(first - 20 * P, 5 * P).unwrap();
    assert_eq!((mm.areas().len(), mm.counters().total), (2, 36));
    assert_eq!(
        mm.map_at(0, 5, RW),
        first - 20 * P,
        "the hole is used again"
    );
    assert_eq!(mm.areas().len(), 1);
}

#[test]
fn munmap_cuts_and_forgives() {
    let mm = Mm::new().unwrap();
    let at = mm.map_at(BASE, 10, RW);
    assert_eq!(mm.munmap(at + 1, P), Err(Errno::EINVAL));
    assert_eq!(mm.munmap(at, 0), Err(Errno::EINVAL));
    assert_eq!(mm.munmap(at, usize::MAX - P), Err(Errno::EINVAL));
    mm.munmap(at + 0x100_0000, P).unwrap();
    mm.store(at + 4 * P, 1).unwrap();
    mm.store(at + 9 * P, 2).unwrap();
    mm.munmap(at + 3 * P, 3 * P - 1).unwrap();
    assert_eq!(mm.load(at + 4 * P), Err(FaultError::SegvMapErr));
    assert_eq!((mm.load(at + 9 * P), mm.load(at + 2 * P)), (Ok(2), Ok(0)));
    let bounds: std::vec::Vec<_> = mm
        .areas()
        .iter()
        .map(|a| ((a.0 - at) / P, (a.1 - at) / P))
        .collect();
    assert_eq!(bounds, [(0, 3), (6, 10)]);
}

#[test]
fn mprotect_takes_and_gives() {
    let mm = Mm::new().unwrap();
    let at = mm.map_at(BASE, 6, RW);
    (0..6).for_each(|n| mm.store(at + n * P, n as u8).unwrap());
    mm.mprotect(at + P, 2 * P, PROT_NONE).unwrap();
    assert_eq!(mm.load(at + P), Err(FaultError::SegvAccErr));
    mm.mprotect(at + P, P, PROT_READ).unwrap();
    assert_eq!(
        (mm.load(at + P), mm.store(at + P, 1)),
        (Ok(1), Err(FaultError::SegvAccErr))
    );
    mm.mprotect(at, 6 * P, RW).unwrap();
    mm.store(at + P, 50).unwrap();
    assert_eq!((mm.load(at + P), mm.load(at + 2 * P)), (Ok(50), Ok(2)));
    assert_eq!(mm.areas().len(), 1);
    assert_eq!(mm.mprotect(at + 1, P, RW), Err(Errno::EINVAL));
    assert_eq!(mm.mprotect(at, 0, RW), Ok(()));
    assert_eq!(mm.mprotect(at, P, 0x100), Err(Errno::EINVAL));
    assert_eq!(mm.mprotect(at, 7 * P, PROT_READ), Err(Errno::ENOMEM));
    assert_eq!(
        mm.store(at, 1),
        Err(FaultError::SegvAccErr),
        "what came before the hole was changed"
    );
    assert_eq!(mm.mprotect(at, P, RW | PROT_GROWSDOWN), Err(Errno::EINVAL));
    // After a fork the copy is still made, though the area was closed in between.
    mm.mprotect(at, 6 * P, RW).unwrap();
    let child = mm.fork().unwrap();
    child.mprotect(at, 6 * P, PROT_NONE).unwrap();
    child.mprotect(at, 6 * P, RW).unwrap();
    child.store(at + P, 51).unwrap();
    assert_eq!(mm.load(at + P), Ok(50));
}

#[test]
fn mremap_grows_moves_and_refuses() {
    let mm = Mm::new().unwrap();
    let at = mm.map_at(BASE, 4, RW);
    mm.map_at(BASE + 8 * P, 1, PROT_READ);
    (0..4).for_each(|n| mm.store(at + n * P, n as u8 + 1).unwrap());
    assert_eq!(mm.mremap(at, 4 * P, 8 * P, 0, 0), Ok(at));
    assert_eq!(mm.mremap(at, 8 * P, 9 * P, 0, 0), Err(Errno::ENOMEM));
    let new = mm.mremap(at, 8 * P, 9 * P, MREMAP_MAYMOVE, 0).unwrap();
    assert_eq!((mm.load(new + 3 * P), mm.load(new + 8 * P)), (Ok(4), Ok(0)));
    assert_eq!(mm.load(at), Err(FaultError::SegvMapErr));
    assert_eq!(mm.mremap(new, 9 * P, 2 * P, 0, 0), Ok(new));
    assert_eq!(mm.load(new + 2 * P), Err(FaultError::SegvMapErr));
    let to = BASE + 0x100_0000;
    assert_eq!(
        mm.mremap(new, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, to),
        Ok(to)
    );
    assert_eq!(mm.load(to + P), Ok(2));
    let kept = mm
        .mremap(to, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0)
        .unwrap();
    assert_eq!((mm.load(kept + P), mm.load(to + P)), (Ok(2), Ok(0)));
    let refused = |old, old_len, new_len, flags, new| {
        mm.mremap(old, old_len, new_len, flags, new).unwrap_err()
    };
    assert_eq!(refused(to + 1, P, P, 0, 0), Errno::EINVAL);
    assert_eq!(refused(to, P, 0, 0, 0), Errno::EINVAL);
    assert_eq!(refused(to, P, P, MREMAP_FIXED, BASE), Errno::EINVAL);
    assert_eq!(
        refused(to, 2 * P, P, MREMAP_FIXED | MREMAP_MAYMOVE, to + P),
        Errno::EINVAL
    );
    assert_eq!(refused(to, 0, P, MREMAP_MAYMOVE, 0), Errno::EINVAL);
    assert_eq!(refused(to, 3 * P, 4 * P, MREMAP_MAYMOVE, 0), Errno::EFAULT);
    assert_eq!(
        refused(BASE + 0x5000_0000, P, 2 * P, MREMAP_MAYMOVE, 0),
        Errno::EFAULT
    );
    // Old length 0 maps shared memory a second time.
    let shared = mm
        .mmap(request(0, P, RW, MAP_SHARED | MAP_ANONYMOUS))
        .unwrap();
    let twin = mm.mremap(shared, 0, P, MREMAP_MAYMOVE, 0).unwrap();
    mm.store(twin, 8).unwrap();
    assert_eq!(mm.load(shared), Ok(8));
    let before = mm.counters();
    drop(mm.fork().unwrap());
    assert_eq!(mm.counters(), before);
}

#[test]
fn the_heap_grows_and_shrinks() {
    let mm = Mm::new().unwrap();
    mm.set_layout(|l| (l.start_brk, l.brk) = (BASE + 0x123, BASE + 0x123));
    assert_eq!(mm.brk(0), BASE + 0x123);
    assert_eq!(mm.brk(BASE + 5 * P), BASE + 5 * P);
    mm.store(BASE + 4 * P, 1).unwrap();
    assert_eq!(mm.brk(BASE + 3 * P + 1), BASE + 3 * P + 1);
    assert_eq!(mm.load(BASE + 4 * P), Err(FaultError::SegvMapErr));
    assert_eq!(mm.brk(BASE + 6 * P), BASE + 6 * P);
    assert_eq!(mm.areas().len(), 1);
    assert_eq!(mm.load(BASE + 4 * P), Ok(0));
    mm.map_at(BASE + 10 * P, 1, RW);
    assert_eq!(
        mm.brk(BASE + 10 * P),
        BASE + 6 * P,
        "a page stays free above"
    );
    assert_eq!(mm.brk(BASE + 9 * P), BASE + 9 * P);
    mm.set_limits(Limits {
        data: 4 << 12,
        ..Limits::default()
    });
    assert_eq!(
        mm.brk(BASE + 8 * P),
        BASE + 9 * P,
        "over the limit even when shrinking, as on Linux"
    );
    let mut names = std::vec::Vec::new();
    mm.for_each_vma(0, &mut |a| {
        names.push(a.name);
        true
    });
    assert_eq!(names, [Some("[heap]"), None]);
}

#[test]
fn advice_and_sync_refuse_as_linux_does() {
    let mm = Mm::new().unwrap();
    let at = mm.map_at(BASE, 4, RW);
    mm.store(at, 1).unwrap();
    mm.madvise(at, P, MADV_FREE).unwrap();
    assert_eq!(mm.load(at), Ok(0));
    assert_eq!(mm.madvise(at, P, 99), Err(Errno::EINVAL));
    assert_eq!(mm.madvise(at + 1, P, MADV_DONTNEED), Err(Errno::EINVAL));
    assert_eq!(
        mm.madvise(at + 3 * P, 2 * P, MADV_DONTNEED),
        Err(Errno::ENOMEM)
    );
    assert_eq!(mm.madvise(at, 0, MADV_DONTNEED), Ok(()));
    assert_eq!(mm.msync(at, P, MS_SYNC | MS_ASYNC), Err(Errno::EINVAL));
    assert_eq!(mm.msync(at + 1, P, MS_SYNC), Err(Errno::EINVAL));
    assert_eq!(mm.msync(at, P, MS_SYNC), Ok(()));
}

#[test]
fn locked_memory_is_counted_and_present() {
    let mm = Mm::new().unwrap();
    mm.set_limits(Limits {
        memlock: 8 << 12,
        ..Limits::default()
    });
    let at = mm.map_at(BASE, 6, RW);
    mm.mlock(at + 1, 2 * P, false).unwrap();
    assert_eq!((mm.counters().locked, mm.counters().rss), (3, 3));
    mm.mlock(at, 6 * P, true).unwrap();
    assert_eq!((mm.counters().locked, mm.counters().rss), (6, 3));
    assert_eq!(mm.mlock(at + 5 * P, 2 * P, false), Err(Errno::ENOMEM));
    assert_eq!(mm.madvise(at, P, MADV_DONTNEED), Err(Errno::EINVAL));
    assert_eq!(
        mm.mmap(request(0, 6 * P, RW, PRIVATE | MAP_LOCKED)),
        Err(Errno::EAGAIN)
    );
    mm.munlock(at, 6 * P).unwrap();
    assert_eq!(mm.counters().locked, 0);
    let locked = mm
        .mmap(request(0, 6 * P, RW, PRIVATE | MAP_LOCKED))
        .unwrap();
    assert!((0..6).all(|n| mm.is_present(locked + n * P)));
    assert_eq!(mm.fork().unwrap().counters().locked, 0);
    assert_eq!(mm.mlockall(MCL_CURRENT), Err(Errno::ENOMEM));
    assert_eq!(mm.mlockall(0), Err(Errno::EINVAL));
    mm.munmap(locked, 6 * P).unwrap();
    mm.mlockall(MCL_CURRENT | MCL_FUTURE).unwrap();
    assert_eq!(mm.counters().locked, 6);
    assert!(mm.is_present(mm.map_at(0, 1, RW)));
    mm.munlockall().unwrap();
    assert_eq!(mm.counters().locked, 0);
    mm.set_limits(Limits {
        memlock: 0,
        ..Limits::default()
    });
    assert_eq!(mm.mlock(at, P, false), Err(Errno::EPERM));
}

#[test]
fn promises_are_given_back() {
    let before = commit::committed_pages() as isize;
    let mm = Mm::new().unwrap();
    let total = kmem::frame::stats().total;
    assert_eq!(
        mm.mmap(request(0, (total + 1) * P, RW, PRIVATE)),
        Err(Errno::ENOMEM)
    );
    mm.mmap(request(
        0,
        (total + 1) * P,
        RW,
        PRIVATE | abi::raw::MAP_NORESERVE,
    ))
    .unwrap();
    let at = mm.map_at(BASE, 1000, RW);
    let child = mm.fork().unwrap();
    child.munmap(at + 100 * P, 100 * P).unwrap();
    child.mprotect(at, 10 * P, PROT_READ).unwrap();
    drop((mm, child));
    // Other tests run beside this one: what stays must only be theirs, a few thousand pages.
    assert!((commit::committed_pages() as isize - before).abs() < 5000);
}
