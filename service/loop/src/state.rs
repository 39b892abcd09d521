//! What a device is: its file, and which part of it.
use crate::format::NAME_SIZE;
use abi::{Errno, Result};
use alloc::sync::Arc;
use sync::{LockClass, SpinLock, rank};
use vfs::{File, FileType};

static STATE: LockClass = LockClass::new("loop.state", rank::NONE);

/// How many loop devices may stand on one another.
pub const DEPTH: usize = 8;

/// The file behind a device, and which part of it.
#[derive(Clone)]
pub(crate) struct Backing {
    pub(crate) file: Arc<File>,
    /// Where the device begins in it.
    pub(crate) offset: u64,
    /// How long the device is at most; 0: as long as the file.
    pub(crate) size_limit: u64,
    /// `LO_FLAGS_*`.
    pub(crate) flags: u32,
    /// What it is called, for those who ask: nothing here looks at it.
    pub(crate) name: [u8; NAME_SIZE],
}

impl Backing {
    /// Bytes of the device: those of the file from the offset on, as many as the limit allows.
    pub(crate) fn size(&self) -> u64 {
        let left = file_size(&self.file).saturating_sub(self.offset);
        match self.size_limit {
            0 => left,
            limit => left.min(limit),
        }
    }

    /// Whether parts of the file can be given up.
    pub(crate) fn discards(&self) -> bool {
        match block::disk_of(&self.file) {
            Some(disk) => disk.discards(),
            None => self.file.inode().cache().is_some(),
        }
    }
}

/// Bytes of a regular file or a block device.
pub(crate) fn file_size(file: &File) -> u64 {
    match file.inode().kind() {
        FileType::BlockDevice => block::disk_of(file).map_or(0, |disk| disk.size()),
        _ => file.inode().size(),
    }
}

/// What a device is at the moment.
#[derive(Clone)]
pub(crate) enum State {
    /// It has no file.
    Unbound,
    /// It has this one.
    Bound(Arc<Backing>),
    /// It is being taken away.
    Deleting,
}

/// A loop device.
pub(crate) struct Loop {
    index: u32,
    state: SpinLock<State>,
}

impl Loop {
    pub(crate) fn new(index: u32) -> Self {
        Self {
            index,
            state: SpinLock::new(&STATE, State::Unbound),
        }
    }

    pub(crate) const fn index(&self) -> u32 {
        self.index
    }

    pub(crate) fn state(&self) -> State {
        self.state.lock().clone()
    }

    /// Changes the state, with the list of devices locked; gives the old one, which may be the last to hold a file.
    pub(crate) fn set_state(&self, new: State) -> State {
        core::mem::replace(&mut self.state.lock(), new)
    }

    pub(crate) fn is_unbound(&self) -> bool {
        matches!(*self.state.lock(), State::Unbound)
    }

    /// ENXIO: it has no file.
    pub(crate) fn backing(&self) -> Result<Arc<Backing>> {
        match &*self.state.lock() {
            State::Bound(backing) => Ok(backing.clone()),
            _ => Err(Errno::ENXIO),
        }
    }
}
