//! Traps from kernel mode, each passed on to the crate that knows what to do.
use hal::traps::{FaultAction, FaultInfo, IpiKind, KernelTraps, PAGE_FAULT, TrapFrame, page_fault};
use pid::signals::{SIGKILL, SIGSEGV};

pub(crate) struct Traps;

/// The running thread has met a bug of the kernel: a task ends as if `signal` had ended it, a kernel thread just ends.
pub(crate) fn end_thread(signal: pid::Signal) -> ! {
    task::exit::by_oops(signal);
    sched::exit_thread()
}

/// Rust code of the kernel has panicked.
pub(crate) fn panicked(frame: &mut TrapFrame, info: &core::panic::PanicInfo<'_>) -> ! {
    // Returns if the machine can go on without this thread.
    trace::oops::rust_panic(frame, info);
    end_thread(SIGSEGV)
}

impl KernelTraps for Traps {
    fn fault(&self, frame: &mut TrapFrame, fault: FaultInfo) -> FaultAction {
        if !fault.user_access {
            return match capi::on_fault(frame, &fault) {
                true => FaultAction::Resolved,
                false => FaultAction::Oops,
            };
        }
        // Whoever holds a spinning lock or has interrupts off can't wait for a page: the access fails.
        if !fault.interrupts_on || hal::preempt::count() != 0 {
            return FaultAction::Fixup;
        }
        let write = fault.error_code & page_fault::WRITE != 0;
        if task::userloop::handle_kernel_page_fault(fault.addr, write) {
            FaultAction::Resolved
        } else {
            FaultAction::Fixup
        }
    }

    fn oops(&self, frame: &TrapFrame, fault: FaultInfo) -> ! {
        trace::oops::report(frame, &fault);
        // As Linux has it.
        end_thread(match fault.vector {
            PAGE_FAULT => SIGKILL,
            _ => SIGSEGV,
        })
    }

    fn irq(&self, vector: u8) {
        irq::handle_vector(vector);
    }

    fn timer(&self) {
        sched::on_timer();
    }

    fn ipi(&self, kind: IpiKind) {
        match kind {
            IpiKind::Reschedule => sched::on_reschedule_ipi(),
            IpiKind::Call => {}
            IpiKind::TlbFlush => {
                irq::stats::count(irq::stats::Arch::TlbFlush);
                kmem::space::serve_tlb_requests();
            }
            IpiKind::Stop => hal::cpu::halt_forever(),
        }
    }

    fn tick_in_kernel(&self, frame: &mut TrapFrame) {
        capi::on_tick(frame);
    }

    fn irq_exit(&self) {
        irq::on_irq_exit();
    }

    fn nmi(&self, frame: &mut TrapFrame) {
        irq::nmi::on_nmi(frame.rip);
        capi::on_heartbeat(frame);
    }

    fn preempt(&self) {
        sched::preempt_from_irq();
    }
}
