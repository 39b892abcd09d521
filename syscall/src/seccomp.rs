//! System calls: seccomp(2), and what of prctl(2) is the same.
use crate::Call;
use ::socket::FilterProgram;
use abi::ptrace::{
    SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_TSYNC,
    SECCOMP_FILTER_FLAG_TSYNC_ESRCH, SECCOMP_GET_ACTION_AVAIL, SECCOMP_MODE_FILTER,
    SECCOMP_MODE_STRICT, SECCOMP_SET_MODE_FILTER, SECCOMP_SET_MODE_STRICT,
};
use abi::raw::__NR_seccomp;
use abi::{Errno, Result};
use cred::cap;
use kmem::user::{self, UserAddr};
use task::Cx;
use task::seccomp::{self, How, action};

/// This family.
pub(crate) const CALLS: &[Call] = &[(__NR_seccomp, "seccomp", sys_seccomp)];

/// EINVAL, EFAULT, EACCES, ENOMEM, EOPNOTSUPP, ESRCH.
fn sys_seccomp(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (operation, flags, at) = (a[0] as u32, a[1] as u32, a[2]);
    match operation {
        SECCOMP_SET_MODE_STRICT if flags == 0 && at == 0 => seccomp::set_strict(cx).map(|()| 0),
        SECCOMP_SET_MODE_FILTER => add_filter(cx, flags, at),
        SECCOMP_GET_ACTION_AVAIL if flags == 0 => {
            let asked: u32 = user::read(UserAddr(at))?;
            match action::ALL.contains(&asked) {
                true => Ok(0),
                false => Err(Errno::EOPNOTSUPP),
            }
        }
        _ => Err(Errno::EINVAL),
    }
}

/// `PR_SET_SECCOMP`.
pub(crate) fn set_mode(cx: &mut Cx, mode: usize, at: usize) -> Result<usize> {
    match u32::try_from(mode) {
        Ok(SECCOMP_MODE_STRICT) => seccomp::set_strict(cx).map(|()| 0),
        Ok(SECCOMP_MODE_FILTER) => add_filter(cx, 0, at),
        _ => Err(Errno::EINVAL),
    }
}

/// Filters that another process answers for (`SECCOMP_FILTER_FLAG_NEW_LISTENER`) are not there.
fn add_filter(cx: &mut Cx, flags: u32, at: usize) -> Result<usize> {
    const KNOWN: u32 = SECCOMP_FILTER_FLAG_TSYNC
        | SECCOMP_FILTER_FLAG_LOG
        | SECCOMP_FILTER_FLAG_SPEC_ALLOW
        | SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
    if flags & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let program: FilterProgram = user::read(UserAddr(at))?;
    program.instructions()?;
    // A program that gains privileges must not run under somebody else's filter.
    if !cx.task.no_new_privs() && !cx.cred.has_cap(cap::SYS_ADMIN) {
        return Err(Errno::EACCES);
    }
    let program = program.fetch()?;
    if !program.fits_calls() {
        return Err(Errno::EINVAL);
    }
    let how = How {
        log: flags & SECCOMP_FILTER_FLAG_LOG != 0,
        all_threads: flags & SECCOMP_FILTER_FLAG_TSYNC != 0,
    };
    match seccomp::add_filter(cx, program, how)? {
        None => Ok(0),
        Some(_) if flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH != 0 => Err(Errno::ESRCH),
        Some(thread) => Ok(thread as usize),
    }
}
