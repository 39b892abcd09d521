//! Ways into a module that may be closed: removal lets no further call begin and waits for those under way.
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use sync::WaitQueue;

/// One such way.
pub struct Gate {
    closed: AtomicBool,
    /// Calls under way.
    inside: AtomicUsize,
    empty: WaitQueue,
}

/// One call; it keeps removal waiting.
pub struct Pass<'a>(&'a Gate);

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// An open one.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            closed: AtomicBool::new(false),
            inside: AtomicUsize::new(0),
            empty: WaitQueue::new(),
        }
    }

    /// A call begins; none when it is closed.
    pub fn pass(&self) -> Option<Pass<'_>> {
        self.inside.fetch_add(1, Ordering::SeqCst);
        let pass = Pass(self);
        (!self.closed.load(Ordering::SeqCst)).then_some(pass)
    }

    /// Lets no call begin any more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Waits for the calls under way.
    pub fn wait_empty(&self) {
        self.empty
            .wait_event(|| self.inside.load(Ordering::SeqCst) == 0);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.0.inside.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.empty.wake_all();
        }
    }
}
