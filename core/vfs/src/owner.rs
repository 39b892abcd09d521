//! Who is told by a signal that a file is ready (fcntl(2): `F_SETOWN`, `F_SETSIG`, `O_ASYNC`).
use abi::{Errno, Result};
use alloc::sync::Arc;
use pid::{Pid, PidNs, SigData, SigInfo, Signal};
use sync::{LockClass, SpinLock, rank};

static OWNER: LockClass = LockClass::new("file.owner", rank::FILE_OWNER);

/// What the number of an owner names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerKind {
    Thread = 0,
    Process = 1,
    Group = 2,
}

#[derive(Clone, Default)]
struct Owner {
    pid: Option<Arc<Pid>>,
    kind: Option<OwnerKind>,
    /// 0: SIGIO, without siginfo.
    signal: i32,
}

/// The owner of a file.
pub struct FileOwner(SpinLock<Owner>);

impl FileOwner {
    pub(crate) const fn new() -> Self {
        Self(SpinLock::new(
            &OWNER,
            Owner {
                pid: None,
                kind: None,
                signal: 0,
            },
        ))
    }

    /// Sets the owner by its number in `ns`; 0 is none. ESRCH: nobody has the number.
    pub fn set(&self, kind: OwnerKind, nr: i32, ns: &PidNs) -> Result<()> {
        let pid = if nr == 0 {
            None
        } else {
            Some(ns.find(nr).ok_or(Errno::ESRCH)?)
        };
        let old = {
            let mut owner = self.0.lock_irq();
            owner.kind = Some(kind);
            core::mem::replace(&mut owner.pid, pid)
        };
        drop(old);
        Ok(())
    }

    /// Makes the process of `pid` the owner unless there is one.
    pub(crate) fn set_if_none(&self, pid: &Arc<Pid>) {
        let mut owner = self.0.lock_irq();
        if owner.pid.is_none() {
            owner.kind = Some(OwnerKind::Process);
            owner.pid = Some(pid.clone());
        }
    }

    /// The kind of the owner, and its number in `ns`; 0: it is none, or has none there.
    pub fn get(&self, ns: &PidNs) -> (OwnerKind, i32) {
        let owner = self.0.lock_irq();
        (
            owner.kind.unwrap_or(OwnerKind::Process),
            owner.pid.as_ref().map_or(0, |p| p.nr_in(ns)),
        )
    }

    /// The signal that is sent; 0 is SIGIO.
    pub fn signal(&self) -> i32 {
        self.0.lock_irq().signal
    }

    /// Sets the signal to send; 0 is SIGIO. EINVAL.
    pub fn set_signal(&self, signal: i32) -> Result<()> {
        if !(0..=64).contains(&signal) {
            return Err(Errno::EINVAL);
        }
        self.0.lock_irq().signal = signal;
        Ok(())
    }

    /// Tells the owner of data out of band.
    pub fn notify_urgent(&self) {
        const SIGURG: Signal = 23;
        let owner = self.0.lock_irq().clone();
        owner.tell(&SigInfo::kernel(SIGURG));
    }

    /// Tells the owner that the file is ready: `code` is a `POLL_*`, `band` the poll events.
    pub fn notify(&self, code: i32, band: i64, fd: i32) {
        const SIGIO: Signal = 29;
        let owner = self.0.lock_irq().clone();
        let signo = if owner.signal == 0 {
            SIGIO
        } else {
            owner.signal as Signal
        };
        let mut info = SigInfo::kernel(signo);
        if owner.signal != 0 {
            info.code = code;
            info.data = SigData::Poll { band, fd };
        }
        owner.tell(&info);
    }
}

impl Owner {
    /// Sends the signal. One that cannot be queued any more is lost, as with Linux.
    fn tell(&self, info: &SigInfo) {
        let (Some(pid), Some(kind)) = (&self.pid, self.kind) else {
            return;
        };
        match kind {
            OwnerKind::Thread => drop(pid.thread().map(|t| t.signal(info))),
            OwnerKind::Process => drop(pid.process().map(|t| t.signal(info))),
            OwnerKind::Group => drop(pid.group().map(|g| g.signal(info))),
        }
    }
}
