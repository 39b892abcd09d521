//! Numbers of namespaces: the inode numbers of their files (namespaces(7)).
use abi::{Errno, Result};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Numbers of the first namespaces that do not depend on the order of boot; the others count up from [`FIRST`].
pub mod first {
    /// `PROC_IPC_INIT_INO`.
    pub const IPC: u32 = 0xefff_ffff;
    /// `PROC_UTS_INIT_INO`.
    pub const UTS: u32 = 0xefff_fffe;
    /// `PROC_USER_INIT_INO`.
    pub const USER: u32 = 0xefff_fffd;
    /// `PROC_PID_INIT_INO`.
    pub const PID: u32 = 0xefff_fffc;
}

/// The lowest number that is given out.
const FIRST: u32 = 0xf000_0000;

static NEXT: AtomicU32 = AtomicU32::new(FIRST);

/// A number for a new namespace; none comes twice. `ENOSPC`: there are no more.
pub fn next() -> Result<u32> {
    NEXT.fetch_update(Relaxed, Relaxed, |at| at.checked_add(1))
        .map_err(|_| Errno::ENOSPC)
}
