//! Numbers and what they name; look-up by number.
use crate::numbers::Numbers;
use crate::object::{BUCKETS, Bucket, Links, Pid, PidNamespace, ProcessGroup, Session};
use crate::{SigInfo, SignalTarget};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
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
        // Dropped for want of memory it gives its number back.
        kmem::try_arc(Pid {
            nr: nr as i32,
            ns: self,
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

impl Links {
    fn names_nothing(&self) -> bool {
        self.thread.is_none()
            && self.process.is_none()
            && self.group.is_none()
            && self.session.is_none()
    }
}

impl Pid {
    /// The number.
    #[inline]
    pub fn nr(&self) -> i32 {
        self.nr
    }

    /// Makes it findable, naming a thread and, for the first thread of a process, that process.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn publish(
        self: &Arc<Self>,
        thread: Arc<dyn SignalTarget>,
        process: Option<Arc<dyn SignalTarget>>,
    ) -> Result<()> {
        {
            let mut links = self.links.lock_irq();
            links.thread = Some(thread);
            links.process = process;
        }
        let done = self.ns.insert(self);
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
            self.ns.numbers.give(self.nr as u32);
        }
        drop(gone);
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
            self.ns.numbers.give(self.nr as u32); // never published, or publishing failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::any::Any;

    struct Process(i32);
    impl SignalTarget for Process {
        fn nr(&self) -> i32 {
            self.0
        }
        fn signal(&self, _info: &SigInfo) -> Result<()> {
            Ok(())
        }
        fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
            self
        }
    }

    fn process() -> (Arc<Pid>, Arc<Process>) {
        let pid = INIT_NS.alloc().unwrap();
        let process = Arc::new(Process(pid.nr()));
        pid.publish(process.clone(), Some(process.clone())).unwrap();
        (pid, process)
    }

    #[test]
    fn a_number_lives_as_long_as_what_it_names() {
        let (pid, leader) = process();
        let group = ProcessGroup::new_session(&pid).unwrap();
        let first = group.join(leader).unwrap();
        let (other_pid, other) = process();
        let second = group.join(other).unwrap();
        pid.detach_both();
        group.leave(first);
        assert!(find(pid.nr()).is_some(), "the group still has a member");
        assert!(find(pid.nr()).unwrap().process().is_none());
        group.leave(second);
        assert!(find(pid.nr()).is_none());
        assert!(!pid.is_live());
        assert_eq!(group.join(Arc::new(Process(0))), Err(Errno::ESRCH));
        other_pid.detach_both();
        assert!(find(other_pid.nr()).is_none());
    }

    #[test]
    fn an_unpublished_number_returns() {
        let pid = INIT_NS.alloc().unwrap();
        let nr = pid.nr() as u32;
        assert!(find(pid.nr()).is_none());
        drop(pid);
        assert_ne!(INIT_NS.numbers.next_used(nr), Some(nr));
    }
}
