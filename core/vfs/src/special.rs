//! Files whose opening belongs to somebody above: FIFOs, block devices.
use crate::objects::{FileOpsRef, Inode, OpenArgs};
use abi::{Errno, Result};
use alloc::sync::Arc;
use sync::Once;

/// Who opens FIFOs.
pub trait FifoOpener: Send + Sync {
    /// Opens the FIFO `inode`; both ends find each other by [`crate::Inode::ino`] and its superblock, or by what the
    /// opener keeps. May wait for the other end: ERESTARTSYS. ENXIO: write-only without waiting and no reader.
    fn open(&self, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef>;
}

static FIFO: Once<&'static dyn FifoOpener> = Once::new();

/// Names who opens FIFOs, once.
pub fn register_fifo(opener: &'static dyn FifoOpener) {
    let _ = FIFO.set(opener);
}

pub(crate) fn open_fifo(inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
    FIFO.get().ok_or(Errno::ENXIO)?.open(inode, args)
}

/// Who opens block devices.
pub trait BlockOpener: Send + Sync {
    /// Opens the device of the node `inode`. ENXIO: there is none of its number; EBUSY: somebody has it to himself.
    fn open(&self, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef>;
}

static BLOCK: Once<&'static dyn BlockOpener> = Once::new();

/// Names who opens block devices, once.
pub fn register_block(opener: &'static dyn BlockOpener) {
    let _ = BLOCK.set(opener);
}

pub(crate) fn open_block(inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
    BLOCK.get().ok_or(Errno::ENXIO)?.open(inode, args)
}
