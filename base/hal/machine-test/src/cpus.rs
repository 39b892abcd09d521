//! The other CPUs: starting them, requests and non-maskable interrupts, at any moment.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use hal::traps::IpiKind;
use hal::user::Trap;

use crate::time::wait_for;
use crate::traps::{IPIS, NMIS};
use crate::{threads, user};

static UP: AtomicUsize = AtomicUsize::new(1);
static STORMING: AtomicBool = AtomicBool::new(false);
static STORM_OVER: AtomicBool = AtomicBool::new(false);

pub(crate) fn start() {
    let online = hal::smp::start_all(main, 32, |length| Some(crate::heap::leak(length)));
    assert_eq!(online, hal::smp::present());
    wait_for("the other CPUs", || UP.load(SeqCst) == online);
    say!("{online} CPUs");
}

fn main(cpu: usize) -> ! {
    assert_eq!(cpu, hal::cpu::id());
    threads::adopt_idle_thread(cpu);
    UP.fetch_add(1, SeqCst);
    hal::irq::enable();
    threads::schedule_migrants();
    if cpu == 1 {
        while !STORMING.load(SeqCst) {
            hal::cpu::relax();
        }
        while STORMING.load(SeqCst) {
            hal::apic::send_nmi(0);
            for _ in 0..hal::random::seed_u64() % 500 {
                hal::cpu::relax();
            }
            hal::apic::send_ipi(0, IpiKind::Call);
        }
        STORM_OVER.store(true, SeqCst);
    }
    loop {
        let _ = hal::irq::disable();
        hal::cpu::halt();
    }
}

/// System calls without end while another CPU sends interrupts of both kinds: user registers, segment bases and FPU
/// registers stay what they are.
pub(crate) fn storm() {
    if hal::cpu::online() < 2 {
        return;
    }
    let thread = threads::boot_thread();
    let mut regs = user::migrant_regs(0);
    assert!(user::set_bases(thread.context(), 0));
    let start = NMIS.load(SeqCst);
    STORMING.store(true, SeqCst);
    let end = hal::clock::now_ns() + 1_000_000_000;
    let (mut calls, mut interrupts) = (0u64, 0u64);
    while hal::clock::now_ns() < end {
        match user::run(&mut regs) {
            Trap::Syscall => calls += 1,
            Trap::Interrupt => interrupts += 1,
            other => panic!("{other:x?} {regs:x?}"),
        }
    }
    STORMING.store(false, SeqCst);
    wait_for("the end of the storm", || STORM_OVER.load(SeqCst));
    say!(
        "storm: {calls} calls, {interrupts} interrupts, {} NMIs",
        NMIS.load(SeqCst) - start
    );
}

pub(crate) fn requests() {
    let others = hal::cpu::online() as u64 - 1;
    let before = [
        IPIS[1].load(SeqCst),
        IPIS[2].load(SeqCst),
        NMIS.load(SeqCst),
    ];
    for cpu in 1..hal::cpu::online() {
        hal::apic::send_ipi(cpu, IpiKind::Call);
        hal::apic::send_nmi(cpu);
    }
    hal::apic::send_ipi_all_but_self(IpiKind::TlbFlush);
    let all = || {
        IPIS[1].load(SeqCst) == before[0] + others
            && IPIS[2].load(SeqCst) == before[1] + others
            && NMIS.load(SeqCst) == before[2] + others
    };
    wait_for("requests", all);
    hal::apic::send_nmi(0);
    wait_for("an NMI from oneself", || {
        NMIS.load(SeqCst) == before[2] + others + 1
    });
    hal::apic::send_ipi_all_but_self(IpiKind::Stop);
}
