//! In which context code runs, as types: guards that keep preemption or interrupts off, and tokens that prove a context.
//! All of them are `!Send`: they belong to the CPU or task that made them.
use core::marker::PhantomData;

use hal::{irq, preempt};

type NotSend = PhantomData<*const ()>;

/// Proof that the holder stays on its CPU: preemption or interrupts are off.
///
/// # Safety
/// Implement it only for guards that really pin.
pub unsafe trait Pinned {}

/// Preemption is off while this lives.
#[must_use]
pub struct PreemptGuard(NotSend);

/// Turns preemption off.
#[inline]
pub fn preempt_disable() -> PreemptGuard {
    preempt::add(preempt::PREEMPT);
    PreemptGuard(PhantomData)
}

impl Drop for PreemptGuard {
    #[inline]
    fn drop(&mut self) {
        preempt_enable();
    }
}

/// Takes one level of "preemption off" away and reschedules if that was asked for meanwhile. For capi, whose callers
/// hold no guards; everybody else drops a [`PreemptGuard`].
#[inline]
pub fn preempt_enable() {
    preempt::sub(preempt::PREEMPT);
    if preempt::need_resched() {
        maybe_preempt();
    }
}

#[cold]
fn maybe_preempt() {
    if preempt::count() == 0 && irq::enabled() {
        crate::thread::preempt_now();
    }
}

/// Interrupts of this CPU are off while this lives; nests.
#[must_use]
pub struct IrqGuard(irq::Saved, NotSend);

/// Turns this CPU's interrupts off.
#[inline]
pub fn irq_disable() -> IrqGuard {
    IrqGuard(irq::disable(), PhantomData)
}

impl Drop for IrqGuard {
    #[inline]
    fn drop(&mut self) {
        irq::restore(self.0);
        // A wake-up under the guard may have asked for another thread.
        if preempt::need_resched() {
            maybe_preempt();
        }
    }
}

// SAFETY: a task with preemption off is not moved to another CPU.
unsafe impl Pinned for PreemptGuard {}
// SAFETY: with interrupts off nothing can reschedule this CPU.
unsafe impl Pinned for IrqGuard {}

/// Proof of task context: code that may sleep.
pub struct TaskCtx(NotSend);
/// Proof of softirq context.
pub struct SoftirqCtx(NotSend);
/// Proof of hard interrupt context.
pub struct HardirqCtx(NotSend);
/// Proof of NMI context.
pub struct NmiCtx(NotSend);

/// Which context the CPU is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// A task; it may sleep if preemption and interrupts are on.
    Task,
    /// A softirq, or softirqs are off.
    Softirq,
    /// A hard interrupt.
    Hardirq,
    /// A non-maskable interrupt.
    Nmi,
}

impl Context {
    /// The context of the caller.
    pub fn current() -> Self {
        let n = preempt::count();
        if n & 0xf0_0000 != 0 {
            Self::Nmi
        } else if n & 0xf_0000 != 0 {
            Self::Hardirq
        } else if n & 0xff00 != 0 {
            Self::Softirq
        } else {
            Self::Task
        }
    }
}

/// Whether the CPU serves a softirq; "softirqs off" alone is no.
#[cfg(debug_assertions)]
pub(crate) fn serves_softirq() -> bool {
    Context::current() == Context::Softirq && preempt::count() & preempt::SOFTIRQ != 0
}

impl TaskCtx {
    /// The token, if the caller may sleep.
    pub fn current() -> Option<Self> {
        may_sleep().then_some(Self(PhantomData))
    }
}
impl SoftirqCtx {
    /// The token, if this is a softirq.
    pub fn current() -> Option<Self> {
        (Context::current() == Context::Softirq).then_some(Self(PhantomData))
    }
}
impl HardirqCtx {
    /// The token, if this is a hard interrupt.
    pub fn current() -> Option<Self> {
        (Context::current() == Context::Hardirq).then_some(Self(PhantomData))
    }
}
impl NmiCtx {
    /// The token, if this is an NMI.
    pub fn current() -> Option<Self> {
        (Context::current() == Context::Nmi).then_some(Self(PhantomData))
    }
}

/// Whether the caller may sleep: preemption and interrupts are on and no interrupt is being served.
#[inline]
pub fn may_sleep() -> bool {
    preempt::count() == 0 && irq::enabled()
}

/// Reports a caller that may not sleep but is about to. Free in release builds.
#[inline]
#[track_caller]
pub fn might_sleep() {
    #[cfg(debug_assertions)]
    if !may_sleep() && crate::thread::scheduling() {
        crate::class::report(&crate::class::Report::SleepInAtomic {
            preempt_count: preempt::count(),
            at: core::panic::Location::caller(),
        });
    }
}
