//! Threads: contexts that own their stacks, which is what makes switching safe.

use core::ops::Range;
use core::sync::atomic::{Ordering, fence};

use super::{Context, EMPTY, FINISHED, FRESH, switch};

/// A kernel stack that a context may stand on.
///
/// # Safety
/// `range` must always give the same memory, writable, used by nobody else, for as long as the value lives, wherever it
/// is moved.
pub unsafe trait KernelStack: Send + Sync + 'static {
    /// The stack's addresses, low to high; the end is a multiple of 16.
    fn range(&self) -> Range<usize>;
}

/// A context with the stack it stands on: the safe way to have and to switch threads.
///
/// Why switching is safe: a thread that has frames on its stack can't be dropped (that panics), so every reference that
/// those frames hold stays good, the ones to `prev` and `next` among them; and the state word lets one CPU at a time
/// run it.
pub struct Thread<S: KernelStack> {
    context: Context,
    stack: Option<S>,
}

impl<S: KernelStack> Thread<S> {
    /// A thread that will run `entry(argument)` on `stack`: with interrupts off and the preemption count that the
    /// switching CPU had, as if a `switch` had returned there.
    #[must_use]
    pub fn new(stack: S, entry: extern "C" fn(usize) -> !, argument: usize) -> Self {
        let mut context = Context::new();
        // SAFETY: the stack is this thread's and lives as long as it does; `KernelStack` says it doesn't move.
        unsafe { context.init(stack.range(), entry, argument) };
        Self {
            context,
            stack: Some(stack),
        }
    }

    /// What will be the running thread of a CPU at start-up, through [`Context::adopt_running`].
    #[must_use]
    pub const fn boot() -> Self {
        Self {
            context: Context::new(),
            stack: None,
        }
    }

    /// Its context, for `user::run` and the FPU.
    #[inline]
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Its context before the first run.
    #[inline]
    #[must_use]
    pub const fn context_mut(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Its stack; `None` for a boot thread.
    #[inline]
    #[must_use]
    pub const fn stack(&self) -> Option<&S> {
        self.stack.as_ref()
    }

    /// Takes the stack of a thread that never ran or has finished, to use it again. `None` in any other state.
    #[must_use]
    pub fn take_stack(&mut self) -> Option<S> {
        let state = self.context.state.get_mut();
        if !matches!(*state, FRESH | FINISHED) {
            return None;
        }
        // What the CPU that left the stack did there comes before what its next owner does.
        fence(Ordering::Acquire);
        *state = EMPTY;
        self.stack.take()
    }

    /// Switches this CPU from `prev`, which it runs, to `next`; see [`switch`].
    ///
    /// # Panics
    /// If interrupts are on, `prev` isn't what runs here, or `next` was never set up or has finished.
    #[inline]
    pub fn switch(prev: &Self, next: &Self) {
        debug_assert!(!crate::x86_64::irq::enabled());
        // SAFETY: the stack is owned by `next`, and neither can be dropped while it has frames on it.
        unsafe { switch(&prev.context, &next.context) }
    }
}
