//! Sending signals (kill(2), signal(7)). From any context: everything here runs under the signal lock, interrupts off.
use crate::objects::{Life, Process, SigShared, Task};
use crate::process::{flag, next_process_in};
use crate::signal::action::{DefaultAction, SigAction, default_action};
use crate::signal::pending::Room;
use crate::signal::stop;
use crate::task::work;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::Ordering::Relaxed;
use cred::{Cred, Kuid, Resource};
use pid::siginfo::code::{SI_SIGIO, SI_TIMER};
use pid::signals::{SIGCONT, SIGKILL, SIGSEGV};
use pid::sigset::RT_MIN;
use pid::{ProcessGroup, SigData, SigInfo, SigSet, Signal, SignalTarget};

/// Who sends, for the check of permission.
#[derive(Clone, Copy)]
pub struct Sender<'a> {
    /// The sender's credentials.
    pub cred: &'a Cred,
    /// The sender's process.
    pub process: &'a Process,
}

impl Sender<'_> {
    /// Whether the sender may send this signal to the target (kill(2)). `EPERM`; `ESRCH` if the target is gone.
    pub fn check(&self, target: &Process, sig: Signal) -> Result<()> {
        // After the target was found: for one that is not there Linux answers ESRCH whatever the signal.
        if sig != 0 && !pid::sigset::is_signal(sig as i32) {
            return Err(Errno::EINVAL);
        }
        if core::ptr::eq(self.process, target) {
            return Ok(());
        }
        let theirs = target.leader().ok_or(Errno::ESRCH)?.cred()?;
        let same_session = || self.process.group_and_session().1 == target.group_and_session().1;
        if self.cred.may_signal(&theirs) || (sig == SIGCONT && same_session()) {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    }
}

/// Sends a signal from the kernel to a process: any of its threads may take it.
///
/// # Errors
/// `EAGAIN`: the queue is full.
pub fn send_to_process(process: &Process, info: &SigInfo) -> Result<()> {
    let mut shared = process.sig.lock_irq();
    send_locked(process, &mut shared, None, info, is_kernels(info))
}

/// Sends a signal from the kernel to one thread.
///
/// # Errors
/// `EAGAIN`: the queue is full. `ESRCH`: the thread has ended.
pub fn send_to_task(task: &Task, info: &SigInfo) -> Result<()> {
    send_to_thread(task, info, is_kernels(info))
}

fn send_to_thread(task: &Task, info: &SigInfo, force: bool) -> Result<()> {
    let process = task.process().clone();
    let mut shared = process.sig.lock_irq();
    if task.life() == Life::Dead {
        return Err(Errno::ESRCH);
    }
    send_locked(&process, &mut shared, Some(task), info, force)
}

/// Whether the kernel sends it, or somebody whom the receiver's namespace has no number for. What a file's owner is told by a
/// signal that somebody chose is nobody's: it ends no process 1.
fn is_kernels(info: &SigInfo) -> bool {
    match info.data {
        SigData::Kill { pid: 0, .. } => true,
        SigData::Poll { .. } => false,
        _ => !info.from_user(),
    }
}

impl SignalTarget for Process {
    fn nr(&self) -> i32 {
        Process::nr(self)
    }
    fn signal(&self, info: &SigInfo) -> Result<()> {
        send_to_process(self, info)
    }
    fn users(&self) -> Option<[Kuid; 2]> {
        let shared = self.sig.lock_irq();
        shared.leader.as_ref().map(|leader| leader.identity.users())
    }
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl SignalTarget for Task {
    fn nr(&self) -> i32 {
        self.tid()
    }
    fn signal(&self, info: &SigInfo) -> Result<()> {
        send_to_task(self, info)
    }
    fn users(&self) -> Option<[Kuid; 2]> {
        Some(self.identity.users())
    }
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// Sends a user's signal to a process after the check of permission; signal 0 only checks.
///
/// # Errors
/// As [`Sender::check`] and [`send_to_process`].
pub fn send_checked(sender: Sender<'_>, process: &Process, sig: i32, info: &SigInfo) -> Result<()> {
    sender.check(process, sig as Signal)?;
    if sig == 0 {
        return Ok(());
    }
    let (info, force) = named(sender, process, info);
    let mut shared = process.sig.lock_irq();
    send_locked(process, &mut shared, None, &info, force)
}

/// Sends a signal that the kernel makes of what `sender` did, and which names it: no permission is asked.
///
/// # Errors
/// As [`send_to_process`].
pub fn send_named(sender: Sender<'_>, process: &Process, info: &SigInfo) -> Result<()> {
    let (info, force) = named(sender, process, info);
    let mut shared = process.sig.lock_irq();
    send_locked(process, &mut shared, None, &info, force)
}

/// Sends a user's signal to a thread after the check of permission; signal 0 only checks. Errors as [`send_checked`] and
/// [`send_to_task`].
pub fn send_checked_to_task(
    sender: Sender<'_>,
    task: &Task,
    sig: i32,
    info: &SigInfo,
) -> Result<()> {
    sender.check(task.process(), sig as Signal)?;
    if sig == 0 {
        return Ok(());
    }
    let (info, force) = named(sender, task.process(), info);
    send_to_thread(task, &info, force)
}

/// The signal with its sender as the receiver's namespaces name it; whether it comes from outside the receiver's numbers, and so
/// ends also a process 1 there.
fn named(sender: Sender<'_>, to: &Process, info: &SigInfo) -> (SigInfo, bool) {
    let mut info = *info;
    if core::ptr::eq(sender.process, to) {
        return (info, false);
    }
    let mut from_outside = false;
    if !to.pids().is_first() || !sender.process.pids().is_first() {
        let nr = sender.process.nr_in(to.pids());
        from_outside = nr == 0;
        match &mut info.data {
            SigData::Kill { pid, .. } | SigData::Queue { pid, .. } => *pid = nr,
            SigData::Raw(bytes) if from_outside && !matches!(info.code, SI_TIMER | SI_SIGIO) => {
                bytes[..size_of::<i32>()].fill(0);
            }
            _ => {}
        }
    }
    let theirs = to.leader().and_then(|leader| leader.cred().ok());
    if let SigData::Kill { uid, .. } | SigData::Queue { uid, .. } = &mut info.data
        && let Some(theirs) = theirs.filter(|of| !Arc::ptr_eq(&of.user_ns, &sender.cred.user_ns))
    {
        *uid = theirs.user_ns.uid(sender.cred.uid);
    }
    (info, from_outside)
}

/// Sends a user's signal to all processes of a group.
///
/// # Errors
/// `ESRCH`: there is none. `EPERM`: none may be signalled.
pub fn send_to_group(
    sender: Sender<'_>,
    group: &ProcessGroup,
    sig: i32,
    info: &SigInfo,
) -> Result<()> {
    let mut answer = Err(Errno::ESRCH);
    group.for_each(|member| {
        if let Ok(process) = member.clone().as_any().downcast::<Process>() {
            let sent = send_checked(sender, &process, sig, info);
            if answer.is_err() {
                answer = sent;
            }
        }
        true
    });
    answer
}

/// kill(-1): all processes of the sender's namespace that it may signal, but process 1 there and the sender's own.
///
/// # Errors
/// `ESRCH`: there is none.
pub fn kill_all(sender: Sender<'_>, sig: i32, info: &SigInfo) -> Result<()> {
    let mut answer = Err(Errno::ESRCH);
    let mut from = 2;
    while let Some((nr, process)) = next_process_in(sender.process.pids(), from) {
        from = nr + 1;
        if core::ptr::eq(&*process, sender.process) {
            continue;
        }
        match send_checked(sender, &process, sig, info) {
            Err(Errno::EPERM) => {}
            sent => answer = sent,
        }
    }
    answer
}

/// Forces a signal on the calling thread for what its own instruction did: a blocked or ignored one ends the process.
pub fn force(task: &Task, info: &SigInfo) {
    let sig = info.signo;
    let process = task.process();
    let action = process.sighand().get(sig);
    let blocked = task.blocked().contains(sig);
    if blocked || action.ignores(sig) {
        process.sighand().reset(sig);
    }
    let mut shared = process.sig.lock_irq();
    if blocked {
        task.blocked.fetch_and(!SigSet::one(sig).0, Relaxed);
    }
    if blocked || action.handler <= crate::signal::action::IGNORE {
        process.set(flag::UNKILLABLE, false);
    }
    let _ = send_locked(process, &mut shared, Some(task), info, true); // forced signals are the kernel's: they find room
    task.add_work(work::SIGNAL);
}

/// A handler's frame could not be written or read back: SIGSEGV, for good if that is the signal at hand.
pub(crate) fn force_segv(task: &Task, during: Signal) {
    if during == SIGSEGV {
        task.process().sighand().reset(SIGSEGV);
    }
    force(task, &SigInfo::kernel(SIGSEGV));
}

/// The heart: queues the signal if it does anything and wakes who will take it. `force`: it ends and stops also what is deaf
/// to signals without a handler.
pub(crate) fn send_locked(
    process: &Process,
    shared: &mut SigShared,
    to: Option<&Task>,
    info: &SigInfo,
    force: bool,
) -> Result<()> {
    let sig = info.signo;
    let action = shared.sighand.get(sig);
    stop::before_send(process, shared, sig);
    if is_ignored(process, shared, to, sig, &action, force) {
        return Ok(());
    }
    let room = room_for(process, info);
    let added = match to {
        Some(task) => task.with_pending(|pending| pending.add(info, room))?,
        None => shared.pending.add(info, room)?,
    };
    if added {
        choose_and_wake(process, shared, to, sig, &action);
        process.signal_wait.wake_all_key(abi::raw::POLLIN);
    }
    Ok(())
}

/// A standard signal by kill(2), or the kernel's own, finds room always; the others within `RLIMIT_SIGPENDING` of whom the
/// process belongs to.
fn room_for(process: &Process, info: &SigInfo) -> Room {
    if matches!(info.data, SigData::Timer { .. }) {
        return Room::Kept;
    }
    let limit = if info.signo < RT_MIN && info.code >= 0 {
        u64::MAX
    } else {
        process.limits().cur(Resource::Sigpending)
    };
    process.user().place(limit).map_or(Room::None, Room::Taken)
}

fn is_ignored(
    process: &Process,
    shared: &SigShared,
    to: Option<&Task>,
    sig: Signal,
    action: &SigAction,
    force: bool,
) -> bool {
    // A tracer wants to know of ignored signals too.
    let traced = |task: &Task| task.is_traced() && sig != SIGKILL;
    if to.or(shared.leader.as_deref()).is_some_and(traced) {
        return false;
    }
    let does_nothing = action.ignores(sig)
        || (action.handler == crate::signal::action::DEFAULT
            && process.has(flag::UNKILLABLE)
            && !(force && SigSet::UNBLOCKABLE.contains(sig)));
    if !does_nothing {
        return false;
    }
    let task = to.or(shared.leader.as_deref());
    let kept = task.map_or(0, |task| {
        task.blocked.load(Relaxed) | task.waited_for.load(Relaxed)
    });
    !SigSet(kept).contains(sig) || sig == SIGKILL
}

fn wants(task: &Task, sig: Signal) -> bool {
    let alive = task.life() == Life::Alive;
    let free = sig == SIGKILL || !task.stopping.load(Relaxed);
    alive && !task.blocked().contains(sig) && free
}

/// Picks the thread that will take the signal; a fatal one ends all of them at once.
fn choose_and_wake(
    process: &Process,
    shared: &mut SigShared,
    to: Option<&Task>,
    sig: Signal,
    action: &SigAction,
) {
    let chosen = match to {
        Some(task) => wants(task, sig).then_some(task),
        None => choose(shared, sig),
    };
    let Some(task) = chosen else { return };
    let terminates = action.is_fatal(sig) && default_action(sig) == DefaultAction::Terminate;
    let waited_for = SigSet(task.waited_for.load(Relaxed)).contains(sig);
    // A tracer decides about all but SIGKILL first.
    let decided = sig == SIGKILL || !task.is_traced();
    // One that leaves a core image has not ended yet: SIGKILL ends it sooner.
    if terminates
        && decided
        && (shared.group_exit.is_none() || sig == SIGKILL && shared.core.is_some())
        && !waited_for
        && !process.has(flag::UNKILLABLE)
    {
        shared.group_exit = Some(sig as i32);
        zap(shared, None);
        process.stop_wait.wake_all();
        return;
    }
    task.add_work(work::SIGNAL);
    if sig == SIGKILL {
        task.add_work(work::KILLED);
    }
    task.notice();
}

/// The first thread if it can take it, else whichever can, preferring one that has nothing to do yet.
fn choose(shared: &SigShared, sig: Signal) -> Option<&Task> {
    if let Some(leader) = shared.leader.as_deref()
        && wants(leader, sig)
        && (shared.threads.len() == 1 || !leader.has_signal())
    {
        return Some(leader);
    }
    let mut busy = None;
    for task in &shared.threads {
        if wants(task, sig) {
            if !task.has_signal() {
                return Some(task);
            }
            busy.get_or_insert(&**task);
        }
    }
    busy
}

/// Tells every thread but `except` to die. The stop, if there was one, is over.
pub(crate) fn zap(shared: &mut SigShared, except: Option<&Task>) {
    shared.stop.signal = 0;
    shared.stop.missing = 0;
    shared.stop.stopped = false;
    for task in &shared.threads {
        if except.is_some_and(|spared| core::ptr::eq(spared, &**task)) {
            continue;
        }
        task.stopping.store(false, Relaxed);
        if task.life() == Life::Alive {
            task.with_pending(|pending| pending.add_bare(SIGKILL));
            task.add_work(work::SIGNAL | work::KILLED);
            task.notice();
        }
    }
}

/// Wakes other threads for shared signals that this thread was to take but has blocked or will not live to take.
pub(crate) fn retarget(shared: &SigShared, leaving: &Task, signals: SigSet) {
    let mut left = shared.pending.set().and(signals);
    for task in &shared.threads {
        if left.is_empty() {
            return;
        }
        if core::ptr::eq(&**task, leaving) || task.life() != Life::Alive {
            continue;
        }
        let takes = left.minus(task.blocked());
        if !takes.is_empty() {
            left = left.minus(takes);
            if !task.has_signal() {
                task.add_work(work::SIGNAL);
                task.notice();
            }
        }
    }
}
