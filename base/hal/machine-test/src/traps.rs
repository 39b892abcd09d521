//! What the tests do with traps from kernel mode: count them.

use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};

use hal::traps::{BREAKPOINT, DEBUG, FaultAction, FaultInfo, IpiKind, KernelTraps, TrapFrame};

pub(crate) static TRAPS: &dyn KernelTraps = &Counting;

pub(crate) static TIMERS: AtomicU64 = AtomicU64::new(0);
pub(crate) static IRQS: AtomicU64 = AtomicU64::new(0);
pub(crate) static NMIS: AtomicU64 = AtomicU64::new(0);
pub(crate) static PREEMPTIONS: AtomicU64 = AtomicU64::new(0);
pub(crate) static BREAKPOINTS: AtomicU64 = AtomicU64::new(0);
pub(crate) static IPIS: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
/// The timer's handler asks to reschedule.
pub(crate) static RESCHEDULE: AtomicBool = AtomicBool::new(false);
/// The timer's handler overflows its stack.
pub(crate) static OVERFLOW: AtomicBool = AtomicBool::new(false);
/// A page-table entry that the next fault on user memory makes present.
pub(crate) static ABSENT: AtomicUsize = AtomicUsize::new(0);

struct Counting;

impl KernelTraps for Counting {
    fn fault(&self, _frame: &mut TrapFrame, fault: FaultInfo) -> FaultAction {
        match fault.vector {
            BREAKPOINT => {
                BREAKPOINTS.fetch_add(1, SeqCst);
                FaultAction::Resolved
            }
            DEBUG => FaultAction::Fixup,
            _ if fault.user_access => {
                let entry = ABSENT.swap(0, SeqCst) as *mut u64;
                if entry.is_null() {
                    return FaultAction::Fixup;
                }
                // SAFETY: the test stored a level-1 entry.
                unsafe { entry.write_volatile(entry.read_volatile() | 1) };
                FaultAction::Resolved
            }
            _ => FaultAction::Oops,
        }
    }

    fn oops(&self, frame: &TrapFrame, fault: FaultInfo) -> ! {
        say!(
            "FAULT vector {} at {:#x}: {fault:x?}",
            fault.vector,
            frame.rip
        );
        say!("overflow {}", fault.stack_overflow);
        hal::backtrace::walk(frame.rbp as usize, |address| say!("  {address:#x}"));
        hal::power::off();
        hal::cpu::halt_forever()
    }

    fn irq(&self, _vector: u8) {
        let uart = hal::serial::Uart16550::new(hal::serial::Port::Com1);
        let _ = uart.interrupt_id();
        uart.set_interrupt_enable(0);
        IRQS.fetch_add(1, SeqCst);
    }

    fn timer(&self) {
        TIMERS.fetch_add(1, SeqCst);
        if OVERFLOW.load(SeqCst) {
            crate::faults::overflow();
        }
        if RESCHEDULE.load(SeqCst) {
            hal::preempt::set_need_resched();
        }
    }

    fn ipi(&self, kind: IpiKind) {
        assert!(hal::preempt::count() & hal::preempt::HARDIRQ != 0);
        if kind == IpiKind::Stop {
            hal::cpu::halt_forever();
        }
        IPIS[kind as usize].fetch_add(1, SeqCst);
    }

    fn nmi(&self, _frame: &mut TrapFrame) {
        NMIS.fetch_add(1, SeqCst);
    }

    fn preempt(&self) {
        hal::preempt::clear_need_resched();
        PREEMPTIONS.fetch_add(1, SeqCst);
    }
}

pub(crate) fn breakpoint() {
    // SAFETY: `fault` resolves it.
    unsafe { core::arch::asm!("int3") };
    assert_eq!(BREAKPOINTS.load(SeqCst), 1);
}
