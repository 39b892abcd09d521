//! mounts and mountinfo.
use super::Who;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt::Write;
use core::sync::atomic::{AtomicU64, Ordering};
use cred::Cred;
use kmem::user::UserBuf;
use task::Namespaces;
use vfs::{
    File, FileOps, FileOpsRef, Io, Mount, MountFlags, Path, PollEvents, PollTable, SeqBuf, SeqFile,
    SeqShow, major, minor,
};

/// Blanks and what else would break a line are written in octal.
const ESCAPE: &[u8] = b" \t\n\\#";

/// An open file about the mounts of a namespace, which it keeps: poll(2) tells of each change once (proc(5)).
struct Watched<S> {
    text: SeqFile<S>,
    set: Arc<Namespaces>,
    seen: AtomicU64,
}

impl<S: SeqShow> FileOps for Watched<S> {
    fn splices(&self) -> (bool, bool) {
        self.text.splices()
    }
    fn read(&self, file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        self.text.read(file, buf, io)
    }
    fn write(&self, file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        self.text.write(file, buf, io)
    }
    fn can_write_at(&self) -> bool {
        self.text.can_write_at()
    }
    fn seek(&self, file: &File, offset: i64, whence: u32) -> Result<u64> {
        self.text.seek(file, offset, whence)
    }
    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        let ns = self.set.mnt();
        table.wait(ns.changes());
        let now = ns.event();
        if self.seen.swap(now, Ordering::Relaxed) == now {
            PollEvents::READABLE
        } else {
            PollEvents::READABLE | PollEvents::ERR | PollEvents::PRI
        }
    }
    fn can_poll(&self) -> bool {
        true
    }
}

fn open(who: &Who, show: fn(&Who, &mut SeqBuf) -> Result<()>) -> Result<FileOpsRef> {
    let set = who.task.ns().ok_or(Errno::EINVAL)?;
    let who = who.clone();
    let file = Watched {
        text: SeqFile::new(move |out: &mut SeqBuf| show(&who, out)),
        seen: AtomicU64::new(set.mnt().event()),
        set,
    };
    Ok(FileOpsRef::own(kmem::try_arc(file)?))
}

/// EINVAL: the process has ended.
pub(super) fn open_mounts(who: &Who, _by: &Cred) -> Result<FileOpsRef> {
    open(who, mounts)
}

/// EINVAL: the process has ended.
pub(super) fn open_mountinfo(who: &Who, _by: &Cred) -> Result<FileOpsRef> {
    open(who, mountinfo)
}

/// Calls `f` for every mount that the process can see, with its place as the process names it.
fn each(who: &Who, mut f: impl FnMut(&Arc<Mount>, &[u8], &Path)) -> Result<()> {
    let fs = who.task.fs().ok_or(Errno::EINVAL)?;
    let root = fs.root();
    let ns = who.task.ns().ok_or(Errno::EINVAL)?;
    for mount in ns.mnt().mounts()? {
        // From its root: where it stands may lie beyond the process's own root.
        let at = mount.root_path().to_bytes_from(Some(&root))?;
        if !at.starts_with(b"(unreachable)") {
            f(&mount, &at, &root);
        }
    }
    Ok(())
}

fn options(mount: &Mount, read_only: bool, out: &mut SeqBuf) {
    let flags = mount.flags();
    out.push_bytes(if read_only { b"ro" } else { b"rw" });
    for (flag, name) in [
        (MountFlags::NOSUID, ",nosuid"),
        (MountFlags::NODEV, ",nodev"),
        (MountFlags::NOEXEC, ",noexec"),
        (MountFlags::NOATIME, ",noatime"),
        (MountFlags::NODIRATIME, ",nodiratime"),
        (MountFlags::RELATIME, ",relatime"),
        (MountFlags::NOSYMFOLLOW, ",nosymfollow"),
    ] {
        if flags.contains(flag) {
            out.push_bytes(name.as_bytes());
        }
    }
}

/// As fstab(5) has it.
fn mounts(who: &Who, out: &mut SeqBuf) -> Result<()> {
    each(who, |mount, at, _| {
        out.push_escaped(mount.source(), ESCAPE);
        out.push_bytes(b" ");
        out.push_escaped(at, ESCAPE);
        let _ = write!(out, " {} ", mount.sb().kind());
        options(mount, mount.require_write().is_err(), out);
        let _ = mount.sb().ops().show_options(out);
        out.push_bytes(b" 0 0\n");
    })
}

/// With numbers and parents.
fn mountinfo(who: &Who, out: &mut SeqBuf) -> Result<()> {
    each(who, |mount, at, seen_from| {
        let parent = mount.place().map_or(mount.id(), |p| p.mnt.id());
        let dev = mount.sb().dev();
        let _ = write!(
            out,
            "{} {parent} {}:{} ",
            mount.id(),
            major(dev),
            minor(dev)
        );
        let root = Path {
            mnt: mount.clone(),
            dentry: mount.root().clone(),
        };
        let _ = write_root(&root, out);
        out.push_bytes(b" ");
        out.push_escaped(at, ESCAPE);
        out.push_bytes(b" ");
        options(mount, mount.flags().contains(MountFlags::RDONLY), out);
        propagation(mount, seen_from, out);
        let _ = write!(out, " - {} ", mount.sb().kind());
        out.push_escaped(mount.source(), ESCAPE);
        out.push_bytes(if mount.sb().is_read_only() {
            b" ro"
        } else {
            b" rw"
        });
        let _ = mount.sb().ops().show_options(out);
        out.push_bytes(b"\n");
    })
}

/// Its peer groups, by number.
fn propagation(mount: &Mount, root: &Path, out: &mut SeqBuf) {
    let said = mount.propagation(root).unwrap_or_default();
    for (name, number) in [
        ("shared", said.shared),
        ("master", said.master),
        ("propagate_from", said.from),
    ] {
        if let Some(number) = number {
            let _ = write!(out, " {name}:{number}");
        }
    }
    if said.unbindable {
        out.push_bytes(b" unbindable");
    }
}

/// What part of its file system a mount shows: names from its root up to the file system's.
fn write_root(root: &Path, out: &mut SeqBuf) -> Result<()> {
    let mut chain = alloc::vec::Vec::new();
    let mut at = root.dentry.clone();
    while let Some(parent) = at.parent().filter(|_| !at.is_root()) {
        kmem::TryVec::try_push(&mut chain, at.name()?)?;
        at = parent;
    }
    if chain.is_empty() {
        out.push_bytes(b"/");
    }
    for name in chain.iter().rev() {
        out.push_bytes(b"/");
        out.push_escaped(name, ESCAPE);
    }
    Ok(())
}
