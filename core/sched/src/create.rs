//! Making threads.
use crate::claim::SchedAttr;
use crate::state::State;
use crate::thread::{Entry, LINK, Thread, ThreadData, comm};
use crate::{reap, roll, rq, switch};
use abi::Result;
use alloc::sync::Arc;
use core::sync::atomic::AtomicBool;
use kmem::context::KContext;
use sync::SpinLock;
use time::TimerNode;

impl Thread {
    /// A thread with a user half, not started: `entry` runs on its kernel stack (the task's loop) and the thread ends
    /// when it returns. `inherit` is the parent's claim. FPU state and segment bases are copies of the running thread's
    /// if that has a user half, else those of a program's start.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new_user(
        name: &[u8],
        data: Arc<dyn ThreadData>,
        entry: Entry,
        inherit: &SchedAttr,
    ) -> Result<Arc<Self>> {
        let context = user_context()?;
        Self::build(name, Some(data), entry, inherit, context)
    }

    /// A kernel thread, not started; it ends when `entry` returns. It stands on the roll: one that will never be started
    /// has to be [discarded](Self::discard).
    ///
    /// # Errors
    /// `ENOMEM`; `EAGAIN`: no number is left.
    pub fn new_kthread(name: &str, entry: Entry) -> Result<Arc<Self>> {
        let context = KContext::new(switch::first, 0)?;
        let thread = Self::build(name.as_bytes(), None, entry, &SchedAttr::NORMAL, context)?;
        roll::enter(&thread)?;
        Ok(thread)
    }

    /// A kernel thread that was not started will not be.
    pub fn discard(&self) {
        self.leave_roll();
    }

    /// A kernel thread, running.
    ///
    /// # Errors
    /// As [`Self::new_kthread`].
    pub fn spawn_kthread(name: &str, entry: Entry) -> Result<Arc<Self>> {
        let thread = Self::new_kthread(name, entry)?;
        thread.start();
        Ok(thread)
    }

    fn build(
        name: &[u8],
        data: Option<Arc<dyn ThreadData>>,
        entry: Entry,
        attr: &SchedAttr,
        context: KContext,
    ) -> Result<Arc<Self>> {
        // Stacks of threads that have ended are used again at once.
        reap::bury();
        let sleep_timer = TimerNode::new()?;
        let room = rq::make_room()?;
        let comm = comm(name);
        kmem::try_arc_cyclic(move |this| Self {
            data,
            entry: SpinLock::new(&LINK, Some(entry)),
            ..Self::blank(this, comm, attr, context, sleep_timer, room)
        })
    }

    /// The idle thread of a CPU: what has been running on it so far.
    pub(crate) fn idle(name: &str) -> Result<Arc<Self>> {
        let comm = comm(name.as_bytes());
        let sleep_timer = TimerNode::new()?;
        let room = rq::make_room()?;
        kmem::try_arc_cyclic(move |this| Self {
            state: State::running(),
            on_cpu: AtomicBool::new(true),
            ..Self::blank(
                this,
                comm,
                &SchedAttr::NORMAL,
                KContext::boot(),
                sleep_timer,
                room,
            )
        })
    }
}

/// A context with a user half: FPU and segment bases as the running thread's are, if it has a user half (fork), else as
/// at a program's start.
#[cfg(target_os = "none")]
fn user_context() -> Result<KContext> {
    let mut context = KContext::new(switch::first, 0)?;
    let fpu = hal::fpu::FpuState::try_new().ok_or(abi::Errno::ENOMEM)?;
    context.machine_mut().set_fpu(fpu);
    if let Some(parent) = crate::thread::try_current()
        && parent.data().is_some()
    {
        parent
            .context
            .machine()
            .clone_user_into(context.machine_mut());
    }
    Ok(context)
}
#[cfg(not(target_os = "none"))]
fn user_context() -> Result<KContext> {
    KContext::new(switch::first, 0)
}
