//! A task: one thread of a process, as every other part of the kernel sees it.
//!
//! What only the thread itself touches is in [`crate::Cx`], on its stack; what others may look at is here, behind small
//! locks that the owner takes only to change it.
use crate::identity::Identity;
use crate::io_counters::IoCounters;
use crate::ns::Namespaces;
use crate::objects::{Life, Process, Task, View};
use crate::restriction::Restriction;
use crate::signal::Pending;
use crate::usage::Usage;
use crate::vfork::VforkDone;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
use cred::Cred;
use mm::Mm;
use pid::{Pid, SigSet};
use sched::{StateChar, Thread};
use sync::{LockClass, SpinLock, WaitMode, rank};
use vfs::{CostCounters, FdTable, FsStruct};

static PENDING: LockClass = LockClass::new("task_pending", rank::TASK_LEAF);
static VIEW: LockClass = LockClass::new("task_view", rank::TASK_VIEW);
static NAME: LockClass = LockClass::new("task_comm", rank::TASK_LEAF);
static THREAD: LockClass = LockClass::new("task_thread", rank::TASK_LEAF);
static SPACE: LockClass = LockClass::new("task_mm", rank::TASK_MM);

/// What a task has to look at before it goes back to user mode; [`Task::work`] is 0 nearly always.
pub mod work {
    /// A signal may be pending, or the process stops or ends.
    pub const SIGNAL: u32 = 1;
    /// The task is to die: waits that only a killing signal ends are over too.
    pub const KILLED: u32 = 2;
    /// The task ends: [`crate::Cx`] says with which status.
    pub const EXIT: u32 = 4;
    /// A call changed registers other than its result: user mode is entered with all of them.
    pub const REGS: u32 = 8;
    /// Another thread gave it filters for its system calls.
    pub const SECCOMP: u32 = 16;
    /// It lost the CPU, and wants to know (rseq(2)).
    pub const RSEQ: u32 = 32;
    /// A tick passed in the kernel, and somebody counts the process' CPU time.
    pub const CPU_TIME: u32 = 64;
    /// It has had the time that its deadline class gives it, and wants to know (`SCHED_FLAG_DL_OVERRUN`).
    pub const OVERRUN: u32 = 128;
}

/// The first task's timer slack, which all inherit.
pub(crate) const TIMER_SLACK_NS: u64 = 50_000;

/// What a new task starts with.
pub(crate) struct TaskInit {
    pub(crate) pid: Arc<Pid>,
    pub(crate) process: Arc<Process>,
    pub(crate) blocked: SigSet,
    pub(crate) comm: [u8; 16],
    pub(crate) files: FdTable,
    pub(crate) fs: Arc<FsStruct>,
    pub(crate) cred: Arc<Cred>,
    pub(crate) ns: Arc<Namespaces>,
    pub(crate) seccomp: Restriction,
    pub(crate) rseq: usize,
    /// None for a kernel thread.
    pub(crate) mm: Option<Arc<Mm>>,
    pub(crate) no_new_privs: bool,
    pub(crate) slack_ns: u64,
    pub(crate) io_priority: u32,
    pub(crate) vfork: Option<Arc<VforkDone>>,
}

impl Task {
    pub(crate) fn new(init: TaskInit) -> Result<Arc<Self>> {
        let identity = Identity::new(&init.cred);
        let view = View {
            files: Some(init.files),
            fs: Some(init.fs),
            cred: Some(init.cred),
            ns: Some(init.ns),
            seccomp: init.seccomp,
        };
        kmem::try_arc(Self {
            tid: AtomicI32::new(init.pid.nr()),
            local_tid: AtomicI32::new(init.pid.own_nr()),
            pid: SpinLock::new(&NAME, init.pid),
            process: init.process,
            thread: SpinLock::new(&THREAD, None),
            final_usage: SpinLock::new(&NAME, Usage::default()),
            // A thread that is born registered is told of its CPU before it runs.
            work: AtomicU32::new(if init.rseq == 0 { 0 } else { work::RSEQ }),
            rseq: AtomicUsize::new(init.rseq),
            life: AtomicU8::new(Life::Alive as u8),
            place: AtomicU32::new(pid::list::NONE),
            blocked: AtomicU64::new(init.blocked.0),
            waited_for: AtomicU64::new(0),
            pending: SpinLock::new(&PENDING, Pending::new()),
            pending_bits: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            traced: AtomicU32::new(0),
            trace: SpinLock::new(&NAME, None),
            view: SpinLock::new(&VIEW, view),
            identity,
            mm: SpinLock::new(&SPACE, init.mm),
            comm: SpinLock::new(&NAME, init.comm),
            robust_list: AtomicUsize::new(0),
            parent_death_signal: AtomicU32::new(0),
            no_new_privs: AtomicBool::new(init.no_new_privs),
            slack_ns: AtomicU64::new(init.slack_ns),
            io_priority: AtomicU32::new(init.io_priority),
            birth_slack_ns: init.slack_ns,
            exit_code: AtomicI32::new(0),
            vfork: SpinLock::new(&NAME, init.vfork),
            started_ns: hal::clock::now_ns(),
            minor_faults: AtomicU64::new(0),
            major_faults: AtomicU64::new(0),
            cost: CostCounters::default(),
            io: IoCounters::default(),
        })
    }

    /// ioprio_get(2): class and level as set; 0: not set.
    pub fn io_priority(&self) -> u32 {
        self.io_priority.load(Relaxed)
    }
    /// ioprio_set(2).
    pub fn set_io_priority(&self, priority: u32) {
        self.io_priority.store(priority, Relaxed);
    }

    pub(crate) fn set_thread(&self, thread: Option<Arc<Thread>>) {
        let old = core::mem::replace(&mut *self.thread.lock_irq(), thread);
        drop(old);
    }
    pub(crate) fn keep_usage(&self, usage: &Usage) {
        *self.final_usage.lock_irq() = *usage;
    }
    fn final_usage(&self) -> Usage {
        *self.final_usage.lock_irq()
    }

    /// Thread id, as the kernel itself has it.
    #[inline]
    pub fn tid(&self) -> i32 {
        self.tid.load(Relaxed)
    }
    /// Its number object.
    pub fn pid(&self) -> Arc<Pid> {
        self.pid.lock_irq().clone()
    }
    pub(crate) fn take_over_pid(&self, pid: Arc<Pid>) -> Arc<Pid> {
        self.tid.store(pid.nr(), Relaxed);
        self.local_tid.store(pid.own_nr(), Relaxed);
        core::mem::replace(&mut *self.pid.lock_irq(), pid)
    }
    /// Process id, as the kernel itself has it.
    #[inline]
    pub fn tgid(&self) -> i32 {
        self.process.nr()
    }
    /// Its process.
    #[inline]
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }
    /// Whether it is the first thread of its process.
    #[inline]
    pub fn is_leader(&self) -> bool {
        self.tid() == self.process.nr()
    }
    /// The scheduler's side of it; none once the task has ended.
    pub fn thread(&self) -> Option<Arc<Thread>> {
        self.thread.lock_irq().clone()
    }
    fn with_thread<R>(&self, f: impl FnOnce(&Thread) -> R) -> Option<R> {
        self.thread.lock_irq().as_deref().map(f)
    }

    /// Flags of [`work`]; 0 if it may go straight back to user mode.
    #[inline]
    pub fn work(&self) -> u32 {
        self.work.load(Relaxed)
    }
    pub(crate) fn add_work(&self, flags: u32) {
        self.work.fetch_or(flags, SeqCst);
    }
    pub(crate) fn clear_work(&self, flags: u32) {
        self.work.fetch_and(!flags, SeqCst);
    }
    /// Whether a signal waits to be handled.
    #[inline]
    pub fn has_signal(&self) -> bool {
        self.work() & work::SIGNAL != 0
    }
    /// Whether it is about to be killed.
    #[inline]
    pub fn is_killed(&self) -> bool {
        self.work() & work::KILLED != 0
    }

    /// Blocked signals.
    #[inline]
    pub fn blocked(&self) -> SigSet {
        SigSet(self.blocked.load(Relaxed))
    }
    /// Signals pending for this task alone.
    #[inline]
    pub fn pending_set(&self) -> SigSet {
        SigSet(self.pending_bits.load(Relaxed))
    }
    /// Reads or changes what is pending for this task alone; the process' signal lock is held.
    pub(crate) fn with_pending<R>(&self, f: impl FnOnce(&mut Pending) -> R) -> R {
        let mut pending = self.pending.lock_irq();
        let result = f(&mut pending);
        self.pending_bits.store(pending.set().0, Relaxed);
        result
    }

    /// Where it is in its life.
    pub fn life(&self) -> Life {
        match self.life.load(Acquire) {
            0 => Life::Alive,
            1 => Life::Exiting,
            2 => Life::Zombie,
            _ => Life::Dead,
        }
    }
    pub(crate) fn set_life(&self, life: Life) {
        self.life.store(life as u8, Release);
    }
    pub(crate) fn exit_code(&self) -> i32 {
        self.exit_code.load(Relaxed)
    }
    pub(crate) fn set_exit_code(&self, status: i32) {
        self.exit_code.store(status, Relaxed);
    }

    /// Its open files, unless it has ended.
    pub fn files(&self) -> Option<FdTable> {
        self.view.lock().files.clone()
    }
    /// Its root, working directory and umask, unless it has ended.
    pub fn fs(&self) -> Option<Arc<FsStruct>> {
        self.view.lock().fs.clone()
    }
    /// Its credentials.
    ///
    /// # Errors
    /// `ESRCH`: it has been reaped.
    pub fn cred(&self) -> Result<Arc<Cred>> {
        self.view.lock().cred.clone().ok_or(Errno::ESRCH)
    }
    /// Its namespaces, unless it has ended.
    pub fn ns(&self) -> Option<Arc<Namespaces>> {
        self.view.lock().ns.clone()
    }
    /// Which system calls it may make.
    pub fn seccomp(&self) -> Restriction {
        self.view.lock().seccomp.clone()
    }
    /// Its address space, unless it has ended.
    pub fn mm(&self) -> Option<Arc<Mm>> {
        self.mm.lock_irq().clone()
    }
    /// Calls `f` with the address space, without touching its count.
    #[inline]
    pub(crate) fn with_mm<R>(&self, f: impl FnOnce(&Arc<Mm>) -> R) -> Option<R> {
        self.mm.lock_irq().as_ref().map(f)
    }
    pub(crate) fn show_files(&self, files: Option<FdTable>) {
        let old = core::mem::replace(&mut self.view.lock().files, files);
        drop(old);
    }
    pub(crate) fn show_fs(&self, fs: Option<Arc<FsStruct>>) {
        let old = core::mem::replace(&mut self.view.lock().fs, fs);
        drop(old);
    }
    pub(crate) fn show_ns(&self, ns: Option<Arc<Namespaces>>) {
        let old = core::mem::replace(&mut self.view.lock().ns, ns);
        drop(old);
    }
    pub(crate) fn show_seccomp(&self, seccomp: Restriction) {
        let old = core::mem::replace(&mut self.view.lock().seccomp, seccomp);
        drop(old);
    }
    pub(crate) fn show_cred(&self, cred: Arc<Cred>) {
        self.identity.set(&cred);
        let old = self.view.lock().cred.replace(cred);
        drop(old);
    }
    pub(crate) fn show_mm(&self, mm: Option<Arc<Mm>>) -> Option<Arc<Mm>> {
        core::mem::replace(&mut *self.mm.lock_irq(), mm)
    }

    /// Name, NUL-padded (`PR_GET_NAME`).
    pub fn comm(&self) -> [u8; 16] {
        *self.comm.lock_irq()
    }
    /// Sets the name; what is longer than 15 bytes is cut.
    pub fn set_comm(&self, name: &[u8]) {
        let mut comm = [0; 16];
        let len = name
            .iter()
            .position(|&b| b == 0)
            .unwrap_or(name.len())
            .min(15);
        comm[..len].copy_from_slice(&name[..len]);
        *self.comm.lock_irq() = comm;
        self.with_thread(|thread| thread.set_name(&comm[..len]));
    }
    /// When it was made, monotonic.
    pub fn started_ns(&self) -> u64 {
        self.started_ns
    }
    /// Minor and major faults.
    pub fn faults(&self) -> (u64, u64) {
        (
            self.minor_faults.load(Relaxed),
            self.major_faults.load(Relaxed),
        )
    }
    pub(crate) fn take_vfork(&self) -> Option<Arc<VforkDone>> {
        self.vfork.lock_irq().take()
    }
    pub(crate) fn count_fault(&self) {
        // The task itself is the only writer.
        self.minor_faults
            .store(self.minor_faults.load(Relaxed) + 1, Relaxed);
    }
    /// User and system CPU time, ns.
    pub fn cpu_times(&self) -> (u64, u64) {
        self.with_thread(|thread| {
            let times = thread.times();
            (times.user_ns, times.system_ns)
        })
        .unwrap_or_else(|| {
            let last = self.final_usage();
            (last.user_ns, last.system_ns)
        })
    }
    /// Voluntary and involuntary context switches.
    pub fn switches(&self) -> (u64, u64) {
        self.with_thread(Thread::switches).unwrap_or_else(|| {
            let last = self.final_usage();
            (last.voluntary, last.involuntary)
        })
    }
    /// The state letter of proc(5).
    pub fn state_char(&self) -> char {
        match self.life() {
            Life::Zombie => 'Z',
            Life::Dead => 'X',
            _ if self.stopping.load(Relaxed) && self.is_asleep() => 'T',
            _ if self.is_held() => 't',
            _ => self
                .with_thread(|thread| thread.state_char() as u8 as char)
                .unwrap_or('R'),
        }
    }
    fn is_asleep(&self) -> bool {
        self.with_thread(Thread::state_char)
            .is_some_and(|state| state != StateChar::Running)
    }
    /// `PR_SET_NO_NEW_PRIVS`.
    pub fn set_no_new_privs(&self) {
        self.no_new_privs.store(true, Relaxed);
    }
    /// The signal it gets when the thread that forked it ends; 0 for none.
    pub fn parent_death_signal(&self) -> u32 {
        self.parent_death_signal.load(Relaxed)
    }
    /// `PR_SET_PDEATHSIG`.
    pub fn set_parent_death_signal(&self, sig: u32) {
        self.parent_death_signal.store(sig, Relaxed);
    }
    /// Address of the list of robust futexes; 0 for none.
    pub fn robust_list(&self) -> usize {
        self.robust_list.load(Relaxed)
    }
    /// set_robust_list(2).
    pub fn set_robust_list(&self, head: usize) {
        self.robust_list.store(head, Relaxed);
    }
    /// How many nanoseconds later than asked its sleeps may end. No timer here makes use of that.
    pub fn timer_slack_ns(&self) -> u64 {
        self.slack_ns.load(Relaxed)
    }
    /// `PR_SET_TIMERSLACK`; 0 is what it was born with.
    pub fn set_timer_slack_ns(&self, slack_ns: u64) {
        let slack_ns = match slack_ns {
            0 => self.birth_slack_ns,
            other => other,
        };
        self.slack_ns.store(slack_ns, Relaxed);
    }
    /// Whether it is kept from gaining privileges by exec.
    pub fn no_new_privs(&self) -> bool {
        self.no_new_privs.load(Relaxed)
    }
    /// Makes it look at its work flags soon: wakes it from a wait that the flags may end, or interrupts user mode.
    pub(crate) fn notice(&self) {
        self.with_thread(|thread| thread.signal_wake(self.is_killed()));
    }
}

impl sched::ThreadData for Task {
    fn switch_in(&self) {
        self.with_mm(|mm| mm.activate());
    }
    fn switch_out(&self) {
        // Until the next `switch_in` on this CPU the space is only borrowed: no interrupts for its flushes.
        kmem::space::borrow();
        if self.rseq.load(Relaxed) != 0 {
            self.add_work(work::RSEQ);
        }
    }
    fn ticked_in_kernel(&self) {
        if self.process().counts_cpu_time() {
            self.add_work(work::CPU_TIME);
        }
    }
    fn overran(&self) {
        self.add_work(work::OVERRUN);
    }
    fn signal_pending(&self, mode: WaitMode) -> bool {
        match mode {
            WaitMode::Interruptible => self.has_signal(),
            WaitMode::Killable => self.is_killed(),
            _ => false,
        }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The running task, if this thread is one.
pub fn current() -> Option<Arc<Task>> {
    let data: Arc<dyn Any + Send + Sync> = sched::try_current()?.data()?.clone();
    data.downcast().ok()
}

/// Calls `f` with the running task, if this thread is one, without touching its count.
pub fn with_current<R>(f: impl FnOnce(&Task) -> R) -> Option<R> {
    sched::try_current()?.data()?.as_any().downcast_ref().map(f)
}
