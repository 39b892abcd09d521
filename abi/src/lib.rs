//! Linux' binary interface on x86-64: errors, call numbers, structures and flags. No logic lives here.
//!
//! Everything above stands on this crate, so that one [`Errno`] serves the whole kernel. Numbers and layouts come
//! from `linux-raw-sys` (generated from Linux' own headers) as [`raw`], [`ioctl`], [`auxvec`], [`prctl`],
//! [`net`], [`netlink`], [`ptrace`] (and seccomp) and [`system`]; what that crate lacks stands in modules here, its layout asserted where it is defined.
#![no_std]
#![forbid(unsafe_code)]

pub mod calls;
mod errno;
pub mod fan;
pub mod ipc;
pub mod pod;
pub mod process;
pub mod timex;

pub use errno::{Errno, Result};
pub use linux_raw_sys::{auxvec, elf, general as raw, ioctl, net, netlink, prctl, ptrace, system};
pub use zerocopy;

/// Size of a page in bytes; `AT_PAGESZ`.
pub const PAGE_SIZE: usize = 4096;
/// log2 of [`PAGE_SIZE`].
pub const PAGE_SHIFT: u32 = 12;
/// One past the last user address: 47 bits less one guard page, as `TASK_SIZE_MAX` of Linux.
pub const USER_END: usize = 0x7fff_ffff_f000;
/// Longest path name with its terminating NUL; `PATH_MAX`.
pub const PATH_MAX: usize = 4096;
/// Longest name of one path component; `NAME_MAX`.
pub const NAME_MAX: usize = 255;
/// Most bytes one read or write transfers: `MAX_RW_COUNT`, `INT_MAX` rounded down to a page.
pub const MAX_RW_COUNT: usize = 0x7fff_f000;
/// What `uname -r` says: the 6.1 LTS interface is the reference.
pub const RELEASE: &str = "6.1.0-gaon";
