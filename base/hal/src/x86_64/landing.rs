//! Calls into code that may fail: a module's. Each call hangs a landing on the running context; a fault in the code can
//! be made to go on where the call returns, with the registers, the interrupt flag and the preemption count that it had.
//! Frames in between are skipped, so they must be such as own nothing: C's.
//!
//! Interrupts push their landings above those of the context they interrupt and take them off before they end: the
//! chain is nested as the stacks are.

use core::arch::global_asm;
use core::mem::{MaybeUninit, offset_of};

use super::context::Context;
use super::percpu::{self, CpuLocal};
use super::traps::TrapFrame;

global_asm!(
    include_str!("landing.s"),
    running = const offset_of!(CpuLocal, running),
    preempt_count = const offset_of!(CpuLocal, preempt_count),
    slot = const Context::LANDING,
    previous = const offset_of!(Landing, hung) + offset_of!(Hung, previous),
    slot_of = const offset_of!(Landing, hung) + offset_of!(Hung, slot),
    sp = const offset_of!(Landing, hung) + offset_of!(Hung, sp),
    frame_pointer = const offset_of!(Landing, hung) + offset_of!(Hung, frame_pointer),
    flags = const offset_of!(Landing, flags),
    preempt = const offset_of!(Landing, preempt),
);

/// Where in the CPU's header (`gs`) the lowest addresses of two stacks stand: of the one that the running thread has, and of that
/// of interrupts. For the few instructions in front of functions that modules call, which look how much is left.
pub const STACK: usize = offset_of!(CpuLocal, stack);
/// The second.
pub const IRQ_STACK: usize = offset_of!(CpuLocal, irq_stack);
/// The bit of a stack pointer that says that 8 KiB are left, at least: stacks of threads and of interrupts are of 16 KiB, or a
/// multiple, and aligned to that.
pub const UPPER_HALF: usize = 8 << 10;
const _: () = assert!(super::descriptors::IRQ_STACK_SIZE == 2 * UPPER_HALF);

unsafe extern "C" {
    fn landing_call(landing: *mut Landing, function: usize, arguments: *const [u64; 6])
    -> Returned;
    fn landing_land();
    fn landing_leave(landing: *mut Landing) -> !;
}

#[repr(C)]
struct Returned {
    value: u64,
    landed: u64,
}

/// The state to go back to, and a word for who made the call.
#[repr(C)]
pub struct Landing {
    /// Written by the call.
    hung: MaybeUninit<Hung>,
    flags: u64,
    preempt: u32,
    /// There is something in `watch`: most calls are over before anybody looks.
    watched: bool,
    owner: usize,
    watch: MaybeUninit<Watch>,
}

/// Where a landing hangs, and what it goes back to.
#[repr(C)]
struct Hung {
    previous: *mut Landing,
    slot: *mut *mut Landing,
    sp: u64,
    frame_pointer: u64,
}

/// What ticks have seen of a call; all 0 at first.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    /// Since when it has had preemption off, and at how many ticks in a row.
    pub off_since: u64,
    /// The ticks.
    pub off_ticks: u64,
    /// The time that its thread had run for when the call was seen first, and at how many ticks it was seen since.
    pub ran: u64,
    /// The ticks.
    pub run_ticks: u64,
    /// How often its thread had slept then.
    pub slept: u64,
    /// Since when heartbeats have found it with interrupts or preemption off, and how many in a row.
    pub deaf_since: u64,
    /// The heartbeats.
    pub deaf_beats: u64,
    /// It spins in a function of the kernel's.
    pub waiting: bool,
    /// It is to end: at the next instruction of its own, or where it waits in a function of the kernel's.
    pub over: bool,
}

/// `RFLAGS.IF`.
const INTERRUPTS: u64 = 1 << 9;

/// The code failed; what it should have returned does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landed;

impl Landing {
    /// A landing of `owner`, whatever that number means to the caller.
    #[must_use]
    pub const fn new(owner: usize) -> Self {
        Self {
            hung: MaybeUninit::uninit(),
            flags: 0,
            preempt: 0,
            watched: false,
            owner,
            watch: MaybeUninit::uninit(),
        }
    }

    /// Calls `function` with up to six arguments.
    ///
    /// # Errors
    /// [`Landed`], when a fault in it was sent here by [`land`].
    ///
    /// # Safety
    /// `function` is the address of an `extern "C"` function that takes these arguments, and all frames that may stand
    /// between it and a fault that lands own nothing.
    #[inline]
    pub unsafe fn call(&mut self, function: usize, arguments: &[u64; 6]) -> Result<u64, Landed> {
        // SAFETY: the caller's promise; the landing outlives the call.
        let returned = unsafe { landing_call(self, function, arguments) };
        if returned.landed == 0 {
            Ok(returned.value)
        } else {
            Err(Landed)
        }
    }
}

impl Landing {
    /// The preemption count before the call.
    #[must_use]
    pub fn preemption(&self) -> u32 {
        self.preempt
    }

    /// Whether preemption count and interrupt flag are what they were before the call.
    #[inline]
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let listened = self.flags & INTERRUPTS != 0;
        super::preempt::count() == self.preempt && super::irq::enabled() == listened
    }

    /// Makes them so.
    pub fn restore(&self) {
        super::preempt::add(self.preempt.wrapping_sub(super::preempt::count()));
        if self.flags & INTERRUPTS != 0 {
            super::irq::enable();
        } else {
            let _ = super::irq::disable();
        }
    }
}

/// Bytes of stack that are left below `sp`, of the thread's stack or of that of interrupts, whichever it points into; 0 for
/// any other. With preemption off.
#[must_use]
pub fn stack_left(sp: usize) -> usize {
    // SAFETY: this CPU's header; only a switch of contexts changes it.
    let stacks = unsafe { [(*percpu::this()).stack, (*percpu::this()).irq_stack] };
    let inside = stacks
        .iter()
        .find(|[low, high]| (*low..*high).contains(&sp));
    inside.map_or(0, |[low, _]| sp - low)
}

/// The running context's innermost landing; none outside of any call. Only with interrupts off, or from the context
/// itself.
fn top() -> *mut Landing {
    let saved = super::irq::disable();
    // SAFETY: this CPU's header with interrupts off; a context that runs is there.
    let top = unsafe {
        let running = (*percpu::this()).running.cast::<Context>();
        if running.is_null() {
            core::ptr::null_mut()
        } else {
            (*(*running).landing()).cast()
        }
    };
    super::irq::restore(saved);
    top
}

/// Whose call the running code belongs to: the innermost landing's owner.
#[must_use]
pub fn owner() -> Option<usize> {
    let top = top();
    // SAFETY: a landing on the chain is on the stack of a call that has not returned.
    (!top.is_null()).then(|| unsafe { (*top).owner })
}

/// Lets `look` change what is noted of the running context's innermost call. Only from an interrupt's end, or from the
/// context itself.
pub fn watch<R>(look: impl FnOnce(&mut Watch) -> R) -> Option<R> {
    let top = top();
    if top.is_null() {
        return None;
    }
    // SAFETY: as in `owner`; the context is interrupted, and this CPU alone looks at its landings.
    let landing = unsafe { &mut *top };
    if !landing.watched {
        landing.watch.write(Watch::default());
        landing.watched = true;
    }
    // SAFETY: written now or before.
    Some(look(unsafe { landing.watch.assume_init_mut() }))
}

/// How many preemption levels the innermost call has added since it began; 0 outside of any.
#[must_use]
pub fn preempt_added() -> u32 {
    let top = top();
    if top.is_null() {
        return 0;
    }
    // SAFETY: as in `owner`.
    super::preempt::count().wrapping_sub(unsafe { (*top).preempt })
}

/// Makes the interrupted code go on where the innermost call returns, as failed. False when there is no call.
pub fn land(frame: &mut TrapFrame) -> bool {
    let top = top();
    if top.is_null() {
        return false;
    }
    // SAFETY: as in `owner`.
    let landing = unsafe { &*top };
    // SAFETY: one that is on the chain was hung there by its call.
    let hung = unsafe { landing.hung.assume_init_ref() };
    frame.rip = landing_land as *const () as u64;
    frame.rsp = hung.sp;
    frame.rbp = hung.frame_pointer;
    frame.rbx = hung.slot as u64;
    frame.r12 = top as u64;
    frame.rflags = landing.flags;
    let now = super::preempt::count();
    super::preempt::add(landing.preempt.wrapping_sub(now));
    true
}

/// Ends the innermost call from inside, as failed. Returns only when there is no call.
///
/// # Safety
/// The frames from here to the call own nothing: no guard, no box.
pub unsafe fn leave() {
    let _ = super::irq::disable();
    let top = top();
    if top.is_null() {
        return;
    }
    // SAFETY: as in `owner`.
    let before = unsafe { (*top).preempt };
    super::preempt::add(before.wrapping_sub(super::preempt::count()));
    // SAFETY: the landing is the running context's, and the caller promises for the frames between.
    unsafe { landing_leave(top) }
}
