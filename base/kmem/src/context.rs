//! Kernel contexts: a kernel stack with the registers of what runs on it, and the switch between two. The machine part
//! is `hal::context`; here it gets stacks from [`crate::stack`].
use crate::stack::KernelStack;
use abi::Result;

#[cfg(target_os = "none")]
mod bare {
    use super::{KernelStack, Result};
    use hal::context::{Context, Thread};

    // SAFETY: the stack is mapped, writable and the value's own until it is dropped; moving the value moves no memory.
    unsafe impl hal::context::KernelStack for KernelStack {
        fn range(&self) -> core::ops::Range<usize> {
            self.bottom().0..self.top().0
        }
    }

    /// What a new context is to call; it waits at the low end of its stack, far from where the stack starts.
    #[derive(Clone, Copy)]
    struct Start {
        entry: fn(usize) -> !,
        arg: usize,
    }

    /// A kernel context.
    pub struct KContext {
        thread: Thread<KernelStack>,
    }

    impl KContext {
        /// A context that, first switched to, calls `entry(arg)` on a stack of its own, with interrupts off and the
        /// preemption count as the switch left it. ENOMEM.
        pub fn new(entry: fn(usize) -> !, arg: usize) -> Result<Self> {
            let stack = KernelStack::alloc()?;
            let at = stack.bottom().0;
            // SAFETY: the new stack's first bytes, aligned to a page; nobody else has it.
            unsafe { (at as *mut Start).write(Start { entry, arg }) };
            Ok(Self {
                thread: Thread::new(stack, start, at),
            })
        }
        /// The context that the calling CPU has been running on since boot: see [`adopt`](Self::adopt).
        pub const fn boot() -> Self {
            Self {
                thread: Thread::boot(),
            }
        }
        /// What runs on this CPU becomes this context, made by [`boot`](Self::boot). Panics if the CPU has one.
        pub fn adopt(&self) {
            self.thread.context().adopt_running();
        }
        /// Declares that the running context will never be switched to again; after the next switch away it may be
        /// dropped.
        pub fn finish(&self) {
            self.thread.context().set_finishing();
        }
        /// Its stack; `None` for a boot context.
        pub fn stack(&self) -> Option<&KernelStack> {
            self.thread.stack()
        }
        /// The machine's side, for user mode, FPU and segment bases.
        #[inline]
        pub fn machine(&self) -> &Context {
            self.thread.context()
        }
        /// The same before the context first runs.
        pub fn machine_mut(&mut self) -> &mut Context {
            self.thread.context_mut()
        }
    }

    extern "C" fn start(at: usize) -> ! {
        // SAFETY: `new` put it there, and this is the first use of the stack.
        let Start { entry, arg } = unsafe { (at as *const Start).read() };
        entry(arg)
    }

    /// Leaves `prev`, which must be running on this CPU, and continues `next`, which must not be running. Returns when
    /// somebody switches back to `prev`. Interrupts must be off. Panics when these rules are broken.
    #[inline]
    pub fn switch(prev: &KContext, next: &KContext) {
        Thread::switch(&prev.thread, &next.thread);
    }
}
#[cfg(target_os = "none")]
pub use bare::{KContext, switch};

#[cfg(not(target_os = "none"))]
mod hosted {
    use super::{KernelStack, Result};

    /// A kernel context. Hosted it only has a stack: threads there are those of std.
    #[derive(Debug)]
    pub struct KContext {
        stack: Option<KernelStack>,
    }

    impl KContext {
        /// A context with a stack. ENOMEM.
        pub fn new(entry: fn(usize) -> !, arg: usize) -> Result<Self> {
            let _ = (entry, arg);
            Ok(Self {
                stack: Some(KernelStack::alloc()?),
            })
        }
        /// A context without a stack.
        pub const fn boot() -> Self {
            Self { stack: None }
        }
        /// Its stack; `None` for a boot context.
        pub fn stack(&self) -> Option<&KernelStack> {
            self.stack.as_ref()
        }
    }

    /// There is nothing to switch: panics.
    pub fn switch(_prev: &KContext, _next: &KContext) {
        panic!("hosted contexts can't be switched");
    }
}
#[cfg(not(target_os = "none"))]
pub use hosted::{KContext, switch};
