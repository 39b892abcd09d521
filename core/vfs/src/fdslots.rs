//! What a table of file descriptors holds, slot by slot; who may look and who may change is [`fdtable`](crate::fdtable)'s business.
use crate::objects::File;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;

/// The descriptors of a process.
pub(crate) struct Table {
    /// Names the owner of record locks.
    pub(crate) id: u64,
    pub(crate) slots: Vec<Slot>,
    /// No free slot lies below.
    first_free: usize,
}

/// One number.
#[derive(Clone, Default)]
pub(crate) enum Slot {
    #[default]
    Free,
    /// Handed out, its file not open yet.
    Reserved {
        cloexec: bool,
    },
    Open {
        file: Arc<File>,
        cloexec: bool,
    },
}

/// Whether a descriptor closes on exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExec {
    Keep,
    Close,
}

impl OnExec {
    /// From a flag of a call (`O_CLOEXEC` and so on).
    pub const fn from_flag(set: bool) -> Self {
        if set { Self::Close } else { Self::Keep }
    }
}

impl Table {
    pub(crate) fn new(id: u64, slots: Vec<Slot>) -> Self {
        let taken = slots.iter().take_while(|slot| !matches!(slot, Slot::Free));
        Self {
            id,
            first_free: taken.count(),
            slots,
        }
    }

    #[inline]
    pub(crate) fn file(&self, fd: i32) -> Result<&Arc<File>> {
        match self.slots.get(fd as usize) {
            Some(Slot::Open { file, .. }) => Ok(file),
            _ => Err(Errno::EBADF),
        }
    }

    pub(crate) fn on_exec(&self, fd: i32) -> Result<OnExec> {
        match self.slots.get(index(fd)?) {
            Some(Slot::Open { cloexec, .. }) => Ok(OnExec::from_flag(*cloexec)),
            _ => Err(Errno::EBADF),
        }
    }

    /// The lowest free number from `min` on, below `limit`. EMFILE, ENOMEM.
    pub(crate) fn find_free(&mut self, min: usize, limit: usize) -> Result<usize> {
        let from = min.max(self.first_free);
        let free = self
            .slots
            .iter()
            .skip(from)
            .position(|s| matches!(s, Slot::Free));
        let fd = free.map_or(self.slots.len().max(from), |at| from + at);
        if fd >= limit {
            return Err(Errno::EMFILE);
        }
        self.grow_to(fd)?;
        if min <= self.first_free {
            self.first_free = fd + 1;
        }
        Ok(fd)
    }

    pub(crate) fn grow_to(&mut self, fd: usize) -> Result<()> {
        if fd >= self.slots.len() {
            self.slots.try_resize((fd + 1).max(8), Slot::Free)?;
        }
        Ok(())
    }

    pub(crate) fn free(&mut self, fd: usize) -> Slot {
        self.first_free = self.first_free.min(fd);
        self.slots.get_mut(fd).map_or(Slot::Free, core::mem::take)
    }
}

/// The index of a descriptor. EBADF: negative.
pub(crate) fn index(fd: i32) -> Result<usize> {
    usize::try_from(fd).map_err(|_| Errno::EBADF)
}

/// Closes everything: nobody shares it or looks at it any more.
impl Drop for Table {
    fn drop(&mut self) {
        for slot in core::mem::take(&mut self.slots) {
            if let Slot::Open { file, .. } = slot {
                let _ = file.close(self.id);
            }
        }
    }
}
