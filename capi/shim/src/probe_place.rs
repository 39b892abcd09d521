//! Where kprobes may be: places in the kernel's text and in that of modules, and what stands there.
//!
//! In the kernel's own text it is the first instruction of a function of the parts that a handler has nothing to do with: system
//! calls, services, and of the core what is above the scheduler. Elsewhere in a function the compiler may have put any
//! other one, so that nothing can be said about a handler there.
use crate::foreign;
use crate::probe_table;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt::{self, Display, Write};
use hal::patch;
use insn::{Insn, Kind, MOST, Reject};
use kmod::Part;
use module::Module;
use trace::symbols;

/// The parts of the kernel whose functions may be probed, as their names begin.
const PARTS: [&str; 24] = [
    "syscall",
    "cred",
    "pid",
    "workqueue",
    "pagecache",
    "mm",
    "vfs",
    "kernfs",
    "futex",
    "task",
    "device",
    "tmpfs",
    "pipe",
    "tty",
    "socket",
    "netlink",
    "unix",
    "devtmpfs",
    "procfs",
    "initramfs",
    "event",
    "serial",
    "exec",
    "lkdtm",
];
/// Names that Linux has for functions of those.
const LINUX: [&str; 4] = ["__x64_sys_", "ksys_", "kernel_clone", "do_sys_openat2"];
/// What the kernel patches itself: the place of a static branch.
const BRANCH: [u8; 5] = [0x0f, 0x1f, 0x44, 0x00, 0x00];
/// The longest name that is looked at.
const NAME: usize = 256;

/// A name, cut where there is no more room.
pub(crate) struct Text {
    bytes: [u8; NAME],
    len: usize,
}

impl Text {
    const fn new() -> Self {
        Self {
            bytes: [0; NAME],
            len: 0,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or("?")
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let len = text.len().min(NAME - self.len);
        self.bytes[self.len..][..len].copy_from_slice(&text.as_bytes()[..len]);
        self.len += len;
        Ok(())
    }
}

/// The function that an address lies in.
pub(crate) struct Function {
    pub(crate) name: Text,
    pub(crate) module: Text,
    pub(crate) offset: usize,
}

impl Function {
    /// Looks it up.
    pub(crate) fn at(address: usize) -> Option<Self> {
        let mut this = Self {
            name: Text::new(),
            module: Text::new(),
            offset: 0,
        };
        let known = symbols::find(address as u64, &mut |symbol| {
            let _ = write!(this.name, "{}", symbol.name);
            let _ = write!(this.module, "{}", symbol.module.unwrap_or_default());
            this.offset = symbol.offset as usize;
        });
        known.then_some(this)
    }
}

/// Compares what is written with a name.
struct Expected<'a>(&'a [u8]);

impl Write for Expected<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(text.as_bytes()).ok_or(fmt::Error)?;
        Ok(())
    }
}

fn is_called(name: &dyn Display, wanted: &[u8]) -> bool {
    let mut expected = Expected(wanted);
    write!(expected, "{name}").is_ok() && expected.0.is_empty()
}

/// The address of a symbol: `name`, or `module:name`.
pub(crate) fn address_of(name: &[u8]) -> Option<usize> {
    let colon = name.windows(1).position(|at| at == b":");
    // Names of the kernel's have two colons; those of modules are C's.
    let (module, name) = match colon {
        Some(at) if name.get(at + 1) != Some(&b':') => (Some(&name[..at]), &name[at + 1..]),
        _ => (None, name),
    };
    let mut found = None;
    symbols::for_each(&mut |address, _, symbol, of| {
        let right = module.is_none_or(|module| of.is_some_and(|of| of.as_bytes() == module));
        if found.is_none() && right && is_called(symbol, name) {
            found = Some(address as usize);
        }
    });
    found
}

/// The instruction at an address, if a probe may stand there. `ENOENT`: no function is there; `EINVAL`: no probe may be there;
/// `EILSEQ`: it is inside an instruction; `EOPNOTSUPP`: the instruction there can't be replaced.
pub(crate) fn look(address: usize) -> Result<Insn> {
    let function = Function::at(address).ok_or(Errno::ENOENT)?;
    if patch::is_kernel_text(address) {
        if function.offset != 0 || !may_be_probed(function.name.as_str()) {
            return Err(Errno::EINVAL);
        }
    } else {
        let module = module::owner_of(address).ok_or(Errno::EINVAL)?;
        if !module.facts().part(Part::Text).contains(&address)
            || is_excluded(&module, address, function.offset)
        {
            return Err(Errno::EINVAL);
        }
    }
    let start = address - function.offset;
    let unknown = |_: Reject| Errno::EILSEQ;
    if !insn::starts_at(function.offset, |at| text(start + at)).map_err(unknown)? {
        return Err(Errno::EILSEQ);
    }
    let (bytes, len) = text(address);
    let insn = insn::decode(&bytes[..len]).map_err(unknown)?;
    if patch::is_kernel_text(address) && bytes.starts_with(&BRANCH) {
        return Err(Errno::EINVAL);
    }
    match insn.kind {
        Kind::Refused => Err(Errno::EOPNOTSUPP),
        _ => Ok(insn),
    }
}

/// Whether a function of the kernel's own, by its name, has nothing to do with how a handler is called.
fn may_be_probed(name: &str) -> bool {
    if !name.contains("::") {
        return is_of_linux(name);
    }
    let name = name.trim_start_matches(['<', '&']);
    let part = name.split("::").next().unwrap_or_default();
    PARTS.contains(&part) && !name.contains("{{")
}

/// The name that Linux has for the function of the kernel's that begins at an address.
pub(crate) fn name_on_linux(address: usize) -> Option<Text> {
    let mut found = None;
    symbols::for_each(&mut |at, _, name, module| {
        if at as usize == address && module.is_none() && found.is_none() {
            let mut text = Text::new();
            let _ = write!(text, "{name}");
            found = Some(text).filter(|text| is_of_linux(text.as_str()));
        }
    });
    found
}

/// Whether a function of the system call table begins at an address.
pub(crate) fn is_call(address: usize) -> bool {
    name_on_linux(address).is_some_and(|name| name.as_str().starts_with(LINUX[0]))
}

fn is_of_linux(name: &str) -> bool {
    LINUX.iter().any(|linux| name.starts_with(linux))
}

/// Whether a module has said that a function of its own is not to be probed: `__kprobes`, `NOKPROBE_SYMBOL`.
fn is_excluded(module: &Arc<Module>, address: usize, offset: usize) -> bool {
    let facts = module.facts();
    let mut listed = facts.section("_kprobe_blacklist").step_by(8);
    facts.section(".kprobes.text").contains(&address)
        || listed.any(|at| foreign::read_u64(at) == Ok((address - offset) as u64))
}

/// What stands at an address, without the breakpoints of others; how much of it.
fn text(address: usize) -> ([u8; MOST], usize) {
    let mut bytes = [0; MOST];
    let mut len = 0;
    while len < MOST
        && let Some(byte) = patch::read_text(address + len)
    {
        bytes[len] = probe_table::original(address + len).unwrap_or(byte);
        len += 1;
    }
    (bytes, len)
}
