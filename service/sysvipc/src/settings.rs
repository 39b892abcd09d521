//! /proc/sys/kernel: the limits of the reader's or writer's namespace (proc(5)).
use crate::ids::MOST;
pub use crate::limits::Number;
use crate::objects::{Objects, of_current};
use abi::{Errno, Result};
use core::sync::atomic::Ordering::Relaxed;

/// A limit of the reader's namespace. `ESRCH`.
pub fn number(which: Number) -> Result<u64> {
    Ok(of_current()?.limits.get(which))
}

/// Sets a limit of the writer's namespace. `EINVAL`: out of range; `ESRCH`.
pub fn set_number(which: Number, value: u64) -> Result<()> {
    let objects = of_current()?;
    objects.limits.set(which, value)?;
    if which == Number::ShmRmidForced && value != 0 {
        objects.remove_orphans();
    }
    Ok(())
}

/// The four limits of semaphores.
pub fn semaphores() -> Result<[u32; 4]> {
    let objects = of_current()?;
    Ok([0, 1, 2, 3].map(|at| objects.limits.sem[at].load(Relaxed)))
}

/// Sets as many of them as there are in `values`. `ERANGE`: more sets than there are ids.
pub fn set_semaphores(values: &[u32]) -> Result<()> {
    let objects = of_current()?;
    for (limit, value) in objects.limits.sem.iter().zip(values) {
        if core::ptr::eq(limit, &raw const objects.limits.sem[3]) && *value > MOST {
            return Err(Errno::ERANGE);
        }
        limit.store(*value, Relaxed);
    }
    Ok(())
}

/// Which table an id is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Segments.
    Shm,
    /// Sets of semaphores.
    Sem,
    /// Message queues.
    Msg,
}

/// The id that the next object is to have; -1: any.
pub fn next_id(kind: Kind) -> Result<i32> {
    let objects = of_current()?;
    Ok(objects.wanted(kind))
}

/// Sets it. `EINVAL`: negative.
pub fn set_next_id(kind: Kind, id: i32) -> Result<()> {
    if id < 0 {
        return Err(Errno::EINVAL);
    }
    of_current()?.want(kind, id);
    Ok(())
}

impl Objects {
    fn wanted(&self, kind: Kind) -> i32 {
        match kind {
            Kind::Shm => self.segments.wanted(),
            Kind::Sem => self.sets.wanted(),
            Kind::Msg => self.queues.wanted(),
        }
    }
    fn want(&self, kind: Kind, id: i32) {
        match kind {
            Kind::Shm => self.segments.want(id),
            Kind::Sem => self.sets.want(id),
            Kind::Msg => self.queues.want(id),
        }
    }
}
