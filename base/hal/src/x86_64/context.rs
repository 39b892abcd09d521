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

use super::fpu::{self, FpuState};
use super::percpu::{self, CpuLocal};
use super::traps;

const FRESH: u32 = 0;
const RUNNING: u32 = 1;
const SUSPENDED: u32 = 2;
const FINISHED: u32 = 3;
/// Somebody looks at a suspended context's user half.
const BUSY: u32 = 4;
/// Not set up yet.
const EMPTY: u32 = 5;

const NO_CPU: u32 = u32::MAX;

/// What is to be done with a context's user half.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Look,
    Change,
}

/// A kernel stack that a context may stand on.
///
/// # Safety
/// `range` must always give the same memory, writable, used by nobody else, for as long as the value lives, wherever it
/// is moved.
pub unsafe trait KernelStack: Send + Sync + 'static {
    /// The stack's addresses, low to high; the end is a multiple of 16.
    fn range(&self) -> Range<usize>;
}

/// The saved state of a thread inside the kernel.
pub struct Context {
    state: AtomicU32,
    inner: UnsafeCell<Inner>,
}

struct Inner {
    sp: usize,
    stack: [usize; 2],
    current: [*const (); 2],
    last_cpu: u32,
    /// It will not be switched to again.
    finishing: bool,
    /// The CPU's registers may be newer than what is saved here.
    live: bool,
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
    /// A context that can't run yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: AtomicU32::new(EMPTY),
            inner: UnsafeCell::new(Inner {
                sp: 0,
                stack: [0; 2],
                current: [core::ptr::null(); 2],
                last_cpu: NO_CPU,
                finishing: false,
                live: false,
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
            traps::context_start as *const () as usize,
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

    /// The two words that `current` gives while this context runs. Before its first run only.
    pub fn set_current(&mut self, words: [*const (); 2]) {
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
            (*local).running = self;
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

    /// Runs `f` on the saved user half: of the running context itself, or of a context that isn't running now. With
    /// `Access::Change`, what `f` leaves there is loaded before user mode runs again. `None` when another CPU runs it.
    fn with_inner<R>(&self, access: Access, f: impl FnOnce(&mut Inner) -> R) -> Option<R> {
        let saved = super::irq::disable();
        let local = percpu::this();
        // SAFETY: this CPU's header with interrupts off.
        let own = unsafe { core::ptr::eq((*local).running, self) };
        let result = if own {
            // SAFETY: this CPU runs the context, and interrupts are off.
            let inner = unsafe { &mut *self.inner.get() };
            save_user(inner, self, local);
            // SAFETY: this CPU's header with interrupts off.
            if access == Access::Change && unsafe { core::ptr::eq((*local).user_owner, self) } {
                // SAFETY: as above.
                unsafe { (*local).user_owner = core::ptr::null() };
            }
            Some(f(inner))
        } else {
            self.claim().map(|state| {
                // SAFETY: claimed.
                let inner = unsafe { &mut *self.inner.get() };
                if access == Access::Change {
                    // No CPU's registers are this context's any more.
                    inner.last_cpu = NO_CPU;
                }
                let result = f(inner);
                self.state.store(state, Ordering::Release);
                result
            })
        };
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

    /// User FS and GS base (thread-local storage). `None` when another CPU runs the context.
    #[must_use]
    pub fn user_bases(&self) -> Option<(u64, u64)> {
        self.with_inner(Access::Look, |inner| (inner.fs_base, inner.gs_base))
    }

    /// Sets the user FS base. False when another CPU runs the context or the address isn't a user's.
    #[must_use]
    pub fn set_fs_base(&self, base: u64) -> bool {
        self.set_base(base, |inner| &mut inner.fs_base)
    }

    /// Sets the user GS base. False when another CPU runs the context or the address isn't a user's.
    #[must_use]
    pub fn set_gs_base(&self, base: u64) -> bool {
        self.set_base(base, |inner| &mut inner.gs_base)
    }

    fn set_base(&self, base: u64, field: impl FnOnce(&mut Inner) -> &mut u64) -> bool {
        base < super::paging::USER_END as u64
            && self
                .with_inner(Access::Change, |inner| *field(inner) = base)
                .is_some()
    }

    /// Reads the FPU image (XSAVE or FXSAVE layout, [`fpu::xstate_size`] bytes), up to date. `None` when the context
    /// has no FPU state or runs on another CPU. `f` runs with interrupts off: no user memory.
    pub fn with_fpu<R>(&self, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.with_inner(Access::Look, |inner| {
            inner.fpu.as_ref().map(|state| f(state.bytes()))
        })
        .flatten()
    }

    /// Lets `f` change the FPU image; it is checked afterwards, so that loading it can't fault. `None` as above.
    pub fn with_fpu_mut<R>(&self, f: impl FnOnce(&mut [u8]) -> R) -> Option<R> {
        let change = |inner: &mut Inner| {
            inner.fpu.as_mut().map(|state| {
                let result = f(state.bytes_mut());
                state.sanitize();
                result
            })
        };
        self.with_inner(Access::Change, change).flatten()
    }

    /// Puts FPU and segment bases in the state in which a program starts (exec).
    pub fn reset_user(&self) {
        self.with_inner(Access::Change, |inner| {
            (inner.fs_base, inner.gs_base) = (0, 0);
            if let Some(state) = inner.fpu.as_mut() {
                state.reset();
            }
        });
    }

    /// Copies this context's FPU state and segment bases into a new one (fork). Call it on the running context.
    pub fn clone_user_into(&self, child: &mut Context) {
        let target = child.inner.get_mut();
        self.with_inner(Access::Look, |inner| {
            (target.fs_base, target.gs_base) = (inner.fs_base, inner.gs_base);
            if let (Some(from), Some(to)) = (inner.fpu.as_ref(), target.fpu.as_mut()) {
                to.copy_from(from);
            }
        });
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let state = *self.state.get_mut();
        assert!(
            !matches!(state, RUNNING | SUSPENDED),
            "a context was dropped that has frames on its stack"
        );
    }
}

/// Saves what the CPU holds of a context's user half, if that is newer than memory. Interrupts are off and `local` is
/// this CPU's header.
#[inline]
fn save_user(inner: &mut Inner, context: *const Context, local: *const CpuLocal) {
    // SAFETY: this CPU's header.
    if !inner.live || !core::ptr::eq(unsafe { (*local).user_owner }, context) {
        return;
    }
    inner.live = false;
    if fpu::has_fsgsbase() {
        // User mode may have changed them.
        inner.fs_base = fpu::read_fs_base();
        inner.gs_base = fpu::read_user_gs_base();
    }
    if let Some(state) = inner.fpu.as_mut() {
        state.save();
    }
}

/// Makes this CPU ready to run `context` in user mode: its bases and FPU registers loaded. Interrupts are off.
///
/// # Panics
/// If `context` isn't the one that runs here or has no FPU state.
#[inline]
pub(crate) fn own_user(context: &Context) {
    let owner = percpu::read_u64!(user_owner);
    if owner != &raw const *context as usize {
        load_user(context);
    }
    // SAFETY: this context runs on this CPU (it owns the CPU's user state, and interrupts are off).
    unsafe { (*context.inner.get()).live = true };
}

#[cold]
#[inline(never)]
fn load_user(context: &Context) {
    let local = percpu::this();
    // SAFETY: this CPU's header with interrupts off; the context is checked to be the one that runs here.
    unsafe {
        assert!(
            core::ptr::eq((*local).running, context),
            "user::run with a context that isn't running"
        );
        let inner = &mut *context.inner.get();
        let state = inner
            .fpu
            .as_ref()
            .expect("user::run with a context without FPU state");
        state.restore();
        fpu::write_fs_base(inner.fs_base);
        fpu::write_user_gs_base(inner.gs_base);
        (*local).user_owner = context;
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
            core::ptr::eq((*local).running, prev),
            "switch from a context that isn't running"
        );
        let from = &mut *prev.inner.get();
        let to = &mut *next.inner.get();
        save_user(from, prev, local);
        if to.last_cpu != (*local).id {
            // Its registers in this CPU, if any, are from an earlier stay (or from a dead context at this address).
            if core::ptr::eq((*local).user_owner, next) {
                (*local).user_owner = core::ptr::null();
            }
            to.last_cpu = (*local).id;
        }
        from.current = (*local).current;
        (*local).current = to.current;
        (*local).running = next;
        (*local).stack = to.stack;
        let previous = traps::switch_stacks((&raw const *prev).cast(), &raw mut from.sp, to.sp);
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
                core::ptr::eq((*percpu::this()).running, self),
                "only a running context can finish"
            );
            (*self.inner.get()).finishing = true;
        }
        super::irq::restore(saved);
    }
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

/// A context with the stack it stands on: the safe way to have and to switch threads.
///
/// Why switching is safe: a thread that has frames on its stack can't be dropped (that panics), so every reference that
/// those frames hold stays good, the ones to `prev` and `next` among them; and the state word lets one CPU at a time
/// run it.
pub struct Thread<S: KernelStack> {
    context: Context,
    stack: Option<S>,
}

impl<S: KernelStack> Thread<S> {
    /// A thread that will run `entry(argument)` on `stack`: with interrupts off and the preemption count that the
    /// switching CPU had, as if a `switch` had returned there.
    #[must_use]
    pub fn new(stack: S, entry: extern "C" fn(usize) -> !, argument: usize) -> Self {
        let mut context = Context::new();
        // SAFETY: the stack is this thread's and lives as long as it does; `KernelStack` says it doesn't move.
        unsafe { context.init(stack.range(), entry, argument) };
        Self {
            context,
            stack: Some(stack),
        }
    }

    /// What will be the running thread of a CPU at start-up, through [`Context::adopt_running`].
    #[must_use]
    pub const fn boot() -> Self {
        Self {
            context: Context::new(),
            stack: None,
        }
    }

    /// Its context, for `user::run` and the FPU.
    #[inline]
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Its context before the first run.
    #[inline]
    #[must_use]
    pub const fn context_mut(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Its stack; `None` for a boot thread.
    #[inline]
    #[must_use]
    pub const fn stack(&self) -> Option<&S> {
        self.stack.as_ref()
    }

    /// Takes the stack of a thread that never ran or has finished, to use it again. `None` in any other state.
    #[must_use]
    pub fn take_stack(&mut self) -> Option<S> {
        let state = self.context.state.get_mut();
        if !matches!(*state, FRESH | FINISHED) {
            return None;
        }
        *state = EMPTY;
        self.stack.take()
    }

    /// Switches this CPU from `prev`, which it runs, to `next`; see [`switch`].
    ///
    /// # Panics
    /// If interrupts are on, `prev` isn't what runs here, or `next` was never set up or has finished.
    #[inline]
    pub fn switch(prev: &Self, next: &Self) {
        debug_assert!(!super::irq::enabled());
        // SAFETY: the stack is owned by `next`, and neither can be dropped while it has frames on it.
        unsafe { switch(&prev.context, &next.context) }
    }
}
