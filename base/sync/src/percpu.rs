//! Data of which each CPU has its own.
use core::cell::UnsafeCell;

use hal::MAX_CPUS;

use crate::context::{IrqGuard, Pinned};

/// Keeps neighbours off one cache line.
#[derive(Default)]
#[repr(align(64))]
pub struct CachePadded<T>(pub T);

/// One `T` for each CPU. The CPU's own is reached with proof that the caller stays on it.
pub struct PerCpu<T> {
    slots: [CachePadded<T>; MAX_CPUS],
}

impl<T> PerCpu<T> {
    /// From an array, one entry a CPU.
    pub const fn new(slots: [CachePadded<T>; MAX_CPUS]) -> Self {
        Self { slots }
    }
    /// Made by `f` for each CPU number.
    pub fn from_fn(mut f: impl FnMut(usize) -> T) -> Self {
        Self {
            slots: core::array::from_fn(|cpu| CachePadded(f(cpu))),
        }
    }
    /// This CPU's.
    #[inline]
    pub fn get(&self, _pin: &impl Pinned) -> &T {
        &self.slots[hal::cpu::id() & (MAX_CPUS - 1)].0
    }
    /// This CPU's at this moment, for statistics where being moved meanwhile does no harm.
    #[inline]
    pub fn here(&self) -> &T {
        &self.slots[hal::cpu::id() & (MAX_CPUS - 1)].0
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

/// One `T` for each CPU that only that CPU touches, mutably, with its interrupts off.
pub struct PerCpuCell<T> {
    slots: [CachePadded<UnsafeCell<T>>; MAX_CPUS],
    #[cfg(not(target_os = "none"))]
    hosted: std::sync::Mutex<()>,
}

// SAFETY: a slot is reached only on its CPU with interrupts off (hosted: under a lock), for the length of a closure.
unsafe impl<T: Send> Sync for PerCpuCell<T> {}

impl<T> PerCpuCell<T> {
    /// Made by `f` for each CPU number.
    pub fn from_fn(mut f: impl FnMut(usize) -> T) -> Self {
        Self::new(core::array::from_fn(|cpu| {
            CachePadded(UnsafeCell::new(f(cpu)))
        }))
    }
    /// From an array, one entry a CPU.
    pub const fn new(slots: [CachePadded<UnsafeCell<T>>; MAX_CPUS]) -> Self {
        Self {
            slots,
            #[cfg(not(target_os = "none"))]
            hosted: std::sync::Mutex::new(()),
        }
    }
    /// Runs `f` on this CPU's. `f` must not reach the same cell again.
    #[inline]
    pub fn with<R>(&self, _irqs_off: &IrqGuard, f: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(not(target_os = "none"))]
        let _guard = self.hosted.lock();
        // SAFETY: interrupts are off, so nothing else runs on this CPU until `f` returns, and no other CPU comes here.
        f(unsafe { &mut *self.slots[hal::cpu::id() & (MAX_CPUS - 1)].0.get() })
    }
}
