//! A queue as an inode and as an open file: what is sent and received through a descriptor.
use crate::attr::Attr;
use crate::limits::Limits;
use crate::notify::Notification;
use crate::queue::{Blocking, Message, Queue};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Resource, cap};
use kmem::user::{UserAddr, UserBuf, copy_to_user, read_vec};
use task::limits::QueueBytes;
use vfs::{
    File, FileMode, FileOps, FileOpsRef, Inode, InodeOps, Io, OpenArgs, PollEvents, PollTable,
};

/// What a queue's file reports as its size, whatever is in the queue.
pub(crate) const SIZE: u64 = 80;
/// The most that reading a queue's file gives.
const TEXT: usize = 128;

/// A queue as an inode.
pub struct MqFile {
    queue: Queue<Notification>,
    _counted: Counted,
    _bytes: QueueBytes,
}

/// A queue that counts among those of its namespace.
struct Counted(Arc<Limits>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.remove();
    }
}

impl MqFile {
    /// With these attributes, or the usual ones; counted for the caller. The errors of `fs::make`.
    pub(crate) fn new(limits: &Arc<Limits>, attr: Option<Attr>) -> Result<Self> {
        let me = task::current().ok_or(Errno::ESRCH)?;
        let privileged = me.cred()?.capable(cap::SYS_RESOURCE);
        limits.add(privileged)?;
        let counted = Counted(limits.clone());
        let attr = attr.unwrap_or_else(|| limits.usual());
        let bytes = attr.counted(limits.most(), privileged)?;
        let limit = me.process().limits().cur(Resource::Msgqueue);
        let user = me.process().user();
        Ok(Self {
            queue: Queue::new(attr.messages as usize, attr.size as usize),
            _counted: counted,
            _bytes: user.count_queue(bytes, limit).ok_or(Errno::EMFILE)?,
        })
    }

    /// The queue of an open file. EBADF: it is none.
    pub fn of(file: &File) -> Result<&Self> {
        if file.ops_as::<OpenQueue>().is_none() {
            return Err(Errno::EBADF);
        }
        file.inode().ops_as().ok_or(Errno::EBADF)
    }

    /// The queue.
    pub const fn queue(&self) -> &Queue<Notification> {
        &self.queue
    }
}

/// Sends `len` bytes of user memory (mq_timedsend(2)). Answers whom to tell that a message came.
///
/// # Errors
/// `EBADF`: not open for writing; `EMSGSIZE`; `EFAULT`, and those of [`Queue::send`].
pub fn send(
    file: &File,
    (at, len): (UserAddr, usize),
    priority: u32,
    how: &Blocking,
) -> Result<Option<Notification>> {
    let this = MqFile::of(file)?;
    if !file.mode().contains(FileMode::WRITE) {
        return Err(Errno::EBADF);
    }
    if len > this.queue.message_size() {
        return Err(Errno::EMSGSIZE);
    }
    let message = Message {
        bytes: read_vec(at, len)?,
        priority,
    };
    let announce = this.queue.send(message, how)?;
    touch(file.inode());
    Ok(announce)
}

/// Receives into `len` bytes of user memory (mq_timedreceive(2)): how many came, and their priority.
///
/// # Errors
/// `EBADF`: not open for reading; `EMSGSIZE`: too little room for the largest message; `EFAULT`: the message is lost, as in
/// Linux; and those of [`Queue::receive`].
pub fn receive(
    file: &File,
    (at, len): (UserAddr, usize),
    how: &Blocking,
) -> Result<(usize, u32)> {
    let this = MqFile::of(file)?;
    if !file.mode().contains(FileMode::READ) {
        return Err(Errno::EBADF);
    }
    if len < this.queue.message_size() {
        return Err(Errno::EMSGSIZE);
    }
    let message = this.queue.receive(how)?;
    touch(file.inode());
    copy_to_user(at, &message.bytes)?;
    Ok((message.bytes.len(), message.priority))
}

/// All three times are those of the last message in or out.
fn touch(inode: &Inode) {
    let now = vfs::now();
    inode.update_times(|times| (times.atime, times.mtime, times.ctime) = (now, now, now));
}

/// Notes that whom it is announced to, or how it is used, changed.
pub fn touch_settings(inode: &Inode) {
    let now = vfs::now();
    inode.update_times(|times| (times.atime, times.ctime) = (now, now));
}

impl InodeOps for MqFile {
    fn open(&self, _inode: &Arc<Inode>, _args: &OpenArgs<'_>) -> Result<Option<FileOpsRef>> {
        Ok(Some(FileOpsRef::shared(&OpenQueue)))
    }

    /// It has no bytes: the size is a figure that truncate(2) can change.
    fn set_size(&self, inode: &Inode, size: u64) -> Result<()> {
        inode.set_size(size);
        Ok(())
    }
}

/// An open queue.
struct OpenQueue;

impl FileOps for OpenQueue {
    /// Bytes in the queue and who is registered (mq_overview(7)).
    fn read(&self, file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let this = MqFile::of(file)?;
        let mut text = Text::default();
        let bytes = this.queue.look(|bytes, registered| {
            let none = (0, 0, 0);
            let (notify, signo, owner) = registered.map_or(none, Notification::shown);
            let _ = core::fmt::write(
                &mut text,
                format_args!(
                    "QSIZE:{bytes:<10} NOTIFY:{notify:<5} SIGNO:{signo:<5} NOTIFY_PID:{owner:<6}\n"
                ),
            );
            &text.bytes[..text.len]
        });
        let rest = usize::try_from(io.pos)
            .ok()
            .and_then(|from| bytes.get(from..))
            .unwrap_or_default();
        let n = rest.len().min(buf.remaining());
        let n = buf.copy_to(&rest[..n])?;
        io.pos += n as u64;
        touch_settings(file.inode());
        Ok(n)
    }

    fn poll(&self, file: &File, table: &mut PollTable<'_>) -> PollEvents {
        let Ok(this) = MqFile::of(file) else {
            return PollEvents::ERR;
        };
        table.wait(this.queue.poll_queue());
        PollEvents::from_bits_truncate(this.queue.ready())
    }

    fn can_poll(&self) -> bool {
        true
    }

    /// Whoever closes a descriptor of a queue is registered there no more.
    fn flush(&self, file: &File) -> Result<()> {
        let Some(me) = task::current() else {
            return Ok(());
        };
        if let Ok(this) = MqFile::of(file)
            && let Some(gone) = this.queue.unregister(|who| who.is_of(me.process()))
        {
            gone.removed();
        }
        Ok(())
    }
}

/// A line on the stack.
struct Text {
    bytes: [u8; TEXT],
    len: usize,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            bytes: [0; TEXT],
            len: 0,
        }
    }
}

impl core::fmt::Write for Text {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        let room = self.bytes.get_mut(self.len..self.len + s.len());
        room.ok_or(core::fmt::Error)?.copy_from_slice(s.as_bytes());
        self.len += s.len();
        Ok(())
    }
}
