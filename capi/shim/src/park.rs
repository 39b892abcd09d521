//! Waiting at an address: what a module's lock or queue waits on is a queue of the kernel's, found by the address. So no
//! list of the kernel's runs through memory that a module may free or spoil.
use core::sync::atomic::Ordering;
use sync::{WaitError, WaitMode, WaitQueue};

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
