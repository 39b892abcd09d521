//! What a pipe asks about, and does to, the calling process; nothing on the host.

/// Sends `SIGPIPE` to the calling thread.
#[cfg(target_os = "none")]
pub(crate) fn broken_pipe() {
    use pid::{SigInfo, SignalTarget, signals};
    if let Some(task) = task::current() {
        let uid = task.cred().map_or(0, |cred| cred.uid.0);
        // A full queue cannot be: this signal is not queued.
        let _ = task.signal(&SigInfo::user(signals::SIGPIPE, task.process().nr(), uid));
    }
}

/// `CAP_SYS_RESOURCE`.
#[cfg(target_os = "none")]
pub(crate) fn may_exceed_limits() -> bool {
    let cred = task::current().and_then(|task| task.cred().ok());
    cred.is_some_and(|cred| cred.capable(cred::cap::SYS_RESOURCE))
}

#[cfg(not(target_os = "none"))]
pub(crate) fn broken_pipe() {}

#[cfg(not(target_os = "none"))]
pub(crate) fn may_exceed_limits() -> bool {
    false
}
