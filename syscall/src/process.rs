//! System calls: birth, death, numbers and groups of processes.
use crate::Call;
use abi::process::Rusage;
use abi::raw::{
    __NR_clone, __NR_clone3, __NR_exit, __NR_exit_group, __NR_fork, __NR_get_robust_list,
    __NR_getpgid, __NR_getpgrp, __NR_getpid, __NR_getppid, __NR_getsid, __NR_gettid,
    __NR_personality, __NR_set_robust_list, __NR_set_tid_address, __NR_setpgid, __NR_setsid,
    __NR_vfork, __NR_wait4, __NR_waitid, O_NONBLOCK, P_PID, P_PIDFD, WNOHANG,
};
use abi::raw::{__NR_pidfd_getfd, __NR_pidfd_open, __NR_pidfd_send_signal};
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::addr::UserAddr;
use kmem::user;
use pid::signals::SIGCHLD;
use pid::{SigData, SigInfo};
use task::pidfd::PidFd;
use task::signal::{self, Sender};
use task::times::Usage;
use task::wait::Waited;
use task::wait_match::WaitRequest;
use task::{CloneArgs, Cx, Process, Task, jobs};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_getpid, "getpid", sys_getpid),
    (__NR_gettid, "gettid", sys_gettid),
    (__NR_getppid, "getppid", sys_getppid),
    (__NR_getpgid, "getpgid", sys_getpgid),
    (__NR_getpgrp, "getpgrp", sys_getpgrp),
    (__NR_setpgid, "setpgid", sys_setpgid),
    (__NR_getsid, "getsid", sys_getsid),
    (__NR_setsid, "setsid", sys_setsid),
    (__NR_fork, "fork", sys_fork),
    (__NR_vfork, "vfork", sys_vfork),
    (__NR_clone, "clone", sys_clone),
    (__NR_clone3, "clone3", sys_clone3),
    (__NR_exit, "exit", sys_exit),
    (__NR_exit_group, "exit_group", sys_exit_group),
    (__NR_wait4, "wait4", sys_wait4),
    (__NR_waitid, "waitid", sys_waitid),
    (__NR_set_tid_address, "set_tid_address", sys_set_tid_address),
    (__NR_set_robust_list, "set_robust_list", sys_set_robust_list),
    (__NR_get_robust_list, "get_robust_list", sys_get_robust_list),
    (__NR_personality, "personality", sys_personality),
    (__NR_pidfd_open, "pidfd_open", sys_pidfd_open),
    (
        __NR_pidfd_send_signal,
        "pidfd_send_signal",
        sys_pidfd_send_signal,
    ),
    (__NR_pidfd_getfd, "pidfd_getfd", sys_pidfd_getfd),
];

fn sys_getpid(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    Ok(cx.process().local_nr() as usize)
}

fn sys_gettid(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    Ok(cx.task.local_tid() as usize)
}

fn sys_getppid(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    Ok(cx.process().local_parent_nr() as usize)
}

/// The process that a call names: 0 is the caller's. `ESRCH`.
pub(crate) fn process_of(cx: &Cx, nr: i32) -> Result<Arc<Process>> {
    if nr == 0 {
        Ok(cx.process().clone())
    } else {
        thread_of(cx, nr).map(|task| task.process().clone())
    }
}

/// The thread that a call names: 0 is the caller. `ESRCH`.
pub(crate) fn thread_of(cx: &Cx, nr: i32) -> Result<Arc<Task>> {
    if nr == 0 {
        Ok(cx.task.clone())
    } else {
        cx.find_task(nr)
    }
}

fn sys_getpgid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let process = process_of(cx, a[0] as i32)?;
    if process.is_kernel() {
        return Ok(0);
    }
    Ok(process.group()?.pid().nr_in(cx.pids()) as usize)
}

fn sys_getpgrp(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    Ok(cx.process().group()?.pid().nr_in(cx.pids()) as usize)
}

fn sys_setpgid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (pid, group) = (a[0] as i32, a[1] as i32);
    // A group of 0 is the one with the process' own number.
    if pid < 0 && group == 0 {
        return Err(Errno::EINVAL);
    }
    jobs::set_group(cx.process(), cx.kernel_nr(pid), cx.kernel_nr(group))?;
    Ok(0)
}

fn sys_getsid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let process = process_of(cx, a[0] as i32)?;
    if process.is_kernel() {
        return Ok(0);
    }
    Ok(process.group()?.session().pid().nr_in(cx.pids()) as usize)
}

fn sys_setsid(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    jobs::new_session(cx.process())?;
    Ok(cx.process().local_nr() as usize)
}

fn sys_fork(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    clone(cx, &CloneArgs::fork())
}

fn sys_vfork(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    clone(cx, &CloneArgs::vfork())
}

fn sys_clone(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let args = CloneArgs::legacy(a[0], a[1], a[2], a[3], a[4])?;
    clone(cx, &args)
}

fn clone(cx: &mut Cx, args: &CloneArgs) -> Result<usize> {
    task::clone::clone(cx, args).map(|tid| tid as usize)
}

fn sys_clone3(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const FIRST: usize = 64;
    const KNOWN: usize = 88;
    let (at, size) = (a[0], a[1]);
    if size > abi::PAGE_SIZE {
        return Err(Errno::E2BIG);
    }
    if size < FIRST {
        return Err(Errno::EINVAL);
    }
    let mut bytes = [0u8; KNOWN];
    user::copy_from_user(&mut bytes[..size.min(KNOWN)], UserAddr(at))?;
    require_zero(at + KNOWN, size.saturating_sub(KNOWN))?;
    let mut words = [0u64; 11];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(bytes);
        *word = u64::from_le_bytes(eight);
    }
    let args = CloneArgs::modern(&words)?;
    clone(cx, &args)
}

/// What a newer program passes beyond what is known must be zero. `E2BIG`.
pub(crate) fn require_zero(at: usize, len: usize) -> Result<()> {
    let mut done = 0;
    while done < len {
        let mut chunk = [0u8; 64];
        let n = chunk.len().min(len - done);
        user::copy_from_user(&mut chunk[..n], UserAddr(at + done))?;
        if chunk[..n].iter().any(|&b| b != 0) {
            return Err(Errno::E2BIG);
        }
        done += n;
    }
    Ok(())
}

fn sys_exit(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    task::exit::exit(cx, a[0] as i32);
    Ok(0)
}

fn sys_exit_group(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    task::exit::exit_group(cx, a[0] as i32);
    Ok(0)
}

fn sys_wait4(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let own_group = cx.process().group()?.id();
    let request = WaitRequest::wait4(cx.kernel_nr(a[0] as i32), a[2] as u32, own_group)?;
    let Some(waited) = task::wait::wait(cx, &request)? else {
        return Ok(0);
    };
    if a[1] != 0 {
        user::write(UserAddr(a[1]), &waited.change.status())?;
    }
    write_usage(a[3], &waited)?;
    Ok(waited.pid as usize)
}

fn sys_waitid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let own_group = cx.process().group()?.id();
    let (mut kind, mut id, mut options, mut nonblock) =
        (a[0] as u32, a[1] as i32, a[3] as u32, false);
    if kind == P_PIDFD {
        if id < 0 {
            return Err(Errno::EINVAL);
        }
        let file = cx.files.get(id)?;
        (kind, id) = (P_PID, PidFd::process_of(&file)?.nr());
        // A non-blocking pidfd makes the call fail where it would wait.
        nonblock = file.is_nonblock() && options & WNOHANG == 0;
        options |= if nonblock { WNOHANG } else { 0 };
    } else if id > 0 {
        id = cx.kernel_nr(id);
    }
    let request = WaitRequest::waitid(kind, id, options, own_group)?;
    let result = match task::wait::wait(cx, &request) {
        Ok(None) if nonblock => Err(Errno::EAGAIN),
        other => other,
    };
    let waited = result.as_ref().ok().and_then(Option::as_ref);
    if let Some(waited) = waited {
        write_usage(a[4], waited)?;
    }
    if a[2] != 0 {
        // Nothing to tell, or an error: the fields that a caller looks at are zero.
        let info = waited.map_or([0; 128], |w| child_info(cx, w).encode());
        user::copy_to_user(UserAddr(a[2]), &info[..CHILD_INFO_LEN])?;
    }
    result.map(|_| 0)
}

/// Bytes of a siginfo that tell of a child: up to its status.
const CHILD_INFO_LEN: usize = 28;

fn child_info(cx: &Cx, waited: &Waited) -> SigInfo {
    let (code, status) = waited.change.code_and_status();
    let data = SigData::Child {
        pid: waited.pid,
        uid: cx.cred.user_ns.uid(waited.uid),
        status,
        utime: 0,
        stime: 0,
    };
    SigInfo {
        signo: SIGCHLD,
        errno: 0,
        code,
        data,
    }
}

fn write_usage(at: usize, waited: &Waited) -> Result<()> {
    if at == 0 {
        Ok(())
    } else {
        user::write(UserAddr(at), &encode_usage(&waited.usage))
    }
}

/// A usage as getrusage(2) has it.
pub(crate) fn encode_usage(usage: &Usage) -> Rusage {
    Rusage {
        utime: crate::time::timeval(usage.user_ns),
        stime: crate::time::timeval(usage.system_ns),
        maxrss: (usage.max_rss_pages * 4) as i64,
        minflt: usage.minor_faults as i64,
        majflt: usage.major_faults as i64,
        nvcsw: usage.voluntary as i64,
        nivcsw: usage.involuntary as i64,
        ..Rusage::default()
    }
}

fn sys_set_tid_address(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.clear_child_tid = a[0];
    Ok(cx.task.local_tid() as usize)
}

const ROBUST_HEAD_SIZE: usize = 24;

fn sys_set_robust_list(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[1] != ROBUST_HEAD_SIZE {
        return Err(Errno::EINVAL);
    }
    cx.task.set_robust_list(a[0]);
    Ok(0)
}

fn sys_get_robust_list(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let task = thread_of(cx, a[0] as i32)?;
    if !may_inspect(cx, &task)? {
        return Err(Errno::EPERM);
    }
    user::write(UserAddr(a[2]), &ROBUST_HEAD_SIZE)?;
    user::write(UserAddr(a[1]), &task.robust_list())?;
    Ok(0)
}

/// Whether the caller may look into another task (ptrace(2), "Ptrace access mode checking", real ids).
pub(crate) fn may_inspect(cx: &Cx, task: &Task) -> Result<bool> {
    if Arc::ptr_eq(task.process(), cx.process()) {
        return Ok(true);
    }
    let dumpable = task.process().is_dumpable();
    Ok(cx
        .cred
        .may_look(&*task.cred()?, cred::LookBy::Real, dumpable))
}

/// Only uname(2) tells it from the plain personality (linux32(8)).
pub(crate) const PER_LINUX32: u32 = 8;

fn sys_personality(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    /// `FDPIC_FUNCPTRS`, `ADDR_LIMIT_32BIT`, `SHORT_INODE`, `WHOLE_SECONDS`: nothing comes of them on x86-64.
    const IDLE: u32 = 0x0388_0000;
    /// `ADDR_NO_RANDOMIZE`, `STICKY_TIMEOUTS`, and the plain Linux personality or the one that calls the machine i686.
    const KNOWN: u32 = 0x0404_0000 | IDLE | PER_LINUX32;
    let old = cx.personality;
    let new = a[0] as u32;
    if new != u32::MAX {
        if new & !KNOWN != 0 {
            return Err(Errno::EINVAL);
        }
        cx.personality = new;
    }
    Ok(old as usize)
}

fn install(cx: &Cx, file: Arc<vfs::File>) -> Result<usize> {
    let limit = cx.process().limits().cur(cred::Resource::Nofile);
    cx.files
        .alloc(0, limit, file, vfs::OnExec::Close)
        .map(|fd| fd as usize)
}

fn sys_pidfd_open(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (nr, flags) = (a[0] as i32, a[1] as u32);
    if flags & !O_NONBLOCK != 0 || nr <= 0 {
        return Err(Errno::EINVAL);
    }
    // A thread that is not its process' first cannot be named so.
    let process = cx.find_process(nr).map_err(|_| match cx.find_task(nr) {
        Ok(_) => Errno::EINVAL,
        Err(error) => error,
    })?;
    let file = PidFd::create(process, flags & O_NONBLOCK != 0, &cx.cred)?;
    install(cx, file)
}

fn sys_pidfd_send_signal(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[3] != 0 {
        return Err(Errno::EINVAL);
    }
    let process = PidFd::receiver(&*cx.files.get(a[0] as i32)?)?;
    let sig = a[1] as i32;
    if sig != 0 && !pid::sigset::is_signal(sig) {
        return Err(Errno::EINVAL);
    }
    let to_self = Arc::ptr_eq(&process, cx.process());
    let info = if a[2] == 0 {
        crate::signal::sent_by(cx, sig, pid::siginfo::code::SI_USER)
    } else if user::read::<i32>(UserAddr(a[2]))? == sig {
        crate::signal::queued(sig, a[2], to_self)?
    } else {
        return Err(Errno::EINVAL);
    };
    if !process.pid().is_live() {
        return Err(Errno::ESRCH);
    }
    signal::send_checked(
        Sender {
            cred: &cx.cred,
            process: cx.process(),
        },
        &process,
        sig,
        &info,
    )?;
    Ok(0)
}

fn sys_pidfd_getfd(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[2] != 0 {
        return Err(Errno::EINVAL);
    }
    let process = PidFd::process_of(&*cx.files.get(a[0] as i32)?)?;
    let leader = process.leader().ok_or(Errno::ESRCH)?;
    if !may_inspect(cx, &leader)? {
        return Err(Errno::EPERM);
    }
    let file = leader.files().ok_or(Errno::ESRCH)?.get(a[1] as i32)?;
    install(cx, file)
}
