//! The thread.
use crate::boost::Boost;
use crate::claim::SchedAttr;
use crate::deadline::Deadline;
use crate::machine;
use crate::mask::AtomicCpuSet;
use crate::state::{State, StateChar};
use crate::ticket::Ticket;
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use kmem::context::KContext;
use runqueue::{Entity, HasEntity};
use sync::thread::{CurrentSlot, ExecState};
use sync::{LockClass, Once, SeqLock, SpinLock, WaitMode, WaitQueue, irq_disable, rank};
use time::TimerNode;

/// Length of a thread's name with its terminating NUL (`TASK_COMM_LEN`).
pub const COMM_LEN: usize = 16;

/// What the floors above keep with a thread.
pub trait ThreadData: Any + Send + Sync {
    /// The thread gets the CPU: load its address space. Interrupts are off, no lock is held; must not sleep.
    fn switch_in(&self) {}
    /// The thread leaves the CPU. As above.
    fn switch_out(&self) {}
    /// The tick found the thread in the kernel. Interrupts are off, no lock is held; must not sleep.
    fn ticked_in_kernel(&self) {}
    /// The thread has used up the time that its deadline class gives it, and wants to know. Interrupts are off, no lock is held;
    /// must not sleep.
    fn overran(&self) {}
    /// Whether a signal is pending that ends a wait of `mode`.
    fn signal_pending(&self, mode: WaitMode) -> bool;
    /// For downcasting.
    fn as_any(&self) -> &dyn Any;
}

/// CPU time used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// In user mode.
    pub user_ns: u64,
    /// In the kernel.
    pub system_ns: u64,
}

/// What a thread runs, once.
pub(crate) type Entry = Box<dyn FnOnce() + Send>;

/// What stands on the roll of kernel threads for one of them; dropped when the thread ends.
pub type Entered = Arc<dyn Any + Send + Sync>;

/// A thread of execution.
pub struct Thread {
    pub(crate) exec: ExecState,
    pub(crate) state: State,
    pub(crate) entity: Entity,
    /// The CPU whose queue it is on, or that it runs on, or ran on last.
    pub(crate) cpu: AtomicUsize,
    /// A CPU stands on its stack: it runs, or is still leaving.
    pub(crate) on_cpu: AtomicBool,
    /// It must be put on another CPU's queue once it is off this one's stack.
    pub(crate) migrating: AtomicBool,
    /// Its sleep's deadline has passed.
    pub(crate) timed_out: AtomicBool,
    pub(crate) allowed: AtomicCpuSet,
    /// A kernel thread of one CPU: nobody moves it.
    pub(crate) bound: AtomicBool,
    pub(crate) reset_on_fork: AtomicBool,
    pub(crate) boost: Boost,
    pub(crate) context: KContext,
    pub(crate) data: Option<Arc<dyn ThreadData>>,
    pub(crate) sleep_timer: TimerNode,
    /// What it has, or had, of the deadline class.
    pub(crate) deadline: Once<Arc<Deadline>>,

    // Figures. Written under the run queue's lock or by the thread itself.
    pub(crate) exec_start_ns: AtomicU64,
    pub(crate) run_ns: AtomicU64,
    pub(crate) user_samples: AtomicU64,
    pub(crate) system_samples: AtomicU64,
    pub(crate) voluntary: AtomicU64,
    pub(crate) involuntary: AtomicU64,
    /// The figures that [`Thread::times`] gave last: they must not fall.
    pub(crate) reported: SeqLock<Times>,

    pub(crate) id: AtomicU32,
    pub(crate) comm: SeqLock<[u8; COMM_LEN]>,
    /// Asked to end, for kernel threads.
    pub(crate) should_stop: AtomicBool,
    /// It has begun to end: counted by `reap`.
    pub(crate) ending: AtomicBool,
    pub(crate) exited: WaitQueue,

    pub(crate) this: Weak<Thread>,
    /// Its own reference, without a lifetime; see [`name`].
    pub(crate) named: Once<&'static Thread>,
    pub(crate) entry: SpinLock<Option<Entry>>,
    /// The count that keeps it alive from its start until it is dead and off its stack.
    pub(crate) alive: SpinLock<Option<Arc<Thread>>>,
    /// What stands for it on the roll of kernel threads.
    pub(crate) entered: SpinLock<Option<Entered>>,
    /// The next in the list of the dead.
    pub(crate) next_dead: SpinLock<Option<Arc<Thread>>>,
    /// Its room in every run queue.
    pub(crate) _room: Ticket,
}

pub(crate) static LINK: LockClass = LockClass::new("thread-link", rank::NONE);
static NEXT_ID: AtomicU32 = AtomicU32::new(1);
pub(crate) static SLOT: Once<CurrentSlot<Thread>> = Once::new();

impl HasEntity for &'static Thread {
    #[inline]
    fn entity(&self) -> &Entity {
        &self.entity
    }
}

impl core::fmt::Debug for Thread {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Thread({} {})", self.id(), self.name().as_str())
    }
}

/// A thread's name, as a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comm(pub [u8; COMM_LEN]);

impl Comm {
    /// Its bytes, without the terminating NUL.
    pub fn as_bytes(&self) -> &[u8] {
        let len = self.0.iter().position(|b| *b == 0).unwrap_or(COMM_LEN);
        &self.0[..len]
    }
    /// As text, `?` when it is none.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or("?")
    }
}

pub(crate) fn comm(name: &[u8]) -> [u8; COMM_LEN] {
    let mut out = [0; COMM_LEN];
    let len = name.len().min(COMM_LEN - 1);
    out[..len].copy_from_slice(&name[..len]);
    out
}

impl Thread {
    /// A thread that has nothing to do yet.
    pub(crate) fn blank(
        this: &Weak<Self>,
        comm: [u8; COMM_LEN],
        attr: &SchedAttr,
        context: KContext,
        sleep_timer: TimerNode,
        room: Ticket,
    ) -> Self {
        Self {
            exec: ExecState::default(),
            state: State::new(),
            entity: Entity::new(attr.share),
            cpu: AtomicUsize::new(hal::cpu::id()),
            on_cpu: AtomicBool::new(false),
            migrating: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
            allowed: AtomicCpuSet::new(attr.allowed),
            bound: AtomicBool::new(false),
            reset_on_fork: AtomicBool::new(attr.reset_on_fork),
            boost: Boost::new(),
            context,
            data: None,
            sleep_timer,
            deadline: Once::new(),
            exec_start_ns: AtomicU64::new(0),
            run_ns: AtomicU64::new(0),
            user_samples: AtomicU64::new(0),
            system_samples: AtomicU64::new(0),
            voluntary: AtomicU64::new(0),
            involuntary: AtomicU64::new(0),
            reported: SeqLock::new(&LINK, Times::default()),
            id: AtomicU32::new(NEXT_ID.fetch_add(1, Ordering::Relaxed)),
            comm: SeqLock::new(&LINK, comm),
            should_stop: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            exited: WaitQueue::new(),
            this: this.clone(),
            named: Once::new(),
            entry: SpinLock::new(&LINK, None),
            alive: SpinLock::new(&LINK, None),
            entered: SpinLock::new(&LINK, None),
            next_dead: SpinLock::new(&LINK, None),
            _room: room,
        }
    }

    /// A count of it.
    pub fn arc(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }
    /// What the floors above keep with it; none for kernel threads.
    #[inline]
    pub fn data(&self) -> Option<&Arc<dyn ThreadData>> {
        self.data.as_ref()
    }
    /// Its kernel context, for `user::run`, segment bases and FPU state.
    #[inline]
    pub fn context(&self) -> &KContext {
        &self.context
    }

    /// A number for reports: its own until [`Self::set_id`] gives it that of its task.
    #[inline]
    pub fn id(&self) -> u32 {
        self.id.load(Ordering::Relaxed)
    }
    /// Sets the number shown in reports: the thread id.
    pub fn set_id(&self, id: u32) {
        self.id.store(id, Ordering::Relaxed);
    }
    /// Its name.
    pub fn name(&self) -> Comm {
        Comm(self.comm.read())
    }
    /// Sets its name, cut to 15 bytes.
    pub fn set_name(&self, name: &[u8]) {
        self.comm.write(|old| *old = comm(name));
    }

    /// Its state as /proc shows it (the task knows more: stopped, traced, zombie).
    pub fn state_char(&self) -> StateChar {
        self.state.char()
    }
    /// Whether a CPU runs it at this moment.
    pub fn is_on_cpu(&self) -> bool {
        self.on_cpu.load(Ordering::Relaxed)
    }
    /// The CPU it runs on, or is queued on, or ran on last.
    pub fn cpu(&self) -> usize {
        self.cpu.load(Ordering::Relaxed)
    }
    /// Context switches: voluntary, involuntary.
    pub fn switches(&self) -> (u64, u64) {
        (
            self.voluntary.load(Ordering::Relaxed),
            self.involuntary.load(Ordering::Relaxed),
        )
    }
    /// CPU time it has had.
    pub fn run_ns(&self) -> u64 {
        let ran = self.run_ns.load(Ordering::Relaxed);
        if !self.on_cpu.load(Ordering::Relaxed) {
            return ran;
        }
        ran + time::monotonic_ns().saturating_sub(self.exec_start_ns.load(Ordering::Relaxed))
    }
    /// When it began to run last, or was looked at by a tick, on the monotonic clock.
    pub fn exec_start_ns(&self) -> u64 {
        self.exec_start_ns.load(Ordering::Relaxed)
    }
    /// Its virtual time in the fair class, ns.
    pub fn vruntime(&self) -> u64 {
        self.entity.vruntime()
    }
    /// Its weight in the fair class; 1024 at nice 0.
    pub fn weight(&self) -> u32 {
        self.entity.weight()
    }
    /// CPU time divided into user and system by where ticks found it, as Linux does: the sum is exact, and neither part
    /// ever falls.
    pub fn times(&self) -> Times {
        let total = self.run_ns();
        let (user, system) = (
            self.user_samples.load(Ordering::Relaxed),
            self.system_samples.load(Ordering::Relaxed),
        );
        let system_ns = match (user, system) {
            (_, 0) => 0,
            (0, _) => total,
            _ => (u128::from(total) * u128::from(system) / u128::from(user + system)) as u64,
        };
        let mut times = Times::default();
        self.reported.write(|last| {
            let system_ns = system_ns
                .max(last.system_ns)
                .min(total.saturating_sub(last.user_ns));
            last.system_ns = last.system_ns.max(system_ns);
            last.user_ns = last.user_ns.max(total.saturating_sub(last.system_ns));
            times = *last;
        });
        times
    }
    /// Return addresses of where it sleeps, innermost first, for /proc/PID/stack and wchan; nothing while it runs.
    pub fn backtrace(&self, each: impl FnMut(usize)) {
        machine::walk(&self.context, each);
    }

    /// Where its exit can be waited for; see [`Self::has_exited`].
    pub fn exit_queue(&self) -> &WaitQueue {
        &self.exited
    }
    /// Whether it has run its last.
    pub fn has_exited(&self) -> bool {
        self.state.is_dead()
    }
    /// Waits until it has exited, not to be interrupted.
    pub fn wait_exit(&self) {
        self.exited.wait_event(|| self.has_exited());
    }
}

/// The running thread; `None` until the scheduler has begun on this CPU.
#[inline]
pub fn try_current() -> Option<&'static Thread> {
    SLOT.get()?.get()
}

/// The running thread.
///
/// # Panics
/// Before the scheduler has begun on this CPU.
#[inline]
pub fn current() -> &'static Thread {
    match try_current() {
        Some(thread) => thread,
        None => panic!("no thread yet on CPU {}", hal::cpu::id()),
    }
}

/// What the floors above keep with the running thread.
#[inline]
pub fn current_data() -> Option<&'static Arc<dyn ThreadData>> {
    current().data()
}

/// A counted thread as a plain reference, which the run queues hold as long as it is `alive`: it is named as the running
/// thread for a moment, with interrupts off, and so passes through the one slot that gives such references.
pub(crate) fn name(thread: Arc<Thread>) -> Option<&'static Thread> {
    let slot = SLOT.get()?;
    let _irqs_off = irq_disable();
    let running = slot.set(thread)?;
    let named = slot.get();
    drop(slot.set(running));
    named
}
