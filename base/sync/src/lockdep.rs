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
    #[cfg(debug_assertions)]
    pub use super::order::{to_be_shared, to_be_taken};
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
pub(crate) mod order {
    use crate::class::{LockClass, Report, report};
    use crate::context::{Context, serves_softirq};
    use crate::held::{Held, spin_held};
    use crate::once::Once;
    use core::panic::Location;
    use core::sync::atomic::{AtomicBool, AtomicU16, Ordering};

    const USED_IN_IRQ: u8 = 1;
    const USED_IRQS_ON: u8 = 2;
    const REPORTED: u8 = 4;
    const USED_IN_SOFTIRQ: u8 = 8;
    const USED_SOFTIRQS_ON: u8 = 16;

    /// Most classes of modules at a time, and their first number.
    pub(crate) const ROOM: usize = 128;
    pub(crate) const FIRST_ID: usize = lockgraph::CLASSES - ROOM;

    static NEXT_ID: AtomicU16 = AtomicU16::new(1);
    /// The classes by their numbers.
    static CLASSES: [Once<&'static LockClass>; FIRST_ID] = [const { Once::new() }; FIRST_ID];
    static GRAPH: lockgraph::AtomicGraph = lockgraph::AtomicGraph::new();
    static BUSY: AtomicBool = AtomicBool::new(false);

    fn id(class: &'static LockClass) -> usize {
        let id = class.id.load(Ordering::Relaxed);
        if id != 0 {
            return id as usize;
        }
        let new = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        if usize::from(new) >= FIRST_ID {
            // No room: it is not watched.
            return lockgraph::CLASSES;
        }
        match class
            .id
            .compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed)
        {
            Ok(_) => {
                let _ = CLASSES[usize::from(new)].set(class);
                new as usize
            }
            Err(old) => old as usize,
        }
    }

    /// Checks that `class` may be taken with what is held now.
    pub(super) fn check(class: &'static LockClass, at: &'static Location<'static>) {
        usage(class, at);
        pairs(class, at);
    }

    fn pairs(class: &'static LockClass, at: &'static Location<'static>) {
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

    /// As [`check`], for a lock of a module's that is about to be waited for, and with what matters to modules: softirqs,
    /// and a lock that is taken twice.
    #[track_caller]
    pub fn to_be_taken(class: &'static LockClass, addr: usize) {
        let at = Location::caller();
        check(class, at);
        let mut twice = false;
        spin_held().for_each(|held| twice |= held.addr() == addr);
        if twice {
            report(&Report::Recursion { class, at });
        }
        let bit = if serves_softirq() {
            USED_IN_SOFTIRQ
        } else if hal::irq::enabled() && Context::current() == Context::Task {
            USED_SOFTIRQS_ON
        } else {
            return;
        };
        let both = class.usage.fetch_or(bit, Ordering::Relaxed) | bit;
        let all = USED_IN_SOFTIRQ | USED_SOFTIRQS_ON;
        if both & all == all && both & REPORTED == 0 {
            class.usage.fetch_or(REPORTED, Ordering::Relaxed);
            report(&Report::SoftirqUnsafe { class, at });
        }
    }

    /// As [`to_be_taken`], for a lock that several may hold at once: only the order matters.
    #[track_caller]
    pub fn to_be_shared(class: &'static LockClass) {
        pairs(class, Location::caller());
    }

    /// A class of a module's is no more.
    pub(crate) fn forget(id: usize) {
        // Who is at it now takes a few instructions, or reports and has changed all it will.
        while BUSY.swap(true, Ordering::Acquire) {
            hal::cpu::relax();
        }
        GRAPH.remove(id);
        BUSY.store(false, Ordering::Release);
    }

    /// The kernel's own classes of which a lock was taken.
    pub(crate) fn classes() -> impl Iterator<Item = &'static LockClass> {
        CLASSES.iter().filter_map(|class| class.get().copied())
    }

    /// In interrupts, with interrupts on, in softirqs, with softirqs on: how a class was used.
    pub(crate) fn uses(class: &LockClass) -> [bool; 4] {
        let usage = class.usage.load(Ordering::Relaxed);
        [USED_IN_IRQ, USED_IRQS_ON, USED_IN_SOFTIRQ, USED_SOFTIRQS_ON].map(|bit| usage & bit != 0)
    }

    /// How many classes were taken, by whatever way, while `class` was held, itself among them.
    pub(crate) fn reached(class: &LockClass) -> usize {
        match class.id.load(Ordering::Relaxed).into() {
            id @ ..lockgraph::CLASSES => GRAPH.reached(id),
            _ => 1,
        }
    }

    /// Whether there is a way from `held` to `taken`.
    pub(crate) fn reaches(held: &LockClass, taken: &LockClass) -> bool {
        let [from, to] = [held, taken].map(|class| class.id.load(Ordering::Relaxed).into());
        from < lockgraph::CLASSES && GRAPH.reaches(from, to)
    }

    /// Whether a lock of `taken` was taken while one of `held` was held.
    pub(crate) fn follows(held: &LockClass, taken: &LockClass) -> bool {
        let [from, to] = [held, taken].map(|class| class.id.load(Ordering::Relaxed).into());
        GRAPH.has(from, to)
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
