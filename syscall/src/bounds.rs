//! The caller's resource limits, as calls on files keep to them (setrlimit(2)).
use abi::{Errno, Result};
use cred::Resource;
use pid::{SigInfo, signals};
use task::Cx;
use vfs::Inode;

/// `RLIMIT_NOFILE` of the caller.
#[inline]
pub(crate) fn fd_limit(cx: &Cx) -> u64 {
    cx.process().limits().cur(Resource::Nofile)
}

/// Sends the caller a signal from the kernel.
#[cold]
pub(crate) fn signal_self(cx: &Cx, signal: pid::Signal) {
    // It is the caller's own: nothing can be missing.
    let _ = task::signal::send_to_task(&cx.task, &SigInfo::kernel(signal));
}

/// `RLIMIT_FSIZE` of the caller.
#[inline]
pub(crate) fn size_limit(cx: &Cx) -> u64 {
    cx.process().limits().cur(Resource::Fsize)
}

/// EFBIG, with SIGXFSZ, if a file may not become `size` bytes long.
pub(crate) fn check_size_limit(cx: &Cx, inode: &Inode, size: u64) -> Result<()> {
    if size > inode.size() && size > size_limit(cx) {
        signal_self(cx, signals::SIGXFSZ);
        return Err(Errno::EFBIG);
    }
    Ok(())
}
