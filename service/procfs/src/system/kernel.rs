//! The kernel itself: version, command line, devices, symbols, links to the reader.
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::fmt::Write;
use cred::Cred;
use kmem::TryVec;
use vfs::{Link, SeqBuf};

/// /proc/version.
pub(crate) fn version(_: &(), out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(
        out,
        "Linux version {} (gaon@localhost) (rustc, stable) {}",
        abi::RELEASE,
        task::uts::VERSION
    );
    Ok(())
}

/// /proc/cmdline.
pub(crate) fn cmdline(_: &(), out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(out, "{}", super::CMDLINE.get().unwrap_or(&""));
    Ok(())
}

/// /proc/devices.
pub(crate) fn devices(_: &(), out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(out, "Character devices:");
    vfs::for_each_chrdev(|major, name| {
        let _ = writeln!(out, "{major:>3} {name}");
    });
    let _ = writeln!(out, "\nBlock devices:");
    Ok(())
}

/// /proc/filesystems.
pub(crate) fn filesystems(_: &(), out: &mut SeqBuf) -> Result<()> {
    vfs::for_each_filesystem(|fs| {
        let _ = writeln!(
            out,
            "{}\t{}",
            if fs.needs_device() { "" } else { "nodev" },
            fs.name()
        );
    });
    Ok(())
}

fn body(text: &[&[u8]]) -> Result<Link> {
    let mut path = Vec::new();
    for part in text {
        path.try_extend(part)?;
    }
    Ok(Link::Body(kmem::try_arc(path)?))
}

/// /proc/mounts → self/mounts.
pub(crate) fn mounts(_: &(), _: &Cred) -> Result<Link> {
    body(&[b"self/mounts"])
}

/// /proc/self → the reader's number.
pub(crate) fn self_link(_: &(), _: &Cred) -> Result<Link> {
    let task = task::task::current().ok_or(Errno::ENOENT)?;
    body(&[crate::node::Decimal::new(task.tgid() as u64).as_bytes()])
}

/// /proc/thread-self → PID/task/TID.
pub(crate) fn thread_self_link(_: &(), _: &Cred) -> Result<Link> {
    let task = task::task::current().ok_or(Errno::ENOENT)?;
    let (pid, tid) = (
        crate::node::Decimal::new(task.tgid() as u64),
        crate::node::Decimal::new(task.tid() as u64),
    );
    body(&[pid.as_bytes(), b"/task/", tid.as_bytes()])
}
