//! What pages are used for.
use abi::Errno;

/// What a page in use is used for, in [`FrameMeta::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Firmware's, the kernel image's, or not there.
    Reserved = 0,
    /// In the buddy lists.
    Buddy = 1,
    /// On a CPU's list.
    PerCpu = 2,
    /// Behind a [`Frame`].
    Frame = 3,
    /// Behind a [`Block`].
    Block = 4,
    /// A slab's page.
    Slab = 5,
    /// A page table.
    Table = 6,
    /// Mapped in vmalloc's window.
    #[cfg(target_os = "none")]
    Kernel = 8,
    /// On its way between the buddy lists and a user.
    Taken = 7,
}

/// The error of every allocation here.
pub(crate) const NO_MEMORY: Errno = Errno::ENOMEM;
