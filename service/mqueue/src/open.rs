//! mq_open(2) and mq_unlink(2): by name in the caller's set of queues.
use crate::attr::Attr;
use crate::fs::make;
use crate::ns;
use abi::Result;
use alloc::sync::Arc;
use task::Cx;
use vfs::{File, OpenFlags, WalkCtx};

/// What of the flags an open queue keeps or needs to be opened.
const KEPT: OpenFlags = OpenFlags::WRONLY
    .union(OpenFlags::RDWR)
    .union(OpenFlags::CREAT)
    .union(OpenFlags::EXCL)
    .union(OpenFlags::NONBLOCK)
    .union(OpenFlags::APPEND)
    .union(OpenFlags::ASYNC);

/// Opens a queue, or makes one with these attributes or the usual ones.
///
/// # Errors
/// Those of [`vfs::open_entry`]; `EINVAL`, `EOVERFLOW`, `EMFILE`, `ENOSPC`: see `fs::make`.
pub fn open(
    cx: &Cx,
    name: &[u8],
    flags: u32,
    mode: u32,
    attr: Option<Attr>,
) -> Result<Arc<File>> {
    let root = ns::of(&cx.ns)?.mount().root_path();
    let flags = OpenFlags::from_bits_truncate(flags).intersection(KEPT);
    let mode = mode & !cx.fs.umask();
    vfs::open_entry(&root, name, flags, mode, &cx.cred, &mut |dir, dentry, new| {
        make(dir, dentry, new, attr)
    })
}

/// Takes a queue's name away; it lives on while it is open. EACCES: no permission, or no name; EPERM: another user's; ENOENT;
/// ENAMETOOLONG.
pub fn unlink(cx: &Cx, name: &[u8]) -> Result<()> {
    vfs::check_entry_name(name)?;
    let root = ns::of(&cx.ns)?.mount().root_path();
    let ctx = WalkCtx {
        fs: &cx.fs,
        cred: &cx.cred,
        base: Some(&root),
    };
    vfs::unlink(ctx, name)
}
