//! Kernel contexts: a stack with a place to go on, and what belongs to its user half (segment bases, FPU state).
//!
//! Life: fresh → running ⇄ suspended → finished. A context runs on one CPU at a time: the state word proves it, since
//! `switch` waits for the next context's state to be "suspended", which the CPU that leaves it sets only after the last
//! use of its stack. A scheduler that puts a thread on another CPU's queue while it is still leaving its own should
//! wait for [`Context::is_running`] to end first, or two CPUs may wait for each other.
//!
//! User registers that are not on the stack (FS and GS base, FPU) stay in the CPU while kernel threads run and are saved
//! when their context leaves the CPU, once per stay in user mode; they are loaded by `user::run`, only if this CPU
//! doesn't still hold them.

use core::cell::UnsafeCell;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};

use super::fpu::FpuState;
use super::percpu;

mod thread;
mod user_half;

pub use thread::{KernelStack, Thread};
pub(crate) use user_half::own_user;
use user_half::save_user;

unsafe extern "C" {
    // Of `entry.s`.
    fn context_start();
    /// Saves the running stack's pointer and goes on with another; gives `prev` of the call that switched here.
    ///
    /// # Safety
    /// See [`switch`].
    fn switch_stacks(prev: *const (), save_sp: *mut usize, next_sp: usize) -> *const ();
}

const FRESH: u32 = 0;
const RUNNING: u32 = 1;
const SUSPENDED: u32 = 2;
const FINISHED: u32 = 3;
/// Somebody looks at a suspended context's user half.
const BUSY: u32 = 4;
/// Not set up yet.
const EMPTY: u32 = 5;

const NO_CPU: u32 = u32::MAX;

/// The saved state of a thread inside the kernel.
pub struct Context {
    state: AtomicU32,
    /// The innermost call that may land; only the context itself touches it.
    landing: UnsafeCell<*mut ()>,
    inner: UnsafeCell<Inner>,
}

struct Inner {
    sp: usize,
    stack: [usize; 2],
    current: [*const (); 3],
    last_cpu: u32,
    /// It will not be switched to again.
    finishing: bool,
    /// The stack pointer of its innermost checkpoint, 0 for none.
    checkpoint: usize,
    fs_base: u64,
    gs_base: u64,
    fpu: Option<FpuState>,
}

// SAFETY: `inner` is used only by the CPU that runs the context (state RUNNING, interrupts off), or by one that claimed
// it (FRESH under `&mut` or before publication, BUSY by compare-exchange, or RUNNING set by `switch`'s).
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl Context {
    /// Where [`landing`](Self::landing) points, from the start of the context.
    pub(crate) const LANDING: usize = core::mem::offset_of!(Self, landing);

    /// The place of the innermost landing.
    pub(crate) fn landing(&self) -> *mut *mut () {
        self.landing.get()
    }

    /// A context that can't run yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: AtomicU32::new(EMPTY),
            landing: UnsafeCell::new(core::ptr::null_mut()),
            inner: UnsafeCell::new(Inner {
                sp: 0,
                stack: [0; 2],
                current: [core::ptr::null(); 3],
                last_cpu: NO_CPU,
                finishing: false,
                checkpoint: 0,
                fs_base: 0,
                gs_base: 0,
                fpu: None,
            }),
        }
    }

    /// Makes it ready to run `entry(argument)` on `stack`. `entry` starts with interrupts off and with the preemption
    /// count that the switching CPU had, as if `switch` had returned there.
    ///
    /// # Safety
    /// `stack` must be writable memory (its end a multiple of 16) for this context alone until it is finished.
    pub unsafe fn init(
        &mut self,
        stack: Range<usize>,
        entry: extern "C" fn(usize) -> !,
        argument: usize,
    ) {
        let frame = [
            0, // r15
            0, // r14
            argument,
            entry as usize, // r12
            0,              // rbx
            0,              // rbp
            context_start as *const () as usize,
        ];
        assert!(stack.end.is_multiple_of(16) && stack.end - stack.start >= 1024);
        let sp = stack.end - size_of_val(&frame) - 16;
        // SAFETY: the caller gave the stack; the frame lies within it.
        unsafe { (sp as *mut [usize; 7]).write(frame) };
        let inner = self.inner.get_mut();
        inner.sp = sp;
        inner.stack = [stack.start, stack.end];
        inner.last_cpu = NO_CPU;
        *self.state.get_mut() = FRESH;
    }

    /// The words that `current` gives while this context runs. Before its first run only.
    pub fn set_current(&mut self, words: [*const (); 3]) {
        self.inner.get_mut().current = words;
    }

    /// Gives it FPU state, which makes it a context that can run user mode.
    pub fn set_fpu(&mut self, fpu: FpuState) {
        self.inner.get_mut().fpu = Some(fpu);
    }

    /// Takes over what runs on this CPU now as this context: on the boot stack, or on that of a new CPU.
    ///
    /// # Panics
    /// If this CPU has a context already, or this one is in use.
    pub fn adopt_running(&self) {
        let saved = super::irq::disable();
        let local = percpu::this();
        let claimed =
            self.state
                .compare_exchange(EMPTY, RUNNING, Ordering::Acquire, Ordering::Relaxed);
        // SAFETY: this CPU's header with interrupts off; the context was claimed by the exchange.
        unsafe {
            assert!(
                claimed.is_ok() && (*local).running.is_null(),
                "context already in use"
            );
            let inner = &mut *self.inner.get();
            inner.stack = (*local).stack;
            inner.last_cpu = (*local).id;
            (*local).running = (&raw const *self).cast();
        }
        super::irq::restore(saved);
    }

    /// Whether some CPU runs it, or is still leaving it.
    #[inline]
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state.load(Ordering::Acquire) == RUNNING
    }

    /// The addresses of its stack.
    #[must_use]
    pub fn stack(&self) -> Range<usize> {
        // SAFETY: written before the context is shared, never after.
        let [low, high] = unsafe { (*self.inner.get()).stack };
        low..high
    }

    /// The frame pointer with which a suspended context will go on, for a backtrace. `None` while it runs, and after
    /// it has finished.
    #[must_use]
    pub fn suspended_frame_pointer(&self) -> Option<usize> {
        let saved = super::irq::disable();
        let claimed = self.claim();
        let result = claimed.filter(|state| *state == SUSPENDED).map(|_| {
            // SAFETY: the context is claimed and suspended, so that `switch_stacks` left six registers at `sp`, rbp
            // last.
            unsafe { ((*self.inner.get()).sp as *const usize).add(5).read() }
        });
        if let Some(state) = claimed {
            self.state.store(state, Ordering::Release);
        }
        super::irq::restore(saved);
        result
    }

    /// Turns a context that isn't running to BUSY; gives the state to put back.
    fn claim(&self) -> Option<u32> {
        loop {
            let state = self.state.load(Ordering::Relaxed);
            match state {
                BUSY => core::hint::spin_loop(),
                RUNNING => return None,
                _ => {
                    if self
                        .state
                        .compare_exchange(state, BUSY, Ordering::Acquire, Ordering::Relaxed)
                        .is_ok()
                    {
                        return Some(state);
                    }
                }
            }
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let state = self.state.load(Ordering::Acquire);
        assert!(
            !matches!(state, RUNNING | SUSPENDED),
            "a context was dropped that has frames on its stack"
        );
    }
}

/// Switches this CPU from `prev`, which it runs, to `next`. Returns when something switches back to `prev`, perhaps on
/// another CPU. Interrupts must be off, and the preemption count must be what every other caller has.
///
/// # Safety
/// `next`'s stack must be alive, and stay so until it has finished; `next` must not be moved or dropped before it is
/// switched away from.
///
/// # Panics
/// If `prev` isn't what runs here, or `next` was never set up or has finished.
pub unsafe fn switch(prev: &Context, next: &Context) {
    let local = percpu::this();
    next.acquire();
    // SAFETY: interrupts are off, so `local` is this CPU's; `prev` runs here (checked), `next` was claimed (RUNNING set
    // by the exchange), so both inners are ours. `switch_stacks` saves all that the ABI lets a callee keep.
    unsafe {
        assert!(
            core::ptr::addr_eq((*local).running, prev),
            "switch from a context that isn't running"
        );
        let from = &mut *prev.inner.get();
        let to = &mut *next.inner.get();
        save_user(from, prev, local);
        if to.last_cpu != (*local).id {
            // Its registers in this CPU, if any, are from an earlier stay (or from a dead context at this address).
            if core::ptr::addr_eq((*local).user_owner, next) {
                (*local).user_owner = core::ptr::null();
            }
            to.last_cpu = (*local).id;
        }
        from.current = (*local).current;
        (*local).current = to.current;
        (*local).running = (&raw const *next).cast();
        (*local).stack = to.stack;
        let previous = switch_stacks((&raw const *prev).cast(), &raw mut from.sp, to.sp);
        finish_switch(previous.cast());
    }
}

impl Context {
    /// Waits until it is suspended or fresh, and makes it running.
    #[inline]
    fn acquire(&self) {
        if self
            .state
            .compare_exchange(SUSPENDED, RUNNING, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            self.acquire_slowly();
        }
    }

    #[cold]
    fn acquire_slowly(&self) {
        for _ in 0..1u64 << 32 {
            let state = self.state.load(Ordering::Relaxed);
            assert!(
                !matches!(state, EMPTY | FINISHED),
                "switch to a context that can't run"
            );
            if matches!(state, FRESH | SUSPENDED)
                && self
                    .state
                    .compare_exchange(state, RUNNING, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return;
            }
            core::hint::spin_loop();
        }
        panic!("a context is wanted by two CPUs");
    }

    /// Declares that the running context will never be switched to again: after the next `switch` away it may be
    /// dropped and its stack freed (wait for [`Context::is_running`] to end). The scheduler's last word for a thread.
    ///
    /// # Panics
    /// If it isn't the one that runs here.
    pub fn set_finishing(&self) {
        let saved = super::irq::disable();
        // SAFETY: this CPU's header with interrupts off; the running context's inner is this CPU's.
        unsafe {
            assert!(
                core::ptr::addr_eq((*percpu::this()).running, self),
                "only a running context can finish"
            );
            (*self.inner.get()).finishing = true;
        }
        super::irq::restore(saved);
    }
}

/// Where the running context keeps its innermost checkpoint; valid while it runs.
pub(crate) fn running_checkpoint() -> *mut usize {
    // SAFETY: what runs here is this very context, wherever it goes meanwhile, so it is alive; only a place is computed.
    unsafe { &raw mut (*(*running()).inner.get()).checkpoint }
}

/// The running context gives up the calls that may land: the stack they stand on is given up.
pub(crate) fn drop_landings() {
    // SAFETY: as above; the context itself touches its own landing.
    unsafe { *(*running()).landing() = core::ptr::null_mut() };
}

/// # Panics
/// If nothing was adopted on this CPU yet.
fn running() -> *const Context {
    let running = percpu::read_u64!(running) as *const Context;
    assert!(!running.is_null(), "a checkpoint without a context");
    running
}

/// The first thing on the new stack: nobody uses the previous one's stack any more.
///
/// # Safety
/// `previous` must be the context that was just switched away from.
pub(crate) unsafe extern "C" fn finish_switch(previous: *const Context) {
    // SAFETY: the caller names the context, which is alive at least until its state says that it isn't running.
    unsafe {
        let state = if (*(*previous).inner.get()).finishing {
            FINISHED
        } else {
            SUSPENDED
        };
        (*previous).state.store(state, Ordering::Release);
    }
}
