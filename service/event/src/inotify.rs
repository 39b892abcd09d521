//! inotify(7): a queue of what happened to the files that are watched.
use abi::ioctl::FIONREAD;
use abi::{Errno, Result, raw};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicI32, Ordering};
use cred::{Charge, Counted, Cred};
use kmem::ReservedQueue;
use kmem::user::{self, UserAddr, UserBuf};
use sync::{LockClass, SpinLock, WaitMode, WaitQueue, rank};
use vfs::notify::{self, Again, Event, Limit, Seen, Watch, Watcher};
use vfs::{
    File, FileOps, FileOpsRef, Handle, Inode, Io, Name, OpenFlags, PollEvents, PollTable, major,
    minor,
};

static QUEUE: LockClass = LockClass::new("inotify", rank::EVENT);

/// Bytes of `struct inotify_event` without the name, and what the length of a name is a multiple of.
const HEAD: usize = size_of::<raw::inotify_event>();
/// What add_watch keeps of a mask.
const KEPT: u32 = raw::IN_ALL_EVENTS | raw::IN_ONESHOT | raw::IN_EXCL_UNLINK;
/// Every bit that means something to add_watch.
const KNOWN: u32 = KEPT
    | raw::IN_UNMOUNT
    | raw::IN_Q_OVERFLOW
    | raw::IN_IGNORED
    | raw::IN_ONLYDIR
    | raw::IN_DONT_FOLLOW
    | raw::IN_MASK_CREATE
    | raw::IN_MASK_ADD
    | raw::IN_ISDIR;

/// An event that waits to be read.
struct Queued {
    wd: i32,
    mask: u32,
    cookie: u32,
    name: Option<Name>,
}

impl Queued {
    fn name(&self) -> &[u8] {
        self.name.as_ref().map_or(&[], Name::as_bytes)
    }

    /// Bytes of the name as it is read: with a NUL, filled up.
    fn name_len(&self) -> usize {
        match self.name().len() {
            0 => 0,
            len => (len + 1).next_multiple_of(HEAD),
        }
    }

    fn len(&self) -> usize {
        HEAD + self.name_len()
    }

    fn same(&self, event: &Event<'_>) -> bool {
        (self.wd, self.mask, self.name()) == (event.wd, event.mask, event.name)
    }
}

/// A queue of events.
pub struct Inotify {
    queue: SpinLock<VecDeque<Queued>>,
    wait: WaitQueue,
    /// The number of the next watch.
    next_wd: AtomicI32,
    /// It itself; its watches count for the same user.
    counted: Charge,
}

impl Inotify {
    /// A queue as a file (inotify_init1(2)). EINVAL: flags; EMFILE: the user has too many; ENOMEM.
    pub fn create(flags: u32, cred: &Arc<Cred>) -> Result<Arc<File>> {
        if flags & !(raw::IN_CLOEXEC | raw::IN_NONBLOCK) != 0 {
            return Err(Errno::EINVAL);
        }
        let made = kmem::try_arc(Self {
            queue: SpinLock::new(&QUEUE, VecDeque::new()),
            wait: WaitQueue::new(),
            next_wd: AtomicI32::new(1),
            counted: Charge::of(cred, Counted::InotifyInstances)?,
        })?;
        let flags = OpenFlags::from_bits_truncate(flags & raw::IN_NONBLOCK);
        let inode = vfs::shared_anon_inode()?;
        vfs::new_anon_file(
            "anon_inode:inotify",
            &inode,
            FileOpsRef::own(made),
            flags,
            cred,
        )
    }

    /// Whether a mask names anything at all. EINVAL: it does not.
    pub fn check(mask: u32) -> Result<()> {
        if mask & KNOWN == 0 {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    /// Watches `inode`; answers the number of the watch. EEXIST, ENOSPC, ENOMEM.
    pub fn watch(self: &Arc<Self>, inode: &Arc<Inode>, mask: u32) -> Result<i32> {
        let again = match mask {
            mask if mask & raw::IN_MASK_CREATE != 0 => Again::Refuse,
            mask if mask & raw::IN_MASK_ADD != 0 => Again::Join,
            _ => Again::Replace,
        };
        let watcher: Arc<dyn Watcher> = self.clone();
        notify::watch(inode, &watcher, mask & KEPT, again)
    }

    /// Ends a watch. EINVAL: there is none of that number.
    pub fn unwatch(&self, wd: i32) -> Result<()> {
        notify::unwatch(self, wd)
    }

    /// The first event, if `room` bytes suffice. EINVAL: they do not.
    fn take(&self, room: usize) -> Option<Result<Queued>> {
        let mut queue = self.queue.lock();
        if queue.front()?.len() > room {
            return Some(Err(Errno::EINVAL));
        }
        queue.pop_front().map(Ok)
    }
}

impl Watcher for Inotify {
    fn tell(&self, event: &Event<'_>) {
        let mut queue = self.queue.lock();
        let last = queue.back();
        if last.is_some_and(|last| last.same(event)) {
            return;
        }
        let overflown = last.is_some_and(|last| last.mask == raw::IN_Q_OVERFLOW);
        let name = match event.name {
            [] => Ok(None),
            name => Name::new(name).map(Some),
        };
        let full = queue.len() as u64 >= Limit::QueuedEvents.get();
        let (fits, name) = (queue.try_reserve(1).is_ok(), name);
        match name {
            Ok(name) if fits && !full => queue.push_back_reserved(Queued {
                wd: event.wd,
                mask: event.mask,
                cookie: event.cookie,
                name,
            }),
            // What is lost is told once.
            _ if fits && !overflown => queue.push_back_reserved(Queued {
                wd: -1,
                mask: raw::IN_Q_OVERFLOW,
                cookie: 0,
                name: None,
            }),
            _ => return,
        }
        drop(queue);
        self.wait.wake_all_key(raw::POLLIN | raw::POLLRDNORM);
    }

    fn new_wd(&self) -> Result<i32> {
        self.next_wd
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |wd| wd.checked_add(1))
            .map_err(|_| Errno::ENOSPC)
    }

    fn count(&self) -> Result<Option<Charge>> {
        self.counted.beside(Counted::InotifyWatches).map(Some)
    }
}

fn show_watch(out: &mut dyn fmt::Write, watch: &Watch) -> fmt::Result {
    let Seen::Inode(dev, ino, handles) = watch.seen else {
        return Ok(()); // it watches nothing else
    };
    let sdev = major(dev) << 20 | minor(dev);
    let (wd, mask) = (watch.wd, watch.mask);
    write!(
        out,
        "inotify wd:{wd:x} ino:{ino:x} sdev:{sdev:x} mask:{mask:x} ignored_mask:0 "
    )?;
    if handles {
        show_handle(out, Handle::new(dev, ino))?;
    }
    out.write_str("\n")
}

/// A handle as `/proc/PID/fdinfo` has it.
pub(crate) fn show_handle(out: &mut dyn fmt::Write, handle: Handle) -> fmt::Result {
    let (len, kind) = (Handle::LEN, Handle::KIND);
    write!(out, "fhandle-bytes:{len:x} fhandle-type:{kind:x} f_handle:")?;
    handle
        .bytes()
        .iter()
        .try_for_each(|byte| write!(out, "{byte:02x}"))
}

/// Writes an event as inotify(7) has it. EFAULT.
fn emit(buf: &mut UserBuf<'_>, event: &Queued) -> Result<usize> {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&event.wd.to_ne_bytes());
    head[4..8].copy_from_slice(&event.mask.to_ne_bytes());
    head[8..12].copy_from_slice(&event.cookie.to_ne_bytes());
    head[12..].copy_from_slice(&(event.name_len() as u32).to_ne_bytes());
    let zeros = [0; HEAD];
    let padding = event.name_len() - event.name().len();
    let mut done = 0;
    for part in [&head[..], event.name(), &zeros[..padding]] {
        let n = buf.copy_to(part)?;
        if n < part.len() {
            return Err(Errno::EFAULT);
        }
        done += n;
    }
    Ok(done)
}

impl FileOps for Inotify {
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let mut done = 0;
        loop {
            let event = match self.take(buf.remaining()) {
                Some(Ok(event)) => event,
                _ if done > 0 => return Ok(done),
                Some(Err(errno)) => return Err(errno),
                None if io.nonblock => return Err(Errno::EAGAIN),
                None => {
                    let some = || (!self.queue.lock().is_empty()).then_some(());
                    self.wait.wait(WaitMode::Interruptible, None, some)?;
                    continue;
                }
            };
            done += emit(buf, &event)?;
        }
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn ioctl(&self, _file: &File, cmd: u32, arg: usize) -> Result<usize> {
        match cmd {
            FIONREAD => {
                let len: usize = self.queue.lock().iter().map(Queued::len).sum();
                user::write(UserAddr(arg), &(len as i32))?;
                Ok(0)
            }
            _ => Err(Errno::ENOTTY),
        }
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(&self.wait);
        match self.queue.lock().is_empty() {
            true => PollEvents::empty(),
            false => PollEvents::READABLE,
        }
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn release(&self, _file: &File) {
        notify::forget(self);
    }

    fn show_fdinfo(&self, _file: &File, out: &mut dyn fmt::Write) -> fmt::Result {
        let mut result = Ok(());
        notify::for_each_watch(self, |watch| {
            result = result.and(show_watch(out, watch));
        });
        result
    }
}
