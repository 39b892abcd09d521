//! System calls: signals.
use crate::Call;
use crate::time::deadline;
use abi::pod::Timespec;
use abi::raw::{
    __NR_kill, __NR_pause, __NR_restart_syscall, __NR_rt_sigaction, __NR_rt_sigpending,
    __NR_rt_sigprocmask, __NR_rt_sigqueueinfo, __NR_rt_sigreturn, __NR_rt_sigsuspend,
    __NR_rt_sigtimedwait, __NR_rt_tgsigqueueinfo, __NR_sigaltstack, __NR_tgkill, __NR_tkill,
    SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK,
};
use abi::{Errno, Result};
use hal::addr::UserAddr;
use kmem::user;
use pid::siginfo::code;
use pid::sigset::is_signal;
use pid::{SigData, SigInfo, SigSet};
use sync::{WaitMode, WaitQueue};
use task::Cx;
use task::signal::layout::StackT;
use task::signal::{self, Sender, SigAction};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_rt_sigaction, "rt_sigaction", sys_rt_sigaction),
    (__NR_rt_sigprocmask, "rt_sigprocmask", sys_rt_sigprocmask),
    (__NR_rt_sigpending, "rt_sigpending", sys_rt_sigpending),
    (__NR_rt_sigreturn, "rt_sigreturn", sys_rt_sigreturn),
    (__NR_rt_sigsuspend, "rt_sigsuspend", sys_rt_sigsuspend),
    (__NR_rt_sigtimedwait, "rt_sigtimedwait", sys_rt_sigtimedwait),
    (__NR_rt_sigqueueinfo, "rt_sigqueueinfo", sys_rt_sigqueueinfo),
    (
        __NR_rt_tgsigqueueinfo,
        "rt_tgsigqueueinfo",
        sys_rt_tgsigqueueinfo,
    ),
    (__NR_sigaltstack, "sigaltstack", sys_sigaltstack),
    (__NR_kill, "kill", sys_kill),
    (__NR_tkill, "tkill", sys_tkill),
    (__NR_tgkill, "tgkill", sys_tgkill),
    (__NR_pause, "pause", sys_pause),
    (__NR_restart_syscall, "restart_syscall", sys_restart_syscall),
];

fn check_size(size: usize) -> Result<()> {
    if size == size_of::<SigSet>() {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

fn sys_rt_sigaction(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    check_size(a[3])?;
    let new = if a[1] == 0 {
        None
    } else {
        Some(user::read::<SigAction>(UserAddr(a[1]))?)
    };
    let sig = a[0] as i32;
    if !is_signal(sig) {
        return Err(Errno::EINVAL);
    }
    let old = signal::set_action(cx, sig as u32, new)?;
    if a[2] != 0 {
        user::write(UserAddr(a[2]), &old)?;
    }
    Ok(0)
}

fn sys_rt_sigprocmask(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    check_size(a[3])?;
    let old = cx.task.blocked();
    if a[1] != 0 {
        let set = SigSet(user::read::<u64>(UserAddr(a[1]))?);
        let new = match a[0] as u32 {
            SIG_BLOCK => old.or(set),
            SIG_UNBLOCK => old.minus(set),
            SIG_SETMASK => set,
            _ => return Err(Errno::EINVAL),
        };
        signal::set_blocked(&cx.task, new);
    }
    if a[2] != 0 {
        user::write(UserAddr(a[2]), &old.0)?;
    }
    Ok(0)
}

fn sys_rt_sigpending(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[1] > size_of::<SigSet>() {
        return Err(Errno::EINVAL);
    }
    let pending = cx
        .process()
        .pending_set()
        .or(cx.task.pending_set())
        .and(cx.task.blocked());
    user::copy_to_user(UserAddr(a[0]), &pending.0.to_le_bytes()[..a[1]])?;
    Ok(0)
}

fn sys_rt_sigreturn(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    Ok(signal::sigreturn(cx))
}

fn sys_rt_sigsuspend(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    check_size(a[1])?;
    let mask = SigSet(user::read::<u64>(UserAddr(a[0]))?);
    cx.set_mask_for_call(mask);
    wait_for_signal()
}

fn sys_pause(_cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    wait_for_signal()
}

fn wait_for_signal() -> Result<usize> {
    let nothing = WaitQueue::new();
    let _ = nothing.wait::<()>(WaitMode::Interruptible, None, || None); // ends by a signal only
    Err(Errno::ERESTARTNOHAND)
}

fn sys_rt_sigtimedwait(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    check_size(a[3])?;
    let set = SigSet(user::read::<u64>(UserAddr(a[0]))?);
    let until = if a[2] == 0 {
        None
    } else {
        Some(relative(a[2])?)
    };
    let info = signal::wait_for(cx, set, until)?;
    if a[1] != 0 {
        user::copy_to_user(UserAddr(a[1]), &info.encode())?;
    }
    Ok(info.signo as usize)
}

/// The end of a timeout at an address; 0 when it is over at once.
fn relative(at: usize) -> Result<u64> {
    let timeout: Timespec = user::read(UserAddr(at))?;
    let ns = time::clock::from_timespec(&timeout)?;
    Ok(if ns == 0 { 0 } else { deadline(ns) })
}

fn sys_sigaltstack(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let new = if a[0] == 0 {
        None
    } else {
        Some(user::read::<StackT>(UserAddr(a[0]))?)
    };
    let old = signal::frame::altstack_now(cx);
    signal::set_altstack(cx, new)?;
    if a[1] != 0 {
        user::write(UserAddr(a[1]), &old)?;
    }
    Ok(0)
}

fn sys_kill(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (nr, sig) = (a[0] as i32, a[1] as i32);
    let info = sent_by(cx, sig, code::SI_USER);
    let sender = Sender {
        cred: &cx.cred,
        process: cx.process(),
    };
    match nr {
        i32::MIN => return Err(Errno::ESRCH),
        -1 => signal::kill_all(sender, sig, &info)?,
        0 => signal::send_to_group(sender, &*cx.process().group()?, sig, &info)?,
        group if group < 0 => {
            let group = cx.find_group(-group)?;
            signal::send_to_group(sender, &group, sig, &info)?;
        }
        nr if nr == cx.process().local_nr() => {
            signal::send_checked(sender, cx.process(), sig, &info)?;
        }
        nr => signal::send_checked(sender, &*process_or_thread(cx, nr)?, sig, &info)?,
    }
    Ok(0)
}

/// kill(2) takes a thread's number for its process'.
fn process_or_thread(cx: &Cx, nr: i32) -> Result<alloc::sync::Arc<task::Process>> {
    let of_thread = || cx.find_task(nr).map(|task| task.process().clone());
    cx.find_process(nr).or_else(|_| of_thread())
}

pub(crate) fn sent_by(cx: &Cx, sig: i32, code: i32) -> SigInfo {
    let uid = cx.cred.user_ns.uid(cx.cred.uid);
    let data = SigData::Kill {
        pid: cx.process().local_nr(),
        uid,
    };
    SigInfo {
        signo: sig as u32,
        errno: 0,
        code,
        data,
    }
}

fn sys_tkill(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if (a[0] as i32) <= 0 {
        return Err(Errno::EINVAL);
    }
    let info = sent_by(cx, a[1] as i32, code::SI_TKILL);
    to_thread(cx, None, a[0] as i32, a[1] as i32, &info)
}

fn sys_tgkill(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if (a[0] as i32) <= 0 || (a[1] as i32) <= 0 {
        return Err(Errno::EINVAL);
    }
    let info = sent_by(cx, a[2] as i32, code::SI_TKILL);
    to_thread(cx, Some(a[0] as i32), a[1] as i32, a[2] as i32, &info)
}

/// Sends a signal to a thread, which has to belong to `process` if one is named.
fn to_thread(cx: &Cx, process: Option<i32>, tid: i32, sig: i32, info: &SigInfo) -> Result<usize> {
    if sig != 0 && !is_signal(sig) {
        return Err(Errno::EINVAL);
    }
    let target = cx.find_task(tid)?;
    if process.is_some_and(|nr| nr != target.process().nr_in(cx.pids())) {
        return Err(Errno::ESRCH);
    }
    let sender = Sender {
        cred: &cx.cred,
        process: cx.process(),
    };
    signal::send_checked_to_task(sender, &target, sig, info)?;
    Ok(0)
}

/// A siginfo from user space; who pretends to be the kernel or kill(2) may do so to itself only. `EPERM`.
pub(crate) fn queued(sig: i32, at: usize, to_self: bool) -> Result<SigInfo> {
    /// Bytes with a meaning, in all layouts.
    const MEANT: usize = 48;
    let mut bytes = [0; 128];
    user::copy_from_user(&mut bytes[..MEANT], UserAddr(at))?;
    if !is_signal(sig) && sig != 0 {
        return Err(Errno::EINVAL);
    }
    let info = SigInfo::decode(sig as u32, &bytes);
    let pretends = info.code >= 0 || info.code == code::SI_TKILL;
    if pretends && !to_self {
        return Err(Errno::EPERM);
    }
    Ok(info)
}

fn sys_rt_sigqueueinfo(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (nr, sig) = (a[0] as i32, a[1] as i32);
    let info = queued(sig, a[2], nr == cx.process().local_nr())?;
    let sender = Sender {
        cred: &cx.cred,
        process: cx.process(),
    };
    signal::send_checked(sender, &*process_or_thread(cx, nr)?, sig, &info)?;
    Ok(0)
}

fn sys_rt_tgsigqueueinfo(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (tgid, tid, sig) = (a[0] as i32, a[1] as i32, a[2] as i32);
    if tgid <= 0 || tid <= 0 {
        return Err(Errno::EINVAL);
    }
    let info = queued(sig, a[3], tid == cx.task.local_tid())?;
    to_thread(cx, Some(tgid), tid, sig, &info)
}

fn sys_restart_syscall(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    match cx.restart.take() {
        Some(go_on) => go_on(cx),
        None => Err(Errno::EINTR),
    }
}
