//! What a fault or a panic of the kernel's own code shows, and whether the thread or the machine dies of it.
use crate::printk::caller;
use crate::report::{one_more, trace_line, who};
use crate::symbols::Named;
use crate::{Level, pr_emerg, printk, taint};
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};
use hal::traps::{FaultInfo, TrapFrame, page_fault};
use sync::held;

/// The CPU that reports a panic of Rust code.
static REPORTING: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Shows the callers of a frame, by its frame pointer.
pub fn dump_stack_from(level: Level, frame_pointer: usize) {
    printk!(level, "Call Trace:");
    hal::backtrace::walk(frame_pointer, |address| {
        printk!(level, " {}", Named::return_address(address as u64));
    });
}

/// Why the machine must die of an oops here; `None` when the running thread's death is enough.
fn fatal() -> Option<&'static str> {
    use sync::context::Context;
    match Context::current() {
        Context::Nmi => return Some("Fatal exception in NMI"),
        Context::Hardirq | Context::Softirq => return Some("Fatal exception in interrupt"),
        Context::Task => {}
    }
    if sync::held::spin_held().depth() != 0 {
        return Some("Fatal exception with a spinlock held");
    }
    if hal::preempt::count() != 0 {
        return Some("Fatal exception in an atomic section");
    }
    if crate::panic::on_oops() {
        return Some("Fatal exception");
    }
    match caller() {
        (0, _) => Some("Attempted to kill the idle task!"),
        (1, _) => Some("Attempted to kill init!"),
        _ => None,
    }
}

/// Ends an oops: the machine if it must, else returns when the running thread's locks are marked dead; the caller then
/// ends the thread.
fn end_oops(hopeless: Option<&'static str>) {
    taint::add(taint::Taint::Die);
    held_locks();
    pr_emerg!("---[ end trace {:016x} ]---", 0);
    if let Some(why) = hopeless.or_else(fatal) {
        crate::panic::after_oops(format_args!("{why}"));
    }
    sync::abandon::give_up_locks();
    crate::kmsg::poll_wakeups();
}

/// Reports a fault in kernel mode that nothing resolved. Returns if only the running thread has to die; for
/// `KernelTraps::oops`.
pub fn report(frame: &TrapFrame, fault: &FaultInfo) {
    describe(frame, fault);
    end_oops(hopeless(fault));
}

/// The report alone: for a fault that something is done about afterwards (a module's).
pub fn describe(frame: &TrapFrame, fault: &FaultInfo) {
    cause(fault);
    begin(format_args!("{:04x}", fault.error_code));
    state(frame, fault.addr);
}

/// The line that makes it an oops, and who it happened to.
fn begin(what: fmt::Arguments<'_>) {
    let number = one_more();
    let smp = if hal::cpu::online() > 1 { " SMP" } else { "" };
    pr_emerg!("Oops: {what} [#{number}] PREEMPT{smp}");
    who();
}

/// Where it happened: code, registers, callers.
fn state(frame: &TrapFrame, cr2: usize) {
    use core::fmt::Write;
    pr_emerg!("RIP: {:04x}:{}", frame.cs, Named::instruction(frame.rip));
    let mut code = crate::format::TextBuf::<256>::new();
    // 42 bytes before and 21 from the instruction on, as Linux' decodecode script expects.
    for at in frame.rip.wrapping_sub(42)..frame.rip.wrapping_add(22) {
        let _ = match hal::patch::read_text(at as usize) {
            Some(byte) if at == frame.rip => write!(code, "<{byte:02x}> "),
            Some(byte) => write!(code, "{byte:02x} "),
            None => write!(code, "?? "),
        };
    }
    pr_emerg!(
        "Code: {}",
        core::str::from_utf8(code.as_bytes()).unwrap_or("")
    );
    registers(frame, cr2);
    pr_emerg!("Call Trace:");
    pr_emerg!(" {}", Named::instruction(frame.rip));
    hal::backtrace::walk(frame.rbp as usize, trace_line);
}

/// Faults after which the thread's stack or the CPU is not to be trusted.
fn hopeless(fault: &FaultInfo) -> Option<&'static str> {
    use hal::traps::{DOUBLE_FAULT, MACHINE_CHECK};
    match fault.vector {
        _ if fault.stack_overflow => Some("kernel stack overflow"),
        DOUBLE_FAULT => Some("double fault"),
        MACHINE_CHECK => Some("machine check"),
        _ => None,
    }
}

fn cause(fault: &FaultInfo) {
    use hal::traps::{DOUBLE_FAULT, GENERAL_PROTECTION, INVALID_OPCODE, MACHINE_CHECK, PAGE_FAULT};
    if fault.stack_overflow {
        pr_emerg!("BUG: kernel stack overflow, address: {:016x}", fault.addr);
        return;
    }
    match fault.vector {
        PAGE_FAULT => page_fault_cause(fault),
        GENERAL_PROTECTION => {
            pr_emerg!("general protection fault: {:04x}", fault.error_code);
        }
        INVALID_OPCODE => pr_emerg!("invalid opcode"),
        DOUBLE_FAULT => pr_emerg!("double fault"),
        MACHINE_CHECK => {
            taint::add(taint::Taint::MachineCheck);
            pr_emerg!("machine check");
        }
        0 => pr_emerg!("divide error"),
        vector => pr_emerg!("exception {vector}"),
    }
}

fn page_fault_cause(fault: &FaultInfo) {
    let code = fault.error_code;
    match fault.addr {
        0..4096 => pr_emerg!(
            "BUG: kernel NULL pointer dereference, address: {:016x}",
            fault.addr
        ),
        addr => pr_emerg!("BUG: unable to handle page fault for address: {addr:016x}"),
    }
    let what = match code {
        c if c & page_fault::FETCH != 0 => "instruction fetch",
        c if c & page_fault::WRITE != 0 => "write access",
        _ => "read access",
    };
    pr_emerg!("#PF: supervisor {what} in kernel mode");
    let why = match code {
        c if c & page_fault::PRESENT == 0 => "not-present page",
        c if c & page_fault::RESERVED != 0 => "reserved bit violation",
        _ => "permissions violation",
    };
    pr_emerg!("#PF: error_code({code:#06x}) - {why}");
}

fn registers(f: &TrapFrame, cr2: usize) {
    pr_emerg!("RSP: {:04x}:{:016x} EFLAGS: {:08x}", f.ss, f.rsp, f.rflags);
    pr_emerg!(
        "RAX: {:016x} RBX: {:016x} RCX: {:016x}",
        f.rax,
        f.rbx,
        f.rcx
    );
    pr_emerg!(
        "RDX: {:016x} RSI: {:016x} RDI: {:016x}",
        f.rdx,
        f.rsi,
        f.rdi
    );
    pr_emerg!("RBP: {:016x} R08: {:016x} R09: {:016x}", f.rbp, f.r8, f.r9);
    pr_emerg!(
        "R10: {:016x} R11: {:016x} R12: {:016x}",
        f.r10,
        f.r11,
        f.r12
    );
    pr_emerg!(
        "R13: {:016x} R14: {:016x} R15: {:016x}",
        f.r13,
        f.r14,
        f.r15
    );
    pr_emerg!("CR2: {cr2:016x} CR3: {:016x}", hal::registers::read_cr3());
}

/// Reports a panic of Rust code: a bug in the kernel. `frame` is as [`hal::capture::with_registers`] gives it to the panic
/// handler. Returns if only the running thread has to die, its locks marked dead: the image's panic handler then ends the
/// thread.
pub fn rust_panic(frame: &mut TrapFrame, info: &core::panic::PanicInfo<'_>) {
    if crate::panic::in_progress()
        || REPORTING.swap(hal::cpu::id(), Ordering::Relaxed) == hal::cpu::id()
    {
        crate::panic::after_oops(format_args!("panic while reporting a panic"));
    }
    match info.location() {
        Some(at) => pr_emerg!("kernel BUG at {}:{}!", at.file(), at.line()),
        None => pr_emerg!("kernel BUG!"),
    }
    pr_emerg!("{}", info.message());
    hal::capture::unwind_to(frame, is_kernels_own);
    begin(format_args!("BUG"));
    state(frame, hal::registers::read_cr2() as usize);
    end_oops(None);
    REPORTING.store(usize::MAX, Ordering::Relaxed);
}

/// Whether a return address lies in the kernel's own code, not in the library's, which only carries a panic out.
fn is_kernels_own(address: usize) -> bool {
    use core::fmt::Write;
    let mut own = true;
    crate::symbols::find(address as u64 - 1, &mut |symbol| {
        let mut name = crate::format::TextBuf::<64>::new();
        let _ = write!(name, "{}", symbol.name);
        own = ![b"core::".as_slice(), b"<core::", b"alloc::", b"<alloc::"]
            .iter()
            .any(|library| name.as_bytes().starts_with(library));
    });
    own
}

/// The locks that this CPU and the running thread hold.
fn held_locks() {
    let mut none = true;
    let mut show = |held: &held::Held| {
        if let Some(class) = held.class() {
            none = false;
            pr_emerg!(" #{} ({:#x})", class.name(), held.addr());
        }
    };
    pr_emerg!("Locks held:");
    held::spin_held().for_each(&mut show);
    if let Some(thread) = sync::thread::current() {
        thread.exec().held.for_each(&mut show);
    }
    if none {
        pr_emerg!(" none");
    }
}
