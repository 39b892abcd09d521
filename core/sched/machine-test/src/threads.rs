//! Sleeping, waking, switching, living and dying.
use crate::{MS, now, spawn};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use sched::Thread;
use sync::{LockClass, Mutex, WaitQueue};

pub fn sleep() {
    for ms in [0, 1, 5, 20] {
        let start = now();
        sched::sleep_ns(ms * MS);
        assert!(now() - start >= ms * MS);
    }
}

struct Table {
    ping: WaitQueue,
    pong: WaitQueue,
    turn: AtomicU64,
}

/// Two threads on one CPU wake each other; then on any CPUs. No wake-up may be lost.
pub fn ping_pong() {
    let me = sched::current();
    let here = sched::CpuSet::only(hal::cpu::id());
    for allowed in [here, sched::CpuSet::ALL] {
        const ROUNDS: u64 = 5000;
        let table = Arc::new(Table {
            ping: WaitQueue::new(),
            pong: WaitQueue::new(),
            turn: AtomicU64::new(0),
        });
        let other = table.clone();
        me.set_allowed(allowed).expect("online");
        let thread = crate::prepare("pong", move || {
            for n in 0..ROUNDS {
                other
                    .pong
                    .wait_event(|| other.turn.load(SeqCst) == 2 * n + 1);
                other.turn.store(2 * n + 2, SeqCst);
                other.ping.wake_sync_one();
            }
        });
        thread.set_allowed(allowed).expect("online");
        thread.start();
        let start = now();
        for n in 0..ROUNDS {
            table.turn.store(2 * n + 1, SeqCst);
            table.pong.wake_sync_one();
            table
                .ping
                .wait_event(|| table.turn.load(SeqCst) == 2 * n + 2);
        }
        trace::pr_info!("ping-pong: {} ns a round trip", (now() - start) / ROUNDS);
        thread.wait_exit();
    }
}

/// A thousand threads, three times: they all run and end, and nothing of them stays.
pub fn many() {
    let first = a_thousand();
    assert_eq!(a_thousand(), a_thousand());
    trace::pr_info!("threads and stacks left: {first:?}");
}

static DONE: AtomicUsize = AtomicUsize::new(0);
static OPEN: AtomicBool = AtomicBool::new(false);
static GATE: WaitQueue = WaitQueue::new();

fn a_thousand() -> (usize, usize) {
    DONE.store(0, SeqCst);
    OPEN.store(false, SeqCst);
    for n in 0..1000u64 {
        spawn("many", move || {
            GATE.wait_event(|| OPEN.load(SeqCst));
            if n.is_multiple_of(3) {
                sched::sleep_ns(n * 1000);
            }
            if n.is_multiple_of(5) {
                sched::yield_now();
            }
            DONE.fetch_add(1, SeqCst);
        });
    }
    OPEN.store(true, SeqCst);
    GATE.wake_all();
    while DONE.load(SeqCst) != 1000 {
        sched::sleep_ns(MS);
    }
    // The last ones have to end and to be buried.
    sched::sleep_ns(200 * MS);
    (sched::stats::threads(), kmem::stack::in_use())
}

pub fn mutex() {
    static CLASS: LockClass = LockClass::new("test-mutex", 0);
    static COUNT: Mutex<u64> = Mutex::new(&CLASS, 0);
    let threads: Vec<_> = (0..8u64)
        .map(|t| {
            spawn("mutex", move || {
                for n in 0..2000u64 {
                    let mut count = COUNT.lock();
                    let seen = *count;
                    if n % 64 == t {
                        sched::yield_now();
                    }
                    if n % 500 == t {
                        sched::sleep_ns(MS / 10);
                    }
                    *count = seen + 1;
                }
            })
        })
        .collect();
    threads.iter().for_each(|t| t.wait_exit());
    assert_eq!(*COUNT.lock(), 16_000);
}

pub fn backtrace() {
    let sleeper = spawn("sleeper", || sched::sleep_ns(200 * MS));
    sched::sleep_ns(50 * MS);
    assert_eq!(sleeper.state_char(), sched::StateChar::DiskSleep);
    let mut frames = 0;
    sleeper.backtrace(|address| {
        assert!(hal::patch::is_kernel_text(address));
        frames += 1;
    });
    assert!(frames > 3);
    sleeper.wait_exit();
    assert!(sleeper.has_exited());
}

/// Kernel threads stand on the roll while they live: those from before it was opened, the others from their making on.
pub fn roll() {
    static THERE: AtomicU64 = AtomicU64::new(0);
    struct Mark;
    impl Drop for Mark {
        fn drop(&mut self) {
            THERE.fetch_sub(1, SeqCst);
        }
    }
    struct Count;
    impl sched::roll::Roll for Count {
        fn enter(&self, thread: &Arc<Thread>) -> abi::Result<sched::roll::Entered> {
            // The other CPUs' own threads come at their own time.
            let counted = ["tests", "ksoftirqd/0", "short", "never"];
            if !counted.contains(&thread.name().as_str()) {
                return kmem::try_arc(()).map(|other| other as sched::roll::Entered);
            }
            THERE.fetch_add(1, SeqCst);
            kmem::try_arc(Mark).map(|mark| mark as sched::roll::Entered)
        }
    }
    sched::roll::open(&Count).expect("memory");
    let before = THERE.load(SeqCst);
    assert_eq!(before, 2, "this thread and one from before it");
    let thread = Thread::new_kthread("short", Box::new(|| {})).expect("memory");
    assert_eq!(THERE.load(SeqCst), before + 1);
    thread.start();
    thread.wait_exit();
    assert_eq!(THERE.load(SeqCst), before);
    let never = Thread::new_kthread("never", Box::new(|| {})).expect("memory");
    assert_eq!(THERE.load(SeqCst), before + 1);
    never.discard();
    assert_eq!(THERE.load(SeqCst), before);
}
