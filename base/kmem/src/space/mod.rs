//! Page tables of user address spaces. What the ranges mean (vmas, files, swap) is mm's business: a [`UserSpace`] maps
//! [`Frame`]s at page addresses, holds one reference to each, and keeps the TLBs of all CPUs in step.
//!
//! | file | holds |
//! |---|---|
//! | `entry` | how a mapping is written down |
//! | `table` | tables, the way through them, the lock of a leaf table (2 MiB of address space) |
//! | `tlb` | which CPU uses what, and how all of them forget translations |
//! | `fresh` | those locks in memory that nothing was known of at boot |
//! | `range` | protect, unmap, clean, move: operations on ranges |
//! | `huge` | pages of 2 MiB, which stand in level-2 tables |
//! | `fork`, `teardown` | copying a space, ending one |
//!
//! Faults of different 2 MiB areas share no lock. Nothing here sleeps under a leaf lock; page-table pages are allocated
//! before it is taken.
mod entry;
mod fork;
mod fresh;
mod huge;
mod range;
mod table;
mod teardown;
#[cfg(test)]
mod tests;
mod tlb;

pub use fork::CowMode;
pub use huge::HugeMapping;
pub use range::{Discarded, Unmapped};
pub use tlb::{barrier_everywhere, borrow, service as serve_tlb_requests};

pub(crate) use teardown::drain_local;
#[cfg(target_os = "none")]
pub(crate) use tlb::set_drainer;
pub(crate) use tlb::{drain_others, flush_kernel};

use crate::frame::Frame;
use abi::{Errno, Result, USER_END};
use core::sync::atomic::{AtomicUsize, Ordering};
use hal::addr::{PAGE_SIZE, PhysAddr, UserAddr};
use table::{Leaf, Table};
use tlb::Tables;

bitflags::bitflags! {
    /// What a page may be used for. Without READ, WRITE and EXEC: kept but not accessible (PROT_NONE).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Prot: u8 {
        /// Loads. On x86-64 implied by the others.
        const READ = 1;
        /// Stores.
        const WRITE = 2;
        /// Instruction fetches.
        const EXEC = 4;
        /// A mark for mm's use that travels with the entry: the page is the space's own (anonymous or copied), so no
        /// fault could rebuild it. [`CowMode::AnonOnly`] copies only these.
        const ANON = 8;
    }
}

/// What is mapped at an address.
#[derive(Debug)]
pub struct Mapping {
    /// The page; this handle is one more reference.
    pub frame: Frame,
    /// Its protection.
    pub prot: Prot,
    /// Stored to since mapped or last cleaned.
    pub dirty: bool,
    /// Used since mapped or last aged.
    pub accessed: bool,
}

/// Why a page was not mapped; the frame is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// Something is mapped there (another thread was faster) or, for a replacement, not what was expected.
    Exists,
    /// No memory for a page table.
    NoMem,
}

impl From<MapError> for Errno {
    fn from(e: MapError) -> Self {
        match e {
            MapError::Exists => Errno::EEXIST,
            MapError::NoMem => Errno::ENOMEM,
        }
    }
}

/// The user half of an address space.
pub struct UserSpace {
    root: Table,
    /// Pages of tables, the root included.
    tables: AtomicUsize,
}

impl UserSpace {
    /// An empty one. ENOMEM.
    pub fn new() -> Result<Self> {
        Ok(Self {
            root: teardown::new_root()?,
            tables: AtomicUsize::new(1),
        })
    }

    /// Maps a page where nothing is. `va` is page-aligned user space, else the call panics; so do the others.
    pub fn map(&self, va: UserAddr, frame: Frame, prot: Prot) -> Result<(), MapError> {
        let leaf = self.leaf(va)?;
        if leaf.entry(va.0).load(Ordering::Relaxed) != 0 {
            drop(leaf);
            return Err(MapError::Exists);
        }
        let e = entry::leaf(frame.pfn(), prot);
        let _ = frame.into_meta();
        leaf.fill(va.0, e);
        Ok(())
    }

    /// Maps pages in a row from `va` on, all within the 2 MiB of one leaf table, wherever nothing is; `None` leaves its
    /// place free. What was mapped is taken out of `pages`; returns how many were.
    pub fn map_pages(
        &self,
        va: UserAddr,
        pages: &mut [Option<Frame>],
        prot: Prot,
    ) -> Result<usize, MapError> {
        let span = table::LEAF_SPAN;
        assert!(
            va.0 % span + pages.len() * PAGE_SIZE <= span,
            "beyond a leaf: {va:?}"
        );
        let leaf = self.leaf(va)?;
        let mut count = 0;
        for (n, page) in pages.iter_mut().enumerate() {
            let at = va.0 + n * PAGE_SIZE;
            if page.is_none() || leaf.entry(at).load(Ordering::Relaxed) != 0 {
                continue;
            }
            if let Some(frame) = page.take() {
                let e = entry::leaf(frame.pfn(), prot);
                let _ = frame.into_meta();
                leaf.fill(at, e);
                count += 1;
            }
        }
        Ok(count)
    }

    /// What is mapped at the page of `va`.
    pub fn get(&self, va: UserAddr) -> Option<Mapping> {
        self.with(va, |_, e| mapping(e))
    }

    /// Protection of what is mapped at the page of `va`, without touching its count.
    pub fn prot(&self, va: UserAddr) -> Option<Prot> {
        self.with(va, |_, e| entry::prot(e))
    }

    /// Maps `frame` instead of what is there, provided that this is `expect` (`None`: nothing). Returns the page that
    /// was there, after the TLBs have forgotten it: none is asked if the page was not used since a fork.
    pub fn replace(
        &self,
        va: UserAddr,
        frame: Frame,
        prot: Prot,
        expect: Option<PhysAddr>,
    ) -> Result<Option<Frame>, MapError> {
        let Some(expect) = expect else {
            return self.map(va, frame, prot).map(|()| None);
        };
        let leaf = self.leaf(va)?;
        let slot = leaf.entry(va.0);
        let old = slot.load(Ordering::Relaxed);
        if old == 0 || entry::pfn(old) != expect.pfn() {
            drop(leaf);
            return Err(MapError::Exists);
        }
        // Nothing stands there until all have forgotten the old page: a thread that has written to the new one must not
        // meet the old one on another CPU. Whoever faults meanwhile waits for the leaf.
        let old = slot.swap(0, Ordering::AcqRel);
        // A CPU keeps a translation only of an entry that it has marked as accessed (SDM vol. 3, 4.10.2.3).
        if old & entry::ACCESSED != 0 {
            tlb::flush(self.root.pfn(), va.0..va.0 + PAGE_SIZE, Tables::Stay);
        }
        slot.store(entry::leaf(frame.pfn(), prot), Ordering::Release);
        let _ = frame.into_meta();
        drop(leaf);
        // SAFETY: the entry held one reference; it was replaced under the lock.
        Ok(Some(unsafe { Frame::from_meta(table::page_meta(old)) }))
    }

    /// Gives the page at `va` the protection `prot` if the entry is the only reference to the page: the write fault on
    /// a copy-on-write page that nobody else holds any more. `false`: nothing there, or somebody holds it.
    pub fn try_reuse(&self, va: UserAddr, prot: Prot) -> bool {
        self.with(va, |leaf, e| {
            // SAFETY: metadata lives forever.
            let refs = unsafe { table::page_meta(e).as_ref() }
                .refs
                .load(Ordering::Acquire);
            if refs == 1 {
                set(leaf, va, e, prot);
            }
            refs == 1
        })
        .unwrap_or(false)
    }

    /// Sets the protection of one present page (a write fault on a shared page that may now be written), if `expect`
    /// is still mapped there. Rights may only grow: TLBs keep what they have.
    pub fn set_prot(&self, va: UserAddr, prot: Prot, expect: PhysAddr) -> bool {
        self.with(va, |leaf, e| {
            let same = entry::pfn(e) == expect.pfn();
            if same {
                set(leaf, va, e, prot);
            }
            same
        })
        .unwrap_or(false)
    }

    /// Each CPU that runs a thread of this space passes a full memory barrier before this returns; with `serialise` each
    /// executes a serialising instruction too before it goes on with such a thread. With interrupts on.
    pub fn barrier(&self, serialise: bool) {
        tlb::barrier(self.root.pfn(), serialise);
    }

    /// Makes this the address space of the calling CPU; cheap when it is already. Call with preemption off. A space that
    /// is dropped while in use is taken off the CPUs first.
    #[inline]
    pub fn activate(&self) {
        tlb::load(self.root.pfn());
    }

    /// How many page-table pages it has.
    pub fn table_pages(&self) -> usize {
        self.tables.load(Ordering::Relaxed)
    }

    /// The locked leaf table of `va`, made where it is missing.
    #[inline]
    #[track_caller]
    fn leaf(&self, va: UserAddr) -> Result<Leaf, MapError> {
        assert!(
            va.0 < USER_END && va.page_offset() == 0,
            "not a user page: {va:?}"
        );
        loop {
            if let Some(leaf) = table::lock_leaf(self.root, va.0) {
                return Ok(leaf);
            }
            table::make_leaf(self.root, va.0, &self.tables).map_err(|_| MapError::NoMem)?;
        }
    }

    /// Runs `f` on the entry of `va` if there is one, under its lock.
    #[inline]
    fn with<R>(&self, va: UserAddr, f: impl FnOnce(&Leaf, u64) -> R) -> Option<R> {
        if va.0 >= USER_END {
            return None;
        }
        let leaf = table::lock_leaf(self.root, va.0)?;
        match leaf.entry(va.0).load(Ordering::Relaxed) {
            0 => None,
            e => Some(f(&leaf, e)),
        }
    }
}

/// Changes the protection of an entry while the CPUs may set its accessed and dirty bits.
#[inline]
fn set(leaf: &Leaf, va: UserAddr, mut e: u64, prot: Prot) {
    let slot = leaf.entry(va.0);
    while let Err(now) = slot.compare_exchange(
        e,
        entry::with_prot(e, prot),
        Ordering::AcqRel,
        Ordering::Relaxed,
    ) {
        e = now;
    }
}

fn mapping(e: u64) -> Mapping {
    // SAFETY: the entry, locked by the caller, holds a reference; the handle made here is a further one and the
    // original stays with the entry.
    let held = core::mem::ManuallyDrop::new(unsafe { Frame::from_meta(table::page_meta(e)) });
    Mapping {
        frame: Frame::clone(&held),
        prot: entry::prot(e),
        dirty: e & entry::DIRTY != 0,
        accessed: e & entry::ACCESSED != 0,
    }
}

impl core::fmt::Debug for UserSpace {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "UserSpace({:#x}, {} tables)",
            self.root.pfn(),
            self.table_pages()
        )
    }
}

/// Leaves user address spaces: the calling CPU then runs on the kernel's tables. Not needed for kernel threads (they
/// borrow whatever is active) but before a CPU goes offline.
pub fn deactivate() {
    tlb::unload();
}
