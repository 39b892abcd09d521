//! Lock classes, the stack of held locks (always on, for oops reports and for the clean-up after one), and in debug
//! builds the order checks.
use core::cell::UnsafeCell;
use core::panic::Location;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicUsize, Ordering};

use hal::MAX_CPUS;

/// What all locks of one kind share: a name for reports and a rank for the order.
pub struct LockClass {
    name: &'static str,
    rank: u16,
    /// Index in the dependency graph plus one; 0 until first used in a debug build.
    #[cfg_attr(
        not(debug_assertions),
        expect(dead_code, reason = "only lockdep numbers classes")
    )]
    id: AtomicU16,
    /// [`USED_IN_IRQ`], [`USED_IRQS_ON`].
    #[cfg_attr(
        not(debug_assertions),
        expect(dead_code, reason = "only lockdep tracks usage")
    )]
    usage: AtomicU8,
}

impl LockClass {
    /// A class; `rank` from [`crate::lock_order`].
    pub const fn new(name: &'static str, rank: u16) -> Self {
        Self {
            name,
            rank,
            id: AtomicU16::new(0),
            usage: AtomicU8::new(0),
        }
    }
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }
    /// Its rank, 0 for none.
    pub fn rank(&self) -> u16 {
        self.rank
    }
}

/// A rule of locking that was broken.
pub enum Report<'a> {
    /// `taken` has a rank not above that of `held`.
    Order {
        /// The lock held.
        held: &'a LockClass,
        /// The lock being taken.
        taken: &'a LockClass,
        /// Where.
        at: &'static Location<'static>,
    },
    /// Taking `taken` while `held` closes a circle in the orders seen so far.
    Circle {
        /// The lock held.
        held: &'a LockClass,
        /// The lock being taken.
        taken: &'a LockClass,
        /// Where.
        at: &'static Location<'static>,
    },
    /// A class taken in interrupts was taken elsewhere with interrupts on.
    IrqUnsafe {
        /// The class.
        class: &'a LockClass,
        /// Where.
        at: &'static Location<'static>,
    },
    /// Something that may sleep was called where that is forbidden.
    SleepInAtomic {
        /// The preemption count.
        preempt_count: u32,
        /// Where.
        at: &'static Location<'static>,
    },
    /// A lock whose owner died by an oops was taken.
    DeadLock {
        /// The class.
        class: &'a LockClass,
    },
    /// More than [`HELD_MAX`] locks held.
    TooDeep {
        /// The class that found no place.
        class: &'a LockClass,
    },
}

type Hook = fn(&Report<'_>);
static HOOK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());
static REPORTS: AtomicU32 = AtomicU32::new(0);

/// Sets who prints reports (core/trace).
pub fn set_report_hook(hook: Hook) {
    HOOK.store(hook as *mut (), Ordering::Release);
}

/// How many reports there were since boot; a test suite wants 0.
pub fn reports() -> u32 {
    REPORTS.load(Ordering::Relaxed)
}

/// Passes a report to the hook; without one its kind goes to the early console.
#[cold]
pub fn report(report: &Report<'_>) {
    REPORTS.fetch_add(1, Ordering::Relaxed);
    let hook = HOOK.load(Ordering::Acquire);
    if hook.is_null() {
        hal::console::write(b"sync: locking rule broken before reports are set up\n");
    } else {
        // SAFETY: only `set_report_hook` stores here, and it stores a `Hook`.
        let hook: Hook = unsafe { core::mem::transmute::<*mut (), Hook>(hook) };
        hook(report);
    }
}

/// Most locks one context may hold at once.
pub const HELD_MAX: usize = 24;

/// A stack of held locks. Written by its context alone; read by an oops on the same CPU.
pub struct HeldStack {
    depth: AtomicUsize,
    entries: UnsafeCell<[Held; HELD_MAX]>,
}

/// One held lock.
#[derive(Clone, Copy)]
pub struct Held {
    class: Option<&'static LockClass>,
    addr: usize,
    /// For sleeping locks: marks the lock dead.
    kill: Option<unsafe fn(usize)>,
}

impl Held {
    /// The class.
    pub fn class(&self) -> Option<&'static LockClass> {
        self.class
    }
    /// The lock's address.
    pub fn addr(&self) -> usize {
        self.addr
    }
}

// SAFETY: entries are written only by the context that owns the stack, with the depth as its guard; others read them
// only through `for_each`, which an oops calls on the owner's own CPU.
unsafe impl Sync for HeldStack {}

impl Default for HeldStack {
    fn default() -> Self {
        Self::new()
    }
}

impl HeldStack {
    /// An empty stack.
    pub const fn new() -> Self {
        const EMPTY: Held = Held {
            class: None,
            addr: 0,
            kill: None,
        };
        Self {
            depth: AtomicUsize::new(0),
            entries: UnsafeCell::new([EMPTY; HELD_MAX]),
        }
    }

    #[inline]
    fn push(&self, class: &'static LockClass, addr: usize, kill: Option<unsafe fn(usize)>) {
        let depth = self.depth.load(Ordering::Relaxed);
        if depth < HELD_MAX {
            // SAFETY: the owning context is the only writer; an interrupt that nests pushes above and pops again.
            unsafe {
                (*self.entries.get())[depth] = Held {
                    class: Some(class),
                    addr,
                    kill,
                }
            };
        } else {
            report(&Report::TooDeep { class });
        }
        self.depth.store(depth + 1, Ordering::Relaxed);
    }

    /// Removes the topmost entry of `addr`; locks may be released out of order.
    #[inline]
    fn pop(&self, addr: usize) {
        let depth = self.depth.load(Ordering::Relaxed).wrapping_sub(1);
        // SAFETY: as in `push`.
        let entries = unsafe { &mut *self.entries.get() };
        if depth < HELD_MAX && entries[depth].addr != addr {
            Self::pull_out(entries, depth, addr);
        }
        self.depth.store(depth, Ordering::Relaxed);
    }

    #[cold]
    fn pull_out(entries: &mut [Held; HELD_MAX], top: usize, addr: usize) {
        if let Some(at) = (0..top).rev().find(|&i| entries[i].addr == addr) {
            entries.copy_within(at + 1..=top, at);
        }
    }

    /// How many locks are held.
    pub fn depth(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }

    /// Visits the held locks, outermost first.
    pub fn for_each(&self, mut f: impl FnMut(&Held)) {
        let depth = self.depth().min(HELD_MAX);
        for i in 0..depth {
            // SAFETY: called by the owner or while it is stopped in an oops; see the type.
            f(unsafe { &(*self.entries.get())[i] });
        }
    }

    /// After an oops: marks every sleeping lock on the stack dead, so that nobody waits for it in silence.
    pub fn kill_all(&self) {
        self.kill_above(0);
    }

    /// Marks all locks above the `keep` outermost ones dead and forgets them: what code that failed has left behind.
    pub fn kill_above(&self, keep: usize) {
        let mut place = 0;
        self.for_each(|held| {
            if let (true, Some(kill)) = (place >= keep, held.kill) {
                // SAFETY: the lock is held, so it is alive; `kill` was pushed with its address.
                unsafe { kill(held.addr) };
            }
            place += 1;
        });
        self.depth.store(keep.min(self.depth()), Ordering::Relaxed);
    }
}

static SPIN_HELD: [HeldStack; MAX_CPUS] = [const { HeldStack::new() }; MAX_CPUS];

/// The spinning locks that this CPU holds; the caller is pinned or dying.
#[inline]
pub fn spin_held() -> &'static HeldStack {
    &SPIN_HELD[hal::cpu::id() & (MAX_CPUS - 1)]
}

// Hosted threads may share a "CPU" number, so that per-CPU stacks would mix; they keep none.
const TRACK: bool = cfg!(target_os = "none");

/// Locks that stand in memory of a module, taken and released by capi. `kill` marks one dead, whatever its address.
pub mod foreign {
    use super::{LockClass, TRACK, spin_held};

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
        if TRACK && let Some(thread) = crate::thread::current() {
            thread.exec().held.push(class, addr, Some(kill));
        }
    }

    /// A sleeping lock is about to be released.
    #[inline]
    pub fn sleep_given(addr: usize) {
        super::sleep_released(addr);
    }
}

#[inline]
#[track_caller]
pub(crate) fn spin_acquired(class: &'static LockClass, addr: usize) {
    if TRACK {
        #[cfg(debug_assertions)]
        crate::class::lockdep::check(class, Location::caller());
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
    if TRACK && let Some(thread) = crate::thread::current() {
        #[cfg(debug_assertions)]
        crate::class::lockdep::check(class, Location::caller());
        thread.exec().held.push(class, addr, Some(kill));
    }
}

#[inline]
pub(crate) fn sleep_released(addr: usize) {
    if TRACK && let Some(thread) = crate::thread::current() {
        thread.exec().held.pop(addr);
    }
}

#[cfg(debug_assertions)]
mod lockdep {
    use super::{Held, LockClass, Report, report, spin_held};
    use crate::context::Context;
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
            if let Some(held) = held.class {
                pair(held, class, at);
            }
        };
        spin_held().for_each(each);
        if Context::current() == Context::Task
            && let Some(thread) = crate::thread::current()
        {
            thread.exec().held.for_each(each);
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
        if held.rank != 0 && taken.rank != 0 && held.rank >= taken.rank {
            report(&Report::Order { held, taken, at });
        } else if circle {
            report(&Report::Circle { held, taken, at });
        }
    }
}
