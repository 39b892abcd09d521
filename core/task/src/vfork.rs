//! What a vfork parent waits for.
use abi::Result;
use alloc::sync::Arc;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::{Acquire, Release};
use sync::{WaitMode, WaitQueue};

/// What a vfork parent waits for: the child has left the parent's memory.
pub(crate) struct VforkDone {
    done: AtomicBool,
    queue: WaitQueue,
}

impl VforkDone {
    pub(crate) fn new() -> Result<Arc<Self>> {
        kmem::try_arc(Self {
            done: AtomicBool::new(false),
            queue: WaitQueue::new(),
        })
    }
    pub(crate) fn complete(&self) {
        self.done.store(true, Release);
        self.queue.wake_all();
    }
    /// Until the child is done, or the parent is killed, which gives false.
    pub(crate) fn wait(&self) -> bool {
        let done = || self.done.load(Acquire).then_some(());
        self.queue.wait(WaitMode::Killable, None, done).is_ok()
    }
}
