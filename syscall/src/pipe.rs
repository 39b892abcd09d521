//! System calls: pipe(2), pipe2(2).
use crate::Call;
use abi::{Result, raw};
use cred::Resource;
use kmem::user::{self, UserAddr};
use task::Cx;
use vfs::OnExec;

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (raw::__NR_pipe, "pipe", sys_pipe),
    (raw::__NR_pipe2, "pipe2", sys_pipe2),
];

/// pipe(2). EFAULT, EMFILE, ENOMEM.
fn sys_pipe(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    new_pipe(cx, UserAddr(a[0]), 0)
}

/// pipe2(2). EINVAL, EFAULT, EMFILE, ENOMEM.
fn sys_pipe2(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    new_pipe(cx, UserAddr(a[0]), a[1] as u32)
}

fn new_pipe(cx: &Cx, fds: UserAddr, flags: u32) -> Result<usize> {
    let (reader, writer) = pipe::pipe2(flags, &cx.cred)?;
    let limit = cx.process().limits().cur(Resource::Nofile);
    let on_exec = OnExec::from_flag(flags & raw::O_CLOEXEC != 0);
    let first = cx.files.reserve(0, limit, on_exec)?;
    let second = cx.files.reserve(0, limit, on_exec)?;
    // The numbers are told before they mean anything: a fault then leaves nothing open.
    user::write(fds, &[first.fd(), second.fd()])?;
    first.install(reader);
    second.install(writer);
    Ok(0)
}
