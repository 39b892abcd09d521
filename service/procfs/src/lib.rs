//! procfs: live state in the formats of Linux 6.1.
//!
//! | module | what it has |
//! |---|---|
//! | `node` | directories, generated text, links: what all of the tree is made of |
//! | `extra` | what others add: [`create`], [`remove`], [`add_text`] |
//! | `table` | directories whose entries stand in a table |
//! | `root` | the top directory: the files of `system`, processes by number |
//! | `system/*` | files about the whole machine: memory, CPUs, interrupts, slabs |
//! | `process/*` | /proc/PID and /proc/PID/task/TID |
//! | `sys`, `ipc` | /proc/sys: what can be read and set; limits of System V objects there |
//!
//! Every number is looked up when the file is read; a file that would be empty or made up does not exist. Nothing but
//! the mount itself is kept: entries are made by each walk (`Caching::Never`), so a process' end leaves nothing behind.
//!
//! Called by the VFS. Calls the accessors of every crate below. Lock order: none of its own; it takes one lock of
//! another crate at a time. Specification: proc(5), Documentation/filesystems/proc.rst.
#![cfg(target_os = "none")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod extra;
mod filelocks;
mod node;
mod process;
mod root;
mod sys;
mod system;
mod table;

pub use extra::{Content, Entry, Opener, add_text, create, lookup, remove};

use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use cred::{Cred, cap};
use pid::PidNs;
use vfs::{Dentry, FileSystemType, MountFlags, SuperBlock, SuperOps};

/// What statfs(2) calls a procfs.
const PROC_SUPER_MAGIC: u64 = 0x9fa0;

struct ProcFs;
/// What a mount shows: the processes of one namespace, by the numbers there.
struct ProcSuper(PidNs);
impl SuperOps for ProcSuper {}

/// Whose numbers a procfs shows.
pub(crate) fn pids(sb: &SuperBlock) -> &PidNs {
    const FIRST: &PidNs = &PidNs::FIRST;
    sb.ops_as::<ProcSuper>().map_or(FIRST, |ops| &ops.0)
}

impl FileSystemType for ProcFs {
    fn name(&self) -> &'static str {
        "proc"
    }

    fn mount(&self, _source: &[u8], _data: &[u8]) -> Result<Arc<SuperBlock>> {
        let ns = task::numbers::own_pids();
        let owner = ns.owner()?;
        let ops = kmem::try_box(ProcSuper(ns))? as Box<dyn SuperOps>;
        let sb = SuperBlock::new("proc", PROC_SUPER_MAGIC, i64::MAX as u64, ops)?;
        let root = root::make(&sb)?;
        sb.set_root(Dentry::new_root(root)?);
        sb.set_owner(owner);
        Ok(sb)
    }

    /// As Linux has it, who is no root of the machine may show the processes of a namespace of their own, where they see all of
    /// a procfs already: what was covered there would come to light again.
    fn mount_for(&self, source: &[u8], data: &[u8], cred: &Cred) -> Result<Arc<SuperBlock>> {
        let ns = task::numbers::own_pids();
        if !cred.ns_capable(&ns.owner()?, cap::SYS_ADMIN)
            || !(cred.capable(cap::SYS_ADMIN) || sees_all()?)
        {
            return Err(Errno::EPERM);
        }
        self.mount(source, data)
    }
}

/// Whether the caller has a procfs mounted, all of it, writable, with nothing mounted on it. `ENOMEM`.
fn sees_all() -> Result<bool> {
    let Some(ns) = task::current().and_then(|task| task.ns()) else {
        return Ok(false);
    };
    let mounts = ns.mnt().mounts()?;
    let covered = |id: u64| {
        let mut others = mounts.iter();
        others.any(|other| {
            other
                .place()
                .is_some_and(|place| place.mnt.id() as u64 == id)
        })
    };
    Ok(mounts.iter().any(|mount| {
        mount.sb().kind() == "proc"
            && mount.root().is_root()
            && !mount.flags().contains(MountFlags::RDONLY)
            && !covered(mount.id() as u64)
    }))
}

/// Makes "proc" a file system that can be mounted. `cmdline` is the kernel's own.
///
/// # Errors
/// `EBUSY`: registered already; `ENOMEM`.
pub fn init(cmdline: &'static str) -> Result<()> {
    let _ = system::CMDLINE.set(cmdline);
    vfs::register_filesystem(&ProcFs)
}
