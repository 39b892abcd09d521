//! What the trap handlers call, and what a tick does.
use crate::thread::{Thread, try_current};
use crate::{balance, reap, rq, stats};
use core::sync::atomic::Ordering;
use hal::preempt;
use runqueue::Ticked;
use sync::rcu;
use time::tick::TickHook;

/// The CPU's timer fired: expired timers, the tick. For `KernelTraps::timer`.
pub fn on_timer() {
    irq::stats::count(irq::stats::Arch::LocalTimer);
    time::timer::on_interrupt();
}

/// A reschedule IPI came. For `KernelTraps::ipi`; `need_resched` is set already.
pub fn on_reschedule_ipi() {
    irq::stats::count(irq::stats::Arch::Reschedule);
    preempt::set_need_resched();
}

pub(crate) struct Tick;

impl TickHook for Tick {
    fn tick(&self, now_ns: u64) {
        let cpu = hal::cpu::id();
        let Some(running) = try_current() else { return };
        let shared = rq::shared(cpu);
        shared
            .ticks
            .store(shared.ticks.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let mut over = false;
        let idle = {
            let mut rq = rq::of(cpu).lock();
            rq.charge(now_ns);
            let idle = !rq.busy;
            if !idle && rq.queue.tick(&running.entity) == Ticked::Expired {
                rq.turn_over = true;
                preempt::set_need_resched();
            } else if !idle && running.entity.rt_level() != 0 && rq.is_over(running, now_ns) {
                over = true;
                preempt::set_need_resched();
            }
            rq.publish(cpu);
            idle
        };
        if over {
            running.tell_overrun();
        }
        if !idle {
            sample(shared, running, now_ns);
            balance::tick(cpu);
        }
        time::load::update(now_ns, stats::active_for_load);
        if rcu::pending() != 0 {
            irq::softirq::raise(irq::softirq::Kind::Rcu);
        }
        reap::poke();
        trace::kmsg::poll_wakeups();
    }
}

/// Divides busy time by where the tick found the CPU.
fn sample(shared: &rq::Shared, running: &Thread, now_ns: u64) {
    let since = shared.sampled_ns.swap(now_ns, Ordering::Relaxed);
    let delta = now_ns.saturating_sub(since);
    let in_user = hal::user::interrupted();
    let kind = match (in_user, running.entity.share().nice > 0) {
        (true, false) => &shared.user_ns,
        (true, true) => &shared.nice_ns,
        (false, _) => &shared.system_ns,
    };
    kind.fetch_add(delta, Ordering::Relaxed);
    let samples = match in_user {
        true => &running.user_samples,
        false => &running.system_samples,
    };
    samples.fetch_add(1, Ordering::Relaxed);
    if !in_user && let Some(data) = running.data() {
        data.ticked_in_kernel();
    }
}
