//! `linux/capability.h`.
use crate::export::exports;

/// `capable(capability)`: whether the running thread may do so to the whole machine. Threads of the kernel may do
/// everything.
extern "C" fn capable(capability: i32) -> bool {
    let Ok(capability) = u32::try_from(capability) else {
        return false;
    };
    let may =
        task::task::with_current(|task| task.cred().is_ok_and(|cred| cred.capable(capability)));
    may.unwrap_or(true)
}

exports![capable];
