//! Making tasks: fork(2), vfork(2), clone(2), clone3(2), and the first one.
use crate::calls;
use crate::kernel;
use crate::link::{enter_group, first_thread, link_process, link_thread, undo_process};
use crate::objects::{Follow, Process, Task};
use crate::clone_flags::CloneArgs;
use crate::cx::{AltStack, Cx, FaultInfo, Slots};
use crate::vfork::VforkDone;
use crate::limits::{User, check_nproc};
use crate::ns::{self, Namespaces};
use crate::pidfd::PidFd;
use crate::process::{ProcessInit, flag};
use crate::signal::SigHand;
use crate::registration::Registration;
use crate::restriction::Restriction;
use crate::slots;
use crate::task::{TIMER_SLACK_NS, TaskInit};
use crate::ptrace::{self, event};
use crate::userloop::{self, Birth};
use crate::users;
use abi::raw::{
    CLONE_CHILD_CLEARTID, CLONE_FILES, CLONE_FS, CLONE_NEWUSER, CLONE_PARENT, CLONE_PARENT_SETTID, CLONE_PIDFD,
    CLONE_SIGHAND, CLONE_THREAD, CLONE_VFORK, CLONE_VM,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use cred::{Cred, Resource, Rlimits, cap};
use hal::addr::UserAddr;
use hal::user::UserRegs;
use hal::watch::Watch;
use kmem::{Reserved, TryVec, user};
use mm::Mm;
use pid::{Pid, PidNs, ProcessGroup};
use vfs::{Files, FsStruct, OnExec};

/// Makes a task as `args` say; answers its number in the parent.
///
/// # Errors
/// `EINVAL`, `EPERM`: see [`CloneArgs::validate`]. `EAGAIN`: a limit is reached. `ENOMEM`.
/// `ERESTARTNOINTR`: a signal came first.
// Every fork and clone passes here: /proc/kallsyms has it as `kernel_clone`.
#[inline(never)]
pub fn clone(cx: &mut Cx, args: &CloneArgs) -> Result<i32> {
    check(cx, args)?;
    let parts = Parts::new(cx, args)?;
    let files = args.has(CLONE_PIDFD).then(|| cx.files.share());
    let pidfd = if let Some(files) = &files {
        let limit = cx.process().limits().cur(Resource::Nofile);
        let place = files.reserve(0, limit, OnExec::Close)?;
        user::write(UserAddr(args.pidfd), &place.fd())?;
        Some(place)
    } else {
        None
    };
    let child = build(cx, args, parts)?;
    let tid = child.task.tid_in(cx.pids());
    let for_tracer = child.task.tid_for_tracer_of(&cx.task) as u64;
    if let Some(place) = pidfd {
        match PidFd::create(child.task.process().clone(), false, &cx.cred) {
            Ok(file) => drop(place.install(file)),
            // Too late to undo the child: the descriptor stays closed.
            Err(error) => trace::pr_warn!("clone: no pidfd ({error})"),
        }
    }
    if args.has(CLONE_PARENT_SETTID) {
        // As in Linux a bad address is the caller's own loss: the child exists.
        let _ = user::write(UserAddr(args.parent_tid), &tid);
    }
    let done = args.has(CLONE_VFORK).then(|| child.vfork.clone()).flatten();
    let told = if cx.task.is_traced() {
        ptrace::inherit(cx, &child.task, args)
    } else {
        None
    };
    child.start();
    if let Some(event) = told {
        ptrace::tell(cx, event, for_tracer);
    }
    if let Some(done) = done
        && done.wait()
    {
        ptrace::tell(cx, event::VFORK_DONE, for_tracer);
    }
    Ok(tid)
}

fn check(cx: &Cx, args: &CloneArgs) -> Result<()> {
    args.validate(cx.cred.has_cap(cap::SYS_ADMIN), ns::flags())?;
    if args.has(CLONE_PARENT) && cx.process().has(flag::UNKILLABLE)
        || args.has(CLONE_THREAD) && !cx.ns.pids().is(cx.pids())
    {
        return Err(Errno::EINVAL);
    }
    if !sched::current().may_fork() {
        return Err(Errno::EAGAIN);
    }
    check_nproc(cx)?;
    if cx.task.has_signal() {
        return Err(Errno::ERESTARTNOINTR);
    }
    Ok(())
}

/// What the child shares or copies.
struct Parts {
    files: Files,
    fs: Arc<FsStruct>,
    mm: Arc<Mm>,
    cred: Arc<Cred>,
    ns: Arc<Namespaces>,
    slots: Slots,
    vfork: Option<Arc<VforkDone>>,
}

impl Parts {
    fn new(cx: &mut Cx, args: &CloneArgs) -> Result<Self> {
        let slots = slots::fork(cx, args)?;
        let files = if args.has(CLONE_FILES) {
            cx.files.share()
        } else {
            cx.files.try_clone()?
        };
        let fs = if args.has(CLONE_FS) {
            cx.fs.clone()
        } else {
            cx.fs.try_clone()?
        };
        let cred = if args.has(CLONE_NEWUSER) {
            users::among(cx)?
        } else {
            cx.cred.clone()
        };
        let ns = ns::beside(&cx.ns, cx.pids(), &cred, &fs, args.flags)?;
        let vfork = if args.has(CLONE_VFORK) {
            Some(VforkDone::new()?)
        } else {
            None
        };
        let mm = if args.has(CLONE_VM) {
            cx.mm.clone()
        } else {
            cx.mm.fork()?
        };
        Ok(Self {
            files,
            fs,
            mm,
            cred,
            ns,
            slots,
            vfork,
        })
    }
}

/// A task that is complete but has not run; dropped without [`Newborn::start`] it is undone.
struct Newborn {
    task: Arc<Task>,
    vfork: Option<Arc<VforkDone>>,
}

impl Newborn {
    fn start(self) {
        if let Some(thread) = self.task.thread() {
            thread.start();
        }
    }
}

fn build(cx: &mut Cx, args: &CloneArgs, parts: Parts) -> Result<Newborn> {
    let pid = number(cx, args, parts.ns.pids())?;
    let process = if args.has(CLONE_THREAD) {
        cx.process().clone()
    } else {
        new_process(cx, args, &pid)?
    };
    let task = Task::new(TaskInit {
        pid,
        process,
        blocked: cx.task.blocked(),
        comm: cx.task.comm(),
        files: parts.files.view(),
        fs: parts.fs.clone(),
        cred: parts.cred.clone(),
        ns: parts.ns.clone(),
        seccomp: cx.seccomp.clone(),
        rseq: registration(cx, args).at,
        mm: Some(parts.mm.clone()),
        no_new_privs: cx.task.no_new_privs(),
        slack_ns: cx.task.timer_slack_ns(),
        io_priority: cx.task.io_priority(),
        vfork: parts.vfork.clone(),
    })?;
    let vfork = parts.vfork.clone();
    let child = child_cx(cx, args, parts, &task);
    let thread = userloop::make_thread(child, Birth::of(args))?;
    task.set_thread(Some(thread));
    let linked = if args.has(CLONE_THREAD) {
        link_thread(cx, &task)
    } else {
        link_process(cx, args, &task)
    };
    if let Err(error) = linked {
        task.set_thread(None); // the unstarted thread owns the child's context, and that the task
        return Err(error);
    }
    cx.user.add();
    Ok(Newborn { task, vfork })
}

/// The child's numbers in `ns` and around it, some of them as the caller wants them (clone3(2), `set_tid`).
///
/// # Errors
/// As [`PidNs::alloc`]; `EINVAL`: a wanted one is none, or there are more than namespaces; `EPERM`: without
/// `CAP_CHECKPOINT_RESTORE` over one of these; `EFAULT`.
fn number(cx: &Cx, args: &CloneArgs, ns: &PidNs) -> Result<Arc<Pid>> {
    let (at, count) = args.set_tid;
    if count == 0 {
        return ns.alloc(&[]);
    }
    let mut wanted = Vec::try_with_capacity(count)?;
    let mut around = Some(ns);
    for place in 0..count {
        let nr: i32 = user::read(UserAddr(at + place * size_of::<i32>()))?;
        let space = around.ok_or(Errno::EINVAL)?;
        if nr < 1 || nr >= pid::PID_MAX as i32 || nr != 1 && !space.has_reaper() {
            return Err(Errno::EINVAL);
        }
        let owner = space.owner()?;
        if !cx.cred.ns_capable(&owner, cap::CHECKPOINT_RESTORE) && !cx.cred.ns_capable(&owner, cap::SYS_ADMIN) {
            return Err(Errno::EPERM);
        }
        wanted.push_reserved(nr);
        around = space.parent();
    }
    ns.alloc(&wanted)
}

fn new_process(cx: &Cx, args: &CloneArgs, pid: &Arc<Pid>) -> Result<Arc<Process>> {
    let parent = cx.process();
    let sighand = if args.has(CLONE_SIGHAND) {
        parent.sighand()
    } else if args.clears_handlers() {
        parent.sighand().without_handlers()?
    } else {
        parent.sighand().fork()?
    };
    let inherits_reaper = parent.has(flag::SUBREAPER) || parent.has(flag::HAS_SUBREAPER);
    let mut flags = if inherits_reaper {
        flag::HAS_SUBREAPER
    } else {
        0
    };
    if !parent.is_dumpable() {
        flags |= flag::NOT_DUMPABLE;
    }
    if parent.has(flag::NO_TTY) {
        flags |= flag::NO_TTY;
    }
    if pid.own_nr() == 1 {
        flags |= flag::UNKILLABLE;
    }
    let (exit_signal, parent_program) = if args.has(CLONE_PARENT) {
        let link = parent.link.lock();
        (link.exit_signal, link.parent_program)
    } else {
        (args.exit_signal, parent.program())
    };
    Process::new(ProcessInit {
        pid: pid.clone(),
        sighand,
        user: cx.user.clone(),
        limits: parent.limits().fork(),
        exit_signal,
        parent_program,
        flags,
        oom_score_adj: parent.oom_score_adj(),
        core_filter: parent.core_filter(),
    })
}

/// A child on the parent's memory has an area of its own, or none.
fn registration(cx: &Cx, args: &CloneArgs) -> Registration {
    if args.has(CLONE_VM) {
        Registration::default()
    } else {
        cx.rseq
    }
}

fn child_cx(cx: &Cx, args: &CloneArgs, parts: Parts, task: &Arc<Task>) -> Cx {
    let mut regs = cx.regs;
    if cx.forced_step {
        regs.rflags &= !UserRegs::TRAP_FLAG;
    }
    regs.rax = 0;
    regs.orig_rax = u64::MAX;
    if args.stack != 0 {
        regs.rsp = args.stack as u64;
    }
    // A thread or vfork child on the parent's memory must not run handlers on the parent's alternate stack.
    let keeps_altstack = !args.has(CLONE_VM) || args.has(CLONE_VFORK);
    Cx {
        task: task.clone(),
        regs,
        calls: cx.below,
        below: cx.below,
        files: parts.files,
        fs: parts.fs,
        mm: parts.mm,
        cred: parts.cred,
        user: cx.user.clone(),
        over_nproc: false,
        ns: parts.ns,
        seccomp: cx.seccomp.clone(),
        rseq: registration(cx, args),
        altstack: if keeps_altstack {
            cx.altstack
        } else {
            AltStack::NONE
        },
        restart: None,
        saved_mask: None,
        clear_child_tid: if args.has(CLONE_CHILD_CLEARTID) {
            args.child_tid
        } else {
            0
        },
        exiting: None,
        fault: FaultInfo::default(),
        follow: Follow::Free,
        forced_step: false,
        watch: Watch::NONE,
        personality: cx.personality,
        slots: parts.slots,
        scratch: Vec::new(),
        counted: Default::default(),
    }
}

/// What the first process starts with.
pub struct First {
    /// Open files (the console as 0, 1, 2).
    pub files: Files,
    /// Root and working directory.
    pub fs: Arc<FsStruct>,
    /// An empty address space; the program is loaded into another.
    pub mm: Arc<Mm>,
    /// All powers.
    pub cred: Arc<Cred>,
    /// Limits, inherited by everything.
    pub limits: Rlimits,
}

/// What tells a process of the kernel's making from another.
struct Made {
    pid: Arc<Pid>,
    name: &'static [u8],
    flags: u32,
    ns: Arc<Namespaces>,
    /// What is done when its program can't be run; without an end of its own the process ends then.
    failed: fn(Errno),
}

/// Makes process 1. `load` runs in it and execs the first program; if it fails, or when process 1 ends, the kernel
/// panics.
///
/// # Errors
/// `ENOMEM`. `EBUSY`: there is one already.
pub fn spawn_init(
    first: First,
    load: impl FnOnce(&mut Cx) -> Result<()> + Send + 'static,
) -> Result<Arc<Task>> {
    let pid = pid::INIT_NS.alloc()?;
    if pid.nr() != 1 {
        return Err(Errno::EBUSY);
    }
    let ns = Namespaces::first(first.fs.root().mnt.ns()?)?;
    kernel::open_roll(&first.cred, &first.limits, &first.fs, &ns)?;
    let made = Made {
        pid,
        name: b"init",
        flags: flag::UNKILLABLE,
        ns,
        failed: |error| trace::panic::panic(format_args!("No working init found ({error})")),
    };
    spawn(first, made, load)
}

/// Makes a process that is nobody's child; `load` execs its program, or it ends.
///
/// # Errors
/// `ENOMEM`, `EAGAIN`: no number is left; `ENOSYS`: before process 1.
pub(crate) fn spawn_helper(
    first: First,
    load: impl FnOnce(&mut Cx) -> Result<()> + Send + 'static,
) -> Result<Arc<Task>> {
    let init = crate::process::find_process(1).ok();
    let ns = init.and_then(|init| init.leader()?.ns());
    let made = Made {
        pid: pid::INIT_NS.alloc()?,
        name: b"helper",
        flags: 0,
        ns: ns.ok_or(Errno::ENOSYS)?,
        failed: |_| {},
    };
    spawn(first, made, load)
}

/// Makes a process without a parent, in a session of its own.
fn spawn(
    first: First,
    made: Made,
    load: impl FnOnce(&mut Cx) -> Result<()> + Send + 'static,
) -> Result<Arc<Task>> {
    let (pid, ns) = (made.pid, made.ns);
    let user = User::of(first.cred.uid)?;
    let process = Process::new(ProcessInit {
        pid: pid.clone(),
        sighand: SigHand::new()?,
        user: user.clone(),
        limits: first.limits,
        exit_signal: 0,
        parent_program: 0,
        flags: made.flags,
        oom_score_adj: 0,
        core_filter: crate::core_image::FILTER_USUAL,
    })?;
    let mut comm = [0; 16];
    comm[..made.name.len()].copy_from_slice(made.name);
    let task = Task::new(TaskInit {
        pid: pid.clone(),
        process: process.clone(),
        blocked: pid::SigSet::EMPTY,
        comm,
        files: first.files.view(),
        fs: first.fs.clone(),
        cred: first.cred.clone(),
        ns: ns.clone(),
        seccomp: Restriction::None,
        rseq: 0,
        mm: Some(first.mm.clone()),
        no_new_privs: false,
        slack_ns: TIMER_SLACK_NS,
        io_priority: 0,
        vfork: None,
    })?;
    let cx = Cx {
        task: task.clone(),
        regs: UserRegs::default(),
        calls: calls::plain(),
        below: calls::plain(),
        files: first.files,
        fs: first.fs,
        mm: first.mm,
        cred: first.cred,
        user: user.clone(),
        over_nproc: false,
        ns,
        seccomp: Restriction::None,
        rseq: Registration::default(),
        altstack: AltStack::NONE,
        restart: None,
        saved_mask: None,
        clear_child_tid: 0,
        exiting: None,
        fault: FaultInfo::default(),
        follow: Follow::Free,
        forced_step: false,
        watch: Watch::NONE,
        personality: 0,
        slots: Slots::default(),
        scratch: Vec::new(),
        counted: Default::default(),
    };
    let thread = userloop::make_first_thread(cx, made.name, load, made.failed)?;
    task.set_thread(Some(thread.clone()));
    let linked = first_thread(&task)
        .and_then(|()| enter_group(&process, ProcessGroup::new_session(&pid)?))
        .and_then(|()| pid.publish(task.clone(), Some(process)));
    if let Err(error) = linked {
        undo_process(&task);
        task.set_thread(None); // the unstarted thread owns the task's context, and that the task
        return Err(error);
    }
    user.add();
    thread.start();
    Ok(task)
}
