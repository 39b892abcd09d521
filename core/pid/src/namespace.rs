//! Numbers and what they name; look-up by number.
use crate::numbers::{Numbers, PID_MAX};
use crate::object::{
    BUCKETS, Bucket, Inside, Links, Pid, PidNamespace, PidNs, ProcessGroup, Session,
};
use crate::space::FIRST;
use crate::{SigInfo, SignalTarget};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};

static BUCKET: LockClass = LockClass::new("pid_bucket", rank::PID_BUCKET);
static LINKS: LockClass = LockClass::new("pid_links", rank::PID_LINKS);

/// The first namespace: the one init lives in.
pub static INIT_NS: PidNamespace = PidNamespace::new();

/// The [`Pid`] of a number in the first namespace.
#[inline]
pub fn find(nr: i32) -> Option<Arc<Pid>> {
    INIT_NS.find(nr)
}

impl PidNamespace {
    const fn new() -> Self {
        let empty = [const {
            SpinLock::new(
                &BUCKET,
                Bucket {
                    first: None,
                    more: Vec::new(),
                },
            )
        }; BUCKETS];
        Self {
            numbers: Numbers::new(),
            buckets: empty,
        }
    }

    /// A new number that names nothing yet and is not found until [`Pid::publish`].
    ///
    /// # Errors
    /// `EAGAIN`: all numbers are in use. `ENOMEM`.
    pub fn alloc(&'static self) -> Result<Arc<Pid>> {
        let nr = self.numbers.take().ok_or(Errno::EAGAIN)?;
        self.make(nr, None)
    }

    /// Dropped for want of memory it gives its numbers back.
    fn make(&'static self, nr: u32, inside: Option<Inside>) -> Result<Arc<Pid>> {
        kmem::try_arc(Pid {
            nr: nr as i32,
            ns: self,
            inside,
            holds_number: AtomicBool::new(true),
            links: SpinLock::new(&LINKS, Links::default()),
        })
    }

    fn bucket(&self, nr: i32) -> &SpinLock<Bucket> {
        &self.buckets[nr as usize % BUCKETS]
    }

    /// The [`Pid`] of a number.
    pub fn find(&self, nr: i32) -> Option<Arc<Pid>> {
        if nr <= 0 {
            return None;
        }
        let bucket = self.bucket(nr).lock_irq();
        match &bucket.first {
            Some(pid) if pid.nr == nr => Some(pid.clone()),
            _ => bucket.more.iter().find(|pid| pid.nr == nr).cloned(),
        }
    }

    /// The first [`Pid`] with a number of at least `from`: walks all of them, each found at most once.
    pub fn next(&self, from: i32) -> Option<Arc<Pid>> {
        let mut at = u32::try_from(from).unwrap_or(0);
        loop {
            at = self.numbers.next_used(at)?;
            if let Some(pid) = self.find(at as i32) {
                return Some(pid);
            }
            at += 1;
        }
    }

    /// The number given out last.
    pub fn last(&self) -> i32 {
        self.numbers.last() as i32
    }
    pub(crate) fn set_last(&self, nr: u32) {
        self.numbers.set_last(nr);
    }
    /// How many numbers are in use.
    pub fn in_use(&self) -> u32 {
        self.numbers.in_use()
    }

    fn insert(&self, pid: &Arc<Pid>) -> Result<()> {
        let mut bucket = self.bucket(pid.nr).lock_irq();
        if bucket.first.is_none() {
            bucket.first = Some(pid.clone());
            return Ok(());
        }
        bucket.more.try_push(pid.clone())
    }

    fn remove(&self, nr: i32) {
        let mut bucket = self.bucket(nr).lock_irq();
        let gone = if bucket.first.as_ref().is_some_and(|pid| pid.nr == nr) {
            let next = bucket.more.pop();
            core::mem::replace(&mut bucket.first, next)
        } else {
            let at = bucket.more.iter().position(|pid| pid.nr == nr);
            at.map(|at| bucket.more.swap_remove(at))
        };
        let memory = if bucket.more.is_empty() {
            core::mem::take(&mut bucket.more)
        } else {
            Vec::new()
        };
        drop(bucket);
        drop((gone, memory));
    }
}

impl PidNs {
    /// New numbers, here and in all namespaces around, that name nothing yet; found when they are published. `wanted` by the
    /// caller, the one in this namespace first, as far as it goes (clone3(2), `set_tid`).
    ///
    /// # Errors
    /// `EAGAIN`: all numbers are in use. `EEXIST`: a wanted one is. `EINVAL`: a wanted one where there is no process 1 yet.
    /// `ENOMEM`.
    #[inline]
    pub fn alloc(&self, wanted: &[i32]) -> Result<Arc<Pid>> {
        if self.is_first() && wanted.is_empty() {
            INIT_NS.alloc()
        } else {
            self.alloc_inside(wanted)
        }
    }

    /// The number given out last (`/proc/sys/kernel/ns_last_pid`).
    pub fn last(&self) -> i32 {
        match &self.0 {
            Some(nested) => nested.table.lock_irq().last,
            None => INIT_NS.last(),
        }
    }

    /// The next number is looked for behind `nr`. `EINVAL`: there is no such number.
    pub fn set_last(&self, nr: i32) -> Result<()> {
        let number = u32::try_from(nr).map_err(|_| Errno::EINVAL)?;
        if number > PID_MAX {
            return Err(Errno::EINVAL);
        }
        match &self.0 {
            Some(nested) => nested.table.lock_irq().last = nr,
            None => INIT_NS.set_last(number),
        }
        Ok(())
    }

    fn alloc_inside(&self, wanted: &[i32]) -> Result<Arc<Pid>> {
        let inside = match self.is_first() {
            true => None,
            false => Some(Inside::take(self, wanted)?),
        };
        let nr = match wanted.get(self.level() as usize) {
            None => INIT_NS.numbers.take().ok_or(Errno::EAGAIN),
            Some(nr) if INIT_NS.numbers.take_one(*nr as u32) => Ok(*nr as u32),
            Some(_) => Err(Errno::EEXIST),
        };
        match nr {
            Ok(nr) => INIT_NS.make(nr, inside),
            Err(error) => {
                inside.iter().for_each(Inside::give);
                Err(error)
            }
        }
    }

    /// The [`Pid`] of a number here.
    #[inline]
    pub fn find(&self, nr: i32) -> Option<Arc<Pid>> {
        match &self.0 {
            None => INIT_NS.find(nr),
            Some(nested) => nested.find(nr),
        }
    }

    /// The first with a number here of at least `from`, and the number: walks all of them, each found at most once.
    pub fn next(&self, from: i32) -> Option<(i32, Arc<Pid>)> {
        match &self.0 {
            None => INIT_NS.next(from).map(|pid| (pid.nr, pid)),
            Some(nested) => nested.next(from),
        }
    }
}

impl Links {
    fn names_nothing(&self) -> bool {
        self.thread.is_none()
            && self.process.is_none()
            && self.group.is_none()
            && self.session.is_none()
    }
}

impl Pid {
    /// The number in the first namespace, by which the kernel itself calls it.
    #[inline]
    pub fn nr(&self) -> i32 {
        self.nr
    }

    /// The namespace that it was made in.
    #[inline]
    pub fn ns(&self) -> &PidNs {
        self.inside.as_ref().map_or(&FIRST, |inside| &inside.ns)
    }

    /// The number in a namespace; 0: it has none there.
    #[inline]
    pub fn nr_in(&self, ns: &PidNs) -> i32 {
        match (&ns.0, &self.inside) {
            (None, _) => self.nr,
            (Some(ns), Some(inside)) => inside.nr_in(ns),
            (Some(_), None) => 0,
        }
    }

    /// Its numbers in `outer` and the namespaces from there in to `inner`, each after a tab (`NSpid` of proc_pid_status(5)).
    pub fn write_numbers(
        &self,
        outer: &PidNs,
        inner: &PidNs,
        out: &mut dyn fmt::Write,
    ) -> fmt::Result {
        if let Some(around) = inner.parent().filter(|_| !inner.is(outer)) {
            self.write_numbers(outer, around, out)?;
        }
        write!(out, "\t{}", self.nr_in(inner))
    }

    /// The number in the namespace that it was made in.
    pub fn own_nr(&self) -> i32 {
        let own = self
            .inside
            .as_ref()
            .and_then(|inside| inside.numbers.first());
        *own.unwrap_or(&self.nr)
    }

    /// Makes it findable, naming a thread and, for the first thread of a process, that process.
    ///
    /// # Errors
    /// `ENOMEM`, also where the namespace it was made in ends.
    pub fn publish(
        self: &Arc<Self>,
        thread: Arc<dyn SignalTarget>,
        process: Option<Arc<dyn SignalTarget>>,
    ) -> Result<()> {
        let reaper = process.clone().filter(|_| self.inside.is_some());
        {
            let mut links = self.links.lock_irq();
            links.thread = Some(thread);
            links.process = process;
        }
        let mut done = self.ns.insert(self);
        if let Some(inside) = self.inside.as_ref().filter(|_| done.is_ok()) {
            done = inside.enter(self, reaper.as_ref());
            if done.is_err() {
                self.ns.remove(self.nr);
            }
        }
        if done.is_err() {
            *self.links.lock_irq() = Links::default();
        }
        done
    }

    /// The thread of this number.
    pub fn thread(&self) -> Option<Arc<dyn SignalTarget>> {
        self.links.lock_irq().thread.clone()
    }
    /// The process of this number.
    pub fn process(&self) -> Option<Arc<dyn SignalTarget>> {
        self.links.lock_irq().process.clone()
    }
    /// The process group of this number.
    pub fn group(&self) -> Option<Arc<ProcessGroup>> {
        self.links.lock_irq().group.clone()
    }
    /// The session of this number.
    pub fn session(&self) -> Option<Arc<Session>> {
        self.links.lock_irq().session.clone()
    }
    /// Whether it still names something.
    pub fn is_live(&self) -> bool {
        self.holds_number.load(Relaxed)
    }

    /// The thread is gone.
    pub fn detach_thread(&self) {
        self.detach(|links| drop_later(links.thread.take()));
    }
    /// The process is gone (reaped).
    pub fn detach_process(&self) {
        self.detach(|links| drop_later(links.process.take()));
    }
    /// Thread and process at once.
    pub fn detach_both(&self) {
        self.detach(|links| (links.thread.take(), links.process.take()));
    }
    /// Another thread takes over as what this number names (execve(2) of a thread that is not the first).
    pub fn replace_thread(&self, thread: Arc<dyn SignalTarget>) {
        let old = self.links.lock_irq().thread.replace(thread);
        drop(old);
    }

    pub(crate) fn attach_group(&self, group: &Arc<ProcessGroup>) -> Result<()> {
        let mut links = self.links.lock_irq();
        if links.group.is_some() {
            return Err(Errno::EPERM);
        }
        links.group = Some(group.clone());
        Ok(())
    }
    pub(crate) fn attach_session(&self, session: &Arc<Session>) {
        self.links.lock_irq().session = Some(session.clone());
    }
    pub(crate) fn detach_group(&self) {
        self.detach(|links| drop_later(links.group.take()));
    }
    pub(crate) fn detach_session(&self) {
        self.detach(|links| drop_later(links.session.take()));
    }

    /// Unlinks under the lock, drops what was unlinked outside it, and gives the number back with the last link.
    fn detach<R>(&self, unlink: impl FnOnce(&mut Links) -> R) {
        let mut links = self.links.lock_irq();
        let gone = unlink(&mut links);
        let free = links.names_nothing() && self.holds_number.swap(false, Relaxed);
        drop(links);
        if free {
            self.ns.remove(self.nr);
            self.give();
        }
        drop(gone);
    }

    fn give(&self) {
        if let Some(inside) = &self.inside {
            inside.give();
        }
        self.ns.numbers.give(self.nr as u32);
    }

    /// Sends a signal from the kernel to the process of this number, or to its thread where it names no process.
    ///
    /// # Errors
    /// `ESRCH`: there is none. `EAGAIN`: its queue is full.
    pub fn signal(&self, info: &SigInfo) -> Result<()> {
        let target = self
            .process()
            .or_else(|| self.thread())
            .ok_or(Errno::ESRCH)?;
        target.signal(info)
    }
}

fn drop_later<T>(value: T) -> T {
    value
}

impl Drop for Pid {
    fn drop(&mut self) {
        if *self.holds_number.get_mut() {
            self.give(); // never published, or publishing failed
        }
    }
}
