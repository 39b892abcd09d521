//! How many threads there are.
use core::sync::atomic::{AtomicUsize, Ordering};

/// A thread's right to room in every run queue.
pub(crate) struct Ticket(());

static TICKETS: AtomicUsize = AtomicUsize::new(0);

impl Ticket {
    /// One more, and how many there are with it: the run queues must have room for as many.
    pub(crate) fn draw() -> (Self, usize) {
        let count = TICKETS.fetch_add(1, Ordering::Relaxed) + 1;
        (Self(()), count)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        TICKETS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many threads there are, idle ones included.
pub(crate) fn threads() -> usize {
    TICKETS.load(Ordering::Relaxed)
}
