//! The alternate signal stack.
use crate::cx::{AltStack, Cx, SS_AUTODISARM};
use crate::signal::layout::StackT;
use abi::raw::{MINSIGSTKSZ, SS_DISABLE, SS_ONSTACK};
use abi::{Errno, Result};

/// sigaltstack(2) with a new stack.
///
/// # Errors
/// `EPERM`: the task runs on the present one. `EINVAL`: unknown flags. `ENOMEM`: too small.
pub fn set_altstack(cx: &mut Cx, new: Option<StackT>) -> Result<()> {
    let Some(new) = new else { return Ok(()) };
    if cx.altstack.size != 0 && cx.altstack.in_use(cx.regs.rsp as usize) {
        return Err(Errno::EPERM);
    }
    let mode = new.flags & !SS_AUTODISARM;
    if mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0 {
        return Err(Errno::EINVAL);
    }
    cx.altstack = if mode == SS_DISABLE {
        AltStack {
            flags: new.flags,
            ..AltStack::NONE
        }
    } else if new.size < MINSIGSTKSZ as usize {
        return Err(Errno::ENOMEM);
    } else {
        AltStack {
            base: new.sp,
            size: new.size,
            flags: new.flags,
        }
    };
    Ok(())
}
