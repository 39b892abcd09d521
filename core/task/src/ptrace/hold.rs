//! The tracer's side: what it may do to a tracee that stands still.
use crate::cx::Cx;
use crate::objects::{Follow, Task, Trace, TraceState};
use crate::ptrace::bond::{NOTIFY, TRAP, event, option};
use crate::ptrace::link::cut;
use crate::signal::mask::raise;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use hal::context::Context;
use pid::{SigInfo, SigSet};

/// A tracee of the caller's, standing still.
pub struct Held {
    task: Arc<Task>,
    bond: Arc<Trace>,
}

/// The caller's tracee of this number, whatever it does. `ESRCH`: it is none.
pub fn tracee(cx: &Cx, tid: i32) -> Result<(Arc<Task>, Held)> {
    let task = cx.find_task(tid)?;
    let bond = task.bond().ok_or(Errno::ESRCH)?;
    if !Arc::ptr_eq(&bond.tracer, &cx.task) {
        return Err(Errno::ESRCH);
    }
    Ok((task.clone(), Held { task, bond }))
}

impl Held {
    /// The caller's tracee of this number. `ESRCH`: it is none, or does not stand still for its tracer.
    pub fn find(cx: &Cx, tid: i32) -> Result<Self> {
        let (_, held) = tracee(cx, tid)?;
        held.with(|_| ())?;
        Ok(held)
    }

    pub fn task(&self) -> &Arc<Task> {
        &self.task
    }

    /// Looks at what it shows, or changes it. `ESRCH`: it does not stand still any more.
    pub fn with<R>(&self, f: impl FnOnce(&mut TraceState) -> R) -> Result<R> {
        let mut state = self.bond.state.lock_irq();
        if state.stopped && !state.listening {
            Ok(f(&mut state))
        } else {
            Err(Errno::ESRCH)
        }
    }

    /// Its FPU state and segment bases. `f` gives nothing while a CPU still leaves it. `ESRCH` as above.
    pub fn with_context<R>(&self, mut f: impl FnMut(&Context) -> Option<R>) -> Result<R> {
        let thread = self.task.thread().ok_or(Errno::ESRCH)?;
        loop {
            self.with(|_| ())?;
            if let Some(result) = f(thread.context().machine()) {
                return Ok(result);
            }
            sched::yield_now();
        }
    }

    /// Lets it go on. `ESRCH` as above.
    pub fn go_on(&self, follow: Follow, signal: u32) -> Result<()> {
        self.with(|_| ())?;
        if self.bond.let_go(follow, signal) {
            Ok(())
        } else {
            Err(Errno::ESRCH)
        }
    }

    /// `PTRACE_DETACH`. `ESRCH` as above.
    pub fn detach(&self, signal: u32) -> Result<()> {
        self.with(|state| {
            state.watch = hal::watch::Watch::NONE;
        })?;
        cut(&self.bond, &self.task, signal);
        Ok(())
    }

    /// `PTRACE_LISTEN`. `EIO`: it was not seized, or stands still for something else than its process' stop.
    pub fn listen(&self) -> Result<()> {
        if !self.task.is_seized() {
            return Err(Errno::EIO);
        }
        let listens = self.with(|state| {
            state.listening = state.code >> 8 == event::STOP;
            state.listening
        })?;
        if !listens {
            return Err(Errno::EIO);
        }
        if self.task.traced.load(Relaxed) & NOTIFY != 0 {
            self.bond.wake_listener();
        }
        Ok(())
    }

    /// `PTRACE_INTERRUPT`, of one that runs too. `EIO`: it was not seized.
    pub fn interrupt(&self) -> Result<()> {
        if !self.task.is_seized() {
            return Err(Errno::EIO);
        }
        let _shared = self.task.process().sig.lock_irq();
        self.task.set_trap(TRAP);
        Ok(())
    }

    /// `PTRACE_SETOPTIONS`. `EINVAL`: unknown ones.
    pub fn set_options(&self, options: usize) -> Result<()> {
        if options & !(option::KNOWN as usize) != 0 {
            return Err(Errno::EINVAL);
        }
        self.bond.options.store(options as u32, Relaxed);
        Ok(())
    }

    /// The mask of blocked signals that it will have in user mode. `ESRCH` as above.
    pub fn mask(&self) -> Result<SigSet> {
        self.with(|state| state.saved_mask.unwrap_or_else(|| self.task.blocked()))
    }

    /// Sets that mask. `ESRCH` as above.
    pub fn set_mask(&self, mask: SigSet) -> Result<()> {
        let shared = self.task.process().sig.lock_irq();
        self.with(|state| state.saved_mask = None)?;
        let mask = mask.minus(SigSet::UNBLOCKABLE);
        self.task.blocked.store(mask.0, Relaxed);
        raise(&shared, &self.task);
        Ok(())
    }

    /// The n-th signal that is pending for it, or for its process.
    pub fn nth_pending(&self, n: usize, of_process: bool) -> Option<SigInfo> {
        let shared = self.task.process().sig.lock_irq();
        if of_process {
            shared.pending.nth(n)
        } else {
            self.task.with_pending(|pending| pending.nth(n))
        }
    }
}
