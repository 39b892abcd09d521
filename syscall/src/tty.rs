//! System calls: tty.
use crate::Call;
use abi::{Result, raw};
use task::Cx;

/// This family.
pub(crate) const CALLS: &[Call] = &[(raw::__NR_vhangup, "vhangup", sys_vhangup)];

/// vhangup(2). EPERM.
fn sys_vhangup(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    cx.cred.require(cred::cap::SYS_TTY_CONFIG)?;
    tty::vhangup();
    Ok(0)
}
