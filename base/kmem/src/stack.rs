//! Kernel stacks: 16 KiB with as much unmapped below, a few kept mapped per CPU.
use crate::charge::{self, Charge};
use crate::frame::NO_MEMORY;
use crate::kmap;
use crate::machine;
use crate::vmalloc::{self, STACK_SLOT};
use abi::Result;
use core::sync::atomic::{AtomicIsize, AtomicU32, Ordering::Relaxed};
use hal::addr::{PAGE_SIZE, VirtAddr};
use sync::percpu::{CachePadded, PerCpu};

/// Bytes of a kernel stack.
pub const STACK_SIZE: usize = 16 << 10;
const PAGES: usize = STACK_SIZE / PAGE_SIZE;
/// Stacks kept per CPU.
const KEEP: usize = 8;

struct Kept {
    len: AtomicU32,
    slots: [AtomicU32; KEEP],
    /// Stacks handed out less stacks taken back on this CPU.
    in_use: AtomicIsize,
}

static KEPT: PerCpu<Kept> = PerCpu::new(
    [const {
        CachePadded(Kept {
            len: AtomicU32::new(0),
            slots: [const { AtomicU32::new(0) }; KEEP],
            in_use: AtomicIsize::new(0),
        })
    }; hal::MAX_CPUS],
);

/// An owned kernel stack.
#[derive(Debug)]
pub struct KernelStack {
    slot: usize,
}

impl KernelStack {
    /// A stack of unspecified content. ENOMEM.
    pub fn alloc() -> Result<Self> {
        let slot = match pop() {
            Some(slot) => slot,
            None => map_new()?,
        };
        KEPT.here().in_use.fetch_add(1, Relaxed);
        Ok(Self { slot })
    }
    /// A CPU's own, for good: it is not counted among those in use.
    #[cfg(target_os = "none")]
    pub(crate) fn leak(self) -> &'static mut [u8] {
        let bottom = self.bottom().0 as *mut u8;
        core::mem::forget(self);
        KEPT.here().in_use.fetch_sub(1, Relaxed);
        // SAFETY: mapped, of that length, and nobody else's from here on.
        unsafe { core::slice::from_raw_parts_mut(bottom, STACK_SIZE) }
    }
    /// Its lowest address.
    pub fn bottom(&self) -> VirtAddr {
        VirtAddr(kmap::kernel_ptr(address(self.slot)) as usize)
    }
    /// One past its highest address: where a stack pointer starts.
    pub fn top(&self) -> VirtAddr {
        self.bottom().add(STACK_SIZE)
    }
    /// Whether an address lies in it.
    pub fn contains(&self, addr: VirtAddr) -> bool {
        (self.bottom()..self.top()).contains(&addr)
    }
}

impl Drop for KernelStack {
    fn drop(&mut self) {
        KEPT.here().in_use.fetch_sub(1, Relaxed);
        if !push(self.slot) {
            unmap(self.slot);
        }
    }
}

/// Where the stack of a slot starts, from the start of vmalloc's window: the upper half of the slot.
const fn address(slot: usize) -> usize {
    slot * STACK_SLOT + (STACK_SLOT - STACK_SIZE)
}

#[cold]
fn map_new() -> Result<usize> {
    let slot = vmalloc::take_stack().ok_or(NO_MEMORY)?;
    if kmap::map_kernel(address(slot), PAGES, false).is_none() {
        vmalloc::give_stack(slot);
        return Err(NO_MEMORY);
    }
    charge::charge(Charge::Stacks, PAGES as isize);
    Ok(slot)
}

#[cold]
fn unmap(slot: usize) {
    kmap::unmap_kernel(address(slot), PAGES);
    charge::charge(Charge::Stacks, -(PAGES as isize));
    vmalloc::give_stack(slot);
}

fn pop() -> Option<usize> {
    let pin = machine::pin();
    let kept = KEPT.get(&pin);
    let len = kept.len.load(Relaxed).checked_sub(1)?;
    kept.len.store(len, Relaxed);
    Some(kept.slots[len as usize].load(Relaxed) as usize)
}

fn push(slot: usize) -> bool {
    let pin = machine::pin();
    let kept = KEPT.get(&pin);
    let len = kept.len.load(Relaxed);
    let Some(place) = kept.slots.get(len as usize) else {
        return false;
    };
    place.store(slot as u32, Relaxed);
    kept.len.store(len + 1, Relaxed);
    true
}

/// Unmaps the stacks that this CPU keeps.
pub(crate) fn drain_local() {
    while let Some(slot) = pop() {
        unmap(slot);
    }
}

/// Whether an address lies in the guard below some kernel stack: the fault was a stack overflow.
pub fn is_guard(addr: VirtAddr) -> bool {
    let offset = addr.0.wrapping_sub(machine::VMALLOC_BASE);
    offset < 32768 * STACK_SLOT && offset % STACK_SLOT < STACK_SLOT - STACK_SIZE
}

/// How many stacks are in use (those kept per CPU are not): `KernelStack` of /proc/meminfo.
pub fn in_use() -> usize {
    KEPT.iter()
        .map(|k| k.in_use.load(Relaxed))
        .sum::<isize>()
        .max(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_lie_apart() {
        let stacks: std::vec::Vec<_> = (0..20).map(|_| KernelStack::alloc().unwrap()).collect();
        assert!(in_use() >= 20);
        for (i, a) in stacks.iter().enumerate() {
            assert_eq!(a.top().0 % 4096, 0);
            assert!(a.contains(a.bottom()) && !a.contains(a.top()));
            assert!(stacks[..i].iter().all(|b| !b.contains(a.bottom())));
        }
        drop(stacks);
        drain_local();
        assert!(!is_guard(VirtAddr(0x1000)));
    }
}
