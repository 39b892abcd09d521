//! Signals that tell what happens in an open directory: `F_NOTIFY` of fcntl(2).
//!
//! A watch is one of an open file and a table of descriptors, and ends when any of the table's descriptors of the file is
//! closed. It stands in the table of `notify`, which says how it is told.
use crate::notify::{self, Again, Event, RENAMED, Watcher};
use crate::objects::File;
use crate::owner::FileOwner;
use abi::raw::{
    DN_ACCESS, DN_ATTRIB, DN_CREATE, DN_DELETE, DN_MODIFY, DN_MULTISHOT, DN_RENAME, IN_ACCESS,
    IN_ATTRIB, IN_CREATE, IN_DELETE, IN_IGNORED, IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO, IN_ONESHOT,
    IN_UNMOUNT,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use cred::{Charge, Cred};
use pid::Pid;
use sync::{LockClass, SpinLock, rank};

static CHANGES: LockClass = LockClass::new("dnotify", rank::DIR_NOTIFY);

/// `POLL_MSG`, and the band that goes with it: `POLLIN | POLLRDNORM | POLLMSG`.
const POLL_MSG: i32 = 3;
const BAND: i64 = 0x441;

/// Held by who begins a watch or adds to one.
static CHANGE: SpinLock<()> = SpinLock::new(&CHANGES, ());
/// `/proc/sys/fs/dir-notify-enable`.
static ENABLED: AtomicBool = AtomicBool::new(true);

/// Who is told of one directory.
struct DirWatch {
    /// Where the open file is: it names the file, which outlives the watch.
    file: usize,
    /// The table of descriptors that asked.
    table: u64,
    owner: Arc<FileOwner>,
    /// The number that was last asked by.
    fd: AtomicI32,
    /// `DN_*`.
    asked: AtomicU32,
}

impl Watcher for DirWatch {
    fn tell(&self, event: &Event<'_>) {
        if event.mask & (IN_IGNORED | IN_UNMOUNT) == 0 {
            self.owner
                .notify(POLL_MSG, BAND, self.fd.load(Ordering::Relaxed));
        }
    }

    fn count(&self) -> Result<Option<Charge>> {
        Ok(None)
    }
}

/// Whether directories can be watched.
pub fn is_dir_notify_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// Lets directories be watched, or no longer; watches that there are go on.
pub fn enable_dir_notify(on: bool) {
    ENABLED.store(on, Ordering::Relaxed);
}

/// Tells the file's owner, `caller` with its `cred` if it has none, of what `asked` (`DN_*`) names in the directory; asked by
/// descriptor `fd` of `table`. With nothing asked the watch ends. ENOTDIR; EINVAL: switched off; ENOMEM.
pub fn notify_dir(
    file: &Arc<File>,
    fd: i32,
    asked: u32,
    table: u64,
    caller: &Arc<Pid>,
    cred: &Cred,
) -> Result<()> {
    if !is_dir_notify_enabled() {
        return Err(Errno::EINVAL);
    }
    if asked & !DN_MULTISHOT == 0 {
        end(file, Some(table));
        return Ok(());
    }
    if !file.is_dir() {
        return Err(Errno::ENOTDIR);
    }
    let owner = file.owner_or_new()?;
    let fresh = kmem::try_arc(DirWatch {
        file: address(file),
        table,
        owner: owner.clone(),
        fd: AtomicI32::new(fd),
        asked: AtomicU32::new(0),
    })?;
    owner.set_if_none(caller, cred);
    // From now on a close looks for it.
    file.has_locks.store(true, Ordering::Relaxed);
    let known;
    let _change = CHANGE.lock();
    let same = |w: &DirWatch| (w.file, w.table) == (fresh.file, table);
    known = notify::find(file.inode(), same);
    let watch = known.as_ref().unwrap_or(&fresh);
    let all = watch.asked.load(Ordering::Relaxed) | asked;
    watch.asked.store(all, Ordering::Relaxed);
    watch.fd.store(fd, Ordering::Relaxed);
    let watcher: Arc<dyn Watcher> = watch.clone();
    notify::watch(file.inode(), &watcher, mask_of(all), Again::Replace).map(|_| ())
}

/// Ends the file's watches by `table`, or by all.
pub(crate) fn end(file: &File, table: Option<u64>) {
    let at = address(file);
    notify::forget_some(file.inode(), |w: &DirWatch| {
        w.file == at && table.is_none_or(|table| w.table == table)
    });
}

fn address(file: &File) -> usize {
    core::ptr::from_ref(file).addr()
}

/// The events of a watch.
fn mask_of(asked: u32) -> u32 {
    let events = [
        (DN_ACCESS, IN_ACCESS),
        (DN_MODIFY, IN_MODIFY),
        (DN_CREATE, IN_CREATE | IN_MOVED_TO),
        (DN_DELETE, IN_DELETE | IN_MOVED_FROM),
        (DN_RENAME, RENAMED),
        (DN_ATTRIB, IN_ATTRIB),
    ];
    let once = if asked & DN_MULTISHOT == 0 {
        IN_ONESHOT
    } else {
        0
    };
    events
        .iter()
        .filter(|(flag, _)| asked & flag != 0)
        .fold(once, |mask, (_, events)| mask | events)
}
