//! Run queues, one per CPU.
use crate::mask::{AtomicCpuSet, CpuSet};
use crate::thread::Thread;
use crate::throttle::Budget;
use crate::ticket::Ticket;
use abi::{Errno, Result};
use core::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
use hal::MAX_CPUS;
use runqueue::{DEADLINE_LEVEL, Enqueue, Held, Room, RunQueue};
use sync::percpu::CachePadded;
use sync::{LockClass, Mutex, PerCpu, SpinLock, rank};

/// What one CPU runs and will run.
pub(crate) struct Rq {
    pub(crate) queue: RunQueue<&'static Thread>,
    pub(crate) running: Option<&'static Thread>,
    pub(crate) idle: Option<&'static Thread>,
    /// `running` is not `idle`.
    pub(crate) busy: bool,
    /// A tick found the running thread's turn over: it is put back behind its equals.
    pub(crate) turn_over: bool,
    /// What real-time threads may still have.
    pub(crate) rt: Budget,
}

/// What of a run queue may be read without its lock.
pub(crate) struct Shared {
    /// Runnable threads, the running one included, the idle one not.
    pub(crate) runnable: AtomicU32,
    /// Real-time level of the running thread.
    pub(crate) rt_level: AtomicU8,
    /// The queue's virtual clock.
    pub(crate) min_vruntime: AtomicU64,
    /// Threads blocked so that they count for the load, as seen here: only the sum over all CPUs means something.
    pub(crate) uninterruptible: AtomicI64,
    pub(crate) switches: AtomicU64,
    /// A reschedule IPI is on its way.
    pub(crate) kicked: AtomicBool,
    /// Busy time by kind, sampled at ticks, and when it was last sampled.
    pub(crate) user_ns: AtomicU64,
    pub(crate) nice_ns: AtomicU64,
    pub(crate) system_ns: AtomicU64,
    pub(crate) sampled_ns: AtomicU64,
    pub(crate) ticks: AtomicU64,
}

static CLASS: LockClass = LockClass::new("runqueue", rank::RUNQUEUE);

static RQS: PerCpu<SpinLock<Rq>> = PerCpu::new(
    [const {
        CachePadded(SpinLock::new(
            &CLASS,
            Rq {
                queue: RunQueue::new(),
                running: None,
                idle: None,
                busy: false,
                turn_over: false,
                rt: Budget::new(),
            },
        ))
    }; MAX_CPUS],
);

static SHARED: PerCpu<Shared> = PerCpu::new(
    [const {
        CachePadded(Shared {
            runnable: AtomicU32::new(0),
            rt_level: AtomicU8::new(0),
            min_vruntime: AtomicU64::new(0),
            uninterruptible: AtomicI64::new(0),
            switches: AtomicU64::new(0),
            kicked: AtomicBool::new(false),
            user_ns: AtomicU64::new(0),
            nice_ns: AtomicU64::new(0),
            system_ns: AtomicU64::new(0),
            sampled_ns: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
        })
    }; MAX_CPUS],
);

/// CPUs that schedule.
pub(crate) static ACTIVE: AtomicCpuSet = AtomicCpuSet::new(CpuSet(0));
/// CPUs whose idle thread runs and for which nothing was queued yet.
pub(crate) static IDLE: AtomicCpuSet = AtomicCpuSet::new(CpuSet(0));
/// CPUs in whose queues threads with deadlines were put. Who finds none there, with the queue locked, takes its CPU out.
pub(crate) static DUE: AtomicCpuSet = AtomicCpuSet::new(CpuSet(0));

#[inline]
pub(crate) fn of(cpu: usize) -> &'static SpinLock<Rq> {
    RQS.of(cpu)
}
#[inline]
pub(crate) fn shared(cpu: usize) -> &'static Shared {
    SHARED.of(cpu)
}

impl Rq {
    /// Charges the running thread with the time since it was last charged.
    #[inline]
    pub(crate) fn charge(&mut self, now_ns: u64) {
        let Some(running) = self.running else { return };
        // Time goes on between reading the clock and taking the lock: another CPU may have charged up to later.
        let delta = now_ns.saturating_sub(running.exec_start_ns.load(Ordering::Relaxed));
        if delta == 0 {
            return;
        }
        running.exec_start_ns.store(now_ns, Ordering::Relaxed);
        running.run_ns.store(
            running.run_ns.load(Ordering::Relaxed) + delta,
            Ordering::Relaxed,
        );
        if self.busy {
            self.queue.charge(&running.entity, delta);
            if running.entity.rt_level() != 0 {
                self.charge_urgent(running, now_ns, delta);
            }
        }
    }

    /// What deadlines use real-time threads may not have too, or both together could have all; but deadlines were admitted,
    /// and go by what they reserved.
    #[cold]
    fn charge_urgent(&mut self, running: &Thread, now_ns: u64, delta_ns: u64) {
        running.charge_deadline(delta_ns);
        self.rt.charge(now_ns, delta_ns);
    }

    /// Whether a thread of the fair class comes before those of real time, who have had their share.
    #[inline]
    pub(crate) fn fair_first(&mut self, now_ns: u64) -> bool {
        self.rt.is_spent(now_ns) && self.queue.fair_len() != 0 && !self.queue.has_due()
    }

    /// Whether the running thread, one of real time or with a deadline, has had what it may have.
    #[cold]
    pub(crate) fn is_over(&mut self, running: &Thread, now_ns: u64) -> bool {
        if running.entity.rt_level() >= DEADLINE_LEVEL {
            running.has_used_up()
        } else {
            self.fair_first(now_ns)
        }
    }

    /// Puts a thread into the queue of `cpu`, which this is; [`Self::publish`] has to follow. False: it is held back, and the
    /// caller tells it so ([`Thread::hold_back`]) without the lock.
    #[inline]
    #[must_use]
    pub(crate) fn put(&mut self, cpu: usize, thread: &'static Thread, how: Enqueue) -> bool {
        match self.queue.enqueue(thread, how) {
            Ok(()) => true,
            Err(thread) => self.put_due(cpu, thread, how),
        }
    }

    #[cold]
    fn put_due(&mut self, cpu: usize, thread: &'static Thread, how: Enqueue) -> bool {
        // Every thread holds a ticket for room in every queue.
        assert!(
            thread.entity.rt_level() >= DEADLINE_LEVEL,
            "run queue of CPU {cpu} is full"
        );
        match thread.due(how) {
            Ok(due_ns) => {
                DUE.insert(cpu);
                self.queue.enqueue_due(thread, due_ns).is_ok()
            }
            Err(Held) => false,
        }
    }

    /// Brings [`Shared`] up to date.
    #[inline]
    pub(crate) fn publish(&self, cpu: usize) {
        let shared = shared(cpu);
        let running = u32::from(self.busy);
        shared
            .runnable
            .store(self.queue.len() as u32 + running, Ordering::Relaxed);
        shared
            .min_vruntime
            .store(self.queue.min_vruntime(), Ordering::Relaxed);
    }
}

/// Every active CPU's queue has room for this many.
static ROOM: AtomicUsize = AtomicUsize::new(0);
const FIRST_ROOM: usize = 512;
static ROOM_CLASS: LockClass = LockClass::new("runqueue-room", rank::NONE);
/// CPUs whose queues have been given room; held while room is made.
static ROOMY: Mutex<CpuSet> = Mutex::new(&ROOM_CLASS, CpuSet(0));

/// Makes room in every run queue for one more thread.
///
/// # Errors
/// `ENOMEM`.
pub(crate) fn make_room() -> Result<Ticket> {
    let (ticket, wanted) = Ticket::draw();
    if wanted > ROOM.load(Ordering::Acquire) {
        more_room(wanted)?;
    }
    Ok(ticket)
}

#[cold]
fn more_room(wanted: usize) -> Result<()> {
    let roomy = ROOMY.lock();
    let room = wanted.next_power_of_two().max(FIRST_ROOM);
    if room > ROOM.load(Ordering::Acquire) {
        for cpu in roomy.iter() {
            grow(cpu, room)?;
        }
        ROOM.store(room, Ordering::Release);
    }
    Ok(())
}

fn grow(cpu: usize, threads: usize) -> Result<()> {
    let room = Room::new(threads).ok_or(Errno::ENOMEM)?;
    let old = of(cpu).lock_irq().queue.grow_into(room);
    drop(old);
    Ok(())
}

/// A CPU that comes up cannot sleep yet: it spins until whoever makes room is done.
fn without_sleeping() -> sync::MutexGuard<'static, CpuSet> {
    loop {
        if let Some(guard) = ROOMY.try_lock() {
            return guard;
        }
        hal::cpu::relax();
    }
}

/// Gives a CPU that comes up its room.
pub(crate) fn cpu_up(cpu: usize) -> Result<()> {
    let mut roomy = without_sleeping();
    grow(cpu, ROOM.load(Ordering::Acquire).max(FIRST_ROOM))?;
    roomy.0 |= 1 << cpu;
    Ok(())
}
