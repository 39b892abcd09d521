//! Locks with priority inheritance: `FUTEX_LOCK_PI` and its kin (futex(2), "Priority-inheritance futexes").
//!
//! The word holds its owner's number, and a bit that says that somebody waits, so that only then an unlock comes here.
//! All that is waited for stands in one [`Graph`] under one spinning lock: a chain of owners is then followed in one go, and
//! nobody who holds that lock can be kept from the CPU. The word is read and changed under it, without faults: one whose
//! page is not there is brought in without the lock, and the step is begun anew.
//!
//! | file | holds |
//! |---|---|
//! | `graph.rs` | [`graph`]: who waits for whose lock, and what each inherits; pure |
//! | `word.rs` | the word in user memory |
//! | `lock.rs` | taking a lock, giving it up, its owner's end |
//! | `proxy.rs` | what a requeueing thread does in another's name |
mod graph;
mod lock;
pub(crate) mod proxy;
mod word;

pub use lock::{Caller, leave, level_changed, unlock};
pub(crate) use lock::{Claim, Holder, is_waited_for, lock, settle_wait, sleep};
pub(crate) use word::{Step, TID};
