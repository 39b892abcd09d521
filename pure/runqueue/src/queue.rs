//! The run queue of one CPU.
use crate::entity::{Entity, Policy, RR_SLICE_NS};
use crate::features::{FEATURES, Feature, Features};
use crate::heap::{Entry, Heap, before};
use crate::reservation::DEADLINE_LEVEL;
use crate::weight::{NICE_0, scale};
use alloc::vec::Vec;

/// Within this time every fair thread runs once, if they are few.
pub const LATENCY_NS: u64 = 6_000_000;
/// A fair thread runs at least this long, unless somebody wakes up who waited longer.
pub const MIN_GRANULARITY_NS: u64 = 750_000;
/// So much further must the running thread be than a woken one for it to be preempted.
const WAKEUP_GRANULARITY_NS: u64 = 1_000_000;

/// A handle that finds its entity.
pub trait HasEntity {
    /// The entity.
    fn entity(&self) -> &Entity;
}

/// Why a thread enters the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueue {
    /// It is new: it starts as if it had just had a turn.
    New,
    /// It slept: it gets a bonus of at most half the latency.
    Wakeup,
    /// It was preempted and goes on when it is its turn; a real-time thread stays first of its level.
    Preempted,
    /// Its turn is over; a real-time thread goes to the end of its level.
    Expired,
    /// It yielded: behind its equals, and behind the first of the fair class.
    Yield,
    /// It comes from another queue or policy, its virtual run time already that of this queue.
    Moved,
}

/// What a tick says about the running thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticked {
    /// It goes on.
    GoOn,
    /// Its turn is over: put it back with [`Enqueue::Expired`] and pick another.
    Expired,
}

/// Room for one more than any number of threads needs two vectors; see [`RunQueue::grow_into`].
#[derive(Debug)]
pub struct Room<H> {
    fair: Vec<Entry<H>>,
    rt: Vec<Entry<H>>,
}

impl<H> Room<H> {
    /// Room for `threads`; `None` when memory is out.
    #[must_use]
    pub fn new(threads: usize) -> Option<Self> {
        let mut room = Self {
            fair: Vec::new(),
            rt: Vec::new(),
        };
        room.fair.try_reserve_exact(threads).ok()?;
        room.rt.try_reserve_exact(threads).ok()?;
        Some(room)
    }
}

/// The runnable threads of a CPU that do not run at the moment.
pub struct RunQueue<H> {
    rt: Heap<H>,
    fair: Heap<H>,
    /// Sum of the weights in `fair`.
    load: u64,
    /// The virtual clock: never falls, keeps up with the slowest.
    min_vruntime: u64,
    /// Order of arrival within a real-time level; the front grows downwards.
    rt_back: u64,
    rt_front: u64,
    features: &'static Features,
}

/// Arrivals of a level lie within its 56 bits, around their middle.
const LEVEL_SHIFT: u32 = 56;
const MIDDLE: u64 = 1 << (LEVEL_SHIFT - 1);
const ORDER: u64 = (1 << LEVEL_SHIFT) - 1;

impl<H: HasEntity> Default for RunQueue<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: HasEntity> RunQueue<H> {
    /// An empty queue without room.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_features(&FEATURES)
    }

    /// An empty queue that goes by features of its own.
    #[must_use]
    pub const fn with_features(features: &'static Features) -> Self {
        Self {
            rt: Heap::new(),
            fair: Heap::new(),
            load: 0,
            min_vruntime: 0,
            rt_back: MIDDLE,
            rt_front: MIDDLE,
            features,
        }
    }

    /// How many threads it has room for.
    pub fn room(&self) -> usize {
        self.fair.capacity().min(self.rt.capacity())
    }
    /// Takes more room over and gives the old back, to be freed without the lock.
    pub fn grow_into(&mut self, room: Room<H>) -> Room<H> {
        Room {
            fair: self.fair.grow_into(room.fair),
            rt: self.rt.grow_into(room.rt),
        }
    }

    /// How many wait in it.
    #[inline]
    pub fn len(&self) -> usize {
        self.fair.len() + self.rt.len()
    }
    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// How many of the fair class wait.
    pub fn fair_len(&self) -> usize {
        self.fair.len()
    }
    /// Sum of the weights of those waiting in the fair class.
    pub fn load(&self) -> u64 {
        self.load
    }
    /// The virtual clock, for [`Entity::rebase`].
    #[inline]
    pub fn min_vruntime(&self) -> u64 {
        self.min_vruntime
    }
    /// The highest real-time level that waits, 0 for none.
    pub fn top_rt_level(&self) -> u8 {
        self.rt.first().map_or(0, |h| h.entity().rt_level())
    }

    /// Puts a thread in. Gives it back when there is no room (the caller did not make it), and one with a deadline, whose
    /// caller knows that: [`Self::enqueue_due`].
    #[inline]
    pub fn enqueue(&mut self, thread: H, how: Enqueue) -> Result<(), H> {
        let entity = thread.entity();
        let level = entity.rt_level();
        if level != 0 {
            if level >= DEADLINE_LEVEL {
                return Err(thread);
            }
            let key = self.rt_key(level, how);
            return self.rt.push(key, thread);
        }
        match how {
            Enqueue::New => self.place_new(entity),
            Enqueue::Wakeup => self.place_woken(entity),
            Enqueue::Yield => self.place_behind_first(entity),
            Enqueue::Preempted | Enqueue::Expired | Enqueue::Moved => {}
        }
        let (key, weight) = (entity.vruntime(), entity.weight());
        self.fair.push(key, thread)?;
        self.load += u64::from(weight);
        Ok(())
    }

    /// Puts a thread in that has a deadline at `due_ns` of the clock. Gives it back when there is no room.
    #[cold]
    pub fn enqueue_due(&mut self, thread: H, due_ns: u64) -> Result<(), H> {
        thread.entity().set_vruntime(due_ns);
        // The keys wrap around: this byte comes before those of all levels.
        let key = 0xff << LEVEL_SHIFT | (due_ns & ORDER);
        self.rt.push(key, thread)
    }

    /// Takes out the one with the nearest deadline, if `wanted` accepts it.
    pub fn take_due(&mut self, wanted: impl FnOnce(&H) -> bool) -> Option<H> {
        let first = self.rt.first()?;
        if first.entity().rt_level() >= DEADLINE_LEVEL && wanted(first) {
            self.rt.pop()
        } else {
            None
        }
    }

    /// Whether the first of those that wait has a deadline.
    pub fn has_due(&self) -> bool {
        self.top_rt_level() >= DEADLINE_LEVEL
    }

    /// Takes out who runs next.
    #[inline]
    pub fn pop_next(&mut self) -> Option<H> {
        if self.rt.len() != 0 {
            return self.rt.pop();
        }
        self.pop_fair()
    }

    /// As [`Self::pop_next`], of the fair class, whoever of real time waits.
    #[inline]
    pub fn pop_fair(&mut self) -> Option<H> {
        let thread = self.fair.pop()?;
        let entity = thread.entity();
        self.load -= u64::from(entity.weight());
        entity.set_used(0);
        if before(self.min_vruntime, entity.vruntime()) {
            self.min_vruntime = entity.vruntime();
        }
        Some(thread)
    }

    /// Takes out a waiting thread that `wanted` accepts (called from the least urgent one on).
    pub fn take_where(&mut self, mut wanted: impl FnMut(&H) -> bool) -> Option<H> {
        if let Some(thread) = self.fair.take_where(&mut wanted) {
            self.load -= u64::from(thread.entity().weight());
            return Some(thread);
        }
        self.rt.take_where(wanted)
    }

    /// Charges the running thread with `delta_ns`, and moves the virtual clock.
    #[inline]
    pub fn charge(&mut self, running: &Entity, delta_ns: u64) {
        running.set_used(running.used() + delta_ns);
        if running.rt_level() != 0 {
            return;
        }
        let vruntime = running
            .vruntime()
            .wrapping_add(scale(delta_ns, running.weight()));
        running.set_vruntime(vruntime);
        let slowest = match self.fair.least() {
            Some(least) if before(least, vruntime) => least,
            _ => vruntime,
        };
        if before(self.min_vruntime, slowest) {
            self.min_vruntime = slowest;
        }
    }

    /// Whether the running thread's turn is over. Called at ticks, after [`Self::charge`].
    pub fn tick(&self, running: &Entity) -> Ticked {
        let level = running.rt_level();
        let over = if level != 0 {
            running.policy() == Policy::Rr
                && running.used() >= RR_SLICE_NS
                && self.top_rt_level() == level
        } else if self.fair.len() == 0 {
            self.rt.len() != 0
        } else {
            self.fair_turn_over(running)
        };
        if running.policy() == Policy::Rr && running.used() >= RR_SLICE_NS {
            running.set_used(0);
        }
        if over { Ticked::Expired } else { Ticked::GoOn }
    }

    /// Whether `woken`, which has just been put in, should take the CPU from `running`.
    #[inline]
    pub fn preempts(&self, running: &Entity, woken: &Entity) -> bool {
        let (level, by) = (running.rt_level(), woken.rt_level());
        if level != 0 || by != 0 {
            let both_due = level == by && by >= DEADLINE_LEVEL;
            return by > level || both_due && woken.vruntime() < running.vruntime();
        }
        match (running.policy(), woken.policy()) {
            (_, Policy::Idle) => false,
            (Policy::Idle, _) => true,
            (_, Policy::Batch) => false,
            _ => {
                let gran = scale(WAKEUP_GRANULARITY_NS, woken.weight());
                before(woken.vruntime().wrapping_add(gran), running.vruntime())
                    && self.features.has(Feature::WakeupPreemption)
            }
        }
    }

    /// How long the running thread's turn is, for sched_rr_get_interval(2) and the tick.
    pub fn turn_ns(&self, running: &Entity) -> u64 {
        match running.policy() {
            Policy::Fifo | Policy::Deadline => 0,
            Policy::Rr => RR_SLICE_NS,
            _ => {
                let threads = self.fair.len() as u64 + 1;
                let weight = u64::from(running.weight());
                let period = LATENCY_NS.max(threads * MIN_GRANULARITY_NS);
                (period * weight / (self.load + weight)).max(MIN_GRANULARITY_NS)
            }
        }
    }

    fn fair_turn_over(&self, running: &Entity) -> bool {
        if self.rt.len() != 0 {
            return true;
        }
        let turn = self.turn_ns(running);
        let used = running.used();
        if used >= turn {
            return true;
        }
        // Not its whole turn, but it is a turn ahead of somebody: let him run.
        let ahead = match self.fair.least() {
            Some(least) => running.vruntime().wrapping_sub(least) as i64,
            None => 0,
        };
        used >= MIN_GRANULARITY_NS && ahead > turn as i64
    }

    fn rt_key(&mut self, level: u8, how: Enqueue) -> u64 {
        let order = if how == Enqueue::Preempted {
            self.rt_front -= 1;
            self.rt_front
        } else {
            self.rt_back += 1;
            self.rt_back
        };
        u64::from(99 - level.min(99)) << LEVEL_SHIFT | order
    }

    /// A new thread starts one turn after the clock: forking gains nothing.
    fn place_new(&self, entity: &Entity) {
        if !self.features.has(Feature::StartDebit) {
            entity.set_vruntime(self.min_vruntime);
            return;
        }
        let total = self.load + u64::from(entity.weight());
        let turn = LATENCY_NS * u64::from(NICE_0) / total.max(u64::from(NICE_0));
        entity.set_vruntime(self.min_vruntime.wrapping_add(turn));
    }

    /// Who slept is put before the others, but no further than half the latency: sleeping earns no more.
    #[inline]
    fn place_woken(&self, entity: &Entity) {
        let floor = self.min_vruntime.wrapping_sub(LATENCY_NS / 2);
        if before(entity.vruntime(), floor) {
            self.place_long_asleep(entity, floor);
        }
    }

    fn place_long_asleep(&self, entity: &Entity, gentle: u64) {
        let all = self.min_vruntime.wrapping_sub(LATENCY_NS);
        if self.features.has(Feature::GentleFairSleepers) {
            entity.set_vruntime(gentle);
        } else if before(entity.vruntime(), all) {
            entity.set_vruntime(all);
        }
    }

    fn place_behind_first(&self, entity: &Entity) {
        if let Some(least) = self.fair.least()
            && !before(least, entity.vruntime())
        {
            entity.set_vruntime(least.wrapping_add(1));
        }
    }
}
