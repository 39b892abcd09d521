//! Clock, timer, preemption by it, and a device's interrupt.

use core::sync::atomic::Ordering::SeqCst;

use hal::serial::{IER_TRANSMIT, Port, Uart16550};

use crate::traps::{IRQS, PREEMPTIONS, RESCHEDULE, TIMERS};

const SECOND: u64 = 1_000_000_000;

/// Waits until something is true, for at most some seconds.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let end = hal::clock::now_ns() + 10 * SECOND;
    while !condition() {
        assert!(hal::clock::now_ns() < end, "waited in vain for {what}");
        hal::cpu::relax();
    }
}

pub(crate) fn timer() {
    for delta in [3_000_000, 100_000, 0] {
        let (seen, start) = (TIMERS.load(SeqCst), hal::clock::now_ns());
        let _ = hal::irq::disable();
        hal::timer::arm_in(delta);
        while TIMERS.load(SeqCst) == seen {
            hal::cpu::halt();
            let _ = hal::irq::disable();
        }
        hal::irq::enable();
        let late = hal::clock::now_ns() - start - delta;
        say!("timer of {delta} ns: {late} ns late");
    }
    let seen = TIMERS.load(SeqCst);
    // Far enough that a host with other things to do does not keep us until then.
    hal::timer::arm_in(300_000_000);
    hal::timer::disarm();
    let end = hal::clock::now_ns() + 320_000_000;
    while hal::clock::now_ns() < end {}
    assert_eq!(TIMERS.load(SeqCst), seen);
}

pub(crate) fn preemption() {
    RESCHEDULE.store(true, SeqCst);
    hal::preempt::add(hal::preempt::PREEMPT);
    let seen = TIMERS.load(SeqCst);
    hal::timer::arm_in(1000);
    wait_for("the timer", || TIMERS.load(SeqCst) > seen);
    assert_eq!(PREEMPTIONS.load(SeqCst), 0, "preempted while that was off");
    assert!(hal::preempt::need_resched());
    hal::preempt::sub(hal::preempt::PREEMPT);
    hal::timer::arm_in(1000);
    wait_for("preemption", || PREEMPTIONS.load(SeqCst) == 1);
    RESCHEDULE.store(false, SeqCst);
}

pub(crate) fn serial_interrupt() {
    let route = hal::apic::isa_irq(Port::Com1.irq());
    hal::apic::route_gsi(route.gsi, 0x40, 0, route.trigger, route.polarity).expect("route");
    hal::apic::unmask(route.gsi).expect("unmask");
    assert!(hal::apic::route_gsi(9999, 0x40, 0, route.trigger, route.polarity).is_err());
    assert!(hal::apic::route_gsi(route.gsi, 0x20, 0, route.trigger, route.polarity).is_err());
    Uart16550::new(Port::Com1).set_interrupt_enable(IER_TRANSMIT);
    wait_for("the UART", || IRQS.load(SeqCst) > 0);
}

pub(crate) fn clock() {
    let mut last = 0;
    for _ in 0..100_000 {
        let now = hal::clock::now_ns();
        assert!(now >= last);
        last = now;
    }
    let check = hal::clock::source_check();
    say!(
        "{check:?}, epoch {} s",
        hal::clock::boot_realtime_ns() / SECOND
    );
    assert!(check.is_none_or(|check| check.deviation_ppm.abs() < 1000));
}
