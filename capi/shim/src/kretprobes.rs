//! `linux/kprobes.h`, the part about returns: handlers of a module where functions return.
//!
//! Specification: Documentation/trace/kprobes.rst, "How Does a Return Probe Work?"; errors as Linux 6.1 has them.
use crate::enter::{self, must_sleep};
use crate::export::{exports, status};
use crate::foreign;
use crate::kprobe_layout::CKretprobe;
use crate::kprobes::{self, KRETPROBE, each_of, register_all};
use crate::probe_place::Function;
use crate::probe_return::Returns;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::mem::offset_of;
use module::Module;

/// Most bytes of an instance (`KRETPROBE_MAX_DATA_SIZE`).
const MOST_DATA: usize = 4096;
/// Most instances of a probe, and how many there are at least where the module does not say.
const MOST: usize = 4096;
const LEAST: usize = 10;

/// EINVAL: not where a function begins; E2BIG: too much data.
fn register(record: usize, module: Arc<Module>) -> Result<()> {
    let address = kprobes::target(record)?;
    if Function::at(address).is_none_or(|function| function.offset != 0) {
        return Err(Errno::EINVAL);
    }
    let word = |at: usize| foreign::word(record + at);
    let data = word(offset_of!(CKretprobe, data_size))?;
    if data > MOST_DATA {
        return Err(Errno::E2BIG);
    }
    let asked = word(offset_of!(CKretprobe, maxactive))? as i32;
    let count = match usize::try_from(asked) {
        Ok(count) if count != 0 => count.min(MOST),
        _ => LEAST.max(2 * hal::cpu::online()),
    };
    let handlers = [
        word(offset_of!(CKretprobe, handler))?,
        word(offset_of!(CKretprobe, entry_handler))?,
    ];
    let returns = Returns::new(
        Arc::as_ptr(&module) as usize,
        handlers,
        record,
        (count, data),
    )?;
    // The count that is used, and none missed.
    let both = count as u64;
    let at = record + offset_of!(CKretprobe, maxactive);
    foreign::write_bytes(at, &both.to_le_bytes()).map_err(|_| Errno::EFAULT)?;
    kprobes::register(record, module, Some(returns))
}

/// `register_kretprobe(probe)`.
extern "C" fn register_kretprobe(record: usize) -> i32 {
    must_sleep("register_kretprobe");
    let _ = kprobes::word(record);
    let result = enter::running().ok_or(Errno::EINVAL);
    status(result.and_then(|module| register(record, module)))
}

/// `unregister_kretprobe(probe)`: what has been entered returns untold.
extern "C" fn unregister_kretprobe(record: usize) {
    must_sleep("unregister_kretprobe");
    let _ = kprobes::word(record);
    kprobes::unregister(record, &KRETPROBE);
}

/// `register_kretprobes(probes, count)`: all or none.
extern "C" fn register_kretprobes(records: usize, count: i32) -> i32 {
    register_all(records, count, register_kretprobe, unregister_kretprobes)
}

/// `unregister_kretprobes(probes, count)`.
extern "C" fn unregister_kretprobes(records: usize, count: i32) {
    each_of(records, count).for_each(|record| unregister_kretprobe(record));
}

exports![;
    gpl:
    register_kretprobe,
    unregister_kretprobe,
    register_kretprobes,
    unregister_kretprobes,
];
