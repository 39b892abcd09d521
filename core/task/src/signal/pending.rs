//! Signals that were sent and not yet taken: a set, and a queue of what they carry. Pure but for memory.
use abi::{Errno, Result};
use alloc::vec::Vec;
use kmem::TryVec;
use pid::sigset::RT_MIN;
use pid::{SigData, SigInfo, SigSet, Signal};

/// Pending signals of one task, or of a process as a whole.
///
/// A standard signal is pending once; real-time signals queue in order. Where memory or the limit ends, a standard
/// signal stays pending without its details, as in Linux.
#[derive(Default)]
pub struct Pending {
    set: SigSet,
    /// The usual case, one signal at a time, needs no memory.
    first: Option<SigInfo>,
    more: Vec<SigInfo>,
}

impl Pending {
    /// Nothing pending.
    pub const fn new() -> Self {
        Self {
            set: SigSet::EMPTY,
            first: None,
            more: Vec::new(),
        }
    }

    /// Which are pending.
    #[inline]
    pub const fn set(&self) -> SigSet {
        self.set
    }

    /// How many entries are queued.
    pub fn queued(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    /// Adds a signal; answers false if a standard signal was pending already. `may_queue` is whether the limit
    /// (`RLIMIT_SIGPENDING`) allows one more entry.
    ///
    /// # Errors
    /// `EAGAIN`: a real-time signal with details (`sigqueue`) found no room.
    pub fn add(&mut self, info: &SigInfo, may_queue: bool) -> Result<bool> {
        let sig = info.signo;
        if sig < RT_MIN && self.set.contains(sig) {
            return Ok(false);
        }
        // The kernel's own signals of the standard kind always get their details through.
        let may_queue = may_queue || (sig < RT_MIN && !info.from_user());
        let queued = may_queue && self.enqueue(info);
        if !queued && sig >= RT_MIN && info.from_user() && info.code != pid::siginfo::code::SI_USER
        {
            return Err(Errno::EAGAIN);
        }
        self.set.add(sig);
        Ok(true)
    }

    fn enqueue(&mut self, info: &SigInfo) -> bool {
        if self.first.is_none() && self.more.is_empty() {
            self.first = Some(*info);
            return true;
        }
        self.more.try_push(*info).is_ok()
    }

    /// Adds a bit without details: SIGKILL for every thread of a dying process.
    pub fn add_bare(&mut self, sig: Signal) {
        self.set.add(sig);
    }

    /// Takes the first signal that is not blocked.
    pub fn take(&mut self, blocked: SigSet) -> Option<SigInfo> {
        let sig = self.set.minus(blocked).first()?;
        if self.more.is_empty()
            && let Some(info) = self.first
            && info.signo == sig
        {
            // The only one queued, as nearly always.
            self.first = None;
            self.set.del(sig);
            return Some(info);
        }
        Some(self.take_signal(sig))
    }

    /// Takes a signal that is pending.
    fn take_signal(&mut self, sig: Signal) -> SigInfo {
        let found = if self.first.is_some_and(|info| info.signo == sig) {
            self.first.take()
        } else {
            let at = self.more.iter().position(|info| info.signo == sig);
            at.map(|at| self.more.remove(at))
        };
        let again = sig >= RT_MIN
            && (self.first.is_some_and(|info| info.signo == sig)
                || self.more.iter().any(|info| info.signo == sig));
        if !again {
            self.set.del(sig);
        }
        self.shrink();
        found.unwrap_or(SigInfo {
            signo: sig,
            errno: 0,
            code: pid::siginfo::code::SI_USER,
            data: SigData::Kill { pid: 0, uid: 0 },
        })
    }

    /// Forgets the signals of a set; answers how many entries went.
    pub fn flush(&mut self, signals: SigSet) -> usize {
        if self.set.and(signals).is_empty() {
            return 0;
        }
        let before = self.queued();
        self.set = self.set.minus(signals);
        if self.first.is_some_and(|info| signals.contains(info.signo)) {
            self.first = None;
        }
        self.more.retain(|info| !signals.contains(info.signo));
        self.shrink();
        before - self.queued()
    }

    fn shrink(&mut self) {
        if self.more.is_empty() && self.more.capacity() != 0 {
            self.more = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pid::siginfo::code::SI_QUEUE;

    fn rt(sig: Signal, value: u64) -> SigInfo {
        SigInfo {
            signo: sig,
            errno: 0,
            code: SI_QUEUE,
            data: SigData::Queue {
                pid: 1,
                uid: 0,
                value,
            },
        }
    }

    #[test]
    fn standard_signals_do_not_queue() {
        let mut p = Pending::new();
        assert_eq!(p.add(&SigInfo::user(15, 1, 0), true), Ok(true));
        assert_eq!(p.add(&SigInfo::user(15, 2, 0), true), Ok(false));
        assert_eq!(
            p.take(SigSet::EMPTY).unwrap().data,
            SigData::Kill { pid: 1, uid: 0 }
        );
        assert_eq!(p.take(SigSet::EMPTY), None);
    }

    #[test]
    fn real_time_signals_queue_in_order() {
        let mut p = Pending::new();
        for value in 0..3 {
            p.add(&rt(40, value), true).unwrap();
        }
        p.add(&rt(34, 9), true).unwrap();
        assert_eq!(
            p.take(SigSet::EMPTY).unwrap(),
            rt(34, 9),
            "lowest number first"
        );
        for value in 0..3 {
            assert_eq!(p.take(SigSet::EMPTY).unwrap(), rt(40, value));
        }
        assert!(p.set().is_empty());
        assert_eq!(p.queued(), 0);
    }

    #[test]
    fn limits() {
        let mut p = Pending::new();
        assert_eq!(p.add(&rt(40, 0), false), Err(Errno::EAGAIN));
        assert_eq!(p.add(&SigInfo::user(10, 5, 0), false), Ok(true));
        assert_eq!(
            p.take(SigSet::EMPTY).unwrap().data,
            SigData::Kill { pid: 0, uid: 0 }
        );
    }

    #[test]
    fn blocked_and_flushed() {
        let mut p = Pending::new();
        p.add(&SigInfo::user(2, 1, 0), true).unwrap();
        p.add(&SigInfo::user(19, 1, 0), true).unwrap();
        assert_eq!(p.take(SigSet::one(2)).unwrap().signo, 19);
        assert_eq!(p.take(SigSet::one(2)), None);
        assert_eq!(p.flush(SigSet::one(2)), 1);
        assert!(p.set().is_empty());
    }
}
