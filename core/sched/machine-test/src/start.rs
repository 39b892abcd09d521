//! From boot to the tests: the same steps as the real image takes.
use alloc::boxed::Box;
use alloc::vec::Vec;
use hal::boot::BootInfo;
use hal::traps::{FaultAction, FaultInfo, IpiKind, KernelTraps, TrapFrame};
use sched::Thread;

struct Traps;
static TRAPS: Traps = Traps;

impl KernelTraps for Traps {
    fn fault(&self, _frame: &mut TrapFrame, fault: FaultInfo) -> FaultAction {
        if fault.user_access {
            FaultAction::Fixup
        } else {
            FaultAction::Oops
        }
    }
    fn oops(&self, frame: &TrapFrame, fault: FaultInfo) -> ! {
        trace::oops::report(frame, &fault);
        sched::exit_thread()
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
            IpiKind::TlbFlush => kmem::space::serve_tlb_requests(),
            IpiKind::Stop => hal::cpu::halt_forever(),
            IpiKind::Call => {}
        }
    }
    fn irq_exit(&self) {
        irq::on_irq_exit();
    }
    fn nmi(&self, frame: &mut TrapFrame) {
        irq::nmi::on_nmi(frame.rip);
    }
    fn preempt(&self) {
        sched::preempt_from_irq();
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    hal::capture::with_registers(info, panicked)
}

fn panicked(frame: &mut TrapFrame, info: &core::panic::PanicInfo<'_>) -> ! {
    trace::oops::rust_panic(frame, info);
    if hal::boot::info().cmdline.contains("test=all") {
        trace::panic::panic(format_args!("a test failed"));
    }
    sched::exit_thread()
}

hal::kernel_main!(main);

fn main(info: &'static BootInfo) -> ! {
    hal::traps::set_kernel_traps(&TRAPS);
    sync::class::set_report_hook(trace::oops::lock_report);
    for word in info.cmdline.split_ascii_whitespace() {
        let (key, value) = word
            .split_once('=')
            .map_or((word, None), |(k, v)| (k, Some(v)));
        let _ = trace::console::boot_option(key, value) || trace::panic::boot_option(key, value);
    }
    kmem::init(info);
    sched::init().expect("scheduler");
    hal::irq::enable();
    workqueue::init().expect("work queues");
    let online = hal::smp::start_all(secondary, hal::MAX_CPUS, memory);
    trace::pr_info!("{online} CPUs, {} bytes per thread", size_of::<Thread>());
    let mode = info
        .cmdline
        .split_once("test=")
        .map_or("all", |(_, mode)| mode);
    let body: fn() = match mode {
        "memory" => crate::memory,
        "bug" => crate::faults::bug,
        "bug-in-spinlock" => crate::faults::bug_in_spinlock,
        "overflow" => crate::faults::overflow,
        _ => crate::all,
    };
    Thread::spawn_kthread("tests", Box::new(body))
        .expect("memory")
        .set_id(100);
    sched::run_idle()
}

fn secondary(cpu: usize) -> ! {
    sched::cpu_online().expect("scheduler");
    hal::irq::enable();
    workqueue::cpu_online(cpu).expect("work queues");
    sched::run_idle()
}

fn memory(bytes: usize) -> Option<&'static mut [u8]> {
    const ALIGNMENT: usize = 2 * hal::landing::UPPER_HALF;
    let block: &'static mut [u8] = Vec::leak(alloc::vec![0; bytes + ALIGNMENT]);
    let skip = block.as_ptr().align_offset(ALIGNMENT);
    block.get_mut(skip..skip + bytes)
}
