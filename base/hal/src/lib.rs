//! The machine. With `sync`, `kmem` and capi/ the only home of `unsafe`.
//!
//! On the kernel target this is x86-64: boot (PVH), paging, traps, user mode, CPUs, interrupt controllers, clocks, power.
//! On any other target it is the *hosted* stand-in over std, so that the floors above run their tests as programs.
//! Both have the face described in [`addr`], [`cpu`], [`irq`], [`preempt`], [`clock`], [`current`], [`held`] and [`console`];
//! the rest exists on the machine only.
//!
//! Called by every floor above; calls `acpi-tables` and the functions that those floors hand in: `gaon_main`
//! (`kernel_main!`) once, `traps::KernelTraps` for what happens in kernel mode, and `user::Caller`, which makes
//! system calls. Other traps from user mode don't call anybody: `user::run` returns.
//!
//! Lock order: there is one lock, the I/O APICs' index register, held over no call.
//!
//! Tests: pure parts on the host (`cargo test -p hal`), the rest by `machine-test/run`, a kernel of this crate alone that
//! is booted on QEMU's machines. Specification: see `x86_64`.
#![no_std]
#![deny(missing_docs)]

pub mod addr;
#[cfg(any(test, target_os = "none"))]
mod calendar;
#[cfg(any(test, target_os = "none"))]
pub mod memmap;

#[cfg(not(target_os = "none"))]
extern crate std;
#[cfg(not(target_os = "none"))]
mod hosted;
#[cfg(not(target_os = "none"))]
pub use hosted::*;

#[cfg(target_os = "none")]
mod x86_64;
#[cfg(target_os = "none")]
pub use x86_64::*;

/// Most CPUs the kernel will start; per-CPU arrays have this length.
pub const MAX_CPUS: usize = 32;
