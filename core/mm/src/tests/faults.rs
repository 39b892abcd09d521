//! Faults in anonymous memory: zeros, copies after fork, stacks, memory of others.
use super::*;
use abi::raw::{MAP_GROWSDOWN, MAP_SHARED, PROT_NONE};

#[test]
fn memory_begins_as_zeros_and_counts_when_written() {
    let mm = Mm::new().unwrap();
    let at = mm.map_at(0, 4, RW);
    assert_eq!(mm.load(at), Ok(0));
    assert_eq!(mm.counters().rss, 0, "the page of zeros does not count");
    mm.store(at, 5).unwrap();
    mm.store(at + PAGE_SIZE, 6).unwrap();
    assert_eq!((mm.load(at), mm.load(at + PAGE_SIZE)), (Ok(5), Ok(6)));
    let c = mm.counters();
    assert_eq!((c.rss, c.anon, c.total, c.data), (2, 2, 4, 4));
    mm.munmap(at, 4 * PAGE_SIZE).unwrap();
    let c = mm.counters();
    assert_eq!(
        (c.rss, c.rss_peak, c.total, c.peak, c.areas),
        (0, 2, 0, 4, 0)
    );
    assert_eq!(mm.load(at), Err(FaultError::SegvMapErr));
}

#[test]
fn protections_are_kept() {
    let mm = Mm::new().unwrap();
    let ro = mm.map_at(BASE, 1, PROT_READ);
    let none = mm.map_at(BASE + 0x10000, 1, PROT_NONE);
    assert_eq!(mm.store(ro, 1), Err(FaultError::SegvAccErr));
    assert_eq!(mm.load(none), Err(FaultError::SegvAccErr));
    assert_eq!(
        mm.handle_fault(UserAddr(ro), Access::Exec),
        Err(FaultError::SegvAccErr)
    );
    assert_eq!(
        mm.handle_fault(UserAddr(usize::MAX), Access::Read),
        Err(FaultError::SegvMapErr)
    );
}

#[test]
fn a_child_sees_the_past_and_not_the_future() {
    let mm = Mm::new().unwrap();
    let at = mm.map_at(BASE, 8, RW);
    (0..8).for_each(|n| mm.store(at + n * PAGE_SIZE, n as u8 + 1).unwrap());
    let child = mm.fork().unwrap();
    assert_eq!(child.counters().anon, 8);
    mm.store(at, 100).unwrap();
    child.store(at + PAGE_SIZE, 101).unwrap();
    assert_eq!((mm.load(at), child.load(at)), (Ok(100), Ok(1)));
    assert_eq!(
        (mm.load(at + PAGE_SIZE), child.load(at + PAGE_SIZE)),
        (Ok(2), Ok(101))
    );
    // The page whose copy was made is the other one's alone: no second copy.
    let before = child.space.get(UserAddr(at)).unwrap().frame.paddr();
    child.store(at, 9).unwrap();
    assert_eq!(child.space.get(UserAddr(at)).unwrap().frame.paddr(), before);
    drop(mm);
    assert_eq!(child.load(at + 7 * PAGE_SIZE), Ok(8));
    let grandchild = child.fork().unwrap();
    drop(child);
    grandchild.store(at + 7 * PAGE_SIZE, 77).unwrap();
    assert_eq!(grandchild.load(at + 7 * PAGE_SIZE), Ok(77));
}

#[test]
fn a_page_of_zeros_is_not_written_to() {
    let mm = Mm::new().unwrap();
    let at = mm.map_at(BASE, 2, RW);
    mm.load(at).unwrap();
    mm.load(at + PAGE_SIZE).unwrap();
    mm.store(at, 1).unwrap();
    assert_eq!(mm.load(at + PAGE_SIZE), Ok(0));
    assert_eq!(mm.counters().anon, 1);
    let child = mm.fork().unwrap();
    assert_eq!(child.load(at + PAGE_SIZE), Ok(0));
    assert_eq!(child.counters().anon, 1);
}

#[test]
fn advice_for_fork_is_taken() {
    let mm = Mm::new().unwrap();
    let at = mm.map_at(BASE, 3, RW);
    (0..3).for_each(|n| mm.store(at + n * PAGE_SIZE, 7).unwrap());
    mm.madvise(at, PAGE_SIZE, abi::raw::MADV_WIPEONFORK)
        .unwrap();
    mm.madvise(at + PAGE_SIZE, PAGE_SIZE, abi::raw::MADV_DONTFORK)
        .unwrap();
    let child = mm.fork().unwrap();
    assert_eq!(child.load(at), Ok(0));
    assert_eq!(child.load(at + PAGE_SIZE), Err(FaultError::SegvMapErr));
    assert_eq!(child.load(at + 2 * PAGE_SIZE), Ok(7));
    assert_eq!((child.counters().total, child.counters().areas), (2, 2));
}

#[test]
fn shared_memory_is_shared() {
    let mm = Mm::new().unwrap();
    let at = mm
        .mmap(request(
            0,
            2 * PAGE_SIZE,
            RW,
            MAP_SHARED | abi::raw::MAP_ANONYMOUS,
        ))
        .unwrap();
    mm.store(at, 1).unwrap();
    let child = mm.fork().unwrap();
    child.store(at, 2).unwrap();
    child.store(at + PAGE_SIZE, 3).unwrap();
    assert_eq!((mm.load(at), mm.load(at + PAGE_SIZE)), (Ok(2), Ok(3)));
    assert_eq!(mm.counters().shmem, 2);
    let keys = [&mm, &child].map(|m| m.futex_key(UserAddr(at + 4), true).unwrap());
    assert_eq!(keys[0], keys[1]);
    let private = [&mm, &child].map(|m| m.futex_key(UserAddr(at + 4), false).unwrap());
    assert_ne!(private[0], private[1]);
    assert_eq!(mm.futex_key(UserAddr(at + 1), true), Err(Errno::EINVAL));
    assert_eq!(mm.futex_key(UserAddr(1 << 20), true), Err(Errno::EFAULT));
}

#[test]
fn a_stack_grows_to_its_limit_and_keeps_its_guard() {
    let mm = Mm::new().unwrap();
    let limit = 64 * PAGE_SIZE;
    mm.set_limits(Limits {
        stack: limit as u64,
        ..Limits::default()
    });
    let top = BASE + (1 << 30);
    mm.mmap(request(
        top - 4 * PAGE_SIZE,
        4 * PAGE_SIZE,
        RW,
        PRIVATE | MAP_FIXED | MAP_GROWSDOWN,
    ))
    .unwrap();
    mm.store(top - 10 * PAGE_SIZE, 1).unwrap();
    assert_eq!(mm.areas()[0].0, top - 10 * PAGE_SIZE);
    assert_eq!(mm.counters().stack, 10);
    mm.store(top - limit, 1).unwrap();
    assert_eq!(mm.store(top - limit - 1, 1), Err(FaultError::SegvMapErr));
    // Something below, closer than the guard: no growth any more, and mappings stay away by themselves.
    let mm = Mm::new().unwrap();
    mm.mmap(request(
        top - PAGE_SIZE,
        PAGE_SIZE,
        RW,
        PRIVATE | MAP_FIXED | MAP_GROWSDOWN,
    ))
    .unwrap();
    mm.map_at(top - 300 * PAGE_SIZE, 1, RW);
    assert!(mm.store(top - 43 * PAGE_SIZE, 1).is_ok());
    assert_eq!(
        mm.store(top - 44 * PAGE_SIZE, 1),
        Err(FaultError::SegvMapErr)
    );
}

#[test]
fn remote_access_reaches_over_pages() {
    let mm = Mm::new().unwrap();
    let at = mm.map_at(BASE, 2, PROT_READ);
    let text = b"across the border";
    assert_eq!(
        mm.write_remote(UserAddr(at + PAGE_SIZE - 5), text, false),
        Err(Errno::EFAULT)
    );
    assert_eq!(
        mm.write_remote(UserAddr(at + PAGE_SIZE - 5), text, true),
        Ok(text.len())
    );
    let mut back = [0; 17];
    assert_eq!(
        mm.read_remote(UserAddr(at + PAGE_SIZE - 5), &mut back),
        Ok(17)
    );
    assert_eq!(&back, text);
    assert_eq!(
        mm.store(at, 1),
        Err(FaultError::SegvAccErr),
        "force does not open it to the program"
    );
    let mut long = [0; 64];
    assert_eq!(
        mm.read_remote(UserAddr(at + 2 * PAGE_SIZE - 10), &mut long),
        Ok(10)
    );
    assert_eq!(
        mm.read_remote(UserAddr(at + 2 * PAGE_SIZE), &mut long),
        Err(Errno::EFAULT)
    );
    let child = mm.fork().unwrap();
    child
        .write_remote(UserAddr(at + PAGE_SIZE - 5), b"A", true)
        .unwrap();
    assert_eq!(mm.load(at + PAGE_SIZE - 5), Ok(b'a'));
    assert_eq!(mm.zero_remote(UserAddr(at + PAGE_SIZE - 5), 17), Ok(17));
    assert_eq!(
        (mm.load(at + PAGE_SIZE), child.load(at + PAGE_SIZE)),
        (Ok(0), Ok(text[5]))
    );
}

/// Threads that fault, fork and unmap at once: no fault is lost, no page leaks.
#[test]
fn threads_do_not_disturb_each_other() {
    let mm = Mm::new().unwrap();
    let at = mm.map_at(BASE, 64, RW);
    std::thread::scope(|s| {
        for t in 0..4usize {
            let mm = mm.clone();
            s.spawn(move || {
                for round in 0..20u8 {
                    for n in 0..16 {
                        let addr = at + (t * 16 + n) * PAGE_SIZE;
                        mm.store(addr + t, round).unwrap();
                        assert_eq!(mm.load(addr + t), Ok(round));
                    }
                }
            });
        }
        for _ in 0..10 {
            let child = mm.fork().unwrap();
            child.store(at, 200).unwrap();
            assert_eq!(child.load(at), Ok(200));
        }
    });
    assert_eq!(mm.counters().anon, 64);
}
