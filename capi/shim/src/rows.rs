//! Pages that a module put into a mapping, by their numbers.
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;
use kmem::frame::{Block, Frame};
use sync::{LockClass, SpinLock, rank};

static CLASS: LockClass = LockClass::new("capi.rows", rank::NONE);

/// Memory behind a row of pages.
pub(crate) enum Memory {
    One(Frame),
    /// The number of the row's first page within the block.
    Row(Arc<Block>, usize),
}

/// Pages from `first` of the object on.
pub(crate) struct Row {
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) memory: Memory,
}

/// Rows in the order of their numbers.
pub(crate) struct Rows(SpinLock<Vec<Row>>);

impl Rows {
    pub(crate) fn new() -> Self {
        Self(SpinLock::new(&CLASS, Vec::new()))
    }

    /// The page of a number.
    pub(crate) fn page(&self, index: u64) -> Option<Frame> {
        let rows = self.0.lock();
        let after = rows.partition_point(|row| row.first <= index);
        let row = rows.get(after.checked_sub(1)?)?;
        let offset = index - row.first;
        (offset < row.count).then(|| match &row.memory {
            Memory::One(frame) => frame.clone(),
            Memory::Row(block, first) => block.frame(first + offset as usize),
        })
    }

    /// EBUSY: a page is there; ENOMEM.
    pub(crate) fn add(&self, row: Row) -> Result<()> {
        let mut rows = self.0.lock();
        let at = rows.partition_point(|other| other.first <= row.first);
        let before = at.checked_sub(1).and_then(|before| rows.get(before));
        let meets = |low: &Row, high: &Row| high.first - low.first < low.count;
        if before.is_some_and(|before| meets(before, &row))
            || rows.get(at).is_some_and(|next| meets(&row, next))
        {
            return Err(Errno::EBUSY);
        }
        rows.try_insert(at, row)?;
        Ok(())
    }
}
