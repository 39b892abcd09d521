//! Who is told by a signal that a file is ready (fcntl(2): `F_SETOWN`, `F_SETSIG`, `O_ASYNC`).
//!
//! Only those are told whom the one that set the owner may signal (fcntl(2), "F_SETOWN"): the kernel sends what a user chose.
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Cred, Kuid};
use pid::{Pid, PidNs, SigData, SigInfo, Signal, SignalTarget};
use sync::{LockClass, SpinLock, rank};

static OWNER: LockClass = LockClass::new("file.owner", rank::FILE_OWNER);

/// What the number of an owner names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerKind {
    Thread = 0,
    Process = 1,
    Group = 2,
}

/// The ids of the one that set an owner, as they were then.
#[derive(Clone, Copy)]
struct Setter {
    uid: Kuid,
    euid: Kuid,
}

impl Setter {
    fn new(cred: &Cred) -> Self {
        Self {
            uid: cred.uid,
            euid: cred.euid,
        }
    }

    /// Whether it reaches `target`. Capabilities do not count.
    fn reaches(self, target: &dyn SignalTarget) -> bool {
        let is_of = |user: Kuid| user == self.uid || user == self.euid;
        self.euid == Kuid::ROOT
            || target
                .users()
                .is_some_and(|users| users.into_iter().any(is_of))
    }
}

#[derive(Clone, Default)]
struct Owner {
    pid: Option<Arc<Pid>>,
    kind: Option<OwnerKind>,
    setter: Option<Setter>,
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
                setter: None,
                signal: 0,
            },
        ))
    }

    /// Has `setter` set the owner by its number in `ns`; 0 is none. ESRCH: nobody has the number.
    pub fn set(&self, kind: OwnerKind, nr: i32, ns: &PidNs, setter: &Cred) -> Result<()> {
        let pid = if nr == 0 {
            None
        } else {
            Some(ns.find(nr).ok_or(Errno::ESRCH)?)
        };
        let old = {
            let mut owner = self.0.lock_irq();
            owner.kind = Some(kind);
            owner.setter = Some(Setter::new(setter));
            core::mem::replace(&mut owner.pid, pid)
        };
        drop(old);
        Ok(())
    }

    /// Has `setter` make the process of `pid` the owner unless there is one.
    pub(crate) fn set_if_none(&self, pid: &Arc<Pid>, setter: &Cred) {
        let mut owner = self.0.lock_irq();
        if owner.pid.is_none() {
            owner.kind = Some(OwnerKind::Process);
            owner.setter = Some(Setter::new(setter));
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
    /// Sends the signal to those that the setter reaches. One that cannot be queued any more is lost.
    fn tell(&self, info: &SigInfo) {
        let (Some(pid), Some(kind), Some(setter)) = (&self.pid, self.kind, self.setter) else {
            return;
        };
        let tell = |target: &Arc<dyn SignalTarget>| {
            if setter.reaches(&**target) {
                let _ = target.signal(info); // lost
            }
            true
        };
        match kind {
            OwnerKind::Thread => drop(pid.thread().as_ref().map(tell)),
            OwnerKind::Process => drop(pid.process().as_ref().map(tell)),
            OwnerKind::Group => drop(pid.group().map(|group| group.for_each(tell))),
        }
    }
}
