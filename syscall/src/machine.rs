//! System calls: what only this machine has: segment bases, `cpuid`, I/O ports.
//!
//! No program is let at ports: iopl(2) and ioperm(2) answer as on a Linux that is locked down (kernel_lockdown(7)).
use crate::Call;
use abi::raw::{__NR_arch_prctl, __NR_ioperm, __NR_iopl};
use abi::{Errno, Result};
use hal::addr::UserAddr;
use kmem::user;
use task::Cx;

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_arch_prctl, "arch_prctl", sys_arch_prctl),
    (__NR_iopl, "iopl", sys_iopl),
    (__NR_ioperm, "ioperm", sys_ioperm),
];

pub(crate) const ARCH_SET_GS: u32 = 0x1001;
pub(crate) const ARCH_SET_FS: u32 = 0x1002;
pub(crate) const ARCH_GET_FS: u32 = 0x1003;
pub(crate) const ARCH_GET_GS: u32 = 0x1004;
const ARCH_GET_CPUID: u32 = 0x1011;
const ARCH_SET_CPUID: u32 = 0x1012;

/// `EPERM`: a base that is no user address; `EFAULT`; `ENODEV`: `cpuid` cannot be made to fault; `EINVAL`.
fn sys_arch_prctl(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let context = cx.context();
    let done = |ok: bool| if ok { Ok(0) } else { Err(Errno::EPERM) };
    match a[0] as u32 {
        ARCH_SET_FS => done(context.set_fs_base(a[1] as u64)),
        ARCH_SET_GS => done(context.set_gs_base(a[1] as u64)),
        which @ (ARCH_GET_FS | ARCH_GET_GS) => {
            let (fs, gs) = context.user_bases().ok_or(Errno::EINVAL)?;
            user::write(UserAddr(a[1]), if which == ARCH_GET_FS { &fs } else { &gs })?;
            Ok(0)
        }
        ARCH_GET_CPUID => Ok(1),
        ARCH_SET_CPUID => Err(Errno::ENODEV),
        _ => Err(Errno::EINVAL),
    }
}

/// `EINVAL`: no level; `EPERM`: one above 0.
fn sys_iopl(_cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    match a[0] as u32 {
        0 => Ok(0),
        1..=3 => Err(Errno::EPERM),
        _ => Err(Errno::EINVAL),
    }
}

/// `EINVAL`: not a range of ports; `EPERM`: they are to be given.
fn sys_ioperm(_cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const PORTS: usize = 65536;
    let end = a[0].checked_add(a[1]).ok_or(Errno::EINVAL)?;
    if a[1] == 0 || end > PORTS {
        return Err(Errno::EINVAL);
    }
    if a[2] as u32 == 0 {
        Ok(0)
    } else {
        Err(Errno::EPERM)
    }
}
