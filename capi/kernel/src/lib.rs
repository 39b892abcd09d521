//! What a kernel module in Rust is written against: the face of Rust for Linux on the exported C interface.
//!
//! It is no part of the kernel. Kbuild compiles it with the module, so that nothing but the symbols that C modules use
//! too stands between the two; the headers in `include/linux` say what they mean, and [`bindings`] says it again in Rust.
//!
//! | file | holds |
//! |---|---|
//! | `module.rs`, `declare.rs`, `glue.rs` | [`Module`], parameters; `module!`; the entry points and sections of a .ko |
//! | `bindings.rs` | the C functions and structures that are used here |
//! | `error.rs`, `prelude.rs`, `print.rs` | errno values, names that every module wants, messages |
//! | `alloc.rs` | [`alloc::KBox`], [`alloc::KVec`]: memory of the kernel, allocated with flags, and never without an answer |
//! | `sync/` | [`sync::Mutex`], [`sync::SpinLock`], [`sync::Arc`] |
//! | `uaccess.rs`, `fs.rs` | user memory, open files |
//! | `miscdevice.rs`, `procfs.rs` | devices in /dev, files in /proc |
//! | `workqueue.rs`, `time.rs`, `task.rs` | work for later, sleeping and the clock, who runs |
//!
//! A module forbids unsafe code; what it can reach of this crate is sound. A panic in it is a `BUG`: the call into the
//! module ends with an error and the module goes into quarantine. Values that such a call owned are not dropped; the
//! kernel takes back what the module had from it.
//!
//! Specification: the documents of Rust for Linux (rust.docs.kernel.org) where it has the same thing, `include/linux`
//! for what is beneath. Where it differs: locks can be moved while nobody holds them, so nothing needs `pin_init`, and
//! `#[vtable]` is not needed either.
#![cfg(target_os = "none")]
#![no_std]

pub mod alloc;
#[doc(hidden)]
pub mod bindings;
mod declare;
pub mod error;
pub mod fs;
#[doc(hidden)]
pub mod glue;
pub mod miscdevice;
mod module;
pub mod prelude;
#[doc(hidden)]
pub mod print;
pub mod procfs;
pub mod sync;
pub mod task;
pub mod time;
pub mod uaccess;
pub mod workqueue;

#[doc(hidden)]
pub use module::{Info, Record};
pub use module::{Module, ModuleParam, Parameter, ThisModule};
