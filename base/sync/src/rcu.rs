//! Read-copy-update: readers take no lock and write nothing shared; what they may still see is freed only after every
//! CPU has passed a point where it reads nothing.
//!
//! A read section keeps preemption off, so a context switch, the idle loop and the way back to user space are such
//! points: the scheduler reports them with [`quiescent`]. A grace period is over when each online CPU has reported one
//! since it began. Specification: Linux' Documentation/RCU/whatisRCU.rst.
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::any::Any;
use core::marker::PhantomData;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering, fence};

use hal::MAX_CPUS;

use crate::class::LockClass;
use crate::context::{Pinned, PreemptGuard, preempt_disable};
use crate::lock_order::rank;
use crate::spin::SpinLock;

static CLASS: LockClass = LockClass::new("rcu", rank::RCU);

/// The grace period that began last.
static BEGUN: AtomicU64 = AtomicU64::new(1);
/// Per CPU: the last grace period that it has reported a quiescent point in; [`IDLE`] while it reads nothing at all.
static SEEN: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(IDLE) }; MAX_CPUS];
const IDLE: u64 = u64::MAX;

/// A read section.
#[must_use]
pub struct RcuGuard {
    #[cfg(not(target_os = "none"))]
    _hosted: hosted::Reader,
    _pin: PreemptGuard,
}

// SAFETY: it holds a `PreemptGuard`.
unsafe impl Pinned for RcuGuard {}

/// Begins a read section; nests.
#[inline]
pub fn read_lock() -> RcuGuard {
    RcuGuard {
        _pin: preempt_disable(),
        #[cfg(not(target_os = "none"))]
        _hosted: hosted::Reader::new(),
    }
}

/// This CPU reads nothing at this moment: called by the scheduler at a switch, before user space.
#[inline]
pub fn quiescent() {
    let begun = BEGUN.load(Ordering::Relaxed);
    let seen = &SEEN[hal::cpu::id() & (MAX_CPUS - 1)];
    if seen.load(Ordering::Relaxed) != begun {
        fence(Ordering::SeqCst);
        seen.store(begun, Ordering::Release);
    }
}

/// This CPU goes idle (or offline): nobody needs to wait for it until [`idle_exit`].
pub fn idle_enter() {
    SEEN[hal::cpu::id() & (MAX_CPUS - 1)].store(IDLE, Ordering::Release);
}

/// This CPU reads again; called before anything after idle, and once when a CPU comes online.
pub fn idle_exit() {
    SEEN[hal::cpu::id() & (MAX_CPUS - 1)].store(BEGUN.load(Ordering::Relaxed), Ordering::Relaxed);
    fence(Ordering::SeqCst);
}

/// Begins a grace period and gives its number.
fn begin() -> u64 {
    fence(Ordering::SeqCst);
    BEGUN.fetch_add(1, Ordering::SeqCst) + 1
}

/// Whether grace period `number` is over.
fn over(number: u64) -> bool {
    #[cfg(not(target_os = "none"))]
    return hosted::over(number);
    #[cfg(target_os = "none")]
    SEEN.iter()
        .take(hal::cpu::online())
        .all(|seen| seen.load(Ordering::Acquire) >= number)
}

/// Asks the CPUs that have not reported to do so soon; registered by the scheduler (a reschedule IPI).
static KICK: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Sets how a CPU is made to pass a quiescent point.
pub fn set_kick(kick: fn(cpu: usize)) {
    KICK.store(kick as *mut (), Ordering::Release);
}

fn kick_laggards(number: u64) {
    let kick = KICK.load(Ordering::Acquire);
    if kick.is_null() {
        return;
    }
    // SAFETY: only `set_kick` stores here.
    let kick = unsafe { core::mem::transmute::<*mut (), fn(usize)>(kick) };
    for (cpu, seen) in SEEN.iter().take(hal::cpu::online()).enumerate() {
        if seen.load(Ordering::Relaxed) < number {
            kick(cpu);
        }
    }
}

/// Waits until every read section that was open when it was called has ended. Sleeps.
pub fn synchronize() {
    crate::context::might_sleep();
    let number = begin();
    quiescent();
    if over(number) {
        return;
    }
    kick_laggards(number);
    while !over(number) {
        crate::thread::yield_now();
        quiescent();
    }
}

/// Something to do after a grace period, with its place in the queue: allocated by the caller, so that queueing cannot
/// fail.
pub struct Deferred {
    next: Option<Box<Deferred>>,
    number: u64,
    work: Option<Box<dyn FnOnce() + Send>>,
    /// Dropped after the grace period.
    keep: Option<Arc<dyn Any + Send + Sync>>,
}

impl Deferred {
    /// `work`, to be run after a grace period, in the context of [`run_ready`].
    pub fn new(work: Box<dyn FnOnce() + Send>) -> Self {
        Self {
            next: None,
            number: 0,
            work: Some(work),
            keep: None,
        }
    }
    /// A node for [`Retired::defer`].
    pub const fn empty() -> Self {
        Self {
            next: None,
            number: 0,
            work: None,
            keep: None,
        }
    }
}

struct Queue {
    head: Option<Box<Deferred>>,
}
static QUEUES: [SpinLock<Queue>; MAX_CPUS] =
    [const { SpinLock::new(&CLASS, Queue { head: None }) }; MAX_CPUS];
static PENDING: AtomicU64 = AtomicU64::new(0);

/// Runs `deferred` after a grace period; never sleeps.
pub fn call(mut deferred: Box<Deferred>) {
    deferred.number = begin();
    // Or it might move, and leave it to a CPU that has gone idle meanwhile and looks no more.
    let _here = preempt_disable();
    let mut queue = QUEUES[hal::cpu::id() & (MAX_CPUS - 1)].lock_irq();
    deferred.next = queue.head.take();
    queue.head = Some(deferred);
    PENDING.fetch_add(1, Ordering::Relaxed);
}

/// How many calls wait for their grace period.
pub fn pending() -> u64 {
    PENDING.load(Ordering::Relaxed)
}

/// Runs what has waited long enough on this CPU's queue; the scheduler calls it from the RCU softirq or a thread while
/// [`pending`] is not 0. Says how many ran.
pub fn run_ready() -> usize {
    // What it holds in hand nobody else can run: an idle thread that lost the CPU here would have a [`barrier`] on the
    // same CPU wait for ever.
    let _here = preempt_disable();
    let mut queue = {
        let mut queue = QUEUES[hal::cpu::id() & (MAX_CPUS - 1)].lock_irq();
        queue.head.take()
    };
    let mut ran = 0;
    let mut later: Option<Box<Deferred>> = None;
    while let Some(mut item) = queue {
        queue = item.next.take();
        if over(item.number) {
            PENDING.fetch_sub(1, Ordering::Relaxed);
            if let Some(work) = item.work.take() {
                work();
            }
            drop(item.keep.take());
            ran += 1;
        } else {
            kick_laggards(item.number);
            item.next = later;
            later = Some(item);
        }
    }
    while let Some(mut item) = later {
        later = item.next.take();
        let mut queue = QUEUES[hal::cpu::id() & (MAX_CPUS - 1)].lock_irq();
        item.next = queue.head.take();
        queue.head = Some(item);
    }
    ran
}

/// Waits until all calls queued so far have run.
pub fn barrier() {
    while pending() != 0 {
        synchronize();
        run_ready();
    }
}

/// An `Arc` that readers follow without counting.
pub struct Rcu<T> {
    ptr: AtomicPtr<T>,
    _owns: PhantomData<Arc<T>>,
}

// SAFETY: like `Arc<T>` shared between threads.
unsafe impl<T: Send + Sync> Send for Rcu<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Rcu<T> {}

/// An `Arc` taken out of an [`Rcu`]: readers may still see it, so it is dropped after a grace period (which sleeps), or
/// handed to [`call`].
#[must_use]
pub struct Retired<T: Send + Sync + 'static>(Option<Arc<T>>);

impl<T: Send + Sync + 'static> Retired<T> {
    /// Takes the value out, after waiting for a grace period. Sleeps.
    pub fn wait(mut self) -> Option<Arc<T>> {
        let old = self.0.take();
        if old.is_some() {
            synchronize();
        }
        old
    }
    /// The value, still visible to readers: another count of it may be used at once.
    pub fn get(&self) -> Option<&Arc<T>> {
        self.0.as_ref()
    }
    /// Drops it after a grace period without sleeping, in a queue node that the caller allocated.
    pub fn defer(mut self, mut node: Box<Deferred>) {
        if let Some(old) = self.0.take() {
            node.keep = Some(old);
            call(node);
        }
    }
}

impl<T: Send + Sync + 'static> Drop for Retired<T> {
    fn drop(&mut self) {
        if let Some(old) = self.0.take() {
            synchronize();
            drop(old);
        }
    }
}

impl<T: Send + Sync + 'static> Rcu<T> {
    /// Holds `value`.
    pub fn new(value: Option<Arc<T>>) -> Self {
        Self {
            ptr: AtomicPtr::new(into_raw(value)),
            _owns: PhantomData,
        }
    }
    /// Holds nothing.
    pub const fn empty() -> Self {
        Self {
            ptr: AtomicPtr::new(ptr::null_mut()),
            _owns: PhantomData,
        }
    }
    /// The value, for as long as the read section lasts.
    #[inline]
    pub fn load<'g>(&self, _section: &'g RcuGuard) -> Option<&'g T> {
        // SAFETY: a value that was here within the section is dropped only after the section's end.
        unsafe { self.ptr.load(Ordering::Acquire).as_ref() }
    }
    /// The value, with a count of its own.
    pub fn load_arc(&self) -> Option<Arc<T>> {
        let _section = read_lock();
        let ptr = self.ptr.load(Ordering::Acquire);
        if ptr.is_null() {
            return None;
        }
        // SAFETY: it came from `Arc::into_raw`, and the count held here (or by the `Retired` of a swap that is waiting
        // for this section) keeps it alive while another is taken.
        unsafe {
            Arc::increment_strong_count(ptr);
            Some(Arc::from_raw(ptr))
        }
    }
    /// Puts `value` in its place.
    pub fn swap(&self, value: Option<Arc<T>>) -> Retired<T> {
        let old = self.ptr.swap(into_raw(value), Ordering::AcqRel);
        if old.is_null() {
            return Retired(None);
        }
        // SAFETY: the count that `into_raw` left with this cell is taken over.
        Retired(Some(unsafe { Arc::from_raw(old) }))
    }
}

impl<T> Drop for Rcu<T> {
    fn drop(&mut self) {
        let ptr = *self.ptr.get_mut();
        if !ptr.is_null() {
            // SAFETY: the cell's own count; no reader can borrow through a cell that is being dropped.
            drop(unsafe { Arc::from_raw(ptr) });
        }
    }
}

fn into_raw<T>(value: Option<Arc<T>>) -> *mut T {
    value.map_or(ptr::null_mut(), |arc| Arc::into_raw(arc).cast_mut())
}

#[cfg(not(target_os = "none"))]
mod hosted {
    //! Host tests have no context switches to report; readers are counted by the parity of the period they began in.
    use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    static READERS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
    static PARITY: AtomicUsize = AtomicUsize::new(0);
    static DONE: AtomicU64 = AtomicU64::new(0);
    static FLIP: std::sync::Mutex<()> = std::sync::Mutex::new(());

    pub(super) struct Reader(usize);

    impl Reader {
        pub(super) fn new() -> Self {
            loop {
                let parity = PARITY.load(Ordering::SeqCst);
                READERS[parity].fetch_add(1, Ordering::SeqCst);
                if PARITY.load(Ordering::SeqCst) == parity {
                    return Self(parity);
                }
                READERS[parity].fetch_sub(1, Ordering::SeqCst);
            }
        }
    }

    impl Drop for Reader {
        fn drop(&mut self) {
            READERS[self.0].fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Whether no reader is left that began before now: flips the parity and looks at the old side.
    pub(super) fn over(number: u64) -> bool {
        let Ok(_one) = FLIP.try_lock() else {
            return false;
        };
        if DONE.load(Ordering::SeqCst) >= number {
            return true;
        }
        let begun = super::BEGUN.load(Ordering::SeqCst);
        let old = PARITY.load(Ordering::SeqCst);
        if READERS[1 - old].load(Ordering::SeqCst) != 0 {
            return false;
        }
        PARITY.store(1 - old, Ordering::SeqCst);
        for _ in 0..1000 {
            if READERS[old].load(Ordering::SeqCst) == 0 {
                DONE.store(begun, Ordering::SeqCst);
                return begun >= number;
            }
            std::thread::yield_now();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicBool;

    #[test]
    fn a_reader_keeps_what_it_sees() {
        struct Flag(Arc<AtomicBool>);
        impl Drop for Flag {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let dropped = Arc::new(AtomicBool::new(false));
        let cell = Arc::new(Rcu::new(Some(Arc::new(Flag(Arc::clone(&dropped))))));
        let guard = read_lock();
        let seen = cell.load(&guard);
        let writer = {
            let cell = Arc::clone(&cell);
            std::thread::spawn(move || drop(cell.swap(None)))
        };
        std::thread::sleep(std::time::Duration::from_millis(30));
        assert!(seen.is_some() && !dropped.load(Ordering::SeqCst));
        drop(guard);
        writer.join().unwrap();
        assert!(dropped.load(Ordering::SeqCst));
    }

    #[test]
    fn calls_run_after_a_grace_period() {
        let ran = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ran);
        let guard = read_lock();
        call(Box::new(Deferred::new(Box::new(move || {
            flag.store(true, Ordering::SeqCst);
        }))));
        run_ready();
        assert!(!ran.load(Ordering::SeqCst));
        drop(guard);
        barrier();
        assert!(ran.load(Ordering::SeqCst));
    }
}
