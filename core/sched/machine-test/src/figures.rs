//! What is counted and traced.
use crate::MS;
use alloc::boxed::Box;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

/// A probe hears every switch while it is registered, none after: text is patched both times.
pub fn tracepoint() {
    static HITS: AtomicU64 = AtomicU64::new(0);
    let probe = |_: &sched::SchedSwitch| {
        HITS.fetch_add(1, Relaxed);
    };
    let id = sched::sched_switch::HOOK
        .register(Box::new(probe))
        .expect("room");
    // On a busy host a sleep may be over before it began; then nothing is switched.
    for _ in 0..1000 {
        if HITS.load(Relaxed) < 20 {
            sched::sleep_ns(MS);
        }
    }
    sched::sched_switch::HOOK.unregister(id);
    let hits = HITS.load(SeqCst);
    assert!(hits >= 20, "two for each sleep, heard {hits}");
    for _ in 0..10 {
        sched::sleep_ns(MS);
    }
    assert_eq!(HITS.load(SeqCst), hits);
}

pub fn figures() {
    let (switches, ran) = (sched::stats::switches(), sched::current().run_ns());
    let before = sched::current().times();
    crate::spin_ns(50 * MS);
    sched::sleep_ns(50 * MS);
    let after = sched::current().times();
    assert!(sched::stats::switches() >= switches + 2);
    assert!(sched::current().run_ns() - ran >= 50 * MS);
    assert!(after.system_ns + after.user_ns >= before.system_ns + before.user_ns + 50 * MS);
    let idle: u64 = (0..hal::cpu::online())
        .map(|cpu| sched::stats::cpu_times(cpu).idle_ns)
        .sum();
    assert!(idle > 0);
    assert_eq!(sched::stats::uninterruptible(), 0);
    assert!(irq::stats::total() > 0);
    for cpu in sched::stats::active_cpus().iter() {
        trace::pr_info!("cpu{cpu}: {:?}", sched::stats::cpu_times(cpu));
    }
}
