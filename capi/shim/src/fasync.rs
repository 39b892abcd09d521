//! `fasync_helper` and `kill_fasync` of `linux/fs.h`: open files of modules whose owners are told by a signal.
//!
//! Specification: fcntl(2), "Signaling"; the tables of poll events by Documentation of `si_band` in sigaction(2).
use crate::export::exports;
use crate::foreign::{self, word};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};
use vfs::FileOwner;

/// A file that a module's `fasync` was called for, by the address of its `struct file`.
struct Known {
    file: usize,
    owner: Arc<FileOwner>,
}

/// A file in the list that a module's pointer stands for.
struct Entry {
    /// Address of the pointer.
    list: usize,
    file: usize,
    fd: i32,
    owner: Arc<FileOwner>,
}

#[derive(Default)]
struct Lists {
    known: Vec<Known>,
    entries: Vec<Entry>,
}

static CLASS: LockClass = LockClass::new("capi.fasync", rank::NONE);
static LISTS: SpinLock<Lists> = SpinLock::new(
    &CLASS,
    Lists {
        known: Vec::new(),
        entries: Vec::new(),
    },
);

/// `POLL_IN` and those after it, as poll(2) has them.
const BANDS: [i64; 6] = [0x41, 0x304, 0x441, 0x8, 0x82, 0x18];

/// Notes whom signals for a file go to, before its module is asked. ENOMEM.
pub(crate) fn know(file: usize, owner: Arc<FileOwner>) -> Result<()> {
    let mut lists = LISTS.lock_irq();
    if lists.known.iter().any(|known| known.file == file) {
        return Ok(());
    }
    lists.known.try_push(Known { file, owner })
}

/// A file is gone: from all lists too.
pub(crate) fn forget(file: usize) {
    loop {
        let mut lists = LISTS.lock_irq();
        let known = lists.known.iter().position(|known| known.file == file);
        let known = known.map(|at| lists.known.swap_remove(at));
        let entry = lists.entries.iter().position(|entry| entry.file == file);
        let entry = entry.map(|at| lists.entries.swap_remove(at));
        let room = (lists.known.is_empty() && lists.entries.is_empty())
            .then(|| core::mem::take(&mut *lists));
        drop(lists);
        drop(room);
        if known.is_none() && entry.is_none() {
            return;
        }
    }
}

/// Puts a file on a list, or takes it off. True: it was not there before, or it was.
fn change(fd: i32, file: usize, on: bool, list: usize) -> Result<bool> {
    let mut lists = LISTS.lock_irq();
    let at = lists
        .entries
        .iter()
        .position(|entry| entry.list == list && entry.file == file);
    let gone = match (on, at) {
        (true, Some(at)) => {
            lists.entries[at].fd = fd;
            return Ok(false);
        }
        (true, None) => {
            let known = lists.known.iter().find(|known| known.file == file);
            let owner = known.ok_or(Errno::EINVAL)?.owner.clone();
            let entry = Entry {
                list,
                file,
                fd,
                owner,
            };
            lists.entries.try_push(entry)?;
            None
        }
        (false, Some(at)) => Some(lists.entries.swap_remove(at)),
        (false, None) => return Ok(false),
    };
    let left = lists.entries.iter().any(|entry| entry.list == list);
    drop(lists);
    drop(gone);
    // All that a module may know of it is whether there is anything.
    foreign::write(list, if left { list } else { 0 })?;
    Ok(true)
}

/// `fasync_helper(fd, file, on, list)`: 1 when that changed the list, else 0. ENOMEM; EINVAL: not out of `fasync`.
extern "C" fn fasync_helper(fd: i32, file: usize, on: i32, list: usize) -> i32 {
    change(fd, file, on != 0, list).map_or_else(|e| -e.code(), i32::from)
}

/// `kill_fasync(list, signal, band)`: the owners of all files of the list are told what happened.
extern "C" fn kill_fasync(list: usize, _signal: i32, band: i32) {
    if !word(list).is_ok_and(|first| first != 0) {
        return;
    }
    let events = usize::try_from(band - 1).ok().and_then(|at| BANDS.get(at));
    for number in 0.. {
        let told = {
            let lists = LISTS.lock_irq();
            let mut of_list = lists.entries.iter().filter(|entry| entry.list == list);
            of_list
                .nth(number)
                .map(|entry| (entry.owner.clone(), entry.fd))
        };
        let Some((owner, fd)) = told else {
            return;
        };
        owner.notify(band, events.copied().unwrap_or(-1), fd);
    }
}

exports![fasync_helper, kill_fasync];
