//! Who gets how much of which CPU.
use crate::{MS, now, prepare, spawn, spin_ns};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use sched::{CpuSet, Policy, Share, Thread};
use sync::{LockClass, SpinLock};

static STOP: AtomicBool = AtomicBool::new(false);

fn hog() {
    while !STOP.load(Relaxed) {
        hal::cpu::relax();
    }
}

fn end(threads: &[Arc<Thread>]) {
    STOP.store(true, SeqCst);
    threads.iter().for_each(|t| t.wait_exit());
    STOP.store(false, SeqCst);
}

const fn fifo(rt_level: u8) -> Share {
    Share {
        policy: Policy::Fifo,
        nice: 0,
        rt_level,
    }
}

/// Four hogs on one CPU divide it by their weights. A loaded host takes CPUs away for whole turns: one round of three counts.
pub fn nice() {
    let fair = (0..3).any(|_| {
        let ran = nice_round();
        trace::pr_info!("nice: ran {ran:?} ms");
        let equals = ran[0].abs_diff(ran[1]) * 4 < ran[0];
        equals && ran[0] > 2 * ran[2] && ran[2] > 3 * ran[3]
    });
    assert!(fair, "not by weights");
}

fn nice_round() -> Vec<u64> {
    let hogs: Vec<_> = [0, 0, 5, 19]
        .into_iter()
        .map(|nice| {
            let thread = prepare("hog", hog);
            thread
                .set_share(Share {
                    nice,
                    ..Share::NORMAL
                })
                .expect("in range");
            thread.set_allowed(CpuSet::only(0)).expect("online");
            thread.start();
            thread
        })
        .collect();
    sched::sleep_ns(2000 * MS);
    end(&hogs);
    hogs.iter().map(|t| t.run_ns() / MS).collect()
}

/// Hogs that start on one CPU spread over all.
pub fn balance() {
    let online = hal::cpu::online();
    let hogs: Vec<_> = (0..2 * online)
        .map(|_| {
            let thread = prepare("hog", hog);
            thread.set_allowed(CpuSet::only(0)).expect("online");
            thread.start();
            thread
        })
        .collect();
    hogs.iter()
        .for_each(|t| t.set_allowed(CpuSet::ALL).expect("online"));
    sched::sleep_ns(1000 * MS);
    end(&hogs);
    let ran: Vec<u64> = hogs.iter().map(|t| t.run_ns() / MS).collect();
    trace::pr_info!("balance: ran {ran:?} ms");
    // Of what the host gave them all, which may be little.
    let share = ran.iter().sum::<u64>() / ran.len() as u64;
    assert!(ran.iter().all(|ms| *ms * 4 > share), "one starved");
}

/// Threads that become runnable together run by level, then by arrival, the fair one last.
pub fn real_time_order() {
    static CLASS: LockClass = LockClass::new("test-order", 0);
    static ORDER: SpinLock<Vec<u8>> = SpinLock::new(&CLASS, Vec::new());
    ORDER.lock().reserve(8);
    let cpu = CpuSet::only(hal::cpu::online() - 1);
    let me = sched::current();
    me.set_share(fifo(98)).expect("in range");
    me.set_allowed(cpu).expect("online");
    let shares = [Share::NORMAL, fifo(10), fifo(50), fifo(10), fifo(90)];
    let threads: Vec<_> = (0..)
        .zip(shares)
        .map(|(n, share)| {
            let thread = prepare("rt", move || {
                spin_ns(5 * MS);
                ORDER.lock().push(n);
            });
            thread.set_share(share).expect("in range");
            thread.set_allowed(cpu).expect("online");
            thread.start();
            thread
        })
        .collect();
    me.set_share(Share::NORMAL).expect("in range");
    me.set_allowed(CpuSet::ALL).expect("online");
    threads.iter().for_each(|t| t.wait_exit());
    assert_eq!(ORDER.lock()[..], [4, 2, 1, 3, 0]);
}

/// A real-time thread that wakes up does not wait for hogs.
pub fn real_time_wakeups() {
    let hogs: Vec<_> = (0..2 * hal::cpu::online())
        .map(|_| spawn("hog", hog))
        .collect();
    let worst = Arc::new(AtomicU64::new(0));
    let late = worst.clone();
    let thread = prepare("rt", move || {
        for _ in 0..50 {
            let due = now() + 3 * MS;
            sched::sleep_until(due);
            late.fetch_max(now() - due, SeqCst);
        }
    });
    thread.set_share(fifo(50)).expect("in range");
    thread.start();
    thread.wait_exit();
    end(&hogs);
    trace::pr_info!(
        "real-time wake-ups: worst {} us late",
        worst.load(SeqCst) / 1000
    );
}

/// A thread that moves itself is there when the call returns.
pub fn own_affinity() {
    let online = hal::cpu::online();
    let thread = spawn("mover", move || {
        for n in 0..50 * online {
            let cpu = n % online;
            sched::current()
                .set_allowed(CpuSet::only(cpu))
                .expect("online");
            assert_eq!(hal::cpu::id(), cpu);
        }
        assert!(sched::current().set_allowed(CpuSet(1 << 60)).is_err());
    });
    thread.wait_exit();
}

/// A running thread that is moved arrives soon.
pub fn other_affinity() {
    static ON: AtomicUsize = AtomicUsize::new(usize::MAX);
    let online = hal::cpu::online();
    let thread = spawn("moved", || {
        while !STOP.load(Relaxed) {
            ON.store(hal::cpu::id(), Relaxed);
        }
    });
    for n in 0..20 * online {
        let cpu = n % online;
        thread.set_allowed(CpuSet::only(cpu)).expect("online");
        let limit = now() + 5000 * MS;
        while ON.load(Relaxed) != cpu {
            assert!(now() < limit, "not moved");
            sched::sleep_ns(MS);
        }
    }
    end(&[thread]);
}
