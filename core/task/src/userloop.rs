//! The loop of a task: user mode until it traps, the trap, what is left to do, user mode again.
//!
//! System calls are made by `hal::user::run` on the way, through [`Cx`] as its [`Caller`]; it returns when there is more
//! to do. Nothing but one word ([`Task::work`]) and the CPU's wish to reschedule is looked at on the way back, with
//! interrupts off from that look until user mode, so that what an interrupt brings is never overlooked.
use crate::calls;
use crate::coredump;
use crate::cost;
use crate::objects::Task;
use crate::clone_flags::CloneArgs;
use crate::cx::{Cx, FaultInfo};
use crate::signal::{self, send_to_process, take};
use crate::task::work;
use crate::process;
use crate::ptrace;
use crate::vsyscall;
use abi::Result;
use alloc::sync::Arc;
use hal::addr::UserAddr;
use hal::user::{Caller, Trap, UserRegs};
use mm::{Access, FaultError};
use pid::SigInfo;
use pid::siginfo::code;
use pid::signals::{SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGTRAP, SIGXCPU};
use sched::{SchedAttr, Thread};
use sync::cost::COUNTED;

impl Caller for Cx {
    #[inline]
    fn regs(&mut self) -> &mut UserRegs {
        &mut self.regs
    }

    /// Makes the call whose number and arguments stand in the registers and puts its result into `rax`. Errors that ask
    /// for a restart are left as they are for the way back to user mode, which knows of signals.
    #[inline]
    fn call(&mut self) {
        if sync::static_branch!(COUNTED) {
            return cost::counted_call(self);
        }
        self.regs.rax = calls::call(self.calls, self);
    }

    #[inline]
    fn may_go_on(&self) -> bool {
        self.task.work() == 0 && !hal::preempt::need_resched()
    }
}

/// What a new thread does before it is in user mode for the first time.
#[derive(Clone, Copy)]
pub(crate) struct Birth {
    /// `CLONE_CHILD_SETTID`.
    pub(crate) set_tid: Option<usize>,
    /// `CLONE_SETTLS`.
    pub(crate) tls: Option<usize>,
}

impl Birth {
    pub(crate) fn of(args: &CloneArgs) -> Self {
        use abi::raw::{CLONE_CHILD_SETTID, CLONE_SETTLS};
        Self {
            set_tid: args.has(CLONE_CHILD_SETTID).then_some(args.child_tid),
            tls: args.has(CLONE_SETTLS).then_some(args.tls),
        }
    }
}

/// The thread of a new task, not started; it owns the task's context. Its FPU state and segment bases are the caller's.
pub(crate) fn make_thread(child: Cx, birth: Birth) -> Result<Arc<Thread>> {
    let task = child.task.clone();
    let tls = birth.tls;
    let attr = sched::current().attr().for_child();
    let entry = kmem::try_box(move || {
        if let Some(addr) = birth.set_tid {
            let _ = kmem::user::write(UserAddr(addr), &child.task.local_tid()); // as in Linux, unchecked
        }
        run(child);
    })?;
    let thread = Thread::new_user(&task.comm(), task.clone(), entry, &attr)?;
    thread.set_id(task.tid() as u32);
    if let Some(base) = tls
        && !thread.context().machine().set_fs_base(base as u64)
    {
        return Err(abi::Errno::EPERM);
    }
    Ok(thread)
}

/// The thread of a process that the kernel makes: execs its program first. If that fails, `failed` is called, and the
/// process ends.
pub(crate) fn make_first_thread(
    mut cx: Cx,
    name: &[u8],
    load: impl FnOnce(&mut Cx) -> Result<()> + Send + 'static,
    failed: fn(abi::Errno),
) -> Result<Arc<Thread>> {
    let task = cx.task.clone();
    let nr = task.tid() as u32;
    let entry = kmem::try_box(move || match load(&mut cx) {
        Ok(()) => run(cx),
        Err(error) => {
            failed(error);
            crate::exit::end(cx, 0);
        }
    })?;
    let thread = Thread::new_user(name, task, entry, &SchedAttr::NORMAL)?;
    thread.set_id(nr);
    Ok(thread)
}

/// Runs a task until it ends.
fn run(mut cx: Cx) {
    let mut status = 0;
    let signal = hal::checkpoint::call(|| {
        status = until_end(&mut cx);
        if cx.process().has(process::flag::DUMPS_CORE) {
            status = coredump::take_part(&mut cx, status);
        }
        ptrace::tell_exit(&mut cx, status);
    });
    if signal != 0 {
        // An oops: all that this task had called is given up, and it ends as if this signal had ended it.
        status = signal as i32;
        hal::irq::enable();
    }
    crate::exit::end(cx, status);
}

/// Runs a task until it is to end; the status word with which it has to.
fn until_end(cx: &mut Cx) -> i32 {
    let thread = sched::current();
    loop {
        let _irqs = hal::irq::disable(); // `user::run` turns them on
        while cx.task.work() != 0 || hal::preempt::need_resched() {
            hal::irq::enable();
            if let Err(status) = do_work(cx) {
                return status;
            }
            let _irqs = hal::irq::disable();
        }
        if cx.watch.is_armed() {
            cx.watch.load();
        }
        match hal::user::run(cx, thread.context().machine()) {
            Trap::Syscall => {}
            Trap::Fault {
                vector,
                error_code,
                addr,
            } => {
                if sync::static_branch!(COUNTED) {
                    cost::counted_fault(cx, |cx| fault(cx, vector, error_code, addr));
                } else {
                    fault(cx, vector, error_code, addr);
                }
            }
            Trap::Interrupt => crate::itimer::on_tick(cx.process()),
        }
    }
}

/// # Errors
/// The status word with which the task has to end.
#[cold]
fn do_work(cx: &mut Cx) -> core::result::Result<(), i32> {
    if cx.task.work() & work::OVERRUN != 0 {
        // Before it is held back: another thread of the process may take the signal.
        cx.task.clear_work(work::OVERRUN);
        let _ = send_to_process(cx.process(), &SigInfo::kernel(SIGXCPU)); // pending already: once is enough
    }
    if hal::preempt::need_resched() {
        sched::resched_if_needed();
    }
    let flags = cx.task.work();
    if flags & work::EXIT != 0
        && let Some(status) = cx.exiting
    {
        return Err(status);
    }
    if flags & work::REGS != 0 {
        cx.task.clear_work(work::REGS);
    }
    if flags & work::SECCOMP != 0 {
        crate::seccomp::adopt(cx);
    }
    if flags & work::SIGNAL != 0 {
        take::handle(cx)?;
    }
    if flags & work::CPU_TIME != 0 {
        cx.task.clear_work(work::CPU_TIME);
        crate::itimer::on_tick(cx.process());
    }
    if flags & work::RSEQ != 0 {
        crate::rseq::resume(cx, 0);
    }
    Ok(())
}

const DEBUG: u8 = 1;
const PAGE_FAULT: u8 = 14;
const ERROR_WRITE: u64 = 2;
const ERROR_FETCH: u64 = 16;

/// A part of the loop, where a call would cost 20 instructions a fault; who counts faults has a copy.
#[inline(always)]
fn fault(cx: &mut Cx, vector: u8, error_code: u64, addr: u64) {
    if vector == PAGE_FAULT {
        let access = if error_code & ERROR_FETCH != 0 {
            Access::Exec
        } else if error_code & ERROR_WRITE != 0 {
            Access::Write
        } else {
            Access::Read
        };
        cx.task.count_fault();
        match cx.mm.handle_fault(UserAddr(addr as usize), access) {
            Ok(()) | Err(FaultError::Interrupted) => {}
            Err(_) if access == Access::Exec && vsyscall::emulate(cx, addr) => {}
            Err(error) => bad_page(cx, error, error_code, addr),
        }
        return;
    }
    if vector == DEBUG && ptrace::is_strange(cx, addr) {
        return;
    }
    cx.fault = FaultInfo {
        vector: vector.into(),
        error_code,
        addr: cx.fault.addr,
    };
    signal::force(&cx.task, &exception(cx, vector, addr));
}

#[cold]
fn bad_page(cx: &mut Cx, error: FaultError, error_code: u64, addr: u64) {
    cx.fault = FaultInfo {
        vector: PAGE_FAULT.into(),
        error_code: error_code | 4,
        addr,
    };
    let addr = addr as usize;
    let info = match error {
        FaultError::SegvMapErr => SigInfo::fault(SIGSEGV, code::SEGV_MAPERR, addr),
        FaultError::SegvAccErr => SigInfo::fault(SIGSEGV, code::SEGV_ACCERR, addr),
        FaultError::BusAdrErr => SigInfo::fault(SIGBUS, code::BUS_ADRERR, addr),
        FaultError::Oom => {
            // Somebody was killed for memory, perhaps this task; then the fault is taken again.
            if !cx.task.is_killed() && !crate::oom::fault_without_memory() {
                signal::force(&cx.task, &SigInfo::kernel(SIGKILL));
            }
            return;
        }
        FaultError::Interrupted => return,
    };
    log_unhandled(cx, info.signo, error_code, addr);
    signal::force(&cx.task, &info);
}

/// Whether pages have really run out: an allocation that failed all the same was told to (fault injection).
fn memory_is_short() -> bool {
    let stats = kmem::frame::stats();
    stats.free <= stats.low
}

/// Says in the log what ends a program, as Linux does (`debug.exception-trace`).
fn log_unhandled(cx: &Cx, sig: pid::Signal, error_code: u64, addr: usize) {
    let handled = cx.process().sighand().get(sig).handler > signal::action::IGNORE;
    if handled && !cx.task.blocked().contains(sig) {
        return;
    }
    let comm = cx.task.comm();
    let name = core::str::from_utf8(&comm)
        .unwrap_or("?")
        .trim_end_matches('\0');
    let what = if sig == SIGSEGV {
        "segfault"
    } else {
        "bus error"
    };
    trace::pr_info!(
        "{name}[{}]: {what} at {addr:x} ip {:016x} sp {:016x} error {:x}",
        cx.task.tid(),
        cx.regs.rip,
        cx.regs.rsp,
        error_code | 4
    );
}

/// The signal of an exception that is not a page fault (SDM volume 3, chapter 6; Linux' arch/x86/kernel/traps.c for the
/// signals).
#[cold]
fn exception(cx: &Cx, vector: u8, dr6: u64) -> SigInfo {
    let rip = cx.regs.rip as usize;
    match vector {
        0 => SigInfo::fault(SIGFPE, code::FPE_INTDIV, rip),
        1 => {
            let step = dr6 & 1 << 14 != 0;
            let why = if step {
                code::TRAP_TRACE
            } else {
                code::TRAP_HWBKPT
            };
            SigInfo::fault(SIGTRAP, why, rip)
        }
        3 => SigInfo::kernel(SIGTRAP),
        4 => SigInfo::kernel(SIGSEGV),
        5 => SigInfo::kernel(SIGSEGV),
        6 => SigInfo::fault(SIGILL, code::ILL_ILLOPN, rip),
        16 => SigInfo::fault(SIGFPE, x87_code(cx), rip),
        17 => SigInfo::fault(SIGBUS, code::BUS_ADRALN, 0),
        19 => SigInfo::fault(SIGFPE, simd_code(cx), rip),
        11 | 12 => SigInfo::kernel(SIGBUS),
        _ => SigInfo::kernel(SIGSEGV),
    }
}

/// Which unmasked x87 exception it was.
fn x87_code(cx: &Cx) -> i32 {
    let words = |image: &[u8]| {
        let control = u16::from_le_bytes([image[0], image[1]]);
        let status = u16::from_le_bytes([image[2], image[3]]);
        u32::from(status & !control)
    };
    cx.context().with_fpu(words).map_or(0, float_code)
}

/// Which unmasked SSE exception it was.
fn simd_code(cx: &Cx) -> i32 {
    let bits = |image: &[u8]| {
        let mxcsr = u32::from_le_bytes([image[24], image[25], image[26], image[27]]);
        mxcsr & !(mxcsr >> 7)
    };
    cx.context().with_fpu(bits).map_or(0, float_code)
}

fn float_code(raised: u32) -> i32 {
    match () {
        () if raised & 0x01 != 0 => code::FPE_FLTINV,
        () if raised & 0x04 != 0 => code::FPE_FLTDIV,
        () if raised & 0x08 != 0 => code::FPE_FLTOVF,
        () if raised & 0x12 != 0 => code::FPE_FLTUND,
        () if raised & 0x20 != 0 => code::FPE_FLTRES,
        () => 0,
    }
}

/// A fault of the kernel on user memory (uaccess): true if the page is there now. The caller's trap was taken in task
/// context with preemption on; this may sleep.
pub fn handle_kernel_page_fault(addr: usize, write: bool) -> bool {
    let Some(data) = sched::try_current().and_then(Thread::data) else {
        return false;
    };
    let Some(task) = data.as_any().downcast_ref::<Task>() else {
        return false;
    };
    let Some(mm) = task.mm() else { return false };
    task.count_fault();
    let access = if write { Access::Write } else { Access::Read };
    match mm.handle_fault(UserAddr(addr), access) {
        Ok(()) => true,
        Err(FaultError::Oom) if !memory_is_short() => false,
        Err(FaultError::Oom) => !task.is_killed() && crate::oom::out_of_memory(),
        Err(_) => false,
    }
}
