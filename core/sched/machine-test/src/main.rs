//! The scheduler's test kernel: what of trace, irq, time, sched and workqueue only a machine can show. `test=` on the
//! command line says what to do: `all`, or one deliberate fault that must be reported and survived, or not.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod faults;
mod figures;
mod policy;
mod start;
mod threads;
mod work;

use alloc::boxed::Box;
use alloc::sync::Arc;
use sched::Thread;

/// Every test, in order.
const TESTS: &[(&str, fn())] = &[
    ("roll", threads::roll),
    ("sleep", threads::sleep),
    ("ping-pong", threads::ping_pong),
    ("many threads", threads::many),
    ("mutex", threads::mutex),
    ("backtrace", threads::backtrace),
    ("nice", policy::nice),
    ("balance", policy::balance),
    ("real-time order", policy::real_time_order),
    ("real-time wake-ups", policy::real_time_wakeups),
    ("affinity of oneself", policy::own_affinity),
    ("affinity of another", policy::other_affinity),
    ("stop machine", work::stop_machine),
    ("works", work::works),
    ("sleeping works", work::sleeping_works),
    ("ordered queue", work::ordered),
    ("work waits for later work", work::waited_for),
    ("queue with a rescuer", work::rescued),
    ("later work is served", work::still_served),
    ("workers dismissed", work::dismissed),
    ("delayed work and tasklet", work::delayed),
    ("timers", work::timers),
    ("rcu", work::rcu),
    ("rcu barrier", work::rcu_barrier),
    ("tracepoint", figures::tracepoint),
    ("figures", figures::figures),
];

fn all() {
    for (name, test) in TESTS {
        let start = time::monotonic_ns();
        test();
        trace::pr_info!("{name}: ok ({} us)", (time::monotonic_ns() - start) / 1000);
    }
    assert_eq!(sync::class::reports(), 0, "rules of locking were broken");
    trace::pr_info!("ALL OK");
    hal::power::off();
}

/// What of memory only a machine shows, on one CPU.
fn memory() {
    struct Log;
    impl core::fmt::Write for Log {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            trace::pr_cont!("{text}");
            Ok(())
        }
    }
    assert!(kmem::selftest::run(&mut Log), "a test of memory failed");
    assert_eq!(sync::class::reports(), 0, "rules of locking were broken");
    trace::pr_info!("ALL OK");
    hal::power::off();
}

/// A running kernel thread.
fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Arc<Thread> {
    let thread = prepare(name, body);
    thread.start();
    thread
}

/// A kernel thread, not started.
fn prepare(name: &str, body: impl FnOnce() + Send + 'static) -> Arc<Thread> {
    Thread::new_kthread(name, Box::new(body)).expect("memory")
}

fn now() -> u64 {
    time::monotonic_ns()
}

fn spin_ns(ns: u64) {
    let end = now() + ns;
    while now() < end {
        hal::cpu::relax();
    }
}

const MS: u64 = 1_000_000;
