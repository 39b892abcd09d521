//! Per-CPU objects made while running.
use abi::Result;
use alloc::boxed::Box;
use hal::MAX_CPUS;
use sync::context::Pinned;
use sync::percpu::CachePadded;

/// One `T` for each CPU, on the heap.
pub struct PerCpuBox<T> {
    slots: Box<[CachePadded<T>]>,
}

/// One `T` for each possible CPU, made by `init(cpu)`. ENOMEM.
pub fn alloc<T>(mut init: impl FnMut(usize) -> T) -> Result<PerCpuBox<T>> {
    use crate::TryVec;
    let mut slots = alloc::vec::Vec::try_with_capacity(MAX_CPUS)?;
    for cpu in 0..MAX_CPUS {
        slots.try_push(CachePadded(init(cpu)))?;
    }
    Ok(PerCpuBox {
        slots: slots.try_into_boxed_slice()?,
    })
}

impl<T> PerCpuBox<T> {
    /// This CPU's.
    #[inline]
    pub fn get(&self, _pin: &impl Pinned) -> &T {
        self.here()
    }
    /// This CPU's at this moment, for statistics where being moved meanwhile does no harm.
    #[inline]
    pub fn here(&self) -> &T {
        &self.slots[hal::cpu::id()].0
    }
    /// That of `cpu`; panics if there is no such CPU number.
    #[inline]
    pub fn of(&self, cpu: usize) -> &T {
        &self.slots[cpu].0
    }
    /// All, in order of CPU number.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().map(|slot| &slot.0)
    }
}
