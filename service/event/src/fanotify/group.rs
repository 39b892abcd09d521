//! A group: what fanotify_init(2) makes.
use super::event::{About, Files, HEAD, Queued};
use super::question::Question;
use super::queue::Queue;
use abi::ioctl::FIONREAD;
use abi::{Errno, Result, fan, raw};
use alloc::sync::Arc;
use core::fmt;
use cred::{Charge, Counted, Cred, cap};
use kmem::user::{self, UserAddr, UserBuf};
use pid::Pid;
use sync::{LockClass, SpinLock, WaitQueue, rank};
use vfs::notify::{self, Happening, Limit, Met, Seen, Watch, Watcher};
use vfs::{
    File, FileOps, FileOpsRef, FileType, Handle, Io, OpenFlags, PollEvents, PollTable, major, minor,
};

static QUEUE: LockClass = LockClass::new("fanotify", rank::EVENT);

/// Flags that ask for handles instead of descriptors.
pub(super) const FID_FLAGS: u32 = fan::FAN_REPORT_FID
    | fan::FAN_REPORT_DIR_FID
    | fan::FAN_REPORT_NAME
    | fan::FAN_REPORT_TARGET_FID;
/// Flags that say who is asked, and when.
const CLASSES: u32 = fan::FAN_CLASS_CONTENT | fan::FAN_CLASS_PRE_CONTENT;
/// Flags that anybody may use.
const USER_FLAGS: u32 = FID_FLAGS | fan::FAN_CLOEXEC | fan::FAN_NONBLOCK;
/// Flags for those with `CAP_SYS_ADMIN`.
const ADMIN_FLAGS: u32 = CLASSES
    | fan::FAN_REPORT_TID
    | fan::FAN_REPORT_PIDFD
    | fan::FAN_UNLIMITED_QUEUE
    | fan::FAN_UNLIMITED_MARKS;
/// Flags that descriptors of events can be opened with.
const EVENT_FILE_FLAGS: u32 = raw::O_ACCMODE
    | raw::O_APPEND
    | raw::O_NONBLOCK
    | raw::O_SYNC
    | raw::O_CLOEXEC
    | raw::O_LARGEFILE
    | raw::O_NOATIME;

/// Who is told of events, and asked.
pub struct Group {
    pub(super) flags: u32,
    /// `event_f_flags`.
    pub(super) event_flags: u32,
    /// It was made by somebody without `CAP_SYS_ADMIN`.
    pub(super) is_unprivileged: bool,
    place: notify::Group,
    /// It itself; its marks count for the same user.
    counted: Charge,
    /// Most events that wait.
    limit: usize,
    pub(super) queue: SpinLock<Queue>,
    pub(super) readers: WaitQueue,
    /// Where who asked waits for the answer.
    pub(super) askers: WaitQueue,
}

impl Group {
    /// A group as a file (fanotify_init(2)). EINVAL: flags; EPERM: they are not for everybody; EMFILE: the user has too many;
    /// ENOMEM.
    pub fn create(flags: u32, event_flags: u32, cred: &Arc<Cred>) -> Result<Arc<File>> {
        let is_unprivileged = !cred.capable(cap::SYS_ADMIN);
        if is_unprivileged && (flags & ADMIN_FLAGS != 0 || flags & FID_FLAGS == 0) {
            return Err(Errno::EPERM);
        }
        check(flags, event_flags)?;
        let counted = Charge::of(cred, Counted::FanotifyGroups)?;
        let class = match flags & CLASSES {
            0 => 0,
            fan::FAN_CLASS_CONTENT => 1,
            fan::FAN_CLASS_PRE_CONTENT => 2,
            _ => return Err(Errno::EINVAL),
        };
        if flags & fan::FAN_ENABLE_AUDIT != 0 && !cred.capable(cap::AUDIT_WRITE) {
            return Err(Errno::EPERM);
        }
        let limit = match flags & fan::FAN_UNLIMITED_QUEUE {
            0 => Limit::GroupEvents.get() as usize,
            _ => usize::MAX,
        };
        let mut queue = Queue::new();
        queue.make_room()?;
        let place = notify::Group::new(class);
        let group = kmem::try_arc(Self {
            flags,
            event_flags: event_flags | raw::O_LARGEFILE,
            is_unprivileged,
            place,
            counted,
            limit,
            queue: SpinLock::new(&QUEUE, queue),
            readers: WaitQueue::new(),
            askers: WaitQueue::new(),
        })?;
        let nonblock = flags & fan::FAN_NONBLOCK != 0;
        let mut flags = OpenFlags::RDWR;
        flags.set(OpenFlags::NONBLOCK, nonblock);
        let inode = vfs::shared_anon_inode()?;
        vfs::new_anon_file(
            "anon_inode:[fanotify]",
            &inode,
            FileOpsRef::own(group),
            flags,
            cred,
        )
    }

    /// 0: it is only told.
    pub(super) const fn class(&self) -> u64 {
        self.place.class()
    }

    /// What of an event is for this group; 0: nothing.
    fn wanted(&self, what: &Happening<'_>, met: &Met) -> u32 {
        let fid = self.flags & FID_FLAGS;
        let fits = if fid == 0 {
            // A descriptor can be opened of what has a place, and is no device.
            let kind = what.inode.kind();
            what.path.is_some() && matches!(kind, FileType::Regular | FileType::Directory)
        } else {
            let has_dir = what.dir.is_some() || what.mask & fan::FAN_ONDIR != 0;
            fid & fan::FAN_REPORT_FID != 0 || has_dir
        };
        let mask = what.mask & met.mask & !met.ignored;
        match mask & fan::ALL_EVENTS {
            0 => 0,
            _ if !fits => 0,
            events if fid == 0 => events,
            events => events | mask & fan::FAN_ONDIR,
        }
    }

    /// Who does it, as the group wants to know him.
    fn doer(&self) -> Option<Arc<Pid>> {
        let by_thread = self.flags & fan::FAN_REPORT_TID != 0;
        let task = task::current()?;
        Some(match by_thread {
            true => task.pid(),
            false => task.process().pid().clone(),
        })
    }

    fn event(&self, what: &Happening<'_>, met: &Met, mask: u32) -> Result<Queued> {
        let about = match (self.flags & FID_FLAGS, what.path) {
            (0, Some(path)) => About::Place(path.clone()),
            _ => About::Files(Files::of(self.flags, mask, what, met)?),
        };
        Ok(Queued::new(mask, self.doer(), about))
    }

    /// Queues an event; whether it is there by itself.
    fn put(&self, event: Queued) -> bool {
        let put = self.queue.lock().put(event, self.limit);
        if put.news {
            self.readers.wake_all_key(raw::POLLIN | raw::POLLRDNORM);
        }
        put.left.is_none()
    }

    fn lose(&self) {
        if self.queue.lock().lose() {
            self.readers.wake_all_key(raw::POLLIN | raw::POLLRDNORM);
        }
    }

    /// Asks, and waits. EPERM: no; ERESTARTSYS: the caller is killed; ENOMEM.
    fn ask(&self, what: &Happening<'_>, mask: u32) -> Result<()> {
        let Some(path) = what.path else {
            return Ok(());
        };
        let question = kmem::try_arc(Question::new(path.clone()))?;
        let about = About::Question(question.clone());
        if !self.put(Queued::new(mask, self.doer(), about)) {
            // Nobody will read it: as if there were nobody to ask.
            return Ok(());
        }
        question.wait(&self.askers).inspect_err(|_| {
            let withdrawn = self.queue.lock().withdraw(&question);
            drop(withdrawn);
        })
    }
}

/// What does not depend on who asks. EINVAL.
fn check(flags: u32, event_flags: u32) -> Result<()> {
    let has = |flag| flags & flag != 0;
    let bad = flags & !(USER_FLAGS | ADMIN_FLAGS | fan::FAN_ENABLE_AUDIT) != 0
        || has(fan::FAN_REPORT_PIDFD) && has(fan::FAN_REPORT_TID)
        || event_flags & !EVENT_FILE_FLAGS != 0
        || event_flags & raw::O_ACCMODE == raw::O_ACCMODE
        || has(FID_FLAGS) && has(CLASSES)
        || has(fan::FAN_REPORT_NAME) && !has(fan::FAN_REPORT_DIR_FID)
        || has(fan::FAN_REPORT_TARGET_FID)
            && !(has(fan::FAN_REPORT_NAME) && has(fan::FAN_REPORT_FID));
    if bad { Err(Errno::EINVAL) } else { Ok(()) }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.place.end();
    }
}

impl Watcher for Group {
    fn hear(&self, what: &Happening<'_>, met: &Met) -> Result<()> {
        let mask = self.wanted(what, met);
        if mask == 0 {
            return Ok(());
        }
        if mask & fan::PERM_EVENTS != 0 {
            return self.ask(what, mask);
        }
        match self.event(what, met, mask) {
            Ok(event) => {
                self.put(event);
            }
            Err(_) => self.lose(),
        }
        Ok(())
    }

    fn group(&self) -> Option<notify::Group> {
        Some(self.place)
    }

    fn count(&self) -> Result<Option<Charge>> {
        let limited = self.flags & fan::FAN_UNLIMITED_MARKS == 0;
        let count = || self.counted.beside(Counted::FanotifyMarks);
        limited.then(count).transpose()
    }
}

impl FileOps for Group {
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        // Descriptors are the caller's: `Group::read_events`.
        Err(match buf.is_kernel() {
            true => Errno::EINVAL,
            false => Errno::EBYCALLER,
        })
    }

    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        self.take_answer(buf)
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn ioctl(&self, _file: &File, cmd: u32, arg: usize) -> Result<usize> {
        match cmd {
            FIONREAD => {
                let len = self.queue.lock().len() * HEAD;
                user::write(UserAddr(arg), &(len as i32))?;
                Ok(0)
            }
            _ => Err(Errno::ENOTTY),
        }
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(&self.readers);
        match self.queue.lock().is_empty() {
            true => PollEvents::empty(),
            false => PollEvents::READABLE,
        }
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn release(&self, _file: &File) {
        let (events, read) = self.queue.lock().close();
        let waiting = events.iter().filter_map(|event| match &event.about {
            About::Question(question) => Some(question),
            _ => None,
        });
        for question in waiting.chain(read.iter().map(|(_, question)| question)) {
            question.settle(fan::FAN_ALLOW);
        }
        self.askers.wake_all();
        notify::forget(self);
    }

    fn show_fdinfo(&self, _file: &File, out: &mut dyn fmt::Write) -> fmt::Result {
        let flags = self.flags & !fan::FAN_ENABLE_AUDIT;
        let event_flags = self.event_flags;
        writeln!(out, "fanotify flags:{flags:x} event-flags:{event_flags:x}")?;
        let mut result = Ok(());
        notify::for_each_watch(self, |watch| {
            result = result.and(show_watch(out, watch));
        });
        result
    }
}

fn show_watch(out: &mut dyn fmt::Write, watch: &Watch) -> fmt::Result {
    let sdev = |dev| major(dev) << 20 | minor(dev);
    match watch.seen {
        Seen::Inode(dev, ino, _) => write!(out, "fanotify ino:{ino:x} sdev:{:x} ", sdev(dev))?,
        Seen::Mount(id) => write!(out, "fanotify mnt_id:{id:x} ")?,
        Seen::SuperBlock(dev) => write!(out, "fanotify sdev:{:x} ", sdev(dev))?,
    }
    let Watch {
        how, mask, ignored, ..
    } = watch;
    write!(out, "mflags:{how:x} mask:{mask:x} ignored_mask:{ignored:x}")?;
    if let Seen::Inode(dev, ino, handles) = watch.seen {
        out.write_str(" ")?;
        if handles {
            crate::inotify::show_handle(out, Handle::new(dev, ino))?;
        }
    }
    out.write_str("\n")
}
