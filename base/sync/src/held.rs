//! The stack of held locks of each CPU and thread: always on, for oops reports and for the clean-up after one.
use crate::class::{LockClass, Report, report};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Most locks one context may hold at once.
pub const HELD_MAX: usize = 24;

/// A stack of held sleeping locks. Written by its thread alone; read by an oops on the same CPU.
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
    /// Marks the lock dead if it stands above the `keep` outermost ones; `place` counts them.
    fn die_above(&self, keep: usize, place: &mut usize) {
        if let (true, Some(kill)) = (*place >= keep, self.kill) {
            // SAFETY: the lock is held, so it is alive; `kill` was pushed with its address.
            unsafe { kill(self.addr) };
        }
        *place += 1;
    }

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
    pub(crate) fn push(
        &self,
        class: &'static LockClass,
        addr: usize,
        kill: Option<unsafe fn(usize)>,
    ) {
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
    pub(crate) fn pop(&self, addr: usize) {
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
        self.for_each(|held| held.die_above(keep, &mut place));
        self.depth.store(keep.min(self.depth()), Ordering::Relaxed);
    }
}

/// The spinning locks that a CPU holds: what `hal::held` keeps.
pub struct SpinHeld(());

impl SpinHeld {
    #[inline]
    pub(crate) fn push(
        &self,
        class: &'static LockClass,
        addr: usize,
        kill: Option<unsafe fn(usize)>,
    ) {
        let kill = kill.map_or(0, |kill| kill as usize);
        if !hal::held::push(core::ptr::from_ref(class).expose_provenance(), addr, kill) {
            report(&Report::TooDeep { class });
        }
    }

    #[inline]
    pub(crate) fn pop(&self, addr: usize) {
        hal::held::pop(addr);
    }

    /// How many locks are held.
    pub fn depth(&self) -> usize {
        hal::held::depth()
    }

    /// Visits the held locks, outermost first.
    pub fn for_each(&self, mut f: impl FnMut(&Held)) {
        for [class, addr, kill] in (0..).map_while(hal::held::get) {
            // In an interrupt: the lock was being noted when it came.
            let kill = if class == 0 { 0 } else { kill };
            // SAFETY: `push` put the address of a class there, and that of such a function or 0 (an interrupt's words
            // are whole and gone again whenever this context runs).
            let (class, kill) = unsafe {
                (
                    core::ptr::with_exposed_provenance::<LockClass>(class).as_ref(),
                    core::mem::transmute::<usize, Option<unsafe fn(usize)>>(kill),
                )
            };
            f(&Held { class, addr, kill });
        }
    }

    /// Marks all locks above the `keep` outermost ones dead and forgets them, as [`HeldStack::kill_above`].
    pub fn kill_above(&self, keep: usize) {
        let mut place = 0;
        self.for_each(|held| held.die_above(keep, &mut place));
        hal::held::truncate(keep);
    }
}

/// The spinning locks that this CPU holds; the caller is pinned or dying.
#[inline]
pub fn spin_held() -> SpinHeld {
    SpinHeld(())
}
