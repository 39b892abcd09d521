//! /proc/sys/kernel/ns_last_pid: the number of a process given out last, and so where the next is looked for
//! (pid_namespaces(7)).
use crate::node::parse_number;
use abi::{Errno, Result};
use core::fmt::Write;
use cred::cap;
use vfs::SeqBuf;

pub(super) fn last(_: &(), out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(out, "{}", task::numbers::own_pids().last());
    Ok(())
}

/// EPERM: neither `CAP_CHECKPOINT_RESTORE` nor `CAP_SYS_ADMIN`; EINVAL: no number of a process.
pub(super) fn set_last(_: &(), text: &[u8]) -> Result<()> {
    let pids = task::numbers::own_pids();
    let cred = task::current().ok_or(Errno::ESRCH)?.cred()?;
    let owner = pids.owner()?;
    let may = |capability| cred.ns_capable(&owner, capability);
    if !may(cap::CHECKPOINT_RESTORE) && !may(cap::SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    let nr = i32::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
    pids.set_last(nr)
}
