//! The seam to the scheduler above: what this crate needs of a thread, and what it asks the scheduler for.
//!
//! A thread that blocks does, as on Linux: [`ThreadOps::set_sleeping`], put itself where wakers look, look at its
//! condition once more, [`park`], [`ThreadOps::set_running`]. A waker changes the condition, then calls
//! [`ThreadOps::unpark`]. So a wake-up between the look and the park is never lost.
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use crate::held::HeldStack;
use crate::notes::{self, Notes};
use crate::once::Once;

/// What can end a wait early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitMode {
    /// Any signal (`TASK_INTERRUPTIBLE`, state S).
    Interruptible,
    /// A signal that kills (`TASK_KILLABLE`, state D).
    Killable,
    /// Nothing (`TASK_UNINTERRUPTIBLE`, state D).
    Uninterruptible,
    /// Nothing, and it is no load (`TASK_IDLE`, state I): kernel threads that wait for work.
    Idle,
}

/// State of a thread that base/ keeps for it.
#[derive(Default)]
pub struct ExecState {
    /// The sleeping locks it holds.
    pub held: HeldStack,
    /// Where on its stack it waits, if it does; the wait queue's business.
    pub(crate) waiter: AtomicPtr<()>,
    /// The pass of a place of [`crate::inject`] by this thread that is to fail: 1 is the next, 0 none. Write it with
    /// [`crate::inject::switch_on`].
    pub fail_nth: AtomicU32,
    /// What [`crate::cost`] has noted of it.
    pub(crate) notes: Notes,
}

/// A thread, as wait queues and locks see it.
pub trait ThreadOps: Send + Sync {
    /// Its state for base/: always the same.
    fn exec(&self) -> &ExecState;
    /// Says that the caller, which is this thread, is about to park.
    fn set_sleeping(&self, mode: WaitMode);
    /// Says that the caller, which is this thread, runs on.
    fn set_running(&self);
    /// Makes it runnable if it sleeps; cancels a sleep that was announced and not begun. `sync`: the waker will block
    /// at once, so the woken thread may take over its CPU. Called with spinlocks held and from interrupts.
    fn unpark(&self, sync: bool);
    /// Whether a signal is pending that ends a wait of `mode`.
    fn signal_pending(&self, mode: WaitMode) -> bool;
}

/// What the scheduler does for the floors below it.
pub trait Scheduler: Sync {
    /// Lets others run.
    fn yield_now(&self);
    /// A wish to reschedule came up and preemption has just become possible.
    fn preempt(&self);
}

static SCHEDULER: Once<&'static dyn Scheduler> = Once::new();

/// Gives the CPU up until the calling thread is unparked or the monotonic clock reaches a deadline, in ns; true if the
/// deadline passed. Returns at once if the thread was unparked since [`ThreadOps::set_sleeping`].
pub type Park = fn(Option<u64>) -> bool;

/// What [`park`] calls: a pointer to a [`Park`], so that to exchange it costs no wait anything.
static PARK: AtomicPtr<()> = AtomicPtr::new(without_scheduler as Park as *mut ());
/// What parks when it is not counted.
static PLAIN: AtomicPtr<()> = AtomicPtr::new(without_scheduler as Park as *mut ());

/// Registers the scheduler, once, when it can switch.
pub fn set_scheduler(scheduler: &'static dyn Scheduler, park: Park) {
    assert!(
        SCHEDULER.set(scheduler).is_ok(),
        "the scheduler is registered once"
    );
    PLAIN.store(park as *mut (), Ordering::Release);
    PARK.store(park as *mut (), Ordering::Release);
}

#[inline]
fn call_park(which: &AtomicPtr<()>, deadline_ns: Option<u64>) -> bool {
    // SAFETY: both pointers are made from a `Park`, and nothing else is ever stored to them.
    let park = unsafe { core::mem::transmute::<*mut (), Park>(which.load(Ordering::Relaxed)) };
    park(deadline_ns)
}

/// From now on a thread's notes say, or do not, how long it was parked. The scheduler is there.
pub(crate) fn count_parks(counted: bool) {
    let park = match counted {
        true => counted_park as Park as *mut (),
        false => PLAIN.load(Ordering::Relaxed),
    };
    PARK.store(park, Ordering::Relaxed);
}

fn counted_park(deadline_ns: Option<u64>) -> bool {
    let before = hal::clock::now_ns();
    let passed = call_park(&PLAIN, deadline_ns);
    let away = hal::clock::now_ns().saturating_sub(before);
    if let Some(exec) = exec() {
        notes::add(&exec.notes.parked_ns, away);
    }
    passed
}

/// Whether threads can be switched yet.
pub fn scheduling() -> bool {
    SCHEDULER.get().is_some() || cfg!(not(target_os = "none"))
}

/// The running thread; none before the scheduler has started.
#[inline]
pub fn current() -> Option<&'static dyn ThreadOps> {
    let words = hal::current::get();
    if words[0].is_null() {
        #[cfg(not(target_os = "none"))]
        return Some(crate::thread::hosted::current());
        #[cfg(target_os = "none")]
        return None;
    }
    // SAFETY: `set_current` stored the two halves of such a reference, valid while that thread runs; the reference is
    // used by that thread itself only. `'static` is the callers' convenience: none keeps it past the call it makes.
    Some(unsafe { core::mem::transmute::<[*const (); 2], &'static dyn ThreadOps>(words) })
}

/// The running thread's state for base/; none before the scheduler has started.
#[inline]
pub(crate) fn exec() -> Option<&'static ExecState> {
    #[cfg(not(target_os = "none"))]
    return current().map(ThreadOps::exec);
    #[cfg(target_os = "none")]
    // SAFETY: `set_current` stored such a reference; as in `current`.
    unsafe {
        hal::current::third().cast::<ExecState>().as_ref()
    }
}

/// The sleeping locks that the running thread holds; none before the scheduler has started.
#[inline]
pub fn held() -> Option<&'static crate::held::HeldStack> {
    exec().map(|exec| &exec.held)
}

/// Names the thread that runs on this CPU from now on.
///
/// # Safety
/// The thread must stay alive until another is named on this CPU, and the call must be part of switching to it.
pub unsafe fn set_current(thread: &dyn ThreadOps) {
    // SAFETY: a trait-object reference is two words, which `current` puts together again.
    let [data, table] = unsafe { core::mem::transmute::<&dyn ThreadOps, [*const (); 2]>(thread) };
    let exec = core::ptr::from_ref(thread.exec()).cast();
    // SAFETY: passed on to the caller; the state is part of the thread.
    unsafe { hal::current::set([data, table, exec]) };
}

/// The data pointer of the running thread, for a scheduler that knows the type it named with [`set_current`].
#[inline]
pub fn current_data() -> *const () {
    hal::current::get()[0]
}

/// The slot that names the running thread, with the one concrete type that the scheduler uses. There is one such token
/// in the kernel: whoever claims it is the only one who can name threads through safe code, so the type is right.
pub struct CurrentSlot<T: ThreadOps + 'static>(core::marker::PhantomData<fn(T)>);

static CLAIMED: AtomicBool = AtomicBool::new(false);

impl<T: ThreadOps + 'static> CurrentSlot<T> {
    /// The token; none the second time.
    pub fn claim() -> Option<Self> {
        (!CLAIMED.swap(true, Ordering::Relaxed)).then_some(Self(core::marker::PhantomData))
    }
    /// The running thread; none until one was named on this CPU.
    #[inline]
    pub fn get(&self) -> Option<&'static T> {
        let data = hal::current::get()[0].cast::<T>();
        // SAFETY: only `set` of this one token names threads, always of type T and immortal while they run; see
        // `current` for the lifetime.
        unsafe { data.as_ref() }
    }
    /// Names the thread that runs on this CPU from now on; the slot keeps a count of it until the next call, and gives
    /// back the one it kept before, to be dropped once that thread no longer runs.
    pub fn set(&self, thread: alloc::sync::Arc<T>) -> Option<alloc::sync::Arc<T>> {
        let old = hal::current::get()[0].cast::<T>();
        let raw = alloc::sync::Arc::into_raw(thread);
        // SAFETY: the count taken by `into_raw` keeps the thread alive while it is named here.
        unsafe { set_current(&*raw) };
        if old.is_null() {
            None
        } else {
            // SAFETY: `old` came from `into_raw` in an earlier call on this CPU, and its count is given back once.
            Some(unsafe { alloc::sync::Arc::from_raw(old) })
        }
    }
}

/// Parks the calling thread; see [`Park`]. Before there is a scheduler it spins.
#[inline]
pub fn park(deadline_ns: Option<u64>) -> bool {
    call_park(&PARK, deadline_ns)
}

#[cold]
fn without_scheduler(deadline_ns: Option<u64>) -> bool {
    #[cfg(not(target_os = "none"))]
    return hosted::park(deadline_ns);
    #[cfg(target_os = "none")]
    {
        hal::cpu::relax();
        deadline_ns.is_some_and(|deadline| hal::clock::now_ns() >= deadline)
    }
}

/// Lets others run.
pub fn yield_now() {
    match SCHEDULER.get() {
        Some(scheduler) => scheduler.yield_now(),
        None => hal::cpu::relax(),
    }
}

pub(crate) fn preempt_now() {
    if let Some(scheduler) = SCHEDULER.get() {
        scheduler.preempt();
    }
}

#[cfg(not(target_os = "none"))]
pub(crate) mod hosted {
    //! Threads of std as threads of the kernel, for host tests.
    use super::{ExecState, ThreadOps, WaitMode};
    use core::sync::atomic::{AtomicBool, Ordering};
    use std::boxed::Box;
    use std::time::Duration;

    struct HostedThread {
        exec: ExecState,
        woken: AtomicBool,
        thread: std::thread::Thread,
    }

    impl ThreadOps for HostedThread {
        fn exec(&self) -> &ExecState {
            &self.exec
        }
        fn set_sleeping(&self, _mode: WaitMode) {
            self.woken.store(false, Ordering::SeqCst);
        }
        fn set_running(&self) {}
        fn unpark(&self, _sync: bool) {
            self.woken.store(true, Ordering::SeqCst);
            self.thread.unpark();
        }
        fn signal_pending(&self, _mode: WaitMode) -> bool {
            false
        }
    }

    std::thread_local! {
        // Leaked: a waker may still hold it while the thread ends.
        static THIS: &'static HostedThread = Box::leak(Box::new(HostedThread {
            exec: ExecState::default(),
            woken: AtomicBool::new(false),
            thread: std::thread::current(),
        }));
    }

    pub(super) fn current() -> &'static dyn ThreadOps {
        THIS.with(|this| *this as &dyn ThreadOps)
    }

    pub(super) fn park(deadline_ns: Option<u64>) -> bool {
        THIS.with(|this| {
            while !this.woken.load(Ordering::SeqCst) {
                match deadline_ns {
                    None => std::thread::park(),
                    Some(deadline) => {
                        let now = hal::clock::now_ns();
                        if now >= deadline {
                            return true;
                        }
                        std::thread::park_timeout(Duration::from_nanos(deadline - now));
                    }
                }
            }
            false
        })
    }
}
