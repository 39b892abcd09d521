//! The user half of a context: segment bases and FPU state, in memory or still in a CPU's registers.

use super::{Context, Inner, NO_CPU};
use crate::x86_64::percpu::{self, CpuLocal};
use crate::x86_64::{fpu, irq, paging};
use core::sync::atomic::Ordering;

/// What is to be done with a context's user half.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Look,
    Change,
}

impl Context {
    /// Runs `f` on the saved user half: of the running context itself, or of a context that isn't running now. With
    /// `Access::Change`, what `f` leaves there is loaded before user mode runs again. `None` when another CPU runs it.
    fn with_inner<R>(&self, access: Access, f: impl FnOnce(&mut Inner) -> R) -> Option<R> {
        let saved = irq::disable();
        let local = percpu::this();
        // SAFETY: this CPU's header with interrupts off.
        let own = unsafe { core::ptr::addr_eq((*local).running, self) };
        let result = if own {
            // SAFETY: this CPU runs the context, and interrupts are off.
            let inner = unsafe { &mut *self.inner.get() };
            save_user(inner, self, local);
            // SAFETY: this CPU's header with interrupts off.
            if access == Access::Change && unsafe { core::ptr::addr_eq((*local).user_owner, self) }
            {
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
        irq::restore(saved);
        result
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
        base < paging::USER_END as u64
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

/// Saves what the CPU holds of a context's user half, if that is newer than memory. Interrupts are off and `local` is
/// this CPU's header.
#[inline]
pub(super) fn save_user(inner: &mut Inner, context: *const Context, local: *mut CpuLocal) {
    // SAFETY: this CPU's header, with interrupts off.
    unsafe {
        if !core::ptr::addr_eq((*local).user_live, context) {
            return;
        }
        (*local).user_live = core::ptr::null();
    }
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
    if percpu::read_u64!(user_live) != &raw const *context as usize {
        claim_user(context);
    }
}

#[inline(never)]
fn claim_user(context: &Context) {
    let local = percpu::this();
    // SAFETY: this CPU's header with interrupts off.
    unsafe {
        if !core::ptr::addr_eq((*local).user_owner, context) {
            load_user(context);
        }
        (*local).user_live = (&raw const *context).cast();
    }
}

#[cold]
#[inline(never)]
fn load_user(context: &Context) {
    let local = percpu::this();
    // SAFETY: this CPU's header with interrupts off; the context is checked to be the one that runs here.
    unsafe {
        assert!(
            core::ptr::addr_eq((*local).running, context),
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
        (*local).user_owner = (&raw const *context).cast();
    }
}
