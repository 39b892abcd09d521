//! Stopping the machine: one closure runs while every other CPU stands still with interrupts off. For patching text and
//! other things that nobody may see half done.
//!
//! Each CPU has a stopper thread (`migration/N`, FIFO 99). The caller wakes those of the others; each turns interrupts
//! off, says that it stands, and spins until it is released.
use crate::rq;
use crate::{kthread, machine};
use abi::Result;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use runqueue::{Policy, Share};
use sync::{LockClass, Mutex, WaitMode, WaitQueue, irq_disable, preempt_disable, rank};

static CLASS: LockClass = LockClass::new("stop-machine", rank::NONE);
static ONE: Mutex<()> = Mutex::new(&CLASS, ());
static WAKE: WaitQueue = WaitQueue::new();
/// Counts stops; odd while one is wanted.
static ROUND: AtomicU64 = AtomicU64::new(0);
static STANDING: AtomicUsize = AtomicUsize::new(0);

/// Runs `f` while every other CPU stands still. May sleep.
pub fn stop_machine(f: &mut dyn FnMut()) {
    let others = rq::ACTIVE.load().len().saturating_sub(1);
    if others == 0 {
        let _irqs_off = irq_disable();
        return f();
    }
    let _one = ONE.lock();
    let pinned = preempt_disable();
    let others = rq::ACTIVE.load().without(hal::cpu::id()).len();
    CALLER.store(hal::cpu::id(), Ordering::Relaxed);
    ROUND.fetch_add(1, Ordering::SeqCst);
    WAKE.wake_all();
    while STANDING.load(Ordering::Acquire) < others {
        hal::cpu::relax();
    }
    let irqs_off = irq_disable();
    f();
    ROUND.fetch_add(1, Ordering::SeqCst);
    while STANDING.load(Ordering::Acquire) != 0 {
        hal::cpu::relax();
    }
    drop(irqs_off);
    drop(pinned);
}

/// The CPU that stops the others.
static CALLER: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn register() {
    sync::statickey::set_stopper(stop_machine);
}

pub(crate) fn start_on(cpu: usize) -> Result<()> {
    let entry = kmem::try_box(move || stopper(cpu))? as Box<dyn FnOnce() + Send>;
    let thread = kthread::new_on_cpu("migration", cpu, entry)?;
    thread.set_share(Share {
        policy: Policy::Fifo,
        nice: 0,
        rt_level: 99,
    })?;
    thread.start();
    drop::<Arc<_>>(thread);
    Ok(())
}

fn stopper(cpu: usize) {
    let mut seen = 0;
    loop {
        let wanted = || {
            let round = ROUND.load(Ordering::SeqCst);
            (round % 2 == 1 && round != seen).then_some(round)
        };
        let Ok(round) = WAKE.wait(WaitMode::Interruptible, None, wanted) else {
            continue;
        };
        seen = round;
        if CALLER.load(Ordering::Relaxed) != cpu {
            stand_still(round);
        }
    }
}

fn stand_still(round: u64) {
    let irqs_off = irq_disable();
    STANDING.fetch_add(1, Ordering::AcqRel);
    while ROUND.load(Ordering::Acquire) == round {
        // A CPU that does not stand yet may be waiting for this one to drop translations.
        machine::serve_tlb_requests();
        hal::cpu::relax();
    }
    // The caller may have patched text that this CPU has fetched already.
    machine::serialize();
    STANDING.fetch_sub(1, Ordering::AcqRel);
    drop(irqs_off);
}
