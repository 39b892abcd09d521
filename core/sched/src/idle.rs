//! Bringing a CPU in, and what it does when there is nothing to do.
use crate::ops::{self, CallerOfRecord, Ops};
use crate::rq;
use crate::thread::{SLOT, Thread};
use crate::tick::Tick;
use crate::{burier, kthread, machine, reap, stop, switch};
use abi::{Errno, Result};
use alloc::boxed::Box;
use core::sync::atomic::Ordering;
use hal::preempt;
use sync::thread::CurrentSlot;
use sync::{irq_disable, rcu};

static OPS: Ops = Ops;
static TICK: Tick = Tick;
static CALLER: CallerOfRecord = CallerOfRecord;

/// Starts the scheduler on the boot CPU: what runs becomes its idle thread, which may spawn threads and should end in
/// [`run_idle`]. Once, after the allocator and `hal`'s clock work; interrupts may be on or off.
///
/// # Errors
/// `ENOMEM`; `EBUSY` the second time.
pub fn init() -> Result<()> {
    let slot = CurrentSlot::claim().ok_or(Errno::EBUSY)?;
    SLOT.set(slot).map_err(|_| Errno::EBUSY)?;
    join()?;
    sync::thread::set_scheduler(&OPS, ops::park);
    trace::set_caller_id(&CALLER);
    time::tick::set_hook(&TICK);
    rcu::set_kick(crate::resched_cpu);
    stop::register();
    trace::events::register(&switch::EVENT);
    irq::softirq::register(irq::softirq::Kind::Rcu, &|| {
        rcu::run_ready();
    });
    start_helpers(hal::cpu::id())
}

/// Brings another CPU in: called on it once it can take interrupts. It then calls [`run_idle`].
///
/// # Errors
/// `ENOMEM`.
pub fn cpu_online() -> Result<()> {
    join()?;
    start_helpers(hal::cpu::id())
}

/// Makes what runs on this CPU its idle thread.
fn join() -> Result<()> {
    let cpu = hal::cpu::id();
    rq::cpu_up(cpu)?;
    time::cpu_up()?;
    let mut name = *b"swapper/00";
    name[8] += (cpu / 10) as u8;
    name[9] += (cpu % 10) as u8;
    let idle = Thread::idle(core::str::from_utf8(&name).unwrap_or("swapper"))?;
    machine::adopt(&idle.context);
    let slot = SLOT.get().ok_or(Errno::EINVAL)?;
    let irqs_off = irq_disable();
    idle.set_id(0);
    idle.cpu.store(cpu, Ordering::Relaxed);
    idle.exec_start_ns
        .store(time::monotonic_ns(), Ordering::Relaxed);
    *idle.alive.lock() = Some(idle.clone());
    slot.set(idle);
    let idle = slot.get().ok_or(Errno::EINVAL)?;
    let _ = idle.named.set(idle);
    let mut rq = rq::of(cpu).lock();
    rq.idle = Some(idle);
    rq.running = Some(idle);
    drop(rq);
    rcu::idle_exit();
    rq::ACTIVE.insert(cpu);
    drop(irqs_off);
    Ok(())
}

/// The kernel threads that every CPU has.
fn start_helpers(cpu: usize) -> Result<()> {
    burier::start_on(cpu)?;
    stop::start_on(cpu)?;
    let ksoftirqd = kthread::on_cpu(
        "ksoftirqd",
        cpu,
        kmem::try_box(irq::softirq::ksoftirqd)? as Box<dyn FnOnce() + Send>,
    )?;
    drop(ksoftirqd);
    Ok(())
}

/// What a CPU does when no thread wants it. Never returns; the caller's context is the CPU's idle thread.
pub fn run_idle() -> ! {
    rq::IDLE.insert(hal::cpu::id());
    loop {
        reap::poke();
        trace::kmsg::poll_wakeups();
        rcu::quiescent();
        if rcu::pending() != 0 {
            rcu::run_ready();
        }
        let irqs_off = irq_disable();
        if preempt::need_resched() {
            drop(irqs_off);
            machine::enable_irqs();
            switch::schedule(switch::Why::Preempt);
            continue;
        }
        if rcu::pending() == 0 {
            time::tick::stop(&irqs_off);
        } else {
            time::tick::start(time::monotonic_ns(), &irqs_off);
        }
        core::mem::forget(irqs_off);
        // An interrupt between here and the halt ends the halt: nothing is missed.
        machine::halt();
    }
}
