//! What every lock tells of itself: the held-lock stacks are kept, and in debug builds the order is checked.
use crate::class::LockClass;
use crate::held::spin_held;
use crate::thread;
#[cfg(debug_assertions)]
use core::panic::Location;

// Hosted threads may share a "CPU" number, so that per-CPU stacks would mix; they keep none.
const TRACK: bool = cfg!(target_os = "none");

#[inline]
#[track_caller]
pub(crate) fn spin_acquired(class: &'static LockClass, addr: usize) {
    if TRACK {
        #[cfg(debug_assertions)]
        order::check(class, Location::caller());
        spin_held().push(class, addr, None);
    }
}

/// As [`spin_acquired`], of a lock that was free: who only tries waits for nobody, so no order can be broken.
#[inline]
pub(crate) fn spin_tried(class: &'static LockClass, addr: usize) {
    if TRACK {
        spin_held().push(class, addr, None);
    }
}

#[inline]
pub(crate) fn spin_released(addr: usize) {
    if TRACK {
        spin_held().pop(addr);
    }
}

#[inline]
#[track_caller]
pub(crate) fn sleep_acquired(class: &'static LockClass, addr: usize, kill: unsafe fn(usize)) {
    if TRACK && let Some(exec) = thread::exec() {
        #[cfg(debug_assertions)]
        order::check(class, Location::caller());
        exec.held.push(class, addr, Some(kill));
    }
}

#[inline]
pub(crate) fn sleep_released(addr: usize) {
    if TRACK && let Some(exec) = thread::exec() {
        exec.held.pop(addr);
    }
}

/// Locks that stand in memory of a module, taken and released by capi. `kill` marks one dead, whatever its address.
pub mod foreign {
    use super::{LockClass, TRACK, spin_held};
    use crate::thread;

    /// A spinning lock was taken; preemption is off.
    #[inline]
    pub fn spin_taken(class: &'static LockClass, addr: usize, kill: unsafe fn(usize)) {
        if TRACK {
            spin_held().push(class, addr, Some(kill));
        }
    }

    /// A spinning lock is about to be released.
    #[inline]
    pub fn spin_given(addr: usize) {
        super::spin_released(addr);
    }

    /// A sleeping lock was taken.
    #[inline]
    pub fn sleep_taken(class: &'static LockClass, addr: usize, kill: unsafe fn(usize)) {
        if TRACK && let Some(exec) = thread::exec() {
            exec.held.push(class, addr, Some(kill));
        }
    }

    /// A sleeping lock is about to be released.
    #[inline]
    pub fn sleep_given(addr: usize) {
        super::sleep_released(addr);
    }
}

/// The order checks.
#[cfg(debug_assertions)]
mod order {
    use crate::class::{LockClass, Report, report};
    use crate::context::Context;
    use crate::held::{Held, spin_held};
    use core::panic::Location;
    use core::sync::atomic::{AtomicBool, AtomicU16, Ordering};

    const USED_IN_IRQ: u8 = 1;
    const USED_IRQS_ON: u8 = 2;
    const REPORTED: u8 = 4;

    static NEXT_ID: AtomicU16 = AtomicU16::new(1);
    static GRAPH: lockgraph::AtomicGraph = lockgraph::AtomicGraph::new();
    static BUSY: AtomicBool = AtomicBool::new(false);

    fn id(class: &'static LockClass) -> usize {
        let id = class.id.load(Ordering::Relaxed);
        if id != 0 {
            return id as usize;
        }
        let new = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        match class
            .id
            .compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed)
        {
            Ok(_) => new as usize,
            Err(old) => old as usize,
        }
    }

    /// Checks that `class` may be taken with what is held now.
    pub(super) fn check(class: &'static LockClass, at: &'static Location<'static>) {
        usage(class, at);
        let each = |held: &Held| {
            if let Some(held) = held.class() {
                pair(held, class, at);
            }
        };
        spin_held().for_each(each);
        if Context::current() == Context::Task
            && let Some(exec) = crate::thread::exec()
        {
            exec.held.for_each(each);
        }
    }

    fn usage(class: &'static LockClass, at: &'static Location<'static>) {
        let bit = if Context::current() == Context::Hardirq {
            USED_IN_IRQ
        } else if hal::irq::enabled() {
            USED_IRQS_ON
        } else {
            return;
        };
        let before = class.usage.fetch_or(bit, Ordering::Relaxed);
        let both = before | bit;
        if both & USED_IN_IRQ != 0 && both & USED_IRQS_ON != 0 && both & REPORTED == 0 {
            class.usage.fetch_or(REPORTED, Ordering::Relaxed);
            report(&Report::IrqUnsafe { class, at });
        }
    }

    fn pair(held: &'static LockClass, taken: &'static LockClass, at: &'static Location<'static>) {
        let (from, to) = (id(held), id(taken));
        if core::ptr::eq(held, taken) || !GRAPH.is_new(from, to) {
            return; // nesting within a class is said by the caller; an edge already judged is not judged again
        }
        if BUSY.swap(true, Ordering::Acquire) {
            return; // another CPU, or a report's own locks: this edge is judged next time
        }
        let circle = GRAPH.add(from, to);
        BUSY.store(false, Ordering::Release);
        if held.rank() != 0 && taken.rank() != 0 && held.rank() >= taken.rank() {
            report(&Report::Order { held, taken, at });
        } else if circle {
            report(&Report::Circle { held, taken, at });
        }
    }
}
