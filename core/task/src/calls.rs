//! The table of system calls that the syscall crate hands down, and one call by a table.
use crate::cx::{CALLS_LEN, CallTable, Cx};
use abi::{Errno, Result};
use sync::Once;

fn no_such_call(_: &mut Cx, _: &[usize; 6]) -> Result<usize> {
    Err(Errno::ENOSYS)
}

static NO_CALLS: CallTable = CallTable {
    calls: [no_such_call; CALLS_LEN],
    beyond: no_such_call,
};
static CALLS: Once<&'static CallTable> = Once::new();

/// Sets what the system calls are; once, before process 1, by the syscall crate.
pub fn set_syscalls(calls: &'static CallTable) {
    let _ = CALLS.set(calls); // the first ones stay
}

/// The system calls of a thread that may make all of them: process 1's, and its children's from there on.
pub(crate) fn plain() -> &'static CallTable {
    CALLS.get().copied().unwrap_or(&NO_CALLS)
}

/// Makes the call that the registers ask for; what is to stand in `rax`.
#[inline(always)]
pub(crate) fn call(table: &'static CallTable, cx: &mut Cx) -> u64 {
    let r = &cx.regs;
    let args = [
        r.rdi as usize,
        r.rsi as usize,
        r.rdx as usize,
        r.r10 as usize,
        r.r8 as usize,
        r.r9 as usize,
    ];
    // The number is an unsigned int to Linux: the upper half of the register is ignored.
    let nr = r.orig_rax as u32 as usize;
    let handler = table.handler(nr);
    match handler(cx, &args) {
        Ok(value) => value as u64,
        Err(e) => e.as_ret() as u64,
    }
}
