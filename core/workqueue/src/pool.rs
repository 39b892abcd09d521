//! Workers and the list they take from.
use crate::name::Name;
use crate::staff::{Note, Staff, Worker};
use crate::work::{Account, Ran, Work};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use hal::MAX_CPUS;
use sched::Thread;
use sync::percpu::CachePadded;
use sync::{LockClass, Once, PerCpu, SpinLock, WaitError, WaitMode, WaitQueue, rank};

static CLASS: LockClass = LockClass::new("workqueue", rank::WORKQUEUE);
static THREAD: LockClass = LockClass::new("workqueue_thread", rank::NONE);
/// An idle worker leaves after this.
const IDLE_NS: u64 = 5_000_000_000;
/// So many workers do not: one at work, one for what comes meanwhile.
const STANDING: usize = 2;
/// Most workers of one pool.
const MAX_WORKERS: usize = 256;

static BOUND: PerCpu<Once<Arc<Pool>>> = PerCpu::new([const { CachePadded(Once::new()) }; MAX_CPUS]);
static UNBOUND: Once<Arc<Pool>> = Once::new();

/// How often a pool was short of workers and could not get one; who waits here looks for its own work then.
pub(crate) static CALLS: AtomicUsize = AtomicUsize::new(0);
pub(crate) static SHORT: WaitQueue = WaitQueue::new();

/// Makes the pool for unbound work. `EBUSY` the second time.
pub(crate) fn start_unbound() -> Result<()> {
    let pool = Pool::new(Name::new("kworker/u"), None, MAX_WORKERS)?;
    UNBOUND.set(pool).map_err(|_| Errno::EBUSY)
}

/// Makes a CPU's pool.
pub(crate) fn start_on(cpu: usize) -> Result<()> {
    let pool = Pool::new(Name::new("kworker"), Some(cpu), MAX_WORKERS)?;
    // Set before: the pool made now is closed again.
    BOUND.of(cpu).set(pool).map_err(|pool| {
        pool.close();
        Errno::EBUSY
    })
}

pub(crate) fn unbound() -> Option<&'static Arc<Pool>> {
    UNBOUND.get()
}

/// A CPU's pool, or the boot CPU's where it has none.
pub(crate) fn bound(cpu: usize) -> Option<&'static Arc<Pool>> {
    BOUND.of(cpu).get().or_else(|| BOUND.of(0).get())
}

/// All pools that queues share.
pub(crate) fn each(f: impl FnMut(&'static Arc<Pool>)) {
    let bound = BOUND.iter().filter_map(Once::get);
    bound.chain(UNBOUND.get()).for_each(f);
}

/// Ends all workers that have nothing to do, but for one in each pool, and waits for that, a tenth of a second at most.
pub fn settle() {
    for _ in 0..100 {
        let mut done = true;
        each(|pool| done &= pool.dismiss());
        if done {
            break;
        }
        sched::sleep_ns(1_000_000);
    }
    each(|pool| pool.dismissed.store(0, Ordering::SeqCst));
}

/// What a worker is at; none if the thread is no worker that queues share.
pub fn note(thread: &Thread) -> Option<Note> {
    let bound = BOUND.iter().filter_map(Once::get);
    bound
        .chain(UNBOUND.get())
        .find_map(|pool| pool.staff.note(thread))
}

/// First in, first out, through the links of the works.
struct List {
    head: Option<Arc<Work>>,
    tail: Option<Arc<Work>>,
}

pub(crate) struct Pool {
    name: Name,
    cpu: Option<usize>,
    max_workers: usize,
    list: SpinLock<List>,
    waiting: AtomicUsize,
    workers: AtomicUsize,
    /// Workers that are about to end.
    leaving: AtomicUsize,
    idle: AtomicUsize,
    closed: AtomicBool,
    /// All workers may sleep, and no other can be had.
    short: AtomicBool,
    wake: WaitQueue,
    staff: Staff,
    /// The only worker, where there is never another.
    only: SpinLock<Option<Arc<Thread>>>,
    /// How many idle workers are to leave.
    dismissed: AtomicUsize,
}

impl Pool {
    /// A pool with a worker. With one at most that has the pool's name, else they are numbered.
    pub(crate) fn new(name: Name, cpu: Option<usize>, max_workers: usize) -> Result<Arc<Self>> {
        let pool = kmem::try_arc(Self {
            name,
            cpu,
            max_workers,
            list: SpinLock::new(
                &CLASS,
                List {
                    head: None,
                    tail: None,
                },
            ),
            waiting: AtomicUsize::new(0),
            workers: AtomicUsize::new(0),
            leaving: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            short: AtomicBool::new(false),
            wake: WaitQueue::new(),
            staff: Staff::new(),
            only: SpinLock::new(&THREAD, None),
            dismissed: AtomicUsize::new(0),
        })?;
        pool.hire()?;
        Ok(pool)
    }

    pub(crate) fn cpu(&self) -> Option<usize> {
        self.cpu
    }

    /// Appends work. Any context.
    pub(crate) fn push(&self, work: Arc<Work>) {
        let mut list = self.list.lock_irq();
        match list.tail.replace(Arc::clone(&work)) {
            Some(tail) => *tail.next.lock() = Some(work),
            None => list.head = Some(work),
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        drop(list);
        self.wake.wake_one();
        if self.short.load(Ordering::Relaxed) {
            self.call_rescuers();
        }
    }

    fn pop(&self) -> Option<Arc<Work>> {
        let mut list = self.list.lock_irq();
        let work = list.head.take()?;
        list.head = work.next.lock().take();
        if list.head.is_none() {
            list.tail = None;
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Some(work)
    }

    /// Takes the first work of one queue off the list.
    pub(crate) fn pop_of(&self, queue: &Arc<Account>) -> Option<Arc<Work>> {
        let mut list = self.list.lock_irq();
        let mut before: Option<Arc<Work>> = None;
        let mut at = list.head.clone();
        while let Some(work) = at {
            let next = work.next.lock().clone();
            if work.is_of(queue) {
                *work.next.lock() = None;
                if next.is_none() {
                    list.tail = before.clone();
                }
                match before {
                    Some(before) => *before.next.lock() = next,
                    None => list.head = next,
                }
                self.waiting.fetch_sub(1, Ordering::SeqCst);
                return Some(work);
            }
            before = Some(work);
            at = next;
        }
        None
    }

    /// Runs a work that was taken off the list.
    pub(crate) fn run(&self, work: Arc<Work>, worker: Option<&Worker>) {
        let home = work.home.lock_irq().clone();
        if let (Some(worker), Some(home)) = (worker, &home) {
            worker.begins(home.name);
        }
        let ran = work.run();
        if let Some(worker) = worker {
            worker.is_done();
        }
        // Each queueing is taken off its queue's account once: when it has run.
        if let (Ran::Done | Ran::Again, Some(home)) = (ran, home) {
            home.one_done();
        }
        if ran == Ran::Again {
            self.push(work);
        }
    }

    /// Ends the workers once the list is empty.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.wake.wake_all();
    }

    /// Starts one more worker.
    fn hire(self: &Arc<Self>) -> Result<()> {
        let number = self.workers.fetch_add(1, Ordering::Relaxed);
        self.start_worker(number).inspect_err(|_| {
            self.workers.fetch_sub(1, Ordering::Relaxed);
        })
    }

    fn start_worker(self: &Arc<Self>, number: usize) -> Result<()> {
        let pool = Arc::clone(self);
        let entry = kmem::try_box(move || worker(&pool))? as Box<dyn FnOnce() + Send>;
        let name = self.name.as_str();
        let name = match self.cpu {
            Some(cpu) => kmem::try_format!("{name}/{cpu}:{number}")?,
            None if self.max_workers == 1 => kmem::try_format!("{name}")?,
            None => kmem::try_format!("{name}:{number}")?,
        };
        let thread = Thread::new_kthread(&name, entry)?;
        if let Some(cpu) = self.cpu {
            thread.bind(cpu);
        }
        thread.start();
        if self.max_workers == 1 {
            *self.only.lock() = Some(thread);
        }
        Ok(())
    }

    /// Waits until the only worker of a closed pool has ended.
    pub(crate) fn wait_end(&self) {
        let only = self.only.lock().take();
        if let Some(thread) = only {
            thread.wait_exit();
        }
    }

    /// Has idle workers end but for one; false: not all have yet.
    fn dismiss(&self) -> bool {
        let spare = self.idle.load(Ordering::SeqCst).saturating_sub(1);
        self.dismissed.store(spare, Ordering::SeqCst);
        if spare != 0 {
            self.wake.wake_all();
        }
        spare == 0 && self.leaving.load(Ordering::SeqCst) == 0
    }

    /// What is taken now may sleep: somebody has to be there for what is queued later. Where nobody more can come, queues
    /// that have a rescuer call it, and the rest waits.
    fn hire_if_short(self: &Arc<Self>) {
        if self.max_workers == 1 || self.idle.load(Ordering::SeqCst) != 0 {
            return;
        }
        if self.workers.load(Ordering::Relaxed) >= self.max_workers || self.hire().is_err() {
            self.short.store(true, Ordering::SeqCst);
            self.call_rescuers();
        }
    }

    /// Any context.
    fn call_rescuers(&self) {
        CALLS.fetch_add(1, Ordering::SeqCst);
        SHORT.wake_all();
    }

    /// Waits for work; false: leave.
    fn wait(&self) -> bool {
        self.idle.fetch_add(1, Ordering::SeqCst);
        self.short.store(false, Ordering::SeqCst);
        let deadline = time::monotonic_ns() + IDLE_NS;
        let spare = self.workers.load(Ordering::Relaxed) > STANDING;
        let woken = self
            .wake
            .wait(WaitMode::Idle, spare.then_some(deadline), || {
                let work = self.waiting.load(Ordering::SeqCst) != 0;
                let over = self.closed.load(Ordering::SeqCst) || (!work && self.is_dismissed());
                (work || over).then_some(work)
            });
        self.idle.fetch_sub(1, Ordering::SeqCst);
        match woken {
            Ok(true) | Err(WaitError::Interrupted) => true,
            Ok(false) if self.closed.load(Ordering::SeqCst) => false,
            Ok(false) => !self.leave_if_more_than(1),
            Err(WaitError::TimedOut) => !self.leave_if_more_than(STANDING),
        }
    }

    /// Takes one of the dismissals.
    fn is_dismissed(&self) -> bool {
        self.dismissed.load(Ordering::SeqCst) != 0
            && self
                .dismissed
                .fetch_update(Ordering::SeqCst, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok()
    }

    /// Leaves unless `stay` or fewer would be there, or nobody were idle: those at work may wait for what comes later.
    fn leave_if_more_than(&self, stay: usize) -> bool {
        // A worker that goes to work after this look finds nobody idle, and hires.
        if self.idle.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let claimed = self
            .leaving
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |leaving| {
                let workers = self.workers.load(Ordering::SeqCst);
                (workers.saturating_sub(leaving) > stay).then(|| leaving + 1)
            })
            .is_ok();
        if claimed {
            // Before anybody sees one worker less: who waits for the dead then waits for this one.
            sched::begin_end();
            self.workers.fetch_sub(1, Ordering::SeqCst);
            self.leaving.fetch_sub(1, Ordering::SeqCst);
        }
        claimed
    }
}

fn worker(pool: &Arc<Pool>) {
    // Without memory for a note it works all the same.
    let me = pool.staff.join().ok();
    loop {
        while let Some(work) = pool.pop() {
            pool.hire_if_short();
            pool.run(work, me.as_deref());
        }
        if !pool.wait() {
            break;
        }
    }
    if let Some(me) = me {
        pool.staff.leave(&me);
    }
    if pool.closed.load(Ordering::SeqCst) {
        pool.workers.fetch_sub(1, Ordering::SeqCst);
    }
}
