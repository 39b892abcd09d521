//! /proc/sys/fs/mqueue: the limits on message queues as the reader or writer itself has them.
use crate::node::parse_number;
use abi::{Errno, Result};
use core::fmt::Write;
use mqueue::{Knob, Limits};
use vfs::SeqBuf;

/// Calls `f` with the limits of the caller's namespace. ESRCH: it is no task.
fn own<R>(f: impl FnOnce(&Limits) -> Result<R>) -> Result<R> {
    let set = task::current().and_then(|me| me.ns()).ok_or(Errno::ESRCH)?;
    f(mqueue::of(&set)?.limits())
}

pub(super) fn show(out: &mut SeqBuf, knob: Knob) -> Result<()> {
    let _ = writeln!(out, "{}", own(|limits| Ok(limits.get(knob)))?);
    Ok(())
}

pub(super) fn set(knob: Knob, text: &[u8]) -> Result<()> {
    let value = parse_number(text)?;
    own(|limits| limits.set(knob, value))
}
