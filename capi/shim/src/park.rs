//! Waiting at an address: what a module's lock or queue waits on is a queue of the kernel's, found by the address. So no
//! list of the kernel's runs through memory that a module may free or spoil.
use core::sync::atomic::Ordering;
use sync::{WaitError, WaitMode, WaitQueue};
use time::TICK_NS;

/// A time-out that never comes (`MAX_SCHEDULE_TIMEOUT`).
pub(crate) const FOREVER: i64 = i64::MAX;
const QUEUES: usize = 256;
static PARKED: [WaitQueue; QUEUES] = [const { WaitQueue::new() }; QUEUES];

fn queue(address: usize) -> &'static WaitQueue {
    &PARKED[(address >> 3 ^ address >> 11) % QUEUES]
}

/// Waits at `address` until `ready` gives something.
pub(crate) fn wait<R>(
    address: usize,
    mode: WaitMode,
    deadline_ns: Option<u64>,
    ready: impl FnMut() -> Option<R>,
) -> Result<R, WaitError> {
    queue(address).wait(mode, deadline_ns, ready)
}

/// Has a poll(2) look again when something is woken at `address`.
pub(crate) fn poll(address: usize, table: &mut vfs::PollTable<'_>) {
    table.wait(queue(address));
}

/// Has all who wait at `address` look again.
pub(crate) fn wake(address: usize) {
    core::sync::atomic::fence(Ordering::SeqCst);
    queue(address).wake_all();
}

/// Has everybody look again: a module came into quarantine, and its threads wait for nothing any more.
pub(crate) fn wake_all() {
    for queue in &PARKED {
        queue.wake_all();
    }
}

/// How a state of `linux/sched.h` waits: `TASK_INTERRUPTIBLE`, `TASK_UNINTERRUPTIBLE`, `TASK_KILLABLE`.
pub(crate) fn mode(state: u32) -> WaitMode {
    match state {
        1 => WaitMode::Interruptible,
        0x102 => WaitMode::Killable,
        _ => WaitMode::Uninterruptible,
    }
}

/// When `jiffies` from now are over.
pub(crate) fn deadline(jiffies: i64) -> Option<u64> {
    let ns = u64::try_from(jiffies).ok()?.checked_mul(TICK_NS)?;
    (jiffies != FOREVER).then(|| time::monotonic_ns().saturating_add(ns))
}

/// Whole ticks that are left until a deadline.
pub(crate) fn left(deadline: Option<u64>) -> i64 {
    deadline.map_or(FOREVER, |at| {
        at.saturating_sub(time::monotonic_ns()).div_ceil(TICK_NS) as i64
    })
}
