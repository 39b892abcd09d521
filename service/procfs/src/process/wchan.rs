//! Where in the kernel a thread is: wchan, the function that it sleeps in (proc_pid_wchan(5)), and stack, all its callers.
use super::Who;
use abi::{Errno, Result};
use core::fmt::{self, Write};
use vfs::SeqBuf;

/// How a thread comes to sleep, not what it waits for.
const MACHINERY: [&str; 6] = [
    "sched::",
    "sync::",
    "kmem::",
    "hal::",
    "core::",
    "switch_stacks",
];

/// The beginning of a symbol's name.
struct Text {
    bytes: [u8; 120],
    len: usize,
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let n = text.len().min(self.bytes.len() - self.len);
        self.bytes[self.len..self.len + n].copy_from_slice(&text.as_bytes()[..n]);
        self.len += n;
        Ok(())
    }
}

impl Text {
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
    /// Names of methods begin with `<`.
    fn is_machinery(&self) -> bool {
        let name = self.as_bytes();
        let name = name.strip_prefix(b"<").unwrap_or(name);
        MACHINERY.iter().any(|m| name.starts_with(m.as_bytes()))
    }
}

/// The name, without a newline; 0 for a thread that runs, and for who may not look.
pub(crate) fn wchan(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let reader = task::current().and_then(|me| me.cred().ok());
    let allowed = reader.is_some_and(|cred| who.may_look(&cred).is_ok());
    let mut found = None;
    if let (true, Some(thread)) = (allowed, who.task.thread()) {
        hal::backtrace::walk_context(thread.context().machine(), |address| {
            if found.is_none() {
                found = name_of(address as u64).filter(|name| !name.is_machinery());
            }
        });
    }
    match found {
        Some(name) => out.push_bytes(name.as_bytes()),
        None => out.push_bytes(b"0"),
    }
    Ok(())
}

fn name_of(return_address: u64) -> Option<Text> {
    let mut text = Text {
        bytes: [0; 120],
        len: 0,
    };
    let known = trace::symbols::find(return_address - 1, &mut |symbol| {
        let _ = write!(text, "{}", symbol.name);
    });
    known.then_some(text)
}

/// The callers, innermost first, one to a line; nothing for a thread that runs elsewhere. EACCES: the reader has no
/// `CAP_SYS_ADMIN`.
pub(crate) fn stack(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let reader = task::current().ok_or(Errno::EACCES)?;
    if !reader.cred()?.capable(cred::cap::SYS_ADMIN) {
        return Err(Errno::EACCES);
    }
    if let Some(thread) = who.task.thread() {
        hal::backtrace::walk_context(thread.context().machine(), |address| {
            line(address as u64, out);
        });
    }
    Ok(())
}

fn line(return_address: u64, out: &mut SeqBuf) {
    let known = trace::symbols::find(return_address - 1, &mut |symbol| {
        let (name, offset, size) = (symbol.name, symbol.offset + 1, symbol.size);
        let _ = write!(out, "[<0>] {name}+{offset:#x}/{size:#x}");
        if let Some(module) = symbol.module {
            let _ = write!(out, " [{module}]");
        }
    });
    let _ = match known {
        true => writeln!(out),
        false => writeln!(out, "[<0>] {return_address:#018x}"),
    };
}
