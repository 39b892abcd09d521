//! The kernel itself: version, command line, devices, symbols, links to the reader.
use crate::node::Decimal;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::fmt::Write;
use cred::Cred;
use kmem::TryVec;
use pid::PidNs;
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
    block::for_each_blkdev(|major, name| {
        let _ = writeln!(out, "{major:>3} {name}");
    });
    Ok(())
}

/// /proc/partitions: disks that are not empty, in units of 1024 bytes.
pub(crate) fn partitions(_: &(), out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(out, "major minor  #blocks  name\n");
    block::for_each_disk(|disk| {
        if disk.size() > 0 {
            let (major, minor) = (vfs::major(disk.rdev()), vfs::minor(disk.rdev()));
            let (blocks, name) = (disk.size() / 1024, disk.name());
            let _ = writeln!(out, "{major:>4}  {minor:>7} {blocks:>10} {name}");
        }
    });
    Ok(())
}

/// /proc/diskstats.
pub(crate) fn diskstats(_: &(), out: &mut SeqBuf) -> Result<()> {
    block::for_each_disk(|disk| {
        let (major, minor) = (vfs::major(disk.rdev()), vfs::minor(disk.rdev()));
        let _ = write!(out, "{major:>4} {minor:>7} {}", disk.name());
        for number in disk.stats() {
            let _ = write!(out, " {number}");
        }
        let _ = writeln!(out);
    });
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
pub(crate) fn mounts(_: &PidNs, _: &Cred) -> Result<Link> {
    body(&[b"self/mounts"])
}

/// /proc/net → self/net.
pub(crate) fn net(_: &PidNs, _: &Cred) -> Result<Link> {
    body(&[b"self/net"])
}

/// The reader's numbers in `ns`. `ENOENT`: it has none there.
fn reader(ns: &PidNs) -> Result<(Decimal, Decimal)> {
    let task = task::task::current().ok_or(Errno::ENOENT)?;
    let (pid, tid) = (task.process().nr_in(ns), task.tid_in(ns));
    if pid == 0 {
        return Err(Errno::ENOENT);
    }
    Ok((Decimal::new(pid as u64), Decimal::new(tid as u64)))
}

/// /proc/self → the reader's number.
pub(crate) fn self_link(ns: &PidNs, _: &Cred) -> Result<Link> {
    body(&[reader(ns)?.0.as_bytes()])
}

/// /proc/thread-self → PID/task/TID.
pub(crate) fn thread_self_link(ns: &PidNs, _: &Cred) -> Result<Link> {
    let (pid, tid) = reader(ns)?;
    body(&[pid.as_bytes(), b"/task/", tid.as_bytes()])
}

/// /proc/consoles: who shows kernel messages; `C` marks the one that is /dev/console.
pub(crate) fn consoles(_: &(), out: &mut SeqBuf) -> Result<()> {
    let preferred = tty::console().map(|tty| tty.device_number());
    trace::console::for_each(|console| {
        let index = console
            .name()
            .strip_prefix("ttyS")
            .and_then(|n| n.parse().ok());
        let Some(device) = index.map(tty::serial_device) else {
            return;
        };
        let c = if preferred == Some(device) { 'C' } else { ' ' };
        let _ = writeln!(
            out,
            "{:<20} -W- (E{c} p a) {:>4}:{}",
            console.name(),
            vfs::major(device),
            vfs::minor(device)
        );
    });
    Ok(())
}

/// /proc/tty/drivers.
pub(crate) fn tty_drivers(_: &(), out: &mut SeqBuf) -> Result<()> {
    let slaves = vfs::makedev(tty::pty::SLAVE_MAJOR, 0);
    for (name, node, device, minors, kind) in [
        (
            "/dev/tty",
            "/dev/tty",
            vfs::makedev(5, 0),
            None,
            "system:/dev/tty",
        ),
        (
            "/dev/console",
            "/dev/console",
            vfs::makedev(5, 1),
            None,
            "system:console",
        ),
        ("/dev/ptmx", "/dev/ptmx", vfs::makedev(5, 2), None, "system"),
        (
            "serial",
            "/dev/ttyS",
            tty::serial_device(0),
            Some(32),
            "serial",
        ),
        (
            "pty_slave",
            "/dev/pts",
            slaves,
            Some(tty::pty::MAX as u32),
            "pty:slave",
        ),
    ] {
        let (major, minor) = (vfs::major(device), vfs::minor(device));
        let _ = write!(out, "{name:<20} {node:<13} {major:>3} ");
        let _ = match minors {
            Some(count) => write!(out, "{minor}-{}", minor + count - 1),
            None => write!(out, "{minor:>7}"),
        };
        let _ = writeln!(out, " {kind}");
    }
    Ok(())
}

/// /proc/kallsyms: addresses are for those with `CAP_SYSLOG`.
pub(crate) fn kallsyms(_: &(), out: &mut SeqBuf) -> Result<()> {
    let cred = task::task::current().and_then(|task| task.cred().ok());
    let shown = cred.is_some_and(|cred| cred.capable(cred::cap::SYSLOG));
    trace::symbols::for_each(&mut |address, letter, name, module| {
        let address = if shown { address } else { 0 };
        let _ = write!(out, "{address:016x} {} {name}", char::from(letter));
        let _ = match module {
            Some(module) => writeln!(out, "\t[{module}]"),
            None => writeln!(out),
        };
    });
    Ok(())
}
