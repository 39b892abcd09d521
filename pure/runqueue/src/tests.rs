//! What threads get of a CPU: equals, weights, real time, sleepers; random traffic at the end.
use crate::weight::of_nice;
use crate::{
    Enqueue, Entity, Features, HasEntity, LATENCY_NS, Policy, RR_SLICE_NS, Room, RunQueue, Share,
    Ticked,
};
use proptest::prelude::*;
use std::sync::Arc;

struct Thread {
    name: usize,
    entity: Entity,
    ran: std::sync::atomic::AtomicU64,
}
type Handle = Arc<Thread>;
impl HasEntity for Handle {
    fn entity(&self) -> &Entity {
        &self.entity
    }
}

fn thread(name: usize, share: Share) -> Handle {
    Arc::new(Thread {
        name,
        entity: Entity::new(share),
        ran: 0.into(),
    })
}
fn nice(nice: i8) -> Share {
    Share {
        nice,
        ..Share::NORMAL
    }
}
fn rt(policy: Policy, rt_level: u8) -> Share {
    Share {
        policy,
        rt_level,
        nice: 0,
    }
}
fn queue(room: usize) -> RunQueue<Handle> {
    let mut queue = RunQueue::new();
    queue.grow_into(Room::new(room).expect("memory"));
    queue
}
fn put(queue: &mut RunQueue<Handle>, thread: &Handle, how: Enqueue) {
    assert!(queue.enqueue(thread.clone(), how).is_ok());
}

/// Runs the queue for `ms` with a tick every millisecond; `after` may put the thread to sleep (keep it).
fn run(queue: &mut RunQueue<Handle>, ms: u64) {
    const TICK: u64 = 1_000_000;
    let mut running = queue.pop_next().expect("somebody");
    for _ in 0..ms {
        queue.charge(&running.entity, TICK);
        running
            .ran
            .fetch_add(TICK, std::sync::atomic::Ordering::Relaxed);
        if queue.tick(&running.entity) == Ticked::Expired {
            put(queue, &running, Enqueue::Expired);
            running = queue.pop_next().expect("somebody");
        }
    }
    put(queue, &running, Enqueue::Preempted);
}

fn ran_ms(thread: &Handle) -> u64 {
    thread.ran.load(std::sync::atomic::Ordering::Relaxed) / 1_000_000
}

#[test]
fn equals_share_equally() {
    let mut q = queue(8);
    let threads: Vec<_> = (0..5).map(|n| thread(n, Share::NORMAL)).collect();
    threads.iter().for_each(|t| put(&mut q, t, Enqueue::New));
    run(&mut q, 5000);
    for t in &threads {
        assert!(
            (985..=1015).contains(&ran_ms(t)),
            "{} ran {}",
            t.name,
            ran_ms(t)
        );
    }
}

#[test]
fn weights_divide_the_cpu() {
    let mut q = queue(8);
    let threads: Vec<_> = [-10, 0, 5, 19]
        .into_iter()
        .map(|n| thread(0, nice(n)))
        .collect();
    threads.iter().for_each(|t| put(&mut q, t, Enqueue::New));
    run(&mut q, 60_000);
    let total: u64 = threads.iter().map(|t| u64::from(t.entity.weight())).sum();
    for t in &threads {
        let fair = 60_000 * u64::from(t.entity.weight()) / total;
        assert!(
            ran_ms(t).abs_diff(fair) <= fair / 20 + 15,
            "ran {} for {fair}",
            ran_ms(t)
        );
    }
}

#[test]
fn idle_policy_gets_the_crumbs() {
    let mut q = queue(2);
    let (busy, idle) = (
        thread(0, Share::NORMAL),
        thread(
            1,
            Share {
                policy: Policy::Idle,
                ..Share::NORMAL
            },
        ),
    );
    put(&mut q, &idle, Enqueue::New);
    put(&mut q, &busy, Enqueue::New);
    run(&mut q, 10_000);
    assert!(ran_ms(&idle) < 100);
    assert!(q.preempts(&idle.entity, &busy.entity) && !q.preempts(&busy.entity, &idle.entity));
}

#[test]
fn real_time_order() {
    let mut q = queue(10);
    let fair = thread(0, nice(-20));
    let low = thread(1, rt(Policy::Fifo, 1));
    let (a, b) = (
        thread(2, rt(Policy::Fifo, 50)),
        thread(3, rt(Policy::Fifo, 50)),
    );
    let top = thread(4, rt(Policy::Rr, 99));
    for t in [&fair, &low, &a, &b, &top] {
        put(&mut q, t, Enqueue::Wakeup);
    }
    assert_eq!(q.top_rt_level(), 99);
    let order: Vec<_> = std::iter::from_fn(|| q.pop_next())
        .map(|t| t.name)
        .collect();
    assert_eq!(order, [4, 2, 3, 1, 0]);
    // Preempted: stays first of its level. Yielded: goes to its end.
    put(&mut q, &b, Enqueue::Wakeup);
    put(&mut q, &a, Enqueue::Preempted);
    assert_eq!(q.pop_next().map(|t| t.name), Some(2));
    put(&mut q, &a, Enqueue::Yield);
    assert_eq!(q.pop_next().map(|t| t.name), Some(3));
    assert!(q.preempts(&a.entity, &top.entity) && !q.preempts(&a.entity, &b.entity));
    assert!(q.preempts(&fair.entity, &low.entity) && !q.preempts(&low.entity, &fair.entity));
}

#[test]
fn round_robin_takes_turns_and_fifo_does_not() {
    let mut q = queue(4);
    let (a, b) = (thread(0, rt(Policy::Rr, 10)), thread(1, rt(Policy::Rr, 10)));
    put(&mut q, &a, Enqueue::Wakeup);
    put(&mut q, &b, Enqueue::Wakeup);
    run(&mut q, 1000);
    assert_eq!((ran_ms(&a), ran_ms(&b)), (500, 500));
    let mut q = queue(4);
    let (a, b) = (
        thread(0, rt(Policy::Fifo, 10)),
        thread(1, rt(Policy::Fifo, 10)),
    );
    put(&mut q, &a, Enqueue::Wakeup);
    put(&mut q, &b, Enqueue::Wakeup);
    run(&mut q, 1000);
    assert_eq!((ran_ms(&a), ran_ms(&b)), (1000, 0));
    assert_eq!(q.turn_ns(&a.entity), 0);
    assert_eq!(RR_SLICE_NS, 100_000_000);
}

#[test]
fn a_sleeper_preempts_a_hog_but_gains_little() {
    let mut q = queue(4);
    let (hog, sleeper) = (thread(0, Share::NORMAL), thread(1, Share::NORMAL));
    put(&mut q, &hog, Enqueue::New);
    run(&mut q, 1000);
    let running = q.pop_next().expect("hog");
    put(&mut q, &sleeper, Enqueue::Wakeup);
    assert!(q.preempts(&running.entity, &sleeper.entity));
    let lag = running.entity.vruntime() - sleeper.entity.vruntime();
    assert_eq!(lag, LATENCY_NS / 2);
    let batch = thread(
        2,
        Share {
            policy: Policy::Batch,
            ..Share::NORMAL
        },
    );
    put(&mut q, &batch, Enqueue::Wakeup);
    assert!(!q.preempts(&running.entity, &batch.entity));
}

#[test]
fn features_can_be_switched_off() {
    let features: &'static Features = Box::leak(Box::default());
    let all = "GENTLE_FAIR_SLEEPERS START_DEBIT WAKEUP_PREEMPTION";
    assert_eq!(features.to_string(), all);
    assert!(!features.set(b"NO_SUCH") && !features.set(b"") && !features.set(b"NO_NO_START_DEBIT"));
    let mut q = RunQueue::with_features(features);
    q.grow_into(Room::new(8).expect("memory"));
    let (hog, sleeper, fresh) = (
        thread(0, Share::NORMAL),
        thread(1, Share::NORMAL),
        thread(2, Share::NORMAL),
    );
    put(&mut q, &hog, Enqueue::New);
    run(&mut q, 1000);
    let running = q.pop_next().expect("hog");
    assert!(features.set(b"NO_GENTLE_FAIR_SLEEPERS") && features.set(b"NO_START_DEBIT"));
    put(&mut q, &sleeper, Enqueue::Wakeup);
    let lag = running.entity.vruntime() - sleeper.entity.vruntime();
    assert_eq!(lag, LATENCY_NS);
    assert!(q.preempts(&running.entity, &sleeper.entity));
    assert!(features.set(b"NO_WAKEUP_PREEMPTION"));
    assert!(!q.preempts(&running.entity, &sleeper.entity));
    put(&mut q, &fresh, Enqueue::New);
    assert_eq!(fresh.entity.vruntime(), q.min_vruntime());
    let none = all.split(' ').map(|name| format!("NO_{name}"));
    assert_eq!(features.to_string(), none.collect::<Vec<_>>().join(" "));
    assert!(features.set(b"WAKEUP_PREEMPTION"));
    assert!(q.preempts(&running.entity, &sleeper.entity));
}

#[test]
fn yield_lets_the_first_other_run() {
    let mut q = queue(4);
    let (a, b) = (thread(0, Share::NORMAL), thread(1, Share::NORMAL));
    put(&mut q, &a, Enqueue::Wakeup);
    put(&mut q, &b, Enqueue::Wakeup);
    for _ in 0..10 {
        let first = q.pop_next().expect("one");
        let name = first.name;
        put(&mut q, &first, Enqueue::Yield);
        let second = q.pop_next().expect("other");
        assert_ne!(second.name, name);
        put(&mut q, &second, Enqueue::Yield);
    }
}

#[test]
fn no_room_gives_the_thread_back() {
    let mut q = queue(1);
    let (a, b) = (thread(0, Share::NORMAL), thread(1, rt(Policy::Fifo, 3)));
    put(&mut q, &a, Enqueue::Wakeup);
    assert!(q.enqueue(a.clone(), Enqueue::Wakeup).is_err());
    put(&mut q, &b, Enqueue::Wakeup);
    assert_eq!(q.len(), 2);
    q.grow_into(Room::new(5).expect("memory"));
    assert!(q.room() >= 5 && q.len() == 2 && q.load() == u64::from(of_nice(0)));
    assert!(q.take_where(|t| t.name == 1).is_some() && q.take_where(|t| t.name == 1).is_none());
    assert_eq!(q.len(), 1);
}

proptest! {
    /// Whatever comes and goes: nobody is lost, the clock never falls, the least vruntime of the fair class is picked
    /// after every real-time thread, and no two equal threads that are always runnable part further than a few turns.
    #[test]
    fn holds_its_invariants(ops in prop::collection::vec((0..12usize, 0..4u8, 1..8_000_000u64), 1..400)) {
        let mut q = queue(12);
        let shares = |n: usize| match n {
            0..8 => nice((n as i8) * 3 - 12),
            8 | 9 => rt(Policy::Fifo, n as u8),
            _ => rt(Policy::Rr, 9),
        };
        let threads: Vec<_> = (0..12).map(|n| thread(n, shares(n))).collect();
        let mut queued = [false; 12];
        let mut clock = q.min_vruntime();
        for (n, op, ns) in ops {
            match op {
                0 | 1 if !queued[n] => {
                    put(&mut q, &threads[n], if op == 0 { Enqueue::Wakeup } else { Enqueue::New });
                    queued[n] = true;
                }
                2 if queued[n] => {
                    prop_assert!(q.take_where(|t| t.name == n).is_some());
                    queued[n] = false;
                }
                _ => if let Some(picked) = q.pop_next() {
                    prop_assert!(queued[picked.name]);
                    for other in threads.iter().filter(|t| queued[t.name]) {
                        let (l, r) = (picked.entity.rt_level(), other.entity.rt_level());
                        prop_assert!(l >= r);
                        if l == 0 {
                            prop_assert!(picked.entity.vruntime() as i64 - other.entity.vruntime() as i64 <= 0);
                        }
                    }
                    q.charge(&picked.entity, ns);
                    q.tick(&picked.entity);
                    put(&mut q, &picked, Enqueue::Expired);
                }
            }
            prop_assert!(q.min_vruntime() >= clock);
            clock = q.min_vruntime();
            prop_assert_eq!(q.len(), queued.iter().filter(|q| **q).count());
            let load: u64 = threads.iter().filter(|t| queued[t.name] && t.entity.rt_level() == 0)
                .map(|t| u64::from(t.entity.weight())).sum();
            prop_assert_eq!(q.load(), load);
        }
    }
}
