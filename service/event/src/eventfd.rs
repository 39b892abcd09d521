//! eventfd(2).
use crate::numbers::Numbers;
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use core::fmt;
use cred::Cred;
use kmem::user::UserBuf;
use sync::{LockClass, SpinLock, WaitMode, WaitQueue, rank};
use vfs::{File, FileOps, FileOpsRef, Io, OpenFlags, PollEvents, PollTable};

static COUNT: LockClass = LockClass::new("eventfd", rank::EVENT);

/// The largest count; one more would overflow the eight bytes that a read gives.
const MAX: u64 = u64::MAX - 1;

static NUMBERS: Numbers = Numbers::new();

/// A counter that can be waited for.
pub struct EventFd {
    count: SpinLock<u64>,
    /// `EFD_SEMAPHORE`: a read takes one.
    semaphore: bool,
    /// Names it in `/proc/PID/fdinfo`.
    number: u32,
    wait: WaitQueue,
}

impl EventFd {
    /// A counter with this value. ENOMEM.
    pub fn new(count: u64, semaphore: bool) -> Result<Arc<Self>> {
        let new = Self {
            count: SpinLock::new(&COUNT, count),
            semaphore,
            number: NUMBERS.take()?,
            wait: WaitQueue::new(),
        };
        kmem::try_arc(new)
    }

    /// A counter as a file (eventfd2(2)). EINVAL: flags; ENOMEM.
    pub fn create(count: u32, flags: u32, cred: &Arc<Cred>) -> Result<Arc<File>> {
        if flags & !(raw::EFD_CLOEXEC | raw::EFD_NONBLOCK | raw::EFD_SEMAPHORE) != 0 {
            return Err(Errno::EINVAL);
        }
        let counter = Self::new(u64::from(count), flags & raw::EFD_SEMAPHORE != 0)?;
        let flags = OpenFlags::RDWR | OpenFlags::from_bits_truncate(flags & raw::EFD_NONBLOCK);
        let inode = vfs::shared_anon_inode()?;
        vfs::new_anon_file(
            "anon_inode:[eventfd]",
            &inode,
            FileOpsRef::own(counter),
            flags,
            cred,
        )
    }

    /// Adds without waiting, up to the largest count: an event from the kernel, from any context.
    pub fn signal(&self, n: u64) {
        let mut count = self.count.lock_irq();
        *count = count.saturating_add(n);
        drop(count);
        self.wait.wake_all_key(raw::POLLIN);
    }

    fn try_take(&self) -> Option<u64> {
        let mut count = self.count.lock_irq();
        if *count == 0 {
            return None;
        }
        let taken = if self.semaphore { 1 } else { *count };
        *count -= taken;
        Some(taken)
    }

    fn try_add(&self, n: u64) -> Option<()> {
        let mut count = self.count.lock_irq();
        if n > MAX.saturating_sub(*count) {
            return None;
        }
        *count += n;
        Some(())
    }

    /// Takes the count, or one of it; waits for it to be more than 0. EAGAIN, ERESTARTSYS.
    pub fn take(&self, nonblock: bool) -> Result<u64> {
        let taken = match self.try_take() {
            Some(taken) => taken,
            None if nonblock => return Err(Errno::EAGAIN),
            None => self
                .wait
                .wait(WaitMode::Interruptible, None, || self.try_take())?,
        };
        self.wait.wake_all_key(raw::POLLOUT);
        Ok(taken)
    }

    /// Adds to the count; waits for it to fit. EINVAL: `n` is all ones; EAGAIN, ERESTARTSYS.
    pub fn add(&self, n: u64, nonblock: bool) -> Result<()> {
        if n == u64::MAX {
            return Err(Errno::EINVAL);
        }
        match self.try_add(n) {
            Some(()) => {}
            None if nonblock => return Err(Errno::EAGAIN),
            None => self
                .wait
                .wait(WaitMode::Interruptible, None, || self.try_add(n))?,
        }
        self.wait.wake_all_key(raw::POLLIN);
        Ok(())
    }
}

impl EventFd {
    fn write_one(&self, buf: &mut UserBuf<'_>, len: usize, nonblock: bool) -> Result<()> {
        let mut bytes = [0; size_of::<u64>()];
        if len < bytes.len() {
            return Err(Errno::EINVAL);
        }
        if buf.copy_from(&mut bytes)? < bytes.len() {
            return Err(Errno::EFAULT);
        }
        self.add(u64::from_ne_bytes(bytes), nonblock)
    }
}

impl FileOps for EventFd {
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        if buf.remaining() < size_of::<u64>() {
            return Err(Errno::EINVAL);
        }
        let taken = self.take(io.nonblock)?;
        match buf.copy_to(&taken.to_ne_bytes())? {
            8 => Ok(8),
            _ => Err(Errno::EFAULT),
        }
    }

    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let mut done = 0;
        // writev(2) is a row of writes; each adds once, however long it is.
        loop {
            let len = buf.first_segment();
            match self.write_one(buf, len, io.nonblock) {
                Ok(()) => done += size_of::<u64>(),
                Err(e) if done == 0 => return Err(e),
                Err(_) => return Ok(done),
            }
            if len > size_of::<u64>() || buf.is_empty() {
                return Ok(done);
            }
        }
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(&self.wait);
        let count = *self.count.lock_irq();
        let mut events = PollEvents::empty();
        if count > 0 {
            events |= PollEvents::IN;
        }
        if count > MAX {
            events |= PollEvents::ERR;
        }
        if count < MAX {
            events |= PollEvents::OUT;
        }
        events
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn show_fdinfo(&self, _file: &File, out: &mut dyn fmt::Write) -> fmt::Result {
        writeln!(out, "eventfd-count: {:16x}", *self.count.lock_irq())?;
        writeln!(out, "eventfd-id: {}", self.number)
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        NUMBERS.give_back(self.number);
    }
}
