//! Signals that were sent and not yet taken: a set, and a queue of what they carry. Pure but for memory.
use crate::user::Place;
use abi::{Errno, Result};
use alloc::vec::Vec;
use kmem::TryVec;
use pid::sigset::RT_MIN;
use pid::{SigData, SigInfo, SigSet, Signal};

/// Whether a signal may be queued with what it carries (`RLIMIT_SIGPENDING`).
pub enum Room {
    /// The user's share is used up.
    None,
    /// Here is its place.
    Taken(Place),
    /// Its sender keeps a place for it: a timer.
    Kept,
}

struct Entry {
    info: SigInfo,
    /// Given back with the entry.
    _place: Option<Place>,
}

/// Pending signals of one task, or of a process as a whole.
///
/// A standard signal is pending once; real-time signals queue in order. Where memory or the limit ends, a standard
/// signal stays pending without its details, as in Linux.
#[derive(Default)]
pub struct Pending {
    set: SigSet,
    /// The usual case, one signal at a time, needs no memory.
    first: Option<Entry>,
    more: Vec<Entry>,
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

    /// Adds a signal; answers false if a standard signal was pending already.
    ///
    /// # Errors
    /// `EAGAIN`: a real-time signal with details (`sigqueue`) found no room.
    pub fn add(&mut self, info: &SigInfo, room: Room) -> Result<bool> {
        let sig = info.signo;
        if sig < RT_MIN && self.set.contains(sig) {
            return Ok(false);
        }
        let queued = match room {
            Room::None => false,
            Room::Kept => self.enqueue(info, None),
            Room::Taken(place) => self.enqueue(info, Some(place)),
        };
        if !queued && sig >= RT_MIN && info.from_user() && info.code != pid::siginfo::code::SI_USER
        {
            return Err(Errno::EAGAIN);
        }
        self.set.add(sig);
        Ok(true)
    }

    fn enqueue(&mut self, info: &SigInfo, place: Option<Place>) -> bool {
        let entry = Entry {
            info: *info,
            _place: place,
        };
        if self.first.is_none() && self.more.is_empty() {
            self.first = Some(entry);
            return true;
        }
        self.more.try_push(entry).is_ok()
    }

    /// Adds a bit without details: SIGKILL for every thread of a dying process.
    pub fn add_bare(&mut self, sig: Signal) {
        self.set.add(sig);
    }

    /// Takes the first signal that is not blocked.
    pub fn take(&mut self, blocked: SigSet) -> Option<SigInfo> {
        let sig = self.set.minus(blocked).first()?;
        if self.more.is_empty()
            && let Some(entry) = self.first.take_if(|entry| entry.info.signo == sig)
        {
            // The only one queued, as nearly always.
            self.set.del(sig);
            return Some(entry.info);
        }
        Some(self.take_signal(sig))
    }

    /// Takes a signal that is pending.
    fn take_signal(&mut self, sig: Signal) -> SigInfo {
        let is_it = |entry: &Entry| entry.info.signo == sig;
        let found = self.first.take_if(|entry| is_it(entry)).or_else(|| {
            let at = self.more.iter().position(is_it);
            at.map(|at| self.more.remove(at))
        });
        let again = sig >= RT_MIN
            && (self.first.as_ref().is_some_and(is_it) || self.more.iter().any(is_it));
        if !again {
            self.set.del(sig);
        }
        self.shrink();
        let info = found.map(|entry| entry.info);
        info.unwrap_or(SigInfo {
            signo: sig,
            errno: 0,
            code: pid::siginfo::code::SI_USER,
            data: SigData::Kill { pid: 0, uid: 0 },
        })
    }

    /// The n-th that is queued, oldest first.
    #[cfg_attr(
        not(target_os = "none"),
        expect(dead_code, reason = "its callers need the machine")
    )]
    pub(crate) fn nth(&self, n: usize) -> Option<SigInfo> {
        let all = self.first.iter().chain(&self.more);
        all.map(|entry| entry.info).nth(n)
    }

    /// Forgets the signals of a set.
    pub fn flush(&mut self, signals: SigSet) {
        if self.set.and(signals).is_empty() {
            return;
        }
        self.set = self.set.minus(signals);
        let goes = |entry: &Entry| signals.contains(entry.info.signo);
        self.first.take_if(|entry| goes(entry));
        self.more.retain(|entry| !goes(entry));
        self.shrink();
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
    use crate::user::User;
    use cred::Kuid;
    use pid::siginfo::code::SI_QUEUE;

    fn room() -> Room {
        Room::Kept
    }

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
        assert_eq!(p.add(&SigInfo::user(15, 1, 0), room()), Ok(true));
        assert_eq!(p.add(&SigInfo::user(15, 2, 0), room()), Ok(false));
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
            p.add(&rt(40, value), room()).unwrap();
        }
        p.add(&rt(34, 9), room()).unwrap();
        assert_eq!(
            p.take(SigSet::EMPTY).unwrap(),
            rt(34, 9),
            "lowest number first"
        );
        for value in 0..3 {
            assert_eq!(p.take(SigSet::EMPTY).unwrap(), rt(40, value));
        }
        assert!(p.set().is_empty());
        assert!(p.first.is_none() && p.more.is_empty());
    }

    #[test]
    fn limits() {
        let mut p = Pending::new();
        assert_eq!(p.add(&rt(40, 0), Room::None), Err(Errno::EAGAIN));
        assert_eq!(p.add(&SigInfo::user(10, 5, 0), Room::None), Ok(true));
        assert_eq!(
            p.take(SigSet::EMPTY).unwrap().data,
            SigData::Kill { pid: 0, uid: 0 }
        );
    }

    #[test]
    fn blocked_and_flushed() {
        let mut p = Pending::new();
        p.add(&SigInfo::user(2, 1, 0), room()).unwrap();
        p.add(&SigInfo::user(19, 1, 0), room()).unwrap();
        assert_eq!(p.take(SigSet::one(2)).unwrap().signo, 19);
        assert_eq!(p.take(SigSet::one(2)), None);
        p.flush(SigSet::one(2));
        assert!(p.first.is_none() && p.more.is_empty());
        assert!(p.set().is_empty());
    }

    #[test]
    fn places_are_counted_per_user_and_given_back() {
        let user = User::of(Kuid(77)).unwrap();
        let place = |limit| user.clone().place(limit).map_or(Room::None, Room::Taken);
        let (mut one, mut other) = (Pending::new(), Pending::new());
        assert_eq!(one.add(&rt(40, 0), place(2)), Ok(true));
        assert_eq!(other.add(&rt(40, 1), place(2)), Ok(true));
        assert_eq!(other.add(&rt(40, 2), place(2)), Err(Errno::EAGAIN));
        assert_eq!(user.queued_signals(), 2);
        assert_eq!(one.take(SigSet::EMPTY).unwrap(), rt(40, 0));
        assert_eq!(user.queued_signals(), 1);
        drop(other);
        assert_eq!(user.queued_signals(), 0);
    }
}
