//! Timers: each CPU has a queue by expiry and one one-shot timer, programmed when the earliest changes.
//!
//! A timer is an object that implements [`TimerTarget`] (a thread, a socket) and holds a [`TimerNode`], or the ready-made
//! [`Timer`] around a closure. Room in every CPU's queue is made when a node is made, so arming cannot fail.
use crate::{monotonic_ns, oneshot, tick};
use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use hal::MAX_CPUS;
use kmem::TryVec;
use sync::percpu::CachePadded;
use sync::{LockClass, Mutex, PerCpu, SpinLock, irq_disable, rank};
use timerqueue::{Handle, Place, TimerQueue};

/// What becomes of a timer after its callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Nothing.
    No,
    /// It is armed again, unless the callback or somebody else did so.
    At(u64),
}

/// Something with a timer in it.
pub trait TimerTarget: Send + Sync {
    /// Its timer.
    fn node(&self) -> &TimerNode;
    /// The timer, due at `due_ns`, expired. Hard interrupt context, interrupts off, no lock held.
    fn expired(&self, due_ns: u64, now_ns: u64) -> Restart;
}

type Target = Arc<dyn TimerTarget>;

impl Handle for TargetHandle {
    fn place(&self) -> &Place {
        &self.0.node().place
    }
}
struct TargetHandle(Target);

const NO_CPU: u32 = u32::MAX;

/// The timer of a [`TimerTarget`].
#[derive(Debug)]
pub struct TimerNode {
    place: Place,
    /// The CPU in whose queue it stands, or is being put; claimed by compare-and-swap from [`NO_CPU`].
    cpu: AtomicU32,
    /// The CPU that runs its callback.
    running: AtomicU32,
}

impl TimerNode {
    /// A timer, not armed, with its room in the queues.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new() -> Result<Self> {
        make_room()?;
        Ok(Self {
            place: Place::new(),
            cpu: AtomicU32::new(NO_CPU),
            running: AtomicU32::new(NO_CPU),
        })
    }

    /// Whether it is armed, at this moment.
    #[inline]
    pub fn is_armed(&self) -> bool {
        self.cpu.load(Ordering::Relaxed) != NO_CPU
    }

    /// Takes it out of its queue; true if it had been armed. Its callback may be running on another CPU; it may re-arm.
    pub fn cancel(&self) -> bool {
        loop {
            let cpu = self.cpu.load(Ordering::Acquire);
            if cpu == NO_CPU {
                return false;
            }
            let mut base = BASES.of(cpu as usize).lock_irq();
            let target = base.remove(&self.place);
            if target.is_some() {
                self.cpu.store(NO_CPU, Ordering::Release);
            }
            drop(base);
            if target.is_some() {
                return true;
            }
            // Somebody is between claiming and inserting, or has just taken it out.
            hal::cpu::relax();
        }
    }

    /// As [`Self::cancel`], and waits until its callback does not run: afterwards the timer is quiet, if nobody else arms
    /// it. Called with no lock held that the callback takes. From its own callback it does not wait.
    pub fn cancel_and_wait(&self) -> bool {
        let mut was_armed = false;
        loop {
            was_armed |= self.cancel();
            let running = self.running.load(Ordering::Acquire);
            let own =
                running == hal::cpu::id() as u32 && hal::preempt::count() >= hal::preempt::HARDIRQ;
            if running == NO_CPU || own {
                // The callback may have re-armed it between the two looks.
                if !self.is_armed() {
                    return was_armed;
                }
            }
            hal::cpu::relax();
        }
    }
}

impl Drop for TimerNode {
    fn drop(&mut self) {
        NODES.fetch_sub(1, Ordering::Relaxed);
    }
}

static CLASS: LockClass = LockClass::new("timer", rank::TIMER);
static BASES: PerCpu<SpinLock<TimerQueue<TargetHandle>>> =
    PerCpu::new([const { CachePadded(SpinLock::new(&CLASS, TimerQueue::new())) }; MAX_CPUS]);

/// Arms a timer on this CPU for `at_ns` of the monotonic clock; an armed one is moved.
pub fn arm(target: Target, at_ns: u64) {
    target.node().cancel();
    let irqs_off = irq_disable();
    if insert(target, at_ns) {
        oneshot::ensure(at_ns, &irqs_off);
    }
}

/// Puts a timer into this CPU's queue, unless somebody else armed it meanwhile. Interrupts are off.
fn insert(target: Target, at_ns: u64) -> bool {
    let cpu = hal::cpu::id();
    let claimed = target.node().cpu.compare_exchange(
        NO_CPU,
        cpu as u32,
        Ordering::Acquire,
        Ordering::Relaxed,
    );
    if claimed.is_err() {
        return false;
    }
    let refused = BASES.of(cpu).lock_irq().insert(at_ns, TargetHandle(target));
    if let Err(TargetHandle(target)) = refused {
        // A node without room cannot be; better a timer that never fires, reported, than a panic.
        trace::pr_err!("timer: no room on CPU {cpu}");
        target.node().cpu.store(NO_CPU, Ordering::Release);
    }
    true
}

/// Most callbacks run in one interrupt; timers re-armed in the past do not lock the CPU up.
const MAX_BATCH: usize = 64;
/// How long such a CPU then rests.
const REST_NS: u64 = 50_000;

/// The one-shot timer fired: runs what is due, then sets it anew. Called by the interrupt's handler.
pub fn on_interrupt() {
    let irqs_off = irq_disable();
    let cpu = hal::cpu::id();
    oneshot::fired(&irqs_off);
    let mut now = monotonic_ns();
    let mut batch = 0;
    while batch < MAX_BATCH && run_one(cpu, now) {
        batch += 1;
        now = monotonic_ns();
    }
    let next_tick = tick::run(now, &irqs_off);
    let earliest = BASES.of(cpu).lock_irq().earliest().unwrap_or(u64::MAX);
    let next = earliest.min(next_tick);
    if next != u64::MAX {
        oneshot::ensure(
            if batch == MAX_BATCH {
                next.max(now + REST_NS)
            } else {
                next
            },
            &irqs_off,
        );
    }
}

/// Runs the callback of the earliest timer, if it is due.
fn run_one(cpu: usize, now: u64) -> bool {
    let mut base = BASES.of(cpu).lock_irq();
    let Some((due, TargetHandle(target))) = base.pop_expired(now) else {
        return false;
    };
    let node = target.node();
    node.running.store(cpu as u32, Ordering::Relaxed);
    node.cpu.store(NO_CPU, Ordering::Release);
    drop(base);
    if let Restart::At(at) = target.expired(due, now) {
        insert(Arc::clone(&target), at);
    }
    target.node().running.store(NO_CPU, Ordering::Release);
    true
}

/// When this CPU's earliest timer expires, for the idle loop and /proc/timer_list.
pub fn earliest(cpu: usize) -> Option<u64> {
    BASES.of(cpu).lock_irq().earliest()
}

static NODES: AtomicUsize = AtomicUsize::new(0);
/// Every CPU that is up has room for this many.
static ROOM: AtomicUsize = AtomicUsize::new(0);
const FIRST_ROOM: usize = 512;
static ROOM_CLASS: LockClass = LockClass::new("timer-room", rank::NONE);
/// The CPUs that are up, as a mask; held while room is made.
static UP: Mutex<u64> = Mutex::new(&ROOM_CLASS, 0);

fn make_room() -> Result<()> {
    let wanted = NODES.fetch_add(1, Ordering::Relaxed) + 1;
    if wanted <= ROOM.load(Ordering::Acquire) {
        return Ok(());
    }
    more_room(wanted).inspect_err(|_| {
        NODES.fetch_sub(1, Ordering::Relaxed);
    })
}

#[cold]
fn more_room(wanted: usize) -> Result<()> {
    // Where nobody may sleep there is room already, or somebody else is just making it.
    let up = if sync::context::may_sleep() {
        UP.lock()
    } else {
        UP.try_lock().ok_or(abi::Errno::ENOMEM)?
    };
    let room = wanted.next_power_of_two().max(FIRST_ROOM);
    if room <= ROOM.load(Ordering::Acquire) {
        return Ok(());
    }
    for cpu in (0..MAX_CPUS).filter(|cpu| *up & 1 << cpu != 0) {
        grow(cpu, room)?;
    }
    ROOM.store(room, Ordering::Release);
    Ok(())
}

fn grow(cpu: usize, room: usize) -> Result<()> {
    let roomier = Vec::try_with_capacity(room)?;
    let old = BASES.of(cpu).lock_irq().grow_into(roomier);
    drop(old);
    Ok(())
}

/// A CPU that comes up cannot sleep yet: it spins until whoever makes room is done.
fn without_sleeping() -> sync::MutexGuard<'static, u64> {
    loop {
        if let Some(guard) = UP.try_lock() {
            return guard;
        }
        hal::cpu::relax();
    }
}

pub(crate) fn cpu_up(cpu: usize) -> Result<()> {
    let mut up = without_sleeping();
    grow(cpu, ROOM.load(Ordering::Acquire).max(FIRST_ROOM))?;
    *up |= 1 << cpu;
    Ok(())
}

struct Closure<F> {
    node: TimerNode,
    call: F,
}

impl<F: Fn(u64) -> Restart + Send + Sync> TimerTarget for Closure<F> {
    fn node(&self) -> &TimerNode {
        &self.node
    }
    fn expired(&self, _due_ns: u64, now_ns: u64) -> Restart {
        (self.call)(now_ns)
    }
}

/// A timer that calls a closure. Dropping it cancels it and waits for the closure to end.
pub struct Timer(Target);

impl Timer {
    /// A timer, not armed. `callback` gets the monotonic time, in hard interrupt context.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new<F>(callback: F) -> Result<Self>
    where
        F: Fn(u64) -> Restart + Send + Sync + 'static,
    {
        let node = TimerNode::new()?;
        Ok(Self(kmem::try_arc(Closure {
            node,
            call: callback,
        })?))
    }
    /// Arms it on this CPU for `at_ns` of the monotonic clock; an armed one is moved.
    pub fn arm(&self, at_ns: u64) {
        arm(Arc::clone(&self.0), at_ns);
    }
    /// Arms it for `after_ns` from now.
    pub fn arm_in(&self, after_ns: u64) {
        self.arm(monotonic_ns().saturating_add(after_ns));
    }
    /// Disarms it and waits for a running callback; true if it had been armed. See [`TimerNode::cancel_and_wait`].
    pub fn cancel(&self) -> bool {
        self.0.node().cancel_and_wait()
    }
    /// Disarms it without waiting for a running callback.
    pub fn try_cancel(&self) -> bool {
        self.0.node().cancel()
    }
    /// Whether it is armed, at this moment.
    pub fn is_armed(&self) -> bool {
        self.0.node().is_armed()
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test: hosted "CPU" queues are shared by the threads that draw the same number.
    #[test]
    fn timers_fire_restart_and_cancel() {
        crate::cpu_up().expect("room");
        let fired = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&fired);
        let timer = Timer::new(move |now| {
            if count.fetch_add(1, Ordering::Relaxed) < 2 {
                Restart::At(now)
            } else {
                Restart::No
            }
        })
        .expect("memory");
        timer.arm(monotonic_ns() + 3_600_000_000_000);
        assert!(timer.is_armed() && timer.cancel() && !timer.cancel());
        timer.arm_in(3_600_000_000_000);
        timer.arm_in(0);
        on_interrupt();
        assert_eq!(fired.load(Ordering::Relaxed), 3);
        assert!(!timer.is_armed());
        let many: Vec<_> = (0..2 * FIRST_ROOM)
            .map(|_| Timer::new(|_| Restart::No).expect("memory"))
            .collect();
        many.iter().for_each(|t| t.arm_in(1_000_000_000_000));
        assert!(many.iter().all(Timer::is_armed));
        drop(many);
        assert_eq!(earliest(hal::cpu::id()), None);
    }
}
