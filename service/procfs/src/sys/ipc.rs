//! /proc/sys/kernel: limits of the System V objects in the namespace of whoever reads or writes.
use crate::node::parse_number;
use abi::{Errno, Result};
use core::fmt::Write;
use sysvipc::settings::{self, Kind, Number};
use vfs::SeqBuf;

fn show(out: &mut SeqBuf, which: Number) -> Result<()> {
    let _ = writeln!(out, "{}", settings::number(which)?);
    Ok(())
}

fn store(text: &[u8], which: Number) -> Result<()> {
    let text = text.trim_ascii();
    let digits = core::str::from_utf8(text).map_err(|_| Errno::EINVAL)?;
    let value = digits.parse().map_err(|_| Errno::EINVAL)?;
    settings::set_number(which, value)
}

fn show_next(out: &mut SeqBuf, kind: Kind) -> Result<()> {
    let _ = writeln!(out, "{}", settings::next_id(kind)?);
    Ok(())
}

fn store_next(text: &[u8], kind: Kind) -> Result<()> {
    let id = i32::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
    settings::set_next_id(kind, id)
}

/// The two functions of a limit.
macro_rules! limit {
    ($show:ident, $store:ident, $which:ident) => {
        pub(super) fn $show(_: &(), out: &mut SeqBuf) -> Result<()> {
            show(out, Number::$which)
        }
        pub(super) fn $store(_: &(), text: &[u8]) -> Result<()> {
            store(text, Number::$which)
        }
    };
}

limit!(shm_max, set_shm_max, ShmMax);
limit!(shm_all, set_shm_all, ShmAll);
limit!(shm_most, set_shm_most, ShmMost);
limit!(forced, set_forced, ShmRmidForced);
limit!(msg_max, set_msg_max, MsgMax);
limit!(msg_bytes, set_msg_bytes, MsgBytes);
limit!(msg_most, set_msg_most, MsgMost);

pub(super) fn shm_next(_: &(), out: &mut SeqBuf) -> Result<()> {
    show_next(out, Kind::Shm)
}
pub(super) fn set_shm_next(_: &(), text: &[u8]) -> Result<()> {
    store_next(text, Kind::Shm)
}
pub(super) fn sem_next(_: &(), out: &mut SeqBuf) -> Result<()> {
    show_next(out, Kind::Sem)
}
pub(super) fn set_sem_next(_: &(), text: &[u8]) -> Result<()> {
    store_next(text, Kind::Sem)
}

pub(super) fn msg_next(_: &(), out: &mut SeqBuf) -> Result<()> {
    show_next(out, Kind::Msg)
}
pub(super) fn set_msg_next(_: &(), text: &[u8]) -> Result<()> {
    store_next(text, Kind::Msg)
}

pub(super) fn semaphores(_: &(), out: &mut SeqBuf) -> Result<()> {
    let [of_set, all, operations, sets] = settings::semaphores()?;
    let _ = writeln!(out, "{of_set}\t{all}\t{operations}\t{sets}");
    Ok(())
}
/// Up to four numbers, in that order.
pub(super) fn set_semaphores(_: &(), text: &[u8]) -> Result<()> {
    let mut values = [0; 4];
    let mut count = 0;
    let words = text.split(u8::is_ascii_whitespace);
    for word in words.filter(|word| !word.is_empty()).take(4) {
        let value = i32::try_from(parse_number(word)?).map_err(|_| Errno::EINVAL)?;
        values[count] = u32::try_from(value).map_err(|_| Errno::EINVAL)?;
        count += 1;
    }
    settings::set_semaphores(&values[..count])
}
