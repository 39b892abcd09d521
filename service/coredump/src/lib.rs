//! Core images: what a process leaves that a signal ends (core(5)).
//!
//! | file | holds |
//! |---|---|
//! | `name.rs` | what the file is called, or who reads the image: `core_pattern` |
//! | `areas.rs` | which memory goes into it: `coredump_filter` |
//! | `notes.rs` | what is told of threads, signal, program and files |
//! | `image.rs` | the image itself |
//! | `output.rs` | the file, or the pipe to a program |
//!
//! The file is an ELF file of type `ET_CORE`: a header, program headers, the notes (`PT_NOTE`), then the memory, one `PT_LOAD`
//! for each area of `/proc/PID/maps`. Pages without content are holes of the file.
//!
//! Called by `task` for the thread that took the signal, when all others have ended (`task::coredump`); calls `vfs`, `mm`. It
//! holds no lock.
//!
//! Specification: core(5), elf(5); Linux' `fs/binfmt_elf.c` for what each note holds, `Documentation/filesystems/proc.rst` on
//! `coredump_filter`, `Documentation/admin-guide/sysctl/kernel.rst` on `core_pattern`.
#![cfg(target_os = "none")]
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod areas;
mod image;
mod name;
mod notes;
mod output;

/// Makes images from now on.
pub fn init() {
    task::coredump::set_dumper(image::dump);
}
