//! `linux/bug.h`: WARN and BUG are an invalid instruction each, with a line in the module's `__bug_table`.
use crate::foreign::{self, Name};
use alloc::sync::Arc;
use hal::traps::{FaultInfo, INVALID_OPCODE, TrapFrame};
use module::Module;
use trace::symbols::Named;
use trace::{Level, pr_emerg, pr_warn};

/// `struct bug_entry`: address, file, line and flags.
const ENTRY: usize = 24;
const WARNING: u32 = 1;
const ONCE: u32 = 2;
const DONE: u32 = 4;
/// Bytes of the instruction.
const UD2: u64 = 2;

/// What a place in the table says.
struct Place {
    entry: usize,
    file: Name<128>,
    line: u32,
    flags: u32,
}

fn find(module: &Module, address: u64) -> Option<Place> {
    let table = module.facts().section("__bug_table");
    let entry = table
        .step_by(ENTRY)
        .find(|entry| foreign::read_u64(*entry) == Ok(address))?;
    let both = foreign::read_u64(entry + 16).ok()?;
    Some(Place {
        entry,
        file: Name::read(foreign::read_u64(entry + 8).ok()? as usize).ok()?,
        line: both as u32,
        flags: (both >> 32) as u32,
    })
}

/// An invalid instruction of a module. True: it was a warning, and the module goes on behind it.
pub(crate) fn on_fault(module: &Arc<Module>, frame: &mut TrapFrame, fault: &FaultInfo) -> bool {
    if fault.vector != INVALID_OPCODE {
        return false;
    }
    let Some(place) = find(module, frame.rip) else {
        return false;
    };
    let (file, line) = (
        core::str::from_utf8(place.file.as_bytes()).unwrap_or("?"),
        place.line,
    );
    if place.flags & WARNING == 0 {
        pr_emerg!("kernel BUG at {file}:{line}!");
        return false;
    }
    if place.flags & (ONCE | DONE) != ONCE | DONE {
        let told = (place.flags | DONE).to_le_bytes();
        let _ = foreign::write_bytes(place.entry + 20, &told);
        let at = Named::instruction(frame.rip).without_line();
        pr_warn!("------------[ cut here ]------------");
        pr_warn!("WARNING: CPU: {} at {file}:{line} {at}", hal::cpu::id());
        trace::oops::dump_stack_from(Level::Warning, frame.rbp as usize);
        pr_warn!("---[ end trace 0000000000000000 ]---");
        trace::taint::add(trace::taint::Taint::Warn);
    }
    frame.rip += UD2;
    true
}

/// `dump_stack()`.
extern "C" fn dump_stack() {
    trace::oops::dump_stack(Level::Info);
}

/// `panic(format, ...)`.
extern "C" fn vpanic(format: usize, list: &crate::va_list::VaList) {
    let mut text = [0; 512];
    let wanted = crate::print::format_to(&mut text, format, *list);
    let text = &text[..wanted.min(512)];
    trace::panic::panic(format_args!(
        "{}",
        core::str::from_utf8(text).unwrap_or("?")
    ));
}

crate::va_list::variadic! {
    /// `panic(format, ...)`.
    panic(1, "rsi") => vpanic;
}

crate::export::exports![dump_stack, panic];
