//! `linux/kprobes.h`: handlers of a module at instructions of the kernel's or of a module's.
//!
//! Specification: Documentation/trace/kprobes.rst; what is refused, and by which error, as Linux 6.1 has it.
use crate::enter::{self, misuse, must_sleep};
use crate::export::{exports, status};
use crate::foreign::{self, Name};
use crate::kprobe_layout::{CKprobe, DISABLED, GONE};
use crate::ledger::{self, Kind, Resource};
use crate::number;
use crate::probe_hit;
use crate::probe_place::{self, Function};
use crate::probe_return::Returns;
use crate::probe_table::{self, Probe, Site};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt::Write;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, Ordering};
use kernfs::Attribute;
use kmem::try_arc;
use module::Module;
use vfs::SeqBuf;

/// Probes; the object is a [`Probe`].
static KPROBE: Kind = Kind {
    name: "kprobe",
    give_back,
};
/// Probes of returns, likewise.
pub(crate) static KRETPROBE: Kind = Kind {
    name: "kretprobe",
    give_back,
};

#[expect(
    clippy::needless_pass_by_value,
    reason = "every kind of resource has this face"
)]
fn give_back(_record: usize, resource: Resource) {
    if let Some(probe) = resource.object::<Probe>() {
        if let Some(returns) = &probe.returns {
            returns.dead.store(true, Ordering::Relaxed);
        }
        probe_table::remove(&probe_table::changing(), &probe);
    }
}

/// The probe of either kind that a module registered.
fn find(record: usize) -> Option<Arc<Probe>> {
    ledger::object(record, &KPROBE).or_else(|| ledger::object(record, &KRETPROBE))
}

/// The longest name of a symbol (`KSYM_NAME_LEN`).
const NAME: usize = 512;

/// Makes /sys/kernel/debug/kprobes. ENOMEM.
pub(crate) fn init() -> Result<()> {
    let directory = device::DEBUGFS.root()?.add_dir("kprobes")?;
    directory.add_attribute("list", 0o400, |out: &mut SeqBuf| {
        show(out);
        Ok(())
    })?;
    directory.add_attribute("enabled", 0o600, Enabled)?;
    Ok(())
}

/// The file `enabled`.
struct Enabled;

impl Attribute for Enabled {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        let _ = writeln!(out, "{}", u8::from(probe_table::is_enabled()));
        Ok(())
    }

    fn store(&self, text: &[u8]) -> Result<usize> {
        probe_table::set_enabled(number::truth(text)?);
        Ok(text.len())
    }
}

fn show(out: &mut SeqBuf) {
    let mut index = 0;
    while let Some(probe) = probe_table::nth(index) {
        index += 1;
        let address = probe.site.address;
        let kind = if probe.returns.is_some() { 'r' } else { 'k' };
        let _ = write!(out, "{address:016x}  {kind}  ");
        if let Some(name) = probe_place::name_on_linux(address) {
            let _ = write!(out, "{}+0x0    ", name.as_str());
        } else if let Some(function) = Function::at(address) {
            let (name, module) = (function.name.as_str(), function.module.as_str());
            let _ = write!(out, "{name}+{:#x}  {module:1} ", function.offset);
        }
        let state = match (probe.gone.load(Ordering::Relaxed), probe.is_disabled()) {
            (true, _) => "[GONE]",
            (false, true) => "[DISABLED]",
            (false, false) => "",
        };
        let _ = writeln!(out, "{state}");
    }
}

/// A word of a `struct kprobe`; ends the call when there is none.
pub(crate) fn word(at: usize) -> usize {
    match foreign::word(at) {
        Ok(word) => word,
        Err(_) => misuse("a kprobe at an address where none can be"),
    }
}

fn set_flags(record: usize, flags: u32) {
    let _ = foreign::write_bytes(record + offset_of!(CKprobe, flags), &flags.to_le_bytes());
}

/// The address that a `struct kprobe` names. EINVAL: both or none of name and address; ENOENT: nobody has that name.
fn address_of(symbol: usize, address: usize, offset: u32) -> Result<usize> {
    let base = match (symbol, address) {
        (0, 0) => return Err(Errno::EINVAL),
        (0, address) => address,
        (symbol, 0) => {
            let name = Name::<NAME>::read(symbol).map_err(|_| Errno::EFAULT)?;
            probe_place::address_of(name.as_bytes()).ok_or(Errno::ENOENT)?
        }
        _ => return Err(Errno::EINVAL),
    };
    // What no function is at is not there, before anything else is said about it.
    let address = base.wrapping_add(offset as usize);
    Function::at(address).ok_or(Errno::ENOENT)?;
    Ok(address)
}

/// Where the `struct kprobe` at `record` wants to be.
pub(crate) fn target(record: usize) -> Result<usize> {
    let [address, symbol, offset] = [
        offset_of!(CKprobe, addr),
        offset_of!(CKprobe, symbol_name),
        offset_of!(CKprobe, offset),
    ]
    .map(|at| foreign::word(record + at));
    address_of(symbol?, address?, offset? as u32)
}

/// Registers the `struct kprobe` at `record`, for its own handlers or for returns.
pub(crate) fn register(
    record: usize,
    module: Arc<Module>,
    returns: Option<Arc<Returns>>,
) -> Result<()> {
    let address = target(record)?;
    foreign::write(record + offset_of!(CKprobe, addr), address)?;
    let changing = probe_table::changing();
    if find(record).is_some() {
        return Err(Errno::EINVAL);
    }
    let flags = foreign::word(record + offset_of!(CKprobe, flags))? as u32 & DISABLED;
    set_flags(record, flags);
    foreign::write(record + offset_of!(CKprobe, nmissed), 0)?;
    let insn = probe_place::look(address)?;
    let site = match probe_table::site_at(address) {
        Some(site) => site,
        None => Site::new(address, insn)?,
    };
    probe_hit::prepare()?;
    let probe = try_arc(Probe {
        site,
        module,
        record,
        is_call: probe_place::is_call(address),
        before: foreign::word(record + offset_of!(CKprobe, pre_handler))?,
        behind: foreign::word(record + offset_of!(CKprobe, post_handler))?,
        disabled: AtomicBool::new(flags != 0),
        returns,
        gone: AtomicBool::new(false),
    })?;
    let opcode = [insn.bytes[0]];
    foreign::write_bytes(record + offset_of!(CKprobe, opcode), &opcode)
        .map_err(|_| Errno::EFAULT)?;
    probe_table::add(&changing, &probe)?;
    let resource = Resource {
        kind: match probe.returns {
            Some(_) => &KRETPROBE,
            None => &KPROBE,
        },
        words: [0, address],
        object: Some(probe.clone()),
    };
    ledger::enter(record, resource).map_err(|(error, _)| {
        probe_table::remove(&changing, &probe);
        error
    })
}

/// Takes a probe away.
pub(crate) fn unregister(record: usize, kind: &'static Kind) {
    let Some(resource) = ledger::take(record, kind) else {
        // As Linux says it.
        let _ = foreign::write(record + offset_of!(CKprobe, addr), 0);
        return;
    };
    (kind.give_back)(record, resource);
    // As Linux leaves it: registered again, it is off until it is enabled.
    set_flags(record, DISABLED);
}

/// `register_kprobe(probe)`.
extern "C" fn register_kprobe(record: usize) -> i32 {
    must_sleep("register_kprobe");
    let _ = word(record);
    let result = enter::running().ok_or(Errno::EINVAL);
    status(result.and_then(|module| register(record, module, None)))
}

/// `unregister_kprobe(probe)`: afterwards no handler of it runs.
extern "C" fn unregister_kprobe(record: usize) {
    must_sleep("unregister_kprobe");
    let _ = word(record);
    unregister(record, &KPROBE);
}

/// Registers all of a list, or none.
pub(crate) fn register_all(
    records: usize,
    count: i32,
    one: extern "C" fn(usize) -> i32,
    back: extern "C" fn(usize, i32),
) -> i32 {
    if count <= 0 {
        return status(Err(Errno::EINVAL));
    }
    for index in 0..count as usize {
        let failed = one(word(records + index * 8));
        if failed != 0 {
            back(records, index as i32);
            return failed;
        }
    }
    0
}

/// The records of a list.
pub(crate) fn each_of(records: usize, count: i32) -> impl Iterator<Item = usize> {
    (0..usize::try_from(count).unwrap_or(0)).map(move |index| word(records + index * 8))
}

/// `register_kprobes(probes, count)`: all or none.
extern "C" fn register_kprobes(records: usize, count: i32) -> i32 {
    register_all(records, count, register_kprobe, unregister_kprobes)
}

/// `unregister_kprobes(probes, count)`.
extern "C" fn unregister_kprobes(records: usize, count: i32) {
    each_of(records, count).for_each(|record| unregister_kprobe(record));
}

fn set_disabled(record: usize, disabled: bool) -> Result<()> {
    let changing = probe_table::changing();
    let probe = find(record).ok_or(Errno::EINVAL)?;
    if probe.gone.load(Ordering::Relaxed) {
        return Err(Errno::EINVAL);
    }
    if probe.disabled.swap(disabled, Ordering::Relaxed) != disabled {
        set_flags(record, if disabled { DISABLED } else { 0 });
        probe_table::settle(&changing, Some(&probe));
    }
    Ok(())
}

/// `enable_kprobe(probe)`.
extern "C" fn enable_kprobe(record: usize) -> i32 {
    must_sleep("enable_kprobe");
    status(set_disabled(record, false))
}

/// `disable_kprobe(probe)`.
extern "C" fn disable_kprobe(record: usize) -> i32 {
    must_sleep("disable_kprobe");
    status(set_disabled(record, true))
}

/// A module's text goes: so do the probes of others that stand in it.
pub(crate) fn module_goes(module: &Module) {
    let changing = probe_table::changing();
    let mut index = 0;
    while let Some(probe) = probe_table::nth(index) {
        let parts = &module.facts().part(kmod::Part::Text);
        if parts.contains(&probe.site.address) {
            probe.gone.store(true, Ordering::Relaxed);
            set_flags(probe.record, GONE);
            probe_table::remove(&changing, &probe);
        } else {
            index += 1;
        }
    }
}

exports![;
    gpl:
    register_kprobe,
    unregister_kprobe,
    register_kprobes,
    unregister_kprobes,
    enable_kprobe,
    disable_kprobe,
];
