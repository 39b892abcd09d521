//! Files, dentries, mounts, path walks.
//!
//! | module | holds |
//! |---|---|
//! | `types` | flags, attributes, [`Kstat`] |
//! | `objects` | what the following are made of, and the traits of file systems: [`InodeOps`], [`FileOps`], [`SuperOps`] |
//! | `inode`, `dentry`, `superblock`, `mount`, `mountns`, `path` | [`Inode`]; [`Dentry`]; [`SuperBlock`] and [`FileSystemType`]; [`Mount`]; [`MountNs`]; [`Path`] and [`FsStruct`] |
//! | `mounttree`, `propagation`, `spread`, `unmount` | copies of mounts; peers and slaves; how mounts reach them; umount(2) |
//! | `namei` | path walks: [`lookup`] |
//! | `open`, `entry`, `names`, `fresh`, `attr` | what calls do with paths: open, mkdir, rename …, what is new, chmod … |
//! | `file`, `transfer`, `seek`, `regular`, `readdir`, `poll`, `owner` | [`File`]; files over the page cache; [`PollTable`] |
//! | `fdslots`, `fdtable` | [`Files`], [`FdTable`] |
//! | `locklist`, `locks` | flock(2) and record locks |
//! | `notify`, `marks`, `watcher`, `happening`, `groups`, `dnotify`, `limits` | who watches files: inotify(7), fanotify(7), `F_NOTIFY`; how many events wait |
//! | `handle` | names of files that outlast their path: open_by_handle_at(2) |
//! | `chrdev`, `special`, `anon` | devices by number, who opens FIFOs and block devices, files without a place |
//! | `xattrs`, `xattr`, `acl` | extended attributes: where they are kept, who may; access lists |
//! | `seqfile` | generated text |
//! | `cost` | what calls by a file have cost: [`Cost`] |
//!
//! It takes credentials and [`FsStruct`] as arguments and never asks for a current task. Called by `device`, `task`,
//! every file system and `syscall`; calls `cred`, `pid`, `pagecache`, `kmem`, `sync`.
//!
//! # Lock order
//! ```text
//! SuperBlock.rename → File.pos → Inode.lock (directory, parent before child) → Inode.lock (file) → changes of mounts
//!   → page faults (mm) → spinlocks: FdTable, FsStruct, SuperBlock.root, Mount.children, Mount.place, Dentry.children,
//!   Dentry.place, locks of files, Inode.times, access lists, page cache
//! ```
//! No spinlock is held over a call into a file system; nothing large is dropped under one.
//!
//! # Specification
//! path_resolution(7), acl(5), open(2), mount(2), mount_namespaces(7), rename(2), fcntl(2), inode(7), credentials(7), capabilities(7).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod acl;
pub mod aio;
mod anon;
mod attr;
mod chrdev;
mod clock;
mod cost;
mod count;
mod deadlock;
mod dentry;
mod dnotify;
mod entry;
mod fdslots;
mod fdtable;
mod file;
mod fresh;
mod groups;
mod handle;
mod happening;
mod inode;
mod limits;
mod locklist;
mod locks;
mod marks;
mod missing;
mod mount;
mod mountns;
mod mounttree;
mod name;
mod namei;
mod names;
pub mod notify;
mod objects;
mod open;
mod owner;
mod path;
mod poll;
mod propagation;
mod readdir;
mod regular;
mod seals;
mod seek;
mod seqfile;
mod special;
mod spread;
mod superblock;
mod transfer;
mod types;
mod unmount;
mod watcher;
mod xattr;
mod xattrs;

pub use anon::{Hidden, new_anon_file, new_anon_inode, shared_anon_inode};
pub use attr::{
    access, chmod, chown, copy_between, ftruncate, read_link, set_times, statfs, truncate,
};
pub use chrdev::{
    CharDev, MAJORS, MINORS, add_chrdev, for_each_chrdev, register_chrdev, release_chrdev,
    remove_chrdev, reserve_chrdev,
};
pub use cost::{Cost, CostCounters};
pub use count::{max_files, open_files, set_max_files};
pub use dnotify::{enable_dir_notify, is_dir_notify_enabled, notify_dir};
pub use entry::{check_entry_name, open_entry};
pub use fdslots::OnExec;
pub use fdtable::{FdTable, FileRef, Files, NR_OPEN, Reached, Reservation};
pub use handle::{Handle, find_handle};
pub use locklist::{FileLock, LockKind, LockOwner};
pub use locks::{
    LockWait, find_conflict, flock, lock_file, locks_on, ofd_owner, owner_of, unlock_file,
};
pub use missing::{LoadModule, set_module_loader};
pub use mount::{MountFlags, remount};
pub use mountns::{
    Spread, bind, max_mounts, mount_on, move_mount, pivot_root, set_max_mounts, set_propagation,
};
pub use name::Name;
pub use namei::{WalkCtx, chroot, lookup, lookup_dir};
pub use names::{Make, link, make, make_there, rename, rmdir, unlink};
pub use objects::{
    Dentry, File, FileOps, FileOpsRef, Inode, InodeExtra, InodeOps, Link, MakeEntry, Mount,
    MountNs, OpenArgs, Path, RenameTarget, SuperBlock, SuperOps,
};
pub use open::{OpenHow, open, open_exec, open_found, open_path, open_place, open_with};
pub use owner::{FileOwner, OwnerKind};
pub use pagecache::{MapAccess, MapObject, MapToken, MapUser, PageCache, PageSource, Unmapped};
pub use path::FsStruct;
pub use poll::{PollEvents, PollSink, PollTable};
pub use propagation::Propagation;
pub use readdir::{AFTER_DOTS, DirEntry, DirSink, Sink};
pub use regular::{REGULAR, RegularFile};
pub use seek::emit_dots;
pub use seqfile::{Positions, SeqBuf, SeqFile, SeqShow};
pub use special::{BlockOpener, FifoOpener, register_block, register_fifo};
pub use superblock::{FileSystemType, find_filesystem, for_each_filesystem, register_filesystem};
pub use transfer::WriteError;
pub use types::{
    Access, Caching, FileMode, FileType, Io, Kstat, LookupFlags, NewInode, NewNode, OpenFlags,
    PERM_MASK, RenameFlags, SetAttr, SetTime, StatFs, Times, major, makedev, minor, now,
};
pub use unmount::{Unmount, unmount};
pub use xattr::{get_xattr, list_xattrs, remove_xattr, set_xattr};
pub use xattrs::SetXattr;

/// Writes bytes that may not be UTF-8 into text: what is not is shown as `?`.
pub fn write_bytes(out: &mut dyn core::fmt::Write, bytes: &[u8]) -> core::fmt::Result {
    for chunk in bytes.utf8_chunks() {
        out.write_str(chunk.valid())?;
        for _ in chunk.invalid() {
            out.write_char('?')?;
        }
    }
    Ok(())
}
