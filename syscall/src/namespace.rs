//! System calls: namespaces left and entered; whether two tasks share something.
use crate::Call;
use crate::process::{may_inspect, thread_of};
use abi::raw::{
    __NR_kcmp, __NR_setns, __NR_unshare, CLONE_FILES, CLONE_FS, CLONE_NEWIPC, CLONE_NEWNS,
    CLONE_NEWUSER, CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD, CLONE_VM,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::cmp::Ordering;
use sync::Once;
use task::clone_flags::NAMESPACES;
use task::pidfd::PidFd;
use task::{Cx, Task, nsfs, setns};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_unshare, "unshare", sys_unshare),
    (__NR_setns, "setns", sys_setns),
    (__NR_kcmp, "kcmp", sys_kcmp),
];

fn sys_unshare(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const SHARED: u32 =
        CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
    let flags = a[0] as u32;
    let kinds = task::ns::flags();
    let alone = cx.process().thread_count() == 1;
    if flags & !(SHARED | kinds) != 0
        || (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM) != 0 && !alone)
    {
        return Err(Errno::EINVAL);
    }
    if flags & kinds != 0 {
        setns::leave(cx, flags & kinds)?;
    }
    if flags & (CLONE_SYSVSEM | CLONE_NEWIPC) != 0 {
        sysvipc::owned::leave_undo_list(cx)?;
    }
    if flags & (CLONE_FS | CLONE_NEWNS | CLONE_NEWUSER) == CLONE_FS {
        let fs = cx.fs.try_clone()?;
        cx.set_fs(fs);
    }
    if flags & CLONE_FILES != 0 {
        let files = cx.files.try_clone()?;
        cx.set_files(files);
    }
    Ok(0)
}

fn sys_setns(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let kind = a[1] as u32;
    let file = cx.files.get_io(a[0] as i32)?;
    if let Some(ns) = nsfs::of_file(&file) {
        if kind != 0 && kind != ns.flag() {
            return Err(Errno::EINVAL);
        }
        let changes = ns.flag();
        setns::enter(cx, ns)?;
        leave_semaphores(cx, changes)?;
    } else {
        let process = PidFd::process_of(&file).map_err(|_| Errno::EINVAL)?;
        if kind == 0 || kind & !NAMESPACES != 0 || kind & !setns::kinds() != 0 {
            return Err(Errno::EINVAL);
        }
        let leader = process.leader().ok_or(Errno::ESRCH)?;
        if !may_inspect(cx, &leader)? {
            return Err(Errno::EPERM);
        }
        setns::enter_all(cx, &process, kind)?;
        leave_semaphores(cx, kind)?;
    }
    Ok(0)
}

/// Who enters another IPC namespace leaves what it wanted undone in the one before.
fn leave_semaphores(cx: &mut Cx, kinds: u32) -> Result<()> {
    if kinds & CLONE_NEWIPC != 0 {
        sysvipc::owned::leave_undo_list(cx)?;
    }
    Ok(())
}

/// Types of kcmp(2).
mod kcmp {
    pub(super) const FILE: u32 = 0;
    pub(super) const VM: u32 = 1;
    pub(super) const FILES: u32 = 2;
    pub(super) const FS: u32 = 3;
    pub(super) const SIGHAND: u32 = 4;
    pub(super) const IO: u32 = 5;
    pub(super) const SYSVSEM: u32 = 6;
    pub(super) const EPOLL_TFD: u32 = 7;
}

fn sys_kcmp(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (one, other) = (thread_named(cx, a[0])?, thread_named(cx, a[1])?);
    if !may_inspect(cx, &one)? || !may_inspect(cx, &other)? {
        return Err(Errno::EPERM);
    }
    let what = a[2] as u32;
    let address = |task: &Task, fd: usize| -> Result<usize> {
        Ok(match what {
            kcmp::FILE => {
                let files = task.files().ok_or(Errno::EBADF)?;
                Arc::as_ptr(&files.get(fd as i32)?).addr()
            }
            kcmp::VM => task.mm().map_or(0, |mm| Arc::as_ptr(&mm).addr()),
            kcmp::FILES => task.files().map_or(0, |files| files.id() as usize),
            kcmp::FS => task.fs().map_or(0, |fs| Arc::as_ptr(&fs).addr()),
            kcmp::SIGHAND => Arc::as_ptr(&task.process().sighand()).addr(),
            // Nothing to compare: there are no such objects.
            kcmp::IO | kcmp::SYSVSEM | kcmp::EPOLL_TFD => return Err(Errno::EOPNOTSUPP),
            _ => return Err(Errno::EINVAL),
        })
    };
    let order = disguised(address(&one, a[3])?).cmp(&disguised(address(&other, a[4])?));
    Ok(match order {
        Ordering::Equal => 0,
        Ordering::Less => 1,
        Ordering::Greater => 2,
    })
}

/// kcmp(2) has no 0 for the caller.
fn thread_named(cx: &Cx, nr: usize) -> Result<Arc<Task>> {
    match nr as i32 {
        0 => Err(Errno::ESRCH),
        nr => thread_of(cx, nr),
    }
}

/// An address so that its order tells nothing of where it is, and stays the same.
fn disguised(address: usize) -> u64 {
    static SECRET: Once<[u64; 2]> = Once::new();
    let secret = SECRET.get_or_init(|| [random::next_u64(), random::next_u64() | 1]);
    (address as u64 ^ secret[0]).wrapping_mul(secret[1])
}
