//! Lock classes, and reports of broken rules.
use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU16, AtomicU32, Ordering};

/// What all locks of one kind share: a name for reports and a rank for the order.
pub struct LockClass {
    name: &'static str,
    rank: u16,
    /// Index in the dependency graph plus one; 0 until first used in a debug build.
    #[cfg_attr(
        not(debug_assertions),
        expect(dead_code, reason = "only lockdep numbers classes")
    )]
    pub(crate) id: AtomicU16,
    /// In which contexts it was taken.
    #[cfg_attr(
        not(debug_assertions),
        expect(dead_code, reason = "only lockdep tracks usage")
    )]
    pub(crate) usage: AtomicU8,
    /// The name of one whose `name` is empty: a module's (`crate::module_classes`). 0 ends it.
    #[cfg(debug_assertions)]
    pub(crate) text: [AtomicU8; NAME_MAX],
}

/// Bytes of the name of a module's class.
#[cfg(debug_assertions)]
pub(crate) const NAME_MAX: usize = 64;

impl LockClass {
    /// A class; `rank` from [`crate::lock_order`].
    pub const fn new(name: &'static str, rank: u16) -> Self {
        Self {
            name,
            rank,
            id: AtomicU16::new(0),
            usage: AtomicU8::new(0),
            #[cfg(debug_assertions)]
            text: [const { AtomicU8::new(0) }; NAME_MAX],
        }
    }
    /// Its name, to be shown.
    pub fn name(&self) -> ClassName<'_> {
        ClassName(self)
    }
    /// Its rank, 0 for none.
    pub fn rank(&self) -> u16 {
        self.rank
    }
}

/// A class's name.
#[derive(Clone, Copy)]
pub struct ClassName<'a>(&'a LockClass);

impl fmt::Display for ClassName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(debug_assertions)]
        if self.0.name.is_empty() {
            use fmt::Write;
            let bytes = self.0.text.iter().map(|byte| byte.load(Ordering::Relaxed));
            return bytes
                .take_while(|byte| *byte != 0)
                .try_for_each(|byte| f.write_char(byte.into()));
        }
        f.write_str(self.0.name)
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
    /// A class of a module's, taken in softirqs, was taken elsewhere with softirqs on.
    SoftirqUnsafe {
        /// The class.
        class: &'a LockClass,
        /// Where.
        at: &'static Location<'static>,
    },
    /// A lock is taken that is held here already.
    Recursion {
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
    /// More than [`HELD_MAX`](crate::held::HELD_MAX) locks held.
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
