//! What a task owns for itself: registers, files, memory, credentials, and the rest that nobody else touches.
//!
//! It lives on the task's kernel stack and is handed as `&mut` to every system call, so that own look-ups take no lock
//! and no count. Whoever changes a shared part does it through a method here, which shows the change to others.
use crate::cost_rules::FILES;
use crate::ns::Namespaces;
use crate::objects::{Follow, Process, Task};
use crate::process::flag;
use crate::restriction::Restriction;
use crate::registration::Registration;
use crate::signal::mask;
use crate::task::work;
use crate::user::User;
use abi::Result;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use cred::{Cred, Kuid, Resource};
use hal::user::UserRegs;
use hal::watch::Watch;
use mm::Mm;
use pid::SigSet;
use vfs::{File, Files, FsStruct};

/// How an interrupted call goes on in restart_syscall(2), when no handler ran.
pub type Restart = Box<dyn FnOnce(&mut Cx) -> Result<usize> + Send>;

/// The alternate signal stack (sigaltstack(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AltStack {
    /// Its lowest address.
    pub base: usize,
    /// Its size in bytes; 0 if there is none.
    pub size: usize,
    /// `SS_AUTODISARM`, or `SS_DISABLE` if there is none.
    pub flags: u32,
}

impl AltStack {
    /// No alternate stack.
    pub const NONE: Self = Self {
        base: 0,
        size: 0,
        flags: abi::raw::SS_DISABLE,
    };

    /// Whether a stack pointer is on it.
    pub const fn contains(&self, sp: usize) -> bool {
        sp > self.base && sp - self.base <= self.size
    }
    /// Whether a task with this stack pointer runs on it, as sigaltstack(2) sees it.
    pub const fn in_use(&self, sp: usize) -> bool {
        self.flags & SS_AUTODISARM == 0 && self.contains(sp)
    }
}

/// `SS_AUTODISARM`.
pub const SS_AUTODISARM: u32 = 1 << 31;

/// The last fault, for the signal frame (`trapno`, `err`, `cr2`).
#[derive(Clone, Copy, Debug, Default)]
pub struct FaultInfo {
    pub vector: u64,
    pub error_code: u64,
    pub addr: u64,
}

/// How many crates can keep something per task (`slots`).
pub(crate) const SLOTS: usize = 4;

/// What a task holds in its slots.
pub(crate) type Slots = [Option<Box<dyn Any + Send>>; SLOTS];

/// A system call: the caller's context, six arguments in order; the value for `rax` or an error.
pub type Handler = fn(&mut Cx, &[usize; 6]) -> Result<usize>;

/// One past the highest number of Linux 6.1 (`set_mempolicy_home_node` is 450).
pub const CALLS_LEN: usize = 451;

/// The system calls by number.
pub struct CallTable {
    pub calls: [Handler; CALLS_LEN],
    /// For higher numbers.
    pub beyond: Handler,
}

impl CallTable {
    /// Who makes the call of a number.
    #[inline]
    pub(crate) fn handler(&self, nr: usize) -> Handler {
        *self.calls.get(nr).unwrap_or(&self.beyond)
    }
}

/// The context of a task's system calls.
pub struct Cx {
    /// The task as others see it.
    pub task: Arc<Task>,
    /// User registers at the entry; a call that returns through them (sigreturn, exec) changes them, and says so with
    /// [`Cx::regs_changed`].
    pub regs: UserRegs,
    pub(crate) calls: &'static CallTable,
    /// What `calls` is unless a tracer watches them.
    pub(crate) below: &'static CallTable,
    /// Open files.
    pub files: Files,
    /// Root, working directory, umask.
    pub fs: Arc<FsStruct>,
    /// Address space.
    pub mm: Arc<Mm>,
    /// Credentials.
    pub cred: Arc<Cred>,
    /// The user whose processes are counted.
    pub user: Arc<User>,
    /// That user had more processes than `RLIMIT_NPROC` allows when the task became theirs: exec looks again.
    pub(crate) over_nproc: bool,
    /// Namespaces.
    pub ns: Arc<Namespaces>,
    /// Which calls it may make; `calls` goes with it.
    pub seccomp: Restriction,
    /// rseq(2).
    pub rseq: Registration,
    /// Alternate signal stack.
    pub altstack: AltStack,
    /// How the interrupted call goes on.
    pub restart: Option<Restart>,
    /// The mask to come back to after a call that changed it for its duration (sigsuspend, ppoll).
    pub(crate) saved_mask: Option<SigSet>,
    /// Cleared and woken when the task ends (set_tid_address(2)).
    pub clear_child_tid: usize,
    /// The status word with which the task ends, once it is to end.
    pub(crate) exiting: Option<i32>,
    pub(crate) fault: FaultInfo,
    /// How it goes on since its tracer let it go last.
    pub(crate) follow: Follow,
    /// The trap flag stands in its registers for its tracer's sake.
    pub(crate) forced_step: bool,
    /// The debug registers that its tracer gave it.
    pub(crate) watch: Watch,
    /// personality(2).
    pub personality: u32,
    pub(crate) slots: Slots,
    /// Where FPU images pass through on their way from and to signal frames; empty until the first signal.
    pub(crate) scratch: Vec<u8>,
    /// The files to which a call that is counted is put down: here, as what is lent, for the case of an oops.
    pub(crate) counted: [Option<Arc<File>>; FILES],
}

impl Cx {
    /// The process.
    #[inline]
    pub fn process(&self) -> &Arc<Process> {
        self.task.process()
    }

    /// Gives it another table of calls, below a tracer's.
    pub(crate) fn set_calls(&mut self, calls: &'static CallTable) {
        self.below = calls;
        if self.follow == Follow::Free {
            self.calls = calls;
        }
    }

    /// To be called when a system call changes registers, its result in `rax` apart.
    pub fn regs_changed(&self) {
        self.task.add_work(work::REGS);
    }

    /// The machine's side of the running thread: FPU state and segment bases.
    pub fn context(&self) -> &'static hal::context::Context {
        sched::current().context().machine()
    }

    /// Installs changed credentials; the count of processes moves with the real user. `ENOMEM`.
    pub fn set_cred(&mut self, cred: Cred) -> Result<()> {
        if cred.uid != self.cred.uid {
            let user = User::of(cred.uid)?;
            self.move_to(user);
            self.over_nproc = self.is_over_nproc();
        }
        self.install_cred(kmem::try_arc(cred)?);
        Ok(())
    }

    /// Whether its user has more threads than `RLIMIT_NPROC` allows; root is not asked.
    pub(crate) fn is_over_nproc(&self) -> bool {
        let limit = self.process().limits().cur(Resource::Nproc);
        u64::from(self.user.processes()) > limit && self.user.uid != Kuid::ROOT
    }

    /// The real user id changes.
    fn move_to(&mut self, user: Arc<User>) {
        user.add();
        self.user.sub();
        if self.task.is_leader() {
            let old = core::mem::replace(&mut *self.process().user.lock_irq(), user.clone());
            drop(old);
        }
        self.user = user;
    }

    /// Installs credentials that are shared already.
    pub fn install_cred(&mut self, cred: Arc<Cred>) {
        let changed_identity = cred.euid != self.cred.euid
            || cred.egid != self.cred.egid
            || cred.fsuid != self.cred.fsuid
            || cred.fsgid != self.cred.fsgid
            || !self.cred.covers(&cred);
        if changed_identity {
            self.process().set(flag::NOT_DUMPABLE, true);
            self.task
                .parent_death_signal
                .store(0, core::sync::atomic::Ordering::Relaxed);
        }
        self.cred = cred.clone();
        self.task.show_cred(cred);
    }

    /// Replaces the file table (unshare(2), exec).
    pub fn set_files(&mut self, files: Files) {
        self.task.show_files(Some(files.view()));
        self.files = files;
    }

    /// Replaces root, working directory and umask (unshare(2)).
    pub fn set_fs(&mut self, fs: Arc<FsStruct>) {
        self.task.show_fs(Some(fs.clone()));
        self.fs = fs;
    }

    /// Replaces the namespaces (unshare(2)).
    pub fn set_ns(&mut self, ns: Arc<Namespaces>) {
        self.task.show_ns(Some(ns.clone()));
        self.ns = ns;
    }

    /// Replaces the address space and makes the new one current (exec).
    pub fn set_mm(&mut self, mm: Arc<Mm>) {
        let shown = {
            let _pin = sync::preempt_disable();
            let shown = self.task.show_mm(Some(mm.clone()));
            mm.activate();
            shown
        };
        let old = core::mem::replace(&mut self.mm, mm);
        drop((shown, old));
    }

    /// Remembers how to go on after an interruption and says so to the user loop.
    pub fn restart_with(
        &mut self,
        go_on: impl FnOnce(&mut Self) -> Result<usize> + Send + 'static,
    ) -> abi::Errno {
        match kmem::try_box(go_on) {
            Ok(go_on) => {
                self.restart = Some(go_on);
                abi::Errno::ERESTART_RESTARTBLOCK
            }
            Err(_) => abi::Errno::EINTR,
        }
    }

    /// Sets the signal mask for the duration of a call; the one before comes back when the call has ended, after
    /// the handler of a signal that came meanwhile.
    pub fn set_mask_for_call(&mut self, mask: SigSet) {
        let old = mask::set_blocked(&self.task, mask);
        self.saved_mask.get_or_insert(old);
    }

    /// Ends [`Self::set_mask_for_call`] if the call was not interrupted; otherwise the user loop does.
    pub fn restore_mask(&mut self) {
        if let Some(mask) = self.saved_mask.take() {
            mask::set_blocked(&self.task, mask);
        }
    }
}
