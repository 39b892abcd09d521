//! What job control asks about the calling process. On the host, where no processes of ours run, there is none.
use abi::Result;
use alloc::sync::Arc;
use pid::sigset::Signal;
use pid::{PidNs, ProcessGroup};

#[cfg(target_os = "none")]
mod machine {
    use super::{Arc, PidNs, ProcessGroup, Result, Signal};
    use abi::{Errno, raw};
    use task::Task;
    use vfs::{File, OpenHow, WalkCtx};

    /// The calling task.
    pub(crate) struct Caller(Arc<Task>);

    /// The calling task; none in a kernel thread.
    pub(crate) fn current() -> Option<Caller> {
        task::current().map(Caller)
    }

    /// Whose numbers the caller has for processes.
    pub(crate) fn pids() -> PidNs {
        task::numbers::own_pids()
    }

    /// `CAP_SYS_ADMIN`.
    pub(crate) fn is_admin() -> bool {
        let cred = task::current().and_then(|task| task.cred().ok());
        cred.is_some_and(|cred| cred.capable(cred::cap::SYS_ADMIN))
    }

    /// Opens the slave of pseudo-terminal `index` by its usual name. EIO, ENOENT, ENOMEM.
    pub(crate) fn open_slave(index: u32, flags: u32) -> Result<Arc<File>> {
        let task = task::current().ok_or(Errno::ESRCH)?;
        let fs = task.fs().ok_or(Errno::ESRCH)?;
        let cred = task.cred()?;
        let name = kmem::try_format!("/dev/pts/{index}")?;
        let how = OpenHow::new(flags & !raw::O_CREAT, 0);
        vfs::open(WalkCtx::new(&fs, &cred), name.as_bytes(), &how)
    }

    impl Caller {
        pub(crate) fn group(&self) -> Result<Arc<ProcessGroup>> {
            self.0.process().group()
        }

        pub(crate) fn is_session_leader(&self) -> bool {
            task::jobs::is_session_leader(self.0.process())
        }

        /// It has the terminal of its session, if that has one.
        pub(crate) fn has_terminal(&self) -> bool {
            task::jobs::has_terminal(self.0.process())
        }

        /// From now on it has not.
        pub(crate) fn give_up_terminal(&self) {
            task::jobs::give_up_terminal(self.0.process());
        }

        /// The signal is blocked or ignored.
        pub(crate) fn never_takes(&self, signal: Signal) -> bool {
            self.0.blocked().contains(signal)
                || self.0.process().sighand().get(signal).ignores(signal)
        }

        /// Nobody outside the caller's group, but in its session, could continue it.
        pub(crate) fn group_is_orphaned(&self) -> bool {
            task::jobs::is_orphaned(self.0.process(), None)
        }
    }
}

#[cfg(not(target_os = "none"))]
mod hosted {
    use super::{Arc, PidNs, ProcessGroup, Result, Signal};

    pub(crate) struct Caller;

    pub(crate) fn open_slave(_index: u32, _flags: u32) -> Result<Arc<vfs::File>> {
        Err(abi::Errno::ESRCH)
    }

    pub(crate) fn current() -> Option<Caller> {
        None
    }

    pub(crate) fn is_admin() -> bool {
        true
    }

    pub(crate) fn pids() -> PidNs {
        PidNs::FIRST
    }

    impl Caller {
        pub(crate) fn group(&self) -> Result<Arc<ProcessGroup>> {
            Err(abi::Errno::ESRCH)
        }
        pub(crate) fn is_session_leader(&self) -> bool {
            false
        }
        pub(crate) fn has_terminal(&self) -> bool {
            true
        }
        pub(crate) fn give_up_terminal(&self) {}
        pub(crate) fn never_takes(&self, _signal: Signal) -> bool {
            false
        }
        pub(crate) fn group_is_orphaned(&self) -> bool {
            false
        }
    }
}

#[cfg(not(target_os = "none"))]
pub(crate) use hosted::{Caller, current, is_admin, open_slave, pids};
#[cfg(target_os = "none")]
pub(crate) use machine::{Caller, current, is_admin, open_slave, pids};
