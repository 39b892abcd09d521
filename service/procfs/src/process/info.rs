//! Small files: cmdline, environ, comm, limits, auxv, OOM scores.
use super::Who;
use crate::node::parse_number;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::fmt::Write;
use core::sync::atomic::Ordering;
use cred::Resource;
use hal::addr::UserAddr;
use kmem::TryVec;
use sync::thread::ThreadOps;
use vfs::SeqBuf;

/// Copies `start..end` of its memory, as far as it is there.
fn memory(who: &Who, start: usize, end: usize, out: &mut SeqBuf) -> Result<()> {
    let mm = who.mm()?;
    let mut page = Vec::try_filled(0u8, abi::PAGE_SIZE)?;
    let mut at = start;
    while at < end {
        let want = (end - at).min(abi::PAGE_SIZE - at % abi::PAGE_SIZE);
        let Ok(got) = mm.read_remote(UserAddr(at), &mut page[..want]) else {
            break;
        };
        out.push_bytes(&page[..got]);
        at += got;
        if got < want {
            break;
        }
    }
    Ok(())
}

/// The arguments, each with a NUL behind it; nothing for a zombie.
pub(crate) fn cmdline(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let Some(mm) = who.task.mm() else {
        return Ok(());
    };
    let layout = mm.layout();
    memory(who, layout.arg_start, layout.arg_end, out)
}

/// The environment it was started with.
pub(crate) fn environ(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let Some(mm) = who.task.mm() else {
        return Ok(());
    };
    let layout = mm.layout();
    memory(who, layout.env_start, layout.env_end, out)
}

/// The auxiliary vector as exec wrote it.
pub(crate) fn auxv(who: &Who, out: &mut SeqBuf) -> Result<()> {
    if let Some(words) = who.task.mm().and_then(|mm| mm.auxv()) {
        let end = words
            .chunks_exact(2)
            .position(|pair| pair[0] == 0)
            .map_or(words.len(), |i| 2 * i + 2);
        words[..end]
            .iter()
            .for_each(|word| out.push_bytes(&word.to_le_bytes()));
    }
    Ok(())
}

/// The name, with a newline.
pub(crate) fn comm(who: &Who, out: &mut SeqBuf) -> Result<()> {
    who.name(out, SeqBuf::push_bytes);
    out.push_bytes(b"\n");
    Ok(())
}

/// A process may rename its own threads only.
pub(crate) fn set_comm(who: &Who, text: &[u8]) -> Result<()> {
    let own = task::task::current().is_some_and(|task| task.tgid() == who.process.nr());
    if !own {
        return Err(Errno::EINVAL);
    }
    who.task.set_comm(text.strip_suffix(b"\n").unwrap_or(text));
    Ok(())
}

/// Badness as the OOM killer counts it, 0 to 2000.
pub(crate) fn oom_score(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(out, "{}", task::oom::badness(&who.process));
    Ok(())
}

/// Which memory goes into a core image.
pub(crate) fn core_filter(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(out, "{:08x}", who.process.core_filter());
    Ok(())
}

/// A number in the notation of C.
pub(crate) fn set_core_filter(who: &Who, text: &[u8]) -> Result<()> {
    let text = core::str::from_utf8(text)
        .map_err(|_| Errno::EINVAL)?
        .trim();
    let (digits, base) = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    let filter = u32::from_str_radix(digits, base).map_err(|_| Errno::EINVAL)?;
    who.process.set_core_filter(filter);
    Ok(())
}

pub(crate) fn oom_score_adj(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(out, "{}", who.process.oom_score_adj());
    Ok(())
}

/// -1000 to 1000; lowering it takes `CAP_SYS_RESOURCE`.
pub(crate) fn set_oom_score_adj(who: &Who, text: &[u8]) -> Result<()> {
    let value = i16::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
    if !(-1000..=1000).contains(&value) {
        return Err(Errno::EINVAL);
    }
    adjust(who, value)
}

fn adjust(who: &Who, value: i16) -> Result<()> {
    let privileged = task::task::current()
        .and_then(|t| t.cred().ok())
        .is_some_and(|c| c.capable(cred::cap::SYS_RESOURCE));
    if value < who.process.oom_score_adj() && !privileged {
        return Err(Errno::EACCES);
    }
    who.process.set_oom_score_adj(value);
    Ok(())
}

/// The same in the old scale, -17 to 15.
pub(crate) fn oom_adj(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let value = match who.process.oom_score_adj() {
        1000 => 15,
        value => i32::from(value) * 17 / 1000,
    };
    let _ = writeln!(out, "{value}");
    Ok(())
}

/// -17 to 15; lowering it takes `CAP_SYS_RESOURCE`.
pub(crate) fn set_oom_adj(who: &Who, text: &[u8]) -> Result<()> {
    let value = parse_number(text)?;
    if !(-17..=15).contains(&value) {
        return Err(Errno::EINVAL);
    }
    adjust(
        who,
        if value == 15 { 1000 } else { value * 1000 / 17 } as i16,
    )
}

/// /proc/PID/limits: name, soft, hard, unit.
pub(crate) fn limits(who: &Who, out: &mut SeqBuf) -> Result<()> {
    const ROWS: [(&str, Resource, &str); 16] = [
        ("Max cpu time", Resource::Cpu, "seconds"),
        ("Max file size", Resource::Fsize, "bytes"),
        ("Max data size", Resource::Data, "bytes"),
        ("Max stack size", Resource::Stack, "bytes"),
        ("Max core file size", Resource::Core, "bytes"),
        ("Max resident set", Resource::Rss, "bytes"),
        ("Max processes", Resource::Nproc, "processes"),
        ("Max open files", Resource::Nofile, "files"),
        ("Max locked memory", Resource::Memlock, "bytes"),
        ("Max address space", Resource::As, "bytes"),
        ("Max file locks", Resource::Locks, "locks"),
        ("Max pending signals", Resource::Sigpending, "signals"),
        ("Max msgqueue size", Resource::Msgqueue, "bytes"),
        ("Max nice priority", Resource::Nice, ""),
        ("Max realtime priority", Resource::Rtprio, ""),
        ("Max realtime timeout", Resource::Rttime, "us"),
    ];
    let _ = writeln!(
        out,
        "{:<25} {:<20} {:<20} {:<10}",
        "Limit", "Soft Limit", "Hard Limit", "Units"
    );
    for (name, resource, unit) in ROWS {
        let limit = who.process.limits().get(resource);
        let _ = writeln!(
            out,
            "{name:<25} {:<20} {:<20} {unit:<10}",
            Value(limit.cur),
            Value(limit.max)
        );
    }
    Ok(())
}

struct Value(u64);
impl core::fmt::Display for Value {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.0 == u64::MAX {
            f.pad("unlimited")
        } else {
            self.0.fmt(f)
        }
    }
}

/// The pass of a place of fault injection by this thread that is to fail, counted down; 0: it has, or none is to. A thread
/// that reads its own ends it: what reading itself passes does not count.
pub(crate) fn fail_nth(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let thread = who.task.thread().ok_or(Errno::ESRCH)?;
    let left = &thread.exec().fail_nth;
    let own = sched::try_current().is_some_and(|me| core::ptr::eq(me, &*thread));
    let n = match own {
        true => left.swap(0, Ordering::Relaxed),
        false => left.load(Ordering::Relaxed),
    };
    let _ = writeln!(out, "{n}");
    Ok(())
}

/// EINVAL: no number.
pub(crate) fn set_fail_nth(who: &Who, text: &[u8]) -> Result<()> {
    let n = u32::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
    let thread = who.task.thread().ok_or(Errno::ESRCH)?;
    sync::inject::switch_on();
    thread.exec().fail_nth.store(n, Ordering::Relaxed);
    Ok(())
}

/// What it has read and written by calls. Nothing is read from or written to a disk: there is none.
pub(crate) fn io(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let io = match who.one_thread {
        true => who.task.io(),
        false => who.process.io(),
    };
    let _ = write!(
        out,
        "rchar: {}\nwchar: {}\nsyscr: {}\nsyscw: {}\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n",
        io.read, io.written, io.reads, io.writes
    );
    Ok(())
}

/// What its communication has cost while that was counted.
pub(crate) fn ipc_cost(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let cost = match who.one_thread {
        true => who.task.cost(),
        false => who.process.cost(),
    };
    let _ = cost.show("", out);
    Ok(())
}
