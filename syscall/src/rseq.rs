//! System calls: rseq(2).
use crate::Call;
use abi::raw::__NR_rseq;
use abi::{Errno, Result};
use kmem::user::{self, UserAddr};
use task::Cx;
use task::rseq::{self, Registration, SIZE};

/// This family.
pub(crate) const CALLS: &[Call] = &[(__NR_rseq, "rseq", sys_rseq)];

const UNREGISTER: u32 = 1;

/// EINVAL; EPERM: another signature; EBUSY: registered already; EFAULT.
fn sys_rseq(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (at, len, flags, signature) = (a[0], a[1] as u32 as usize, a[2] as u32, a[3] as u32);
    let is_registered = cx.rseq.at != 0;
    let known = is_registered && cx.rseq.at == at && len == SIZE;
    match flags {
        UNREGISTER if !known => Err(Errno::EINVAL),
        0 if is_registered && !known => Err(Errno::EINVAL),
        0 | UNREGISTER if is_registered && cx.rseq.signature != signature => Err(Errno::EPERM),
        UNREGISTER => rseq::unregister(cx).map(|()| 0),
        0 if is_registered => Err(Errno::EBUSY),
        0 if len != SIZE || !at.is_multiple_of(SIZE) => Err(Errno::EINVAL),
        0 => {
            user::check(UserAddr(at), SIZE)?;
            rseq::register(cx, Registration { at, signature });
            Ok(0)
        }
        _ => Err(Errno::EINVAL),
    }
}
