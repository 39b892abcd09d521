//! What modules' functions add to events: `struct kobj_uevent_env`.
//!
//! Specification: Documentation/core-api/kobject.rst, "ksets"; include/linux/kobject.h of ours for the layout.
use crate::export::{exports, status};
use crate::foreign::{self, Name, word};
use crate::va_list::{VaList, variadic};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::string::String;
use core::mem::offset_of;
use kmem::{TryString, try_box};
use trace::pr_err;

/// Most lines of an event (`UEVENT_NUM_ENVP`), and their bytes (`UEVENT_BUFFER_SIZE`).
const LINES: usize = 64;
const BYTES: usize = 2048;

/// `struct kobj_uevent_env`.
#[repr(C)]
struct CEnvironment {
    argv: [usize; 3],
    envp: [usize; LINES],
    count: i32,
    text: [u8; BYTES],
    used: i32,
}

fn int(at: usize) -> Result<usize> {
    let mut bytes = [0; 4];
    foreign::read_bytes(at, &mut bytes).map_err(|_| Errno::EFAULT)?;
    usize::try_from(i32::from_le_bytes(bytes)).map_err(|_| Errno::EINVAL)
}

fn set_int(at: usize, n: usize) -> Result<()> {
    foreign::write_bytes(at, &(n as i32).to_le_bytes()).map_err(|_| Errno::EFAULT)
}

/// Adds a line to an environment. ENOMEM: it is full.
fn add(at: usize, line: &[u8]) -> Result<()> {
    let (count, used) = (
        int(at + offset_of!(CEnvironment, count))?,
        int(at + offset_of!(CEnvironment, used))?,
    );
    if count >= LINES {
        pr_err!("add_uevent_var: too many keys");
        return Err(Errno::ENOMEM);
    }
    if used + line.len() >= BYTES {
        pr_err!("add_uevent_var: buffer size too small");
        return Err(Errno::ENOMEM);
    }
    let to = at + offset_of!(CEnvironment, text) + used;
    foreign::write_bytes(to, line)
        .and_then(|()| foreign::write_bytes(to + line.len(), &[0]))
        .map_err(|_| Errno::EFAULT)?;
    foreign::write(at + offset_of!(CEnvironment, envp) + 8 * count, to)?;
    set_int(at + offset_of!(CEnvironment, count), count + 1)?;
    set_int(at + offset_of!(CEnvironment, used), used + line.len() + 1)
}

extern "C" fn add_with(at: usize, format: usize, list: &VaList) -> i32 {
    let mut line = [0; BYTES];
    let wanted = crate::print::format_to(&mut line, format, *list);
    // What does not fit here fits nowhere.
    let line = line.get(..wanted).unwrap_or(&line);
    status(add(at, line))
}

variadic! {
    /// `add_uevent_var(environment, format, ...)`.
    add_uevent_var(2, "rdx") => add_with;
}

// Apart from `lines`, below whose frame modules run: none of what these need may take their stack.
#[inline(never)]
fn empty() -> Result<Box<CEnvironment>> {
    try_box(CEnvironment {
        argv: [0; 3],
        envp: [0; LINES],
        count: 0,
        text: [0; BYTES],
        used: 0,
    })
}

/// The lines of the environment at an address.
#[inline(never)]
fn text(at: usize) -> Result<String> {
    let mut all = String::new();
    for number in 0..int(at + offset_of!(CEnvironment, count))?.min(LINES) {
        let line = word(at + offset_of!(CEnvironment, envp) + 8 * number)?;
        let line = Name::<BYTES>::read(line).map_err(|_| Errno::EFAULT)?;
        all.try_push_str(core::str::from_utf8(line.as_bytes()).map_err(|_| Errno::EINVAL)?)?;
        all.try_push_str("\n")?;
    }
    Ok(all)
}

/// The lines that functions of modules add: `ask` calls them with the address of an environment.
pub(crate) fn lines(ask: impl FnOnce(usize) -> Result<()>) -> Result<String> {
    let mut room = empty()?;
    // From here on it is the modules' memory, which is looked at by its address alone.
    let at = &raw mut *room as usize;
    ask(at)?;
    let all = text(at);
    drop(room);
    all
}

exports![; gpl: add_uevent_var];
