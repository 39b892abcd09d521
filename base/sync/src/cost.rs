//! Whether the cost of communication is counted, and what the running thread has been noted to wait, to copy and to hand
//! on. The calls of a task take differences of that (`task::cost`).
//!
//! Off, a place that notes something is one NOP ([`COUNTED`]), and a wait has none at all: the scheduler's
//! [`park`](crate::thread::park) is a pointer, and counting puts another function there that looks at the clock.
use core::sync::atomic::AtomicU64;

pub use crate::notes::Noted;
use crate::notes::{self, Notes};
use crate::statickey::StaticKey;
use crate::thread;

/// It is counted.
pub static COUNTED: StaticKey = StaticKey::new();

/// Begins to count. It is not counted yet, and nobody else begins or ends meanwhile. May sleep.
pub fn begin() {
    thread::count_parks(true);
    COUNTED.enable();
}

/// Ends it; otherwise as [`begin`].
pub fn end() {
    COUNTED.disable();
    thread::count_parks(false);
}

/// Whether it is counted.
#[inline]
pub fn is_on() -> bool {
    COUNTED.enabled()
}

/// What the running thread has been noted to do.
pub fn noted() -> Noted {
    thread::exec().map_or_else(Noted::default, |exec| exec.notes.get())
}

#[cold]
fn note(place: fn(&Notes) -> &AtomicU64, more: u64) {
    if let Some(exec) = thread::exec() {
        notes::add(place(&exec.notes), more);
    }
}

/// The running thread copied from user memory what no result of its call tells.
#[inline]
pub fn copied_in(bytes: usize) {
    if crate::static_branch!(COUNTED) {
        note(|notes| &notes.copied_in, bytes as u64);
    }
}
/// The running thread copied to user memory what no result of its call tells.
#[inline]
pub fn copied_out(bytes: usize) {
    if crate::static_branch!(COUNTED) {
        note(|notes| &notes.copied_out, bytes as u64);
    }
}
/// The running thread copied inside the kernel.
#[inline]
pub fn copied_inside(bytes: usize) {
    if crate::static_branch!(COUNTED) {
        note(|notes| &notes.copied_inside, bytes as u64);
    }
}
/// The running thread moved or shared this much without a copy.
#[inline]
pub fn referenced(bytes: usize) {
    if crate::static_branch!(COUNTED) {
        note(|notes| &notes.referenced, bytes as u64);
    }
}
/// The running thread passed descriptors on.
#[inline]
pub fn passed(descriptors: usize) {
    if crate::static_branch!(COUNTED) {
        note(|notes| &notes.passed, descriptors as u64);
    }
}

/// Runs `wait`, which waits for a lock of the kernel's own.
#[inline]
pub(crate) fn for_lock<R>(wait: impl FnOnce() -> R) -> R {
    if !crate::static_branch!(COUNTED) {
        return wait();
    }
    let before = noted().parked_ns;
    let result = wait();
    let away = noted().parked_ns - before;
    note(|notes| &notes.locked_ns, away);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::LockClass;
    use crate::mutex::Mutex;
    use std::sync::Arc;
    use std::time::Duration;
    static TEST: LockClass = LockClass::new("test-cost", 0);

    /// One test, for the switch is everybody's.
    #[test]
    fn a_thread_is_noted_while_it_is_counted() {
        copied_in(7);
        assert_eq!(noted().copied_in, 0, "off, nothing is noted");
        begin();
        let before = noted();
        copied_in(3);
        copied_out(5);
        copied_inside(6);
        referenced(4096);
        passed(2);
        let got = noted().since(&before);
        assert_eq!(
            (got.copied_in, got.copied_out, got.copied_inside),
            (3, 5, 6)
        );
        assert_eq!((got.referenced, got.passed), (4096, 2));
        assert_eq!(got.locked_ns, 0);

        let lock = Arc::new(Mutex::new(&TEST, ()));
        let held = lock.lock();
        let other = Arc::clone(&lock);
        let waiter = std::thread::spawn(move || {
            let before = noted();
            drop(other.lock());
            noted().since(&before)
        });
        std::thread::sleep(Duration::from_millis(50));
        drop(held);
        let got = waiter.join().unwrap();
        assert!(got.locked_ns > 0 && got.locked_ns == got.parked_ns);

        end();
        let before = noted();
        copied_in(7);
        assert_eq!(noted().since(&before).copied_in, 0, "off again");
    }
}
