//! Operations on semaphores, as a call has them.
use abi::Result;
use abi::ipc::SEM_UNDO;
use alloc::vec::Vec;
use kmem::TryVec;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct sembuf`: an operation.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Sembuf {
    /// Which semaphore,
    pub(crate) num: u16,
    /// what is added to it; 0 waits for 0,
    pub(crate) op: i16,
    /// `IPC_NOWAIT`, `SEM_UNDO`.
    pub(crate) flags: u16,
}

impl Sembuf {
    pub(crate) fn undone(&self) -> bool {
        u32::from(self.flags) & SEM_UNDO != 0
    }
}

/// Operations that are done together: few stand here, more elsewhere.
pub(crate) struct Ops {
    len: usize,
    few: [Sembuf; 4],
    many: Vec<Sembuf>,
}

impl Ops {
    /// Room for so many. `ENOMEM`.
    pub(crate) fn new(len: usize) -> Result<Self> {
        let few = [Sembuf::default(); 4];
        let many = if len > few.len() {
            Vec::try_filled(Sembuf::default(), len)?
        } else {
            Vec::new()
        };
        Ok(Self { len, few, many })
    }

    /// `ENOMEM`.
    pub(crate) fn copy(of: &[Sembuf]) -> Result<Self> {
        let mut ops = Self::new(of.len())?;
        ops.get_mut().copy_from_slice(of);
        Ok(ops)
    }

    pub(crate) fn get(&self) -> &[Sembuf] {
        if self.len > self.few.len() {
            &self.many
        } else {
            &self.few[..self.len]
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut [Sembuf] {
        if self.len > self.few.len() {
            &mut self.many
        } else {
            &mut self.few[..self.len]
        }
    }
}
