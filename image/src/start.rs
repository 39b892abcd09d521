//! From `hal` to the idle loop, on the boot CPU and on the others.
use crate::init;
use crate::options::Options;
use crate::symbols::Symbols;
use crate::traps::Traps;
use alloc::boxed::Box;
use hal::boot::BootInfo;
use hal::traps::KernelTraps;
use sync::Once;

static TRAPS: &dyn KernelTraps = &Traps;
static OPTIONS: Once<Options> = Once::new();

/// What the boot CPU does, in stages: memory; threads; the other CPUs; then process 1 is made by a thread, and this
/// becomes the idle thread.
pub(crate) fn main(info: &'static BootInfo) -> ! {
    let options = *OPTIONS.get_or_init(|| Options::parse(info.cmdline));
    hal::traps::set_kernel_traps(TRAPS);
    sync::class::set_report_hook(trace::oops::lock_report);
    must("symbols", trace::symbols::add_source(&Symbols));
    banner(info);
    kmem::init(info);
    must("scheduler", sched::init());
    hal::irq::enable();
    must("work queues", workqueue::init());
    start_others(options.max_cpus);
    let work = must(
        "init thread",
        kmem::try_box(move || init::run(info, options)),
    );
    must(
        "init thread",
        sched::Thread::spawn_kthread("kthreadd", work as Box<dyn FnOnce() + Send>),
    );
    sched::run_idle()
}

fn banner(info: &BootInfo) {
    trace::pr_notice!(
        "Linux version {} (gaon) {}",
        abi::RELEASE,
        env!("CARGO_PKG_VERSION")
    );
    trace::pr_info!("Command line: {}", info.cmdline);
    for region in info.memory {
        trace::pr_info!(
            "memory: [{:#012x}-{:#012x}) {:?}",
            region.start.0,
            region.end.0,
            region.kind
        );
    }
}

/// Nothing runs without these: no memory this early is the end.
fn must<T>(what: &str, result: abi::Result<T>) -> T {
    result.unwrap_or_else(|e| panic!("{what}: {e}"))
}

fn start_others(max_cpus: usize) {
    if hal::smp::present() < 2 || max_cpus < 2 {
        return;
    }
    let online = hal::smp::start_all(secondary, max_cpus, kmem::boot_memory);
    trace::pr_info!("smp: {online} CPUs online");
}

/// Where another CPU starts.
fn secondary(cpu: usize) -> ! {
    must("scheduler on another CPU", sched::cpu_online());
    hal::irq::enable();
    must("work queues on another CPU", workqueue::cpu_online(cpu));
    sched::run_idle()
}
