//! Locks on files: /proc/locks (proc_locks(5)), and their lines in /proc/PID/fdinfo. Who waits for one is not shown.
use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;
use kmem::TryVec;
use pid::PidNs;
use task::{Task, process};
use vfs::{FdTable, File, FileLock, Inode, LockKind, LockOwner, SeqBuf, major, minor};

/// /proc/locks. Who has a lock has a descriptor of its file: they are found by way of the processes. One that nothing but a
/// mapping or a message on its way keeps is not.
pub(crate) fn all(_: &(), out: &mut SeqBuf) -> Result<()> {
    let reader = task::numbers::own_pids();
    let (mut shown, mut number, mut from) = (Vec::new(), 0, 1);
    while let Some(process) = process::next_process(from) {
        from = process.nr() + 1;
        let mut threads = (0..).map_while(|n| process.nth_thread(n));
        if let Some(files) = threads.find_map(|thread: Arc<Task>| thread.files()) {
            of_table(&files, &reader, &mut shown, &mut number, out)?;
        }
    }
    Ok(())
}

/// The locks on each inode of a table that is not among those shown, which are sorted by address.
fn of_table(
    files: &FdTable,
    reader: &PidNs,
    shown: &mut Vec<Arc<Inode>>,
    number: &mut usize,
    out: &mut SeqBuf,
) -> Result<()> {
    let mut fd = 0;
    while let Some((found, file)) = files.next(fd) {
        fd = found + 1;
        let locks = vfs::locks_on(&file)?;
        let inode = file.inode();
        let known = shown.binary_search_by_key(&Arc::as_ptr(inode), Arc::as_ptr);
        let (false, Err(place)) = (locks.is_empty(), known) else {
            continue;
        };
        shown.try_push(inode.clone())?;
        shown[place..].rotate_right(1);
        for lock in &locks {
            if let Some(pid) = holder(lock, reader) {
                *number += 1;
                line(*number, lock, pid, inode, out);
            }
        }
    }
    Ok(())
}

/// Those of a process' locks that were taken through `file`, and those of the open file itself.
pub(crate) fn through(
    file: &Arc<File>,
    files: &FdTable,
    reader: &PidNs,
    out: &mut SeqBuf,
) -> Result<()> {
    let mut number = 0;
    for lock in vfs::locks_on(file)? {
        let own = match lock.owner {
            LockOwner::Process(table) => table == files.id(),
            LockOwner::OpenFile(_) | LockOwner::Flock(_) => true,
        };
        if own
            && lock.through == vfs::owner_of(file)
            && let Some(pid) = holder(&lock, reader)
        {
            number += 1;
            out.push_bytes(b"lock:\t");
            line(number, &lock, pid, file.inode(), out);
        }
    }
    Ok(())
}

/// What the reader calls who took it; nothing if it is from outside.
fn holder(lock: &FileLock, reader: &PidNs) -> Option<i32> {
    let nr = match lock.owner {
        LockOwner::OpenFile(_) => lock.pid,
        _ => task::numbers::number_in(lock.pid, reader),
    };
    (nr != 0).then_some(nr)
}

fn line(number: usize, lock: &FileLock, pid: i32, inode: &Inode, out: &mut SeqBuf) {
    let owner = match lock.owner {
        LockOwner::Process(_) => "POSIX ",
        LockOwner::OpenFile(_) => "OFDLCK",
        LockOwner::Flock(_) => "FLOCK ",
    };
    let kind = match lock.kind {
        LockKind::Read => "READ",
        LockKind::Write => "WRITE",
    };
    let (dev, ino, start) = (inode.sb().dev(), inode.ino(), lock.start);
    let (major, minor) = (major(dev), minor(dev));
    let _ = write!(
        out,
        "{number}: {owner} ADVISORY  {kind} {pid} {major:02x}:{minor:02x}:{ino} {start} "
    );
    let _ = match lock.end {
        u64::MAX => writeln!(out, "EOF"),
        end => writeln!(out, "{end}"),
    };
}
