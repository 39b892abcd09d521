//! Work put off: queues, timers, tasklets, grace periods; and the machine stopped.
use crate::{MS, now, spawn, spin_ns};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use time::{Restart, Timer};
use workqueue::{DelayedWork, Kind, Work, Workqueue};

/// While the machine is stopped nobody else moves.
pub fn stop_machine() {
    static STOP: AtomicBool = AtomicBool::new(false);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let busy: Vec<_> = (0..4)
        .map(|_| {
            spawn("busy", || {
                while !STOP.load(Relaxed) {
                    COUNT.fetch_add(1, SeqCst);
                }
            })
        })
        .collect();
    for _ in 0..30 {
        sched::stop::stop_machine(&mut || {
            let before = COUNT.load(SeqCst);
            spin_ns(20_000);
            assert_eq!(COUNT.load(SeqCst), before);
        });
    }
    STOP.store(true, SeqCst);
    busy.iter().for_each(|t| t.wait_exit());
}

pub fn works() {
    static RAN: AtomicU64 = AtomicU64::new(0);
    let work = Work::new(|| {
        RAN.fetch_add(1, SeqCst);
        sched::sleep_ns(3 * MS);
    })
    .expect("memory");
    let mut queued = 0;
    for _ in 0..20 {
        queued += u64::from(workqueue::queue_work(&work));
        sched::sleep_ns(MS);
    }
    work.flush();
    assert_eq!(RAN.load(SeqCst), queued, "once for each time it was queued");
}

/// Works that sleep do not hold each other up.
pub fn sleeping_works() {
    static RAN: AtomicU64 = AtomicU64::new(0);
    let works: Vec<_> = (0..50)
        .map(|_| {
            Work::new(|| {
                sched::sleep_ns(20 * MS);
                RAN.fetch_add(1, SeqCst);
            })
            .expect("memory")
        })
        .collect();
    let start = now();
    for work in &works {
        assert!(workqueue::queue_work(work));
    }
    workqueue::system_wq().flush();
    assert_eq!(RAN.load(SeqCst), 50);
    assert!(
        now() - start < 900 * MS,
        "one after the other it would take 1000 ms"
    );
}

pub fn ordered() {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let queue = Workqueue::alloc("ordered", Kind::Ordered).expect("memory");
    let works: Vec<_> = (0..20)
        .map(|n| {
            Work::new(move || {
                assert_eq!(NEXT.load(SeqCst), n);
                sched::yield_now();
                NEXT.store(n + 1, SeqCst);
            })
            .expect("memory")
        })
        .collect();
    for work in &works {
        queue.queue(work);
    }
    queue.flush();
    assert_eq!(NEXT.load(SeqCst), 20);
}

pub fn delayed() {
    static RAN: AtomicU64 = AtomicU64::new(0);
    let work = DelayedWork::new(workqueue::system_unbound_wq(), || {
        RAN.fetch_add(1, SeqCst);
    })
    .expect("memory");
    assert!(work.queue_in(10 * MS) && !work.queue_in(10 * MS));
    sched::sleep_ns(50 * MS);
    work.work().flush();
    assert_eq!(RAN.load(SeqCst), 1);
    assert!(work.queue_in(10_000 * MS) && work.cancel());
    let tasklet = irq::tasklet::Tasklet::new(Box::new(|| {
        RAN.fetch_add(10, SeqCst);
    }))
    .expect("memory");
    tasklet.schedule();
    tasklet.wait();
    assert_eq!(RAN.load(SeqCst), 11);
}

pub fn timers() {
    static FIRED: AtomicU64 = AtomicU64::new(0);
    let periodic = Timer::new(|now| {
        FIRED.fetch_add(1, SeqCst);
        Restart::At(now + MS)
    })
    .expect("memory");
    periodic.arm_in(MS);
    sched::sleep_ns(100 * MS);
    assert!(periodic.cancel());
    let fired = FIRED.load(SeqCst);
    assert!((5..=101).contains(&fired), "fired {fired} times");
    sched::sleep_ns(20 * MS);
    assert_eq!(FIRED.load(SeqCst), fired, "cancelled is quiet");
}

pub fn rcu() {
    static RAN: AtomicU64 = AtomicU64::new(0);
    for _ in 0..20 {
        sync::rcu::synchronize();
    }
    for _ in 0..100 {
        sync::rcu::call(Box::new(sync::rcu::Deferred::new(Box::new(|| {
            RAN.fetch_add(1, SeqCst);
        }))));
    }
    let limit = now() + 5000 * MS;
    while RAN.load(SeqCst) != 100 {
        assert!(now() < limit, "callbacks wait for ever");
        sched::sleep_ns(MS);
    }
}

/// A CPU goes idle, finds what waited for a grace period, and the first of it wakes who waits for all of it.
pub fn rcu_barrier() {
    static WAKES: sync::WaitQueue = sync::WaitQueue::new();
    static TURN: AtomicU64 = AtomicU64::new(0);
    static DONE: AtomicU64 = AtomicU64::new(0);
    const TURNS: u64 = 50;
    let waiter = super::prepare("waiter", || {
        for turn in 1..=TURNS {
            WAKES.wait_event(|| TURN.load(SeqCst) >= turn);
            sync::rcu::barrier();
            DONE.store(turn, SeqCst);
        }
    });
    waiter.start();
    let limit = now() + 20_000 * MS;
    for turn in 1..=TURNS {
        // What was queued last runs first.
        for wakes in [false, true] {
            sync::rcu::call(Box::new(sync::rcu::Deferred::new(Box::new(move || {
                if wakes {
                    TURN.store(turn, SeqCst);
                    WAKES.wake_all();
                }
            }))));
        }
        while DONE.load(SeqCst) != turn {
            assert!(now() < limit, "the barrier waits for ever");
            sched::sleep_ns(MS);
        }
    }
}

/// All workers there may be sleep: work of a queue with a rescuer runs all the same, that of another waits.
pub fn rescued() {
    const MOST: usize = 256;
    static HELD: AtomicU64 = AtomicU64::new(0);
    static RAN: AtomicU64 = AtomicU64::new(0);
    static OPEN: sync::WaitQueue = sync::WaitQueue::new();
    static GO: AtomicU64 = AtomicU64::new(0);
    let hold = || {
        Work::new(|| {
            HELD.fetch_add(1, SeqCst);
            OPEN.wait_event(|| GO.load(SeqCst) != 0);
        })
        .expect("memory")
    };
    let holding: Vec<_> = (0..MOST).map(|_| hold()).collect();
    let queue = Workqueue::alloc_with_rescuer("rescued", Kind::Unbound).expect("memory");
    for work in &holding {
        assert!(workqueue::system_unbound_wq().queue(work));
    }
    while HELD.load(SeqCst) < MOST as u64 {
        sched::sleep_ns(MS);
    }
    let count = |step| {
        Work::new(move || {
            RAN.fetch_add(step, SeqCst);
        })
        .expect("memory")
    };
    let (waits, runs) = (count(100), [count(1), count(2)]);
    assert!(workqueue::system_unbound_wq().queue(&waits));
    assert!(runs.iter().all(|work| queue.queue(work)));
    queue.flush();
    assert_eq!(RAN.load(SeqCst), 3);
    GO.store(1, SeqCst);
    OPEN.wake_all();
    queue.retire();
    workqueue::system_unbound_wq().flush();
    assert_eq!(RAN.load(SeqCst), 103);
}

/// A work waits for one that is queued later.
pub fn waited_for() {
    static SAID: AtomicBool = AtomicBool::new(false);
    static HEARD: sync::WaitQueue = sync::WaitQueue::new();
    let queue = Workqueue::alloc("waited", Kind::Unbound).expect("memory");
    for target in [&queue, workqueue::system_wq()] {
        SAID.store(false, SeqCst);
        let waits = Work::new(|| HEARD.wait_event(|| SAID.load(SeqCst))).expect("memory");
        let says = Work::new(|| {
            SAID.store(true, SeqCst);
            HEARD.wake_all();
        })
        .expect("memory");
        assert!(target.queue(&waits));
        sched::sleep_ns(20 * MS);
        assert!(waits.is_running() && target.queue_on(0, &says));
        sched::sleep_ns(20 * MS);
        assert!(SAID.load(SeqCst), "nobody ran what was queued later");
        target.flush();
    }
}

/// Workers sleep at their work for longer than an idle one stays, and idle ones are sent home: what is queued then still runs.
pub fn still_served() {
    static GO: AtomicBool = AtomicBool::new(false);
    static OPEN: sync::WaitQueue = sync::WaitQueue::new();
    let queue = workqueue::system_unbound_wq();
    let sleeps = || Work::new(|| OPEN.wait_event(|| GO.load(SeqCst))).expect("memory");
    let asleep = [sleeps(), sleeps(), sleeps()];
    for work in &asleep {
        assert!(queue.queue(work));
        sched::sleep_ns(5 * MS);
    }
    workqueue::settle();
    sched::sleep_ns(5_500 * MS);
    let opens = Work::new(|| {
        GO.store(true, SeqCst);
        OPEN.wake_all();
    })
    .expect("memory");
    assert!(queue.queue(&opens));
    sched::sleep_ns(50 * MS);
    assert!(GO.load(SeqCst), "nobody was there for later work");
    queue.flush();
}

/// Workers that have nothing to do end when they are told to, and are buried.
pub fn dismissed() {
    let works: Vec<_> = (0..20)
        .map(|_| Work::new(|| sched::sleep_ns(5 * MS)).expect("memory"))
        .collect();
    let mut counts = [0; 3];
    for count in &mut counts {
        for (n, work) in works.iter().enumerate() {
            let queued = match n % 2 {
                0 => workqueue::queue_work_on(n / 2 % hal::cpu::online(), work),
                _ => workqueue::system_unbound_wq().queue(work),
            };
            assert!(queued);
        }
        workqueue::system_wq().flush();
        workqueue::system_unbound_wq().flush();
        workqueue::settle();
        sched::settle();
        *count = sched::stats::threads();
    }
    assert_eq!(counts[0], counts[1]);
    assert_eq!(counts[1], counts[2]);
}
