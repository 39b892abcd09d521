//! Kernel modules: from the bytes of a `.ko` to code that runs, and back.
//!
//! | file | holds |
//! |---|---|
//! | `runtime.rs` | [`Runtime`]: what capi does for us: exports, the module's record, calls into it |
//! | `list.rs` | [`Module`], the list of all, states, users |
//! | `load.rs` | [`load`]: check, place, parameters, init |
//! | `place.rs` | into memory: resolve, relocate, seal |
//! | `lines.rs` | source lines for reports |
//! | `unload.rs` | [`unload`] |
//! | `signature.rs` | whose signatures are trusted, and who must be signed |
//! | `sysfs.rs` | /sys/module/M |
//! | `taint.rs` | [`Taints`]: what a module tells of the kernel |
//! | `names.rs` | symbols of modules for kallsyms and reports; [`show_modules`] for /proc/modules |
//!
//! Called by `syscall` (init_module, finit_module, delete_module) and by capi; calls `kmod`, `pkcs7`,
//! `kmem::modspace`. It has no `unsafe`: whoever calls into a module or reads its memory is capi.
//!
//! Lock order: a module's area is a sleeping lock, held over no call into a module; the list's spinning lock is a leaf.
//!
//! Specification: init_module(2), delete_module(2), proc(5) on /proc/modules; the order of steps and which failure says
//! what follow Linux 6.1.
#![cfg(target_os = "none")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod lines;
mod list;
mod load;
mod names;
mod place;
mod runtime;
mod signature;
mod sysfs;
mod taint;
mod unload;

pub use list::{Export, Facts, Loaded, Module, State, Visit, all, find, is_alone, quarantine};
pub use load::{Flags, VERMAGIC, load};
pub use names::{ModuleSymbols, by_object, by_record, owner_of, show_modules};
pub use runtime::{Record, Runtime, set_runtime};
pub use signature::{enforce as enforce_signatures, trust as trust_signatures_of};
pub use taint::Taints;
pub use unload::unload;

/// Shows in sysfs what holds for all modules. ENOMEM.
pub fn init() -> abi::Result<()> {
    signature::show()
}
