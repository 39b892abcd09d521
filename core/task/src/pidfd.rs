//! Process file descriptors (pidfd_open(2)): a process by reference, not by a number that may be used again.
use crate::objects::{Process};
use abi::raw::{POLLIN, POLLRDNORM};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt;
use cred::Cred;
use vfs::{File, FileOps, FileOpsRef, OpenFlags, PollEvents, PollTable};

/// What stands behind the descriptor.
pub struct PidFd(Arc<Process>);

impl PidFd {
    /// A file for a process. `ENOMEM`.
    pub fn create(process: Arc<Process>, nonblock: bool, cred: &Arc<Cred>) -> Result<Arc<File>> {
        let mut flags = OpenFlags::RDWR;
        if nonblock {
            flags |= OpenFlags::NONBLOCK;
        }
        let inode = vfs::shared_anon_inode()?;
        let ops = FileOpsRef::own(kmem::try_arc(Self(process))?);
        vfs::new_anon_file("anon_inode:[pidfd]", &inode, ops, flags, cred)
    }

    /// The process that a signal through a file is for: also through a process' directory below `/proc`, whose inode keeps
    /// the process. `EBADF`: it is neither.
    pub fn receiver(file: &File) -> Result<Arc<Process>> {
        let kept = || file.inode().extra()?.clone().downcast::<Process>().ok();
        Self::process_of(file).or_else(|e| kept().ok_or(e))
    }

    /// The process of a file. `EBADF`: it is no pidfd.
    pub fn process_of(file: &File) -> Result<Arc<Process>> {
        file.ops_as::<Self>()
            .map(|pidfd| pidfd.0.clone())
            .ok_or(Errno::EBADF)
    }
}

impl FileOps for PidFd {
    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(self.0.end_queue());
        if self.0.has_ended() {
            PollEvents::from_bits_truncate(POLLIN | POLLRDNORM)
        } else {
            PollEvents::empty()
        }
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn show_fdinfo(&self, _file: &File, out: &mut dyn fmt::Write) -> fmt::Result {
        let ns = crate::numbers::own_pids();
        if !self.0.pid().is_live() {
            return out.write_str("Pid:\t-1\nNSpid:\t-1\n");
        }
        write!(out, "Pid:\t{}\nNSpid:", self.0.nr_in(&ns))?;
        let own = self.0.pids();
        if own.is_within(&ns) {
            self.0.pid().write_numbers(&ns, own, out)?;
        }
        out.write_str("\n")
    }
}
