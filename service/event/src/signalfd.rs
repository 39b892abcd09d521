//! signalfd(2): signals of the reading process as records of a file.
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use cred::Cred;
use kmem::user::UserBuf;
use pid::{SigData, SigInfo, SigSet};
use sync::WaitMode;
use task::Task;
use task::signal::take_pending;
use vfs::{File, FileOps, FileOpsRef, Io, OpenFlags, PollEvents, PollTable};

/// Bytes of `struct signalfd_siginfo`.
const RECORD: usize = 128;

/// The signals that a file gives.
pub struct SignalFd {
    mask: AtomicU64,
}

impl SignalFd {
    /// A file that gives the signals of `mask`. EINVAL: flags; ENOMEM.
    pub fn create(mask: SigSet, flags: u32, cred: &Arc<Cred>) -> Result<Arc<File>> {
        if flags & !(raw::O_CLOEXEC | raw::O_NONBLOCK) != 0 {
            return Err(Errno::EINVAL);
        }
        let ops = kmem::try_arc(Self {
            mask: AtomicU64::new(mask.minus(SigSet::UNBLOCKABLE).0),
        })?;
        let flags = OpenFlags::RDWR | OpenFlags::from_bits_truncate(flags & raw::O_NONBLOCK);
        let inode = vfs::shared_anon_inode()?;
        vfs::new_anon_file(
            "anon_inode:[signalfd]",
            &inode,
            FileOpsRef::own(ops),
            flags,
            cred,
        )
    }

    /// Changes which signals it gives.
    pub fn set_mask(&self, mask: SigSet) {
        self.mask
            .store(mask.minus(SigSet::UNBLOCKABLE).0, Ordering::Relaxed);
        if let Some(task) = task::current() {
            task.process().signal_queue().wake_all();
        }
    }

    fn mask(&self) -> SigSet {
        SigSet(self.mask.load(Ordering::Relaxed))
    }

    fn pending(&self, task: &Task) -> bool {
        let pending = task.pending_set().or(task.process().pending_set());
        !pending.and(self.mask()).is_empty()
    }
}

/// The record of a signal (signalfd(2)).
fn encode(info: &SigInfo) -> [u8; RECORD] {
    let mut out = [0; RECORD];
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &info.signo.to_ne_bytes());
    put(4, &info.errno.to_ne_bytes());
    put(8, &info.code.to_ne_bytes());
    let mut sender = |pid: i32, uid: u32| {
        put(12, &pid.to_ne_bytes());
        put(16, &uid.to_ne_bytes());
    };
    match info.data {
        SigData::None | SigData::Raw(_) | SigData::Sys { .. } => {}
        SigData::Kill { pid, uid } => sender(pid, uid),
        SigData::Queue { pid, uid, value } => {
            sender(pid, uid);
            put(44, &(value as i32).to_ne_bytes());
            put(48, &value.to_ne_bytes());
        }
        SigData::Timer { id, overrun, value } => {
            put(24, &id.to_ne_bytes());
            put(32, &overrun.to_ne_bytes());
            put(44, &(value as i32).to_ne_bytes());
            put(48, &value.to_ne_bytes());
        }
        SigData::Child {
            pid,
            uid,
            status,
            utime,
            stime,
        } => {
            sender(pid, uid);
            put(40, &status.to_ne_bytes());
            put(56, &utime.to_ne_bytes());
            put(64, &stime.to_ne_bytes());
        }
        SigData::Fault { addr } => put(72, &(addr as u64).to_ne_bytes()),
        SigData::Poll { band, fd } => {
            put(20, &fd.to_ne_bytes());
            put(28, &(band as u32).to_ne_bytes());
        }
    }
    out
}

impl FileOps for SignalFd {
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        if buf.remaining() < RECORD {
            return Err(Errno::EINVAL);
        }
        let task = task::current().ok_or(Errno::ESRCH)?;
        let mut done = 0;
        while buf.remaining() >= RECORD {
            let info = match take_pending(&task, self.mask()) {
                Some(info) => info,
                None if done > 0 => break,
                None if io.nonblock => return Err(Errno::EAGAIN),
                None => {
                    let queue = task.process().signal_queue();
                    queue.wait(WaitMode::Interruptible, None, || {
                        self.pending(&task).then_some(())
                    })?;
                    continue;
                }
            };
            done += buf.copy_to(&encode(&info))?;
        }
        Ok(done)
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        let Some(task) = task::current() else {
            return PollEvents::empty();
        };
        table.wait(task.process().signal_queue());
        if self.pending(&task) {
            PollEvents::IN
        } else {
            PollEvents::empty()
        }
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn show_fdinfo(&self, _file: &File, out: &mut dyn fmt::Write) -> fmt::Result {
        writeln!(out, "sigmask:\t{:016x}", self.mask().0)
    }
}
