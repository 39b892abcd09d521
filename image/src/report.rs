//! The last words.
use core::fmt::Write;
use core::panic::PanicInfo;
use hal::console::Writer;
use hal::traps::{FaultInfo, TrapFrame};

pub(crate) fn on_panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Writer, "Kernel panic: {info}");
    hal::backtrace::walk_here(|ip| {
        let _ = writeln!(Writer, "  {ip:#x}");
    });
    hal::power::reboot()
}

pub(crate) fn on_fault(frame: &TrapFrame, fault: &FaultInfo) -> ! {
    let _ = writeln!(Writer, "Oops: {fault:x?}\n{frame:x?}");
    hal::backtrace::walk(frame.rbp as usize, |ip| {
        let _ = writeln!(Writer, "  {ip:#x}");
    });
    hal::power::reboot()
}
