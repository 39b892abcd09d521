//! File locks.
use super::*;
use vfs::{FileLock, Files, LockKind, LockOwner, LockWait, OnExec, lock_file};

fn record(kind: LockKind, table: u64, start: u64, end: u64) -> FileLock {
    FileLock {
        kind,
        owner: LockOwner::Process(table),
        pid: table as i32,
        start,
        end,
        through: 0,
    }
}

#[test]
fn records_conflict_split_and_merge() {
    let w = World::new();
    let f = w.open("/f", raw::O_CREAT | raw::O_RDWR).unwrap();
    let take =
        |kind, table, start, end| lock_file(&f, record(kind, table, start, end), LockWait::No);
    use LockKind::{Read, Write};
    take(Write, 1, 10, 19).unwrap();
    assert_eq!(take(Read, 2, 19, 30), Err(Errno::EAGAIN));
    take(Read, 2, 20, 30).unwrap();
    take(Read, 1, 25, 26).unwrap();
    take(Read, 1, 13, 15).unwrap();
    take(Read, 2, 14, 14).unwrap();
    let found = vfs::find_conflict(&f, &record(Write, 3, 12, 13)).unwrap();
    assert_eq!(
        (found.pid, found.start, found.end, found.kind),
        (1, 10, 12, Write)
    );
    vfs::unlock_file(&f, LockOwner::Process(1), 0, u64::MAX).unwrap();
    take(Write, 3, 10, 13).unwrap();
    assert_eq!(take(Write, 3, 14, 14), Err(Errno::EAGAIN));
}

#[test]
fn closing_any_descriptor_gives_a_process_locks_back() {
    let w = World::new();
    let f = w.open("/f", raw::O_CREAT | raw::O_RDWR).unwrap();
    let t = Files::new().unwrap();
    t.alloc(0, 9, f.clone(), OnExec::Keep).unwrap();
    t.alloc(0, 9, w.open("/f", raw::O_RDONLY).unwrap(), OnExec::Keep)
        .unwrap();
    lock_file(&f, record(LockKind::Write, t.id(), 0, 9), LockWait::No).unwrap();
    let other = record(LockKind::Read, 999, 5, 5);
    assert!(vfs::find_conflict(&f, &other).is_some());
    t.close(1).unwrap();
    assert!(vfs::find_conflict(&f, &other).is_none());
}

#[test]
fn locks_of_open_files() {
    let w = World::new();
    let a = w.open("/f", raw::O_CREAT | raw::O_RDWR).unwrap();
    let b = w.open("/f", raw::O_RDWR).unwrap();
    vfs::flock(&a, Some(LockKind::Write), 1, LockWait::No).unwrap();
    vfs::flock(&a, Some(LockKind::Write), 1, LockWait::No).unwrap();
    let shared = |f| vfs::flock(f, Some(LockKind::Read), 1, LockWait::No);
    assert_eq!(shared(&b), Err(Errno::EAGAIN));
    shared(&a).unwrap();
    shared(&b).unwrap();
    // A record lock is another matter.
    lock_file(&a, record(LockKind::Write, 5, 0, 9), LockWait::No).unwrap();
    let ofd = |f: &Arc<File>| FileLock {
        kind: LockKind::Write,
        owner: vfs::ofd_owner(f),
        pid: -1,
        start: 20,
        end: 20,
        through: vfs::owner_of(f),
    };
    lock_file(&a, ofd(&a), LockWait::No).unwrap();
    assert_eq!(lock_file(&b, ofd(&b), LockWait::No), Err(Errno::EAGAIN));
    drop(a);
    lock_file(&b, ofd(&b), LockWait::No).unwrap();
    vfs::flock(&b, Some(LockKind::Write), 1, LockWait::No).unwrap();
    vfs::flock(&b, None, 1, LockWait::No).unwrap();
}

#[test]
fn waiting_and_deadlock() {
    let w = World::new();
    let f = w.open("/f", raw::O_CREAT | raw::O_RDWR).unwrap();
    let lock = |table, at| lock_file(&f, record(LockKind::Write, table, at, at), LockWait::Yes);
    lock(1, 1).unwrap();
    lock(2, 2).unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| lock(1, 2));
        // 2 would wait for 1, which waits for 2, as soon as it does.
        // The waiter shows by nothing but the answer that it waits: ask for a while.
        let held = lock_file(&f, record(LockKind::Write, 2, 1, 1), LockWait::No);
        assert_eq!(held, Err(Errno::EAGAIN));
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert_eq!(lock(2, 1), Err(Errno::EDEADLK));
        vfs::unlock_file(&f, LockOwner::Process(2), 2, 2).unwrap();
        assert_eq!(waiter.join().unwrap(), Ok(()));
    });
}
