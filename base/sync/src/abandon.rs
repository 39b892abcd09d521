//! A thread gives up its stack as it is, after an oops. What is known to point into that stack is dealt with here.
use crate::{thread, waitqueue};

/// The running thread leaves the queue it waits in, and the sleeping locks it holds are marked dead, so that nobody waits
/// for them in silence. It must not go on with what it did.
pub fn give_up_locks() {
    if let Some(thread) = thread::current() {
        waitqueue::abandon(thread.exec());
        thread.exec().held.kill_all();
    }
}

/// As [`give_up_locks`], and leaves everything that the thread has called since its checkpoint (`hal::checkpoint`), with
/// `value` there. Returns when the thread has none.
#[cfg(target_os = "none")]
pub fn go_back(value: u32) {
    give_up_locks();
    // SAFETY: of what stands on a thread's stack others reach only the node of a wait queue, which has left it, and what a
    // held lock protects, which nobody gets any more. All else they reach is counted (`Arc`) and stays, with its count.
    unsafe { hal::checkpoint::back(value) }
}
