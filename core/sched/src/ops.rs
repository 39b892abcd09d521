//! What `sync` asks of threads and of the scheduler, and the timer that ends a sleep.
use crate::switch::{Why, schedule};
use crate::thread::{Thread, current, try_current};
use core::sync::atomic::Ordering;
use sync::WaitMode;
use sync::thread::{ExecState, Scheduler, ThreadOps};
use time::{Restart, TimerNode, TimerTarget};

impl ThreadOps for Thread {
    #[inline]
    fn exec(&self) -> &ExecState {
        &self.exec
    }
    #[inline]
    fn set_sleeping(&self, mode: WaitMode) {
        self.state.announce(mode);
    }
    #[inline]
    fn set_running(&self) {
        self.state.set_running();
    }
    #[inline]
    fn unpark(&self, sync: bool) {
        self.wake(sync);
    }
    #[inline]
    fn signal_pending(&self, mode: WaitMode) -> bool {
        match self.data() {
            Some(data) => data.signal_pending(mode),
            None => false,
        }
    }
}

impl TimerTarget for Thread {
    fn node(&self) -> &TimerNode {
        &self.sleep_timer
    }
    fn expired(&self, _due_ns: u64, _now_ns: u64) -> Restart {
        self.timed_out.store(true, Ordering::Relaxed);
        self.wake(false);
        Restart::No
    }
}

/// The scheduler, as the floors below see it.
pub(crate) struct Ops;

impl Scheduler for Ops {
    fn yield_now(&self) {
        if try_current().is_some() {
            schedule(Why::Yield);
        }
    }
    fn preempt(&self) {
        if try_current().is_some() {
            schedule(Why::Preempt);
        }
    }
}

/// The scheduler's [`sync::thread::Park`].
pub(crate) fn park(deadline_ns: Option<u64>) -> bool {
    match deadline_ns {
        None => {
            schedule(Why::Park);
            false
        }
        Some(deadline) => park_until(deadline),
    }
}

/// Apart from [`park`], which needs no room on the stack without a deadline.
#[inline(never)]
fn park_until(deadline_ns: u64) -> bool {
    let me = current();
    if time::monotonic_ns() >= deadline_ns {
        return true;
    }
    if me.state.is_running() {
        return false;
    }
    if deadline_ns == u64::MAX {
        schedule(Why::Park);
        return false;
    }
    me.timed_out.store(false, Ordering::Relaxed);
    if let Some(target) = me.arc() {
        time::timer::arm(target, deadline_ns);
    }
    schedule(Why::Park);
    // Its callback only wakes: one that still runs does no harm.
    me.sleep_timer.cancel();
    me.timed_out.load(Ordering::Relaxed)
}

/// Tells records who wrote them.
pub(crate) struct CallerOfRecord;
impl trace::CallerId for CallerOfRecord {
    fn caller(&self) -> Option<u32> {
        if hal::preempt::count() >= hal::preempt::HARDIRQ {
            return None;
        }
        try_current().map(Thread::id)
    }
    fn interrupted(&self) -> Option<(u32, [u8; 16])> {
        try_current().map(|thread| (thread.id(), thread.name().0))
    }
}
