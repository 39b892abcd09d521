//! Namespaces of numbers, as a task is in one, and those inside the first (pid_namespaces(7)).
//!
//! The first has its table of numbers apart ([`INIT_NS`](crate::INIT_NS)), which everything is in. One inside it has a list of
//! its own, in order of the numbers, and is found through what lives there alone: it is memory, and ends as that does.
use crate::SignalTarget;
use crate::numbers::{PID_MAX, RESERVED};
use crate::object::{Entry, Inside, Nested, Pid, PidNs, Table};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use cred::{Charge, Counted, Cred, UserNamespace};
use kmem::{Reserved, TryVec};
use sync::{LockClass, SpinLock, WaitMode, WaitQueue, rank};

static TABLE: LockClass = LockClass::new("pid_namespace", rank::PID_BUCKET);

/// The first, to point at.
pub(crate) static FIRST: PidNs = PidNs::FIRST;

/// How many may stand inside one another (`MAX_PID_NS_LEVEL`).
const MAX_LEVEL: u32 = 32;

impl PidNs {
    /// The one that process 1 of the machine is in.
    pub const FIRST: Self = Self(None);

    /// One inside this, of `cred`'s making, for the users of its namespace. `EINVAL`: those are not of this namespace's users;
    /// `ENOSPC`: it would stand too deep, or there are too many; `ENOMEM`.
    pub fn create(&self, cred: &Cred) -> Result<Self> {
        let (mut at, own) = (Some(&cred.user_ns), self.owner()?);
        while let Some(users) = at.filter(|users| !Arc::ptr_eq(users, &own)) {
            at = users.parent();
        }
        if at.is_none() {
            return Err(Errno::EINVAL);
        }
        let level = self.level() + 1;
        if level > MAX_LEVEL {
            return Err(Errno::ENOSPC);
        }
        let counted = Charge::of(cred, Counted::PidNamespaces)?;
        let table = Table {
            used: Vec::new(),
            last: 0,
            reaper: None,
            closed: false,
            end: None,
        };
        let nested = kmem::try_arc(Nested {
            number: cred::number::next()?,
            level,
            parent: self.clone(),
            owner: cred.user_ns.clone(),
            _counted: counted,
            table: SpinLock::new(&TABLE, table),
            emptied: WaitQueue::new(),
        })?;
        Ok(Self(Some(nested)))
    }

    /// Whether it is the first.
    #[inline]
    pub const fn is_first(&self) -> bool {
        self.0.is_none()
    }

    /// How many stand around it.
    pub fn level(&self) -> u32 {
        self.0.as_ref().map_or(0, |nested| nested.level)
    }

    /// The number of its file.
    pub fn number(&self) -> u32 {
        self.0
            .as_ref()
            .map_or(cred::number::first::PID, |nested| nested.number)
    }

    /// Whose capabilities count for it. `ENOMEM`.
    pub fn owner(&self) -> Result<Arc<UserNamespace>> {
        match &self.0 {
            Some(nested) => Ok(nested.owner.clone()),
            None => UserNamespace::init(),
        }
    }

    /// The one around it; none of the first.
    pub fn parent(&self) -> Option<&Self> {
        self.0.as_ref().map(|nested| &nested.parent)
    }

    /// Whether both are one.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// Whether it is `outer`, or stands inside that.
    pub fn is_within(&self, outer: &Self) -> bool {
        let mut at = self;
        while at.level() > outer.level() {
            match at.parent() {
                Some(around) => at = around,
                None => return false,
            }
        }
        at.is(outer)
    }

    /// Who takes orphans over: the process of number 1. None of the first, of one that nothing was made in, and of one that
    /// has ended.
    pub fn reaper(&self) -> Option<Arc<dyn SignalTarget>> {
        self.0.as_ref()?.table.lock_irq().reaper.clone()
    }

    /// Whether the process of number 1 has been made, and has not ended.
    pub fn has_reaper(&self) -> bool {
        self.is_first() || self.reaper().is_some()
    }

    /// Nothing is made in it from now on.
    pub fn close(&self) {
        if let Some(nested) = &self.0 {
            nested.table.lock_irq().closed = true;
        }
    }

    /// Waits until no more than `own` of its numbers are in use; after [`Self::close`].
    pub fn wait_alone(&self, own: usize) {
        if let Some(nested) = &self.0 {
            let alone = || (nested.table.lock_irq().used.len() <= own).then_some(());
            let _ = nested.emptied.wait(WaitMode::Uninterruptible, None, alone); // nothing ends it but that
        }
    }

    /// reboot(2) from inside: the status that its process of number 1 ends with.
    pub fn set_end(&self, status: i32) {
        if let Some(nested) = &self.0 {
            nested.table.lock_irq().end = Some(status);
        }
    }

    /// What [`Self::set_end`] said.
    pub fn end(&self) -> Option<i32> {
        self.0.as_ref()?.table.lock_irq().end
    }
}

impl Table {
    fn place(&self, nr: i32) -> core::result::Result<usize, usize> {
        self.used.binary_search_by_key(&nr, |entry| entry.nr)
    }

    /// The first number of at least `from` that nothing has, below `to`.
    fn free_from(&self, from: i32, to: i32) -> Option<i32> {
        let mut at = self.used.partition_point(|entry| entry.nr < from);
        let mut nr = from;
        while self.used.get(at).is_some_and(|entry| entry.nr == nr) {
            (at, nr) = (at + 1, nr + 1);
        }
        (nr < to).then_some(nr)
    }

    /// The next number after the one taken last.
    fn next_free(&self) -> Option<i32> {
        let (most, reserved) = (PID_MAX as i32, RESERVED as i32);
        let from = (self.last + 1).min(most);
        let lowest = if from > reserved { reserved } else { 1 };
        self.free_from(from, most)
            .or_else(|| self.free_from(lowest, from))
    }

    /// Takes `wanted`, or the next if that is none.
    fn take(&mut self, wanted: Option<i32>) -> Result<i32> {
        let nr = match wanted {
            Some(nr) if nr != 1 && self.reaper.is_none() => return Err(Errno::EINVAL),
            Some(nr) => nr,
            None => self.next_free().ok_or(Errno::EAGAIN)?,
        };
        let Err(place) = self.place(nr) else {
            return Err(Errno::EEXIST);
        };
        self.used.try_insert(place, Entry { nr, pid: None })?;
        if wanted.is_none() {
            self.last = nr;
        }
        Ok(nr)
    }
}

impl Nested {
    pub(crate) fn find(&self, nr: i32) -> Option<Arc<Pid>> {
        let table = self.table.lock_irq();
        let place = table.place(nr).ok()?;
        table.used[place].pid.clone()
    }

    /// The first with a number of at least `from`, and the number.
    pub(crate) fn next(&self, from: i32) -> Option<(i32, Arc<Pid>)> {
        let table = self.table.lock_irq();
        let at = table.used.partition_point(|entry| entry.nr < from);
        let mut rest = table.used[at..].iter();
        rest.find_map(|entry| Some((entry.nr, entry.pid.clone()?)))
    }

    /// Makes a number findable. The process of number 1 is who takes orphans over.
    fn enter(
        &self,
        nr: i32,
        pid: &Arc<Pid>,
        process: Option<&Arc<dyn SignalTarget>>,
    ) -> Result<()> {
        let mut table = self.table.lock_irq();
        if table.closed {
            return Err(Errno::ENOMEM); // as Linux says it
        }
        if let Ok(place) = table.place(nr) {
            table.used[place].pid = Some(pid.clone());
        }
        if nr == 1
            && let Some(process) = process
        {
            table.reaper = Some(process.clone());
        }
        Ok(())
    }

    /// It is found no more; the number stays taken.
    fn leave(&self, nr: i32) {
        let mut table = self.table.lock_irq();
        let gone = table
            .place(nr)
            .ok()
            .and_then(|place| table.used[place].pid.take());
        let reaper = if nr == 1 { table.reaper.take() } else { None };
        drop(table);
        drop((gone, reaper));
    }

    /// The number is free.
    fn give(&self, nr: i32) {
        self.leave(nr);
        let mut table = self.table.lock_irq();
        if let Ok(place) = table.place(nr) {
            table.used.remove(place);
        }
        let memory = if table.used.is_empty() {
            // Who comes first is number 1 also if another's making failed.
            table.last = 0;
            core::mem::take(&mut table.used)
        } else {
            Vec::new()
        };
        let closed = table.closed;
        drop(table);
        drop(memory);
        if closed {
            self.emptied.wake_all();
        }
    }
}

impl Inside {
    /// Numbers in `ns` and in all around it but the first; `wanted` by the caller, that of `ns` first. `EINVAL`, `EEXIST`,
    /// `EAGAIN`, `ENOMEM`.
    pub(crate) fn take(ns: &PidNs, wanted: &[i32]) -> Result<Self> {
        let mut inside = Self {
            ns: ns.clone(),
            numbers: Vec::try_with_capacity(ns.level() as usize)?,
        };
        let mut at = ns;
        while let Some(nested) = &at.0 {
            let wanted = wanted.get(inside.numbers.len()).copied();
            match nested.table.lock_irq().take(wanted) {
                Ok(nr) => inside.numbers.push_reserved(nr),
                Err(error) => {
                    inside.give();
                    return Err(error);
                }
            }
            at = &nested.parent;
        }
        Ok(inside)
    }

    fn each(&self) -> impl Iterator<Item = (&Nested, i32)> {
        let nested = core::iter::successors(self.ns.0.as_deref(), |at| at.parent.0.as_deref());
        nested.zip(self.numbers.iter().copied())
    }

    /// The number in `ns`; 0: none.
    pub(crate) fn nr_in(&self, ns: &Nested) -> i32 {
        let mut all = self.each();
        all.find(|(at, _)| core::ptr::eq(*at, ns))
            .map_or(0, |(_, nr)| nr)
    }

    /// Found by all of its numbers, or by none. `ENOMEM`: one of the namespaces has ended.
    pub(crate) fn enter(
        &self,
        pid: &Arc<Pid>,
        process: Option<&Arc<dyn SignalTarget>>,
    ) -> Result<()> {
        for (ns, nr) in self.each() {
            if let Err(error) = ns.enter(nr, pid, process) {
                self.each().for_each(|(ns, nr)| ns.leave(nr));
                return Err(error);
            }
        }
        Ok(())
    }

    pub(crate) fn give(&self) {
        self.each().for_each(|(ns, nr)| ns.give(nr));
    }
}
