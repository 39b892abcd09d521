//! What a pipe asks about the calling process; nothing on the host.

/// `CAP_SYS_RESOURCE`.
#[cfg(target_os = "none")]
pub(crate) fn may_exceed_limits() -> bool {
    let cred = task::current().and_then(|task| task.cred().ok());
    cred.is_some_and(|cred| cred.capable(cred::cap::SYS_RESOURCE))
}

#[cfg(not(target_os = "none"))]
pub(crate) fn may_exceed_limits() -> bool {
    false
}
