//! Who works: each worker with the queue whose work it runs, or ran last, as `ps` shows it.
use crate::name::Name;
use abi::Result;
use alloc::sync::Arc;
use core::fmt;
use sched::Thread;
use sync::{LockClass, SeqLock, SpinLock, rank};

static STAFF: LockClass = LockClass::new("workers", rank::NONE);
static LINK: LockClass = LockClass::new("worker_link", rank::NONE);

/// What a worker is at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Note {
    queue: Name,
    busy: bool,
}

impl fmt::Display for Note {
    /// What follows the name of a worker: `+events` while it works, `-events` afterwards.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.queue.as_str() {
            "" => Ok(()),
            queue => write!(f, "{}{queue}", if self.busy { '+' } else { '-' }),
        }
    }
}

pub(crate) struct Worker {
    /// Where its thread is, which lives longer: to tell it by.
    thread: usize,
    note: SeqLock<Note>,
    next: SpinLock<Option<Arc<Worker>>>,
}

impl Worker {
    pub(crate) fn begins(&self, queue: Name) {
        self.note.write(|note| *note = Note { queue, busy: true });
    }

    pub(crate) fn is_done(&self) {
        self.note.write(|note| note.busy = false);
    }
}

/// A pool's workers, the last that came first.
pub(crate) struct Staff(SpinLock<Option<Arc<Worker>>>);

impl Staff {
    pub(crate) const fn new() -> Self {
        Self(SpinLock::new(&STAFF, None))
    }

    /// The running thread is one of them. `ENOMEM`.
    pub(crate) fn join(&self) -> Result<Arc<Worker>> {
        let worker = kmem::try_arc(Worker {
            thread: core::ptr::from_ref(sched::current()).addr(),
            note: SeqLock::new(&LINK, Note::default()),
            next: SpinLock::new(&LINK, None),
        })?;
        let mut first = self.0.lock();
        *worker.next.lock() = first.replace(worker.clone());
        drop(first);
        Ok(worker)
    }

    pub(crate) fn leave(&self, worker: &Worker) {
        let mut first = self.0.lock();
        let next = worker.next.lock().take();
        let mut at = first.clone();
        let gone = if at.as_deref().is_some_and(|at| core::ptr::eq(at, worker)) {
            core::mem::replace(&mut *first, next)
        } else {
            loop {
                let Some(before) = at else { break None };
                let mut link = before.next.lock();
                if link.as_deref().is_some_and(|at| core::ptr::eq(at, worker)) {
                    break core::mem::replace(&mut *link, next);
                }
                at = link.clone();
            }
        };
        drop(first);
        drop(gone);
    }

    /// What the worker of a thread is at.
    pub(crate) fn note(&self, thread: &Thread) -> Option<Note> {
        let first = self.0.lock();
        let mut at = first.clone();
        while let Some(worker) = at {
            if worker.thread == core::ptr::from_ref(thread).addr() {
                return Some(worker.note.read());
            }
            at = worker.next.lock().clone();
        }
        None
    }
}
