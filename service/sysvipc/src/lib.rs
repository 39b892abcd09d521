//! System V IPC (sysvipc(7)): shared memory, semaphores, message queues.
//!
//! | module | what it has |
//! |---|---|
//! | `ids`, `table` | ids and their reuse; objects by id and by key |
//! | `perm`, `limits`, `caller`, `who` | who may do what; how much there may be; who calls, and who did last |
//! | `shm` | segments, the areas that map them |
//! | `sem` | sets of semaphores: `set` matches operations, `undo` takes them back |
//! | `msg` | message queues: `queue` matches messages and receivers |
//! | `objects`, [`owned`] | what a namespace has; what a process has: changes to undo, segments it made |
//! | [`calls`] | the system calls |
//! | [`show`], [`settings`] | /proc/sysvipc, /proc/sys/kernel |
//!
//! Everything belongs to an IPC namespace (`task::ipcns`), of which `objects::Objects` is a part, and ends with it; memory that is
//! still attached lives on until it is not.
//!
//! Called by `syscall` and `procfs`; calls `task`, `mm`, `pagecache`, `pid`, `cred`.
//!
//! Locks: each object has one, each table one for its ids and keys; they are never held together, and both are spinning.
//! Looking an object up by its id takes none (RCU). What a call of one object does is done under its lock, a sleeper's part
//! by whoever makes it possible, so that the sleeper finds its result and takes no lock.
//!
//! Specification: the manual pages of the calls, svipc(7), ipc_namespaces(7), proc(5).
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(any(test, target_os = "none"))]
extern crate alloc;
#[cfg(test)]
extern crate std;

/// All that needs the machine; the rest is tested on the host.
macro_rules! machine {
    ($($item:item)*) => { $(#[cfg(target_os = "none")] $item)* };
}

#[cfg(any(test, target_os = "none"))]
mod ids;
#[cfg(any(test, target_os = "none"))]
#[cfg_attr(test, expect(dead_code, reason = "used on the machine"))]
mod msg;
#[cfg(any(test, target_os = "none"))]
#[cfg_attr(test, expect(dead_code, reason = "used on the machine"))]
mod sem;
#[cfg(any(test, target_os = "none"))]
#[cfg_attr(test, expect(dead_code, reason = "used on the machine"))]
mod table;
#[cfg(any(test, target_os = "none"))]
#[cfg_attr(test, expect(dead_code, reason = "used on the machine"))]
mod who;

machine! {
    mod caller;
    pub mod calls;
    mod limits;
    mod objects;
    pub mod owned;
    mod perm;
    pub mod settings;
    mod shm;
    pub mod show;

    /// Makes them a part of every namespace; at boot, before `task::ipcns::init`. `ENFILE`, `ENOMEM`.
    pub fn init() -> abi::Result<()> {
        objects::init()?;
        owned::init()
    }
}
