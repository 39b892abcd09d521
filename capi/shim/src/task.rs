//! `linux/sched.h`: threads as modules know them. A module gets the address of a record of ours for a thread that it
//! looks at; the record lives as long as the thread does, and what stands in it is copied anew each time it is asked for.
//!
//! Specification: set_current_state(9), schedule_timeout(9).
use crate::enter::{landing_is_alive, misuse, must_sleep};
use crate::export::exports;
use crate::park;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use hashbrown::HashMap;
use kmem::try_arc;
use sched::Thread;
use sync::thread::ThreadOps;
use sync::{LockClass, Once, SpinLock, WaitError, rank};

static CLASS: LockClass = LockClass::new("capi.tasks", rank::NONE);

/// `TASK_RUNNING`.
const RUNNING: u32 = 0;
/// `PF_KTHREAD`.
const KTHREAD: u32 = 0x0020_0000;
/// From this many records on, those of threads that have ended are dropped before another is made.
const SWEEP: usize = 64;

/// `struct task_struct`, as far as modules look into it.
#[repr(C)]
pub(crate) struct CTask {
    state: AtomicU32,
    pid: AtomicU32,
    tgid: AtomicU32,
    flags: AtomicU32,
    comm: [AtomicU64; 2],
    mm: AtomicUsize,
    uid: [AtomicU32; 2],
    gid: [AtomicU32; 2],
    /// By which a record is found again.
    thread: AtomicUsize,
}

/// A thread that a module has looked at.
pub(crate) struct Task {
    c: CTask,
    pub(crate) thread: Arc<Thread>,
    /// What `kthread.rs` keeps of a kernel thread of a module.
    pub(crate) kthread: Once<Arc<dyn Any + Send + Sync>>,
    /// Whether it was let run.
    started: AtomicBool,
    /// The wait queue that it announced to sleep in, and what that counted then; 0: none.
    queue: AtomicUsize,
    counted: AtomicU32,
    /// It was woken by name, which is not to be missed by a wait that is about to begin.
    poked: AtomicBool,
}

type Tasks = HashMap<usize, Arc<Task>, crate::ledger::Mixer>;
static TASKS: SpinLock<Tasks> = SpinLock::new(&CLASS, HashMap::with_hasher(crate::ledger::Mixer));

impl Task {
    /// The record of a thread, made if there is none yet.
    pub(crate) fn of(thread: Arc<Thread>) -> abi::Result<Arc<Self>> {
        let key = Arc::as_ptr(&thread) as usize;
        if let Some(task) = TASKS.lock_irq().get(&key) {
            return Ok(task.clone());
        }
        let fresh = try_arc(Self::new(thread, key))?;
        enter(key, fresh)
    }

    fn new(thread: Arc<Thread>, key: usize) -> Self {
        let kernel = thread.data().is_none();
        Self {
            c: CTask {
                state: AtomicU32::new(RUNNING),
                pid: AtomicU32::new(thread.id()),
                tgid: AtomicU32::new(thread.id()),
                flags: AtomicU32::new(if kernel { KTHREAD } else { 0 }),
                comm: [const { AtomicU64::new(0) }; 2],
                mm: AtomicUsize::new(0),
                uid: [const { AtomicU32::new(0) }; 2],
                gid: [const { AtomicU32::new(0) }; 2],
                thread: AtomicUsize::new(key),
            },
            thread,
            kthread: Once::new(),
            started: AtomicBool::new(!kernel),
            queue: AtomicUsize::new(0),
            counted: AtomicU32::new(0),
            poked: AtomicBool::new(false),
        }
    }

    /// What modules call it by.
    pub(crate) fn address(&self) -> usize {
        &raw const self.c as usize
    }

    /// Whether it is the thread that runs this.
    pub(crate) fn is_running(&self) -> bool {
        sched::try_current().is_some_and(|thread| core::ptr::eq(thread, &*self.thread))
    }

    /// Copies the thread's name into the record.
    pub(crate) fn refresh_name(&self) {
        let name = self.thread.name().0;
        for (word, bytes) in self.c.comm.iter().zip(name.chunks_exact(8)) {
            let bytes: [u8; 8] = bytes.try_into().unwrap_or_default();
            word.store(u64::from_le_bytes(bytes), Ordering::Relaxed);
        }
    }

    /// Copies into the running thread's record what changes.
    fn refresh(&self) {
        self.refresh_name();
        task::task::with_current(|task| {
            self.c.pid.store(task.tid() as u32, Ordering::Relaxed);
            self.c.tgid.store(task.tgid() as u32, Ordering::Relaxed);
            let mm = task.mm().map_or(0, |mm| Arc::as_ptr(&mm) as usize);
            self.c.mm.store(mm, Ordering::Relaxed);
            if let Ok(cred) = task.cred() {
                self.c.uid[0].store(cred.uid.0, Ordering::Relaxed);
                self.c.uid[1].store(cred.euid.0, Ordering::Relaxed);
                self.c.gid[0].store(cred.gid.0, Ordering::Relaxed);
                self.c.gid[1].store(cred.egid.0, Ordering::Relaxed);
            }
        });
    }

    /// Lets a kernel thread of a module run; false when it does already.
    pub(crate) fn start(&self) -> bool {
        if self.kthread.get().is_none() || self.started.swap(true, Ordering::SeqCst) {
            return false;
        }
        self.thread.start();
        true
    }

    /// Wakes it from whatever it waits in; true when it was about to sleep.
    pub(crate) fn wake(&self) -> bool {
        self.poked.store(true, Ordering::SeqCst);
        let slept = self.c.state.swap(RUNNING, Ordering::SeqCst) != RUNNING;
        self.thread.unpark(false);
        slept
    }

    /// Whether it was woken by name since the last look.
    pub(crate) fn was_poked(&self) -> bool {
        self.poked.swap(false, Ordering::SeqCst)
    }
}

#[expect(clippy::disallowed_methods, reason = "room is made before")]
fn enter(key: usize, fresh: Arc<Task>) -> abi::Result<Arc<Task>> {
    let mut ended = [const { None }; 8];
    let mut tasks = TASKS.lock_irq();
    if tasks.len() >= SWEEP {
        take_ended(&mut tasks, &mut ended);
    }
    if tasks.try_reserve(1).is_err() {
        return Err(abi::Errno::ENOMEM);
    }
    let task = tasks.entry(key).or_insert(fresh).clone();
    drop(tasks);
    drop(ended);
    Ok(task)
}

/// Forgets the record of a kernel thread that has ended.
pub(crate) fn forget(task: &Arc<Task>) {
    let key = Arc::as_ptr(&task.thread) as usize;
    let gone = TASKS.lock_irq().remove(&key);
    drop(gone);
}

/// Drops the records of threads that have ended, but for those that somebody uses.
pub(crate) fn sweep() {
    loop {
        let mut ended = [const { None }; 8];
        take_ended(&mut TASKS.lock_irq(), &mut ended);
        if ended.iter().all(Option::is_none) {
            return;
        }
    }
}

fn take_ended(tasks: &mut Tasks, ended: &mut [Option<Arc<Task>>; 8]) {
    for place in ended {
        let old = tasks
            .iter()
            .find(|(_, task)| task.thread.has_exited() && Arc::strong_count(task) == 1)
            .map(|(key, _)| *key);
        *place = old.and_then(|key| tasks.remove(&key));
    }
}

/// The running thread's record, if there is one.
pub(crate) fn known() -> Option<Arc<Task>> {
    let key = core::ptr::from_ref(sched::try_current()?) as usize;
    TASKS.lock_irq().get(&key).cloned()
}

/// The running thread's record. ENOMEM.
fn mine() -> abi::Result<Arc<Task>> {
    if let Some(task) = known() {
        return Ok(task);
    }
    let thread = sched::try_current().and_then(Thread::arc);
    Task::of(thread.ok_or(abi::Errno::ESRCH)?)
}

/// The record at an address that a module passes; ends the call when there is none.
pub(crate) fn checked(address: usize) -> Arc<Task> {
    let place = address.wrapping_add(core::mem::offset_of!(CTask, thread));
    let key = crate::foreign::read_u64(place).unwrap_or(0) as usize;
    let task = TASKS.lock_irq().get(&key).cloned();
    match task.filter(|task| task.address() == address) {
        Some(task) => task,
        None => misuse("a task that does not exist"),
    }
}

/// `current`.
extern "C" fn __current() -> usize {
    match mine() {
        Ok(task) => {
            if sync::context::Context::current() == sync::context::Context::Task {
                task.refresh();
            }
            task.address()
        }
        Err(_) => misuse("there is no memory for current"),
    }
}

/// `wake_up_process(task)`: 1 when it slept.
extern "C" fn wake_up_process(address: usize) -> i32 {
    let task = checked(address);
    i32::from(task.start() || task.wake())
}

/// What a wait queue counts; 0 for none.
fn count_of(queue: usize) -> u32 {
    let mut bytes = [0; 4];
    match queue {
        0 => 0,
        queue => {
            crate::foreign::read_bytes(queue, &mut bytes).map_or(0, |()| u32::from_le_bytes(bytes))
        }
    }
}

/// `prepare_to_wait(queue, entry, state)`: the next `schedule` sleeps until the queue is woken.
extern "C" fn __prepare_to_wait(queue: usize, state: u32) {
    match mine() {
        Ok(task) => {
            task.counted.store(count_of(queue), Ordering::SeqCst);
            task.queue.store(queue, Ordering::SeqCst);
            if state != RUNNING {
                task.c.state.store(state, Ordering::SeqCst);
            }
        }
        Err(_) => misuse("there is no memory for a wait"),
    }
}

/// `finish_wait(queue, entry)`.
extern "C" fn __finish_wait() {
    if let Some(task) = known() {
        task.queue.store(0, Ordering::SeqCst);
        task.c.state.store(RUNNING, Ordering::SeqCst);
    }
}

/// Sleeps in the state that `set_current_state` announced until it is woken by name; the ticks that are left.
fn sleep(jiffies: i64) -> i64 {
    must_sleep("schedule");
    let Ok(task) = mine() else {
        return jiffies;
    };
    let state = task.c.state.load(Ordering::SeqCst);
    if state == RUNNING {
        sync::thread::yield_now();
        return jiffies;
    }
    let until = park::deadline(jiffies);
    // The thread itself keeps the record; this count must not be alive when the call ends from inside.
    let word = &raw const task.c.state;
    let address = task.address();
    let queue = task.queue.load(Ordering::SeqCst);
    let counted = match queue {
        0 => 0,
        _ => task.counted.load(Ordering::SeqCst),
    };
    drop(task);
    // SAFETY: the running thread's record stays as long as the thread has not ended.
    let word = unsafe { &*word };
    let place = if queue == 0 { address } else { queue };
    let waited = park::wait(place, park::mode(state), until, || {
        if word.load(Ordering::SeqCst) == RUNNING || count_of(queue) != counted {
            return Some(true);
        }
        (!landing_is_alive()).then_some(false)
    });
    word.store(RUNNING, Ordering::SeqCst);
    match waited {
        Ok(false) => misuse("it slept while it crashed elsewhere"),
        Err(WaitError::TimedOut) => 0,
        Ok(true) | Err(WaitError::Interrupted) => park::left(until),
    }
}

/// `schedule()`.
extern "C" fn schedule() {
    sleep(park::FOREVER);
}

/// `schedule_timeout(jiffies)`: the ticks that are left.
extern "C" fn schedule_timeout(jiffies: i64) -> i64 {
    if jiffies < 0 {
        trace::pr_err!("schedule_timeout: wrong timeout value {jiffies:x}");
        trace::oops::dump_stack(trace::Level::Err);
        __set_current_state(RUNNING);
        return 0;
    }
    sleep(jiffies)
}

/// `set_current_state(state)`, and its kin that order nothing.
extern "C" fn __set_current_state(state: u32) {
    if let Ok(task) = mine() {
        task.c.state.store(state, Ordering::SeqCst);
    }
}

extern "C" fn yield_() {
    sync::thread::yield_now();
}

/// `signal_pending(current)`; a thread that is not the running one has none that we would tell.
extern "C" fn __signal_pending(address: usize) -> i32 {
    let task = checked(address);
    i32::from(task.thread.signal_pending(sync::WaitMode::Interruptible))
}

extern "C" fn __fatal_signal_pending(address: usize) -> i32 {
    let task = checked(address);
    i32::from(task.thread.signal_pending(sync::WaitMode::Killable))
}

/// `preempt_count()`.
extern "C" fn __preempt_count() -> u32 {
    hal::preempt::count()
}

/// `irqs_disabled()`.
extern "C" fn __irqs_disabled() -> bool {
    !hal::irq::enabled()
}

extern "C" fn __preempt_disable() {
    hal::preempt::add(hal::preempt::PREEMPT);
}

extern "C" fn __preempt_enable() {
    if hal::landing::preempt_added() == 0 {
        misuse("preempt_enable without preempt_disable");
    }
    sync::context::preempt_enable();
}

extern "C" fn __local_irq_disable() {
    let _ = hal::irq::disable();
}

extern "C" fn __local_irq_enable() {
    hal::irq::enable();
}

/// `local_bh_disable()`.
pub(crate) extern "C" fn __local_bh_disable() {
    core::mem::forget(irq::local_bh_disable());
}

/// `local_bh_enable()`: what was raised meanwhile runs.
pub(crate) extern "C" fn __local_bh_enable() {
    if hal::landing::preempt_added() < hal::preempt::SOFTIRQ {
        misuse("local_bh_enable without local_bh_disable");
    }
    irq::BhGuard::resume();
}

/// `smp_processor_id()`.
extern "C" fn __smp_processor_id() -> u32 {
    hal::cpu::id() as u32
}

/// `num_online_cpus()`.
extern "C" fn __num_online_cpus() -> u32 {
    hal::cpu::online() as u32
}

exports![
    __current,
    __prepare_to_wait,
    __finish_wait,
    wake_up_process,
    schedule,
    schedule_timeout,
    __set_current_state,
    __signal_pending,
    __fatal_signal_pending,
    __preempt_count,
    __irqs_disabled,
    __preempt_disable,
    __preempt_enable,
    __local_irq_disable,
    __local_irq_enable,
    __local_bh_disable,
    __local_bh_enable,
    __smp_processor_id,
    __num_online_cpus;
    as: yield_ "yield"
];
