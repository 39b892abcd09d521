//! The ends of a space: roots ready for use, and freeing all at once.
use super::range::FreeBatch;
use super::table::{ENTRIES, Table, page_meta};
use super::{UserSpace, entry, tlb};
use crate::frame::HugePage;
use crate::machine;
use abi::Result;
use core::ops::ControlFlow;
use core::sync::atomic::{AtomicU32, Ordering};
use hal::MAX_CPUS;
use hal::addr::Pfn;
use sync::percpu::{CachePadded, PerCpu};

/// Roots whose kernel half is filled and whose user half is empty, per CPU: saves a page of copying for each fork.
const READY: usize = 4;

struct Roots {
    len: AtomicU32,
    roots: [AtomicU32; READY],
}

static ROOTS: PerCpu<Roots> = PerCpu::new(
    [const {
        CachePadded(Roots {
            len: AtomicU32::new(0),
            roots: [const { AtomicU32::new(0) }; READY],
        })
    }; MAX_CPUS],
);

/// A root table. ENOMEM.
pub(super) fn new_root() -> Result<Table> {
    if let Some(root) = pop() {
        return Ok(root);
    }
    let root = Table::new()?;
    machine::fill_kernel_half(root.pfn());
    Ok(root)
}

fn pop() -> Option<Table> {
    let pin = machine::pin();
    let ready = ROOTS.get(&pin);
    let len = ready.len.load(Ordering::Relaxed).checked_sub(1)?;
    ready.len.store(len, Ordering::Relaxed);
    let pfn = ready.roots[len as usize].load(Ordering::Relaxed) as Pfn;
    // SAFETY: `recycle` put it there: a root that nobody uses.
    Some(unsafe { Table::at(pfn) })
}

/// Keeps a root whose user half is empty, or frees it.
fn recycle(root: Table) {
    let pin = machine::pin();
    let ready = ROOTS.get(&pin);
    let len = ready.len.load(Ordering::Relaxed);
    if let Some(slot) = ready.roots.get(len as usize) {
        slot.store(root.pfn() as u32, Ordering::Relaxed);
        ready.len.store(len + 1, Ordering::Relaxed);
        return;
    }
    drop(pin);
    // SAFETY: nobody uses it; its kernel half makes it a page that is not zero.
    unsafe { root.free(false) };
}

/// Frees this CPU's ready roots.
pub(crate) fn drain_local() {
    while let Some(root) = pop() {
        // SAFETY: nobody uses it.
        unsafe { root.free(false) };
    }
}

impl UserSpace {
    /// Takes the space off all CPUs and frees every page and table but the root: the end of a process. Not with
    /// interrupts off.
    pub fn clear(&mut self) {
        tlb::evict(self.root.pfn());
        let mut free = FreeBatch::default();
        // SAFETY: the space is ours alone and on no CPU.
        unsafe { free_below(self.root, 4, &mut free) };
        self.root.meta().private[0].store(0, Ordering::Relaxed);
        *self.tables.get_mut() = 1;
    }
}

impl Drop for UserSpace {
    fn drop(&mut self) {
        self.clear();
        recycle(self.root);
    }
}

/// Empties a table of `level` and frees what is below it.
///
/// # Safety
/// Nobody uses or finds the tables any more.
unsafe fn free_below(table: Table, level: u32, free: &mut FreeBatch) {
    table.each_filled(0, ENTRIES, |_, slot, e| {
        slot.store(0, Ordering::Relaxed);
        if level == 1 {
            free.put(e);
        } else if e & entry::TABLE == 0 {
            // SAFETY: what is no table above the leaves maps a huge page and holds a reference to it.
            unsafe { HugePage::from_meta(page_meta(e)) }.unmapped();
        } else {
            // SAFETY: an entry above the leaves names a table; the rest is the caller's promise.
            unsafe {
                let below = Table::at(entry::pfn(e));
                free_below(below, level - 1, free);
                below.free(true);
            }
        }
        ControlFlow::Continue(())
    });
}
