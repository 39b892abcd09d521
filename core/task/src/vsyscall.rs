//! The page of system calls at a fixed address, which programs from before the vDSO call.
//!
//! `vsyscall=xonly` or `vsyscall=emulate` on the command line gives every process `[vsyscall]` at `0xffffffffff600000`. Nothing
//! is mapped there: a program that jumps to one of the three entries faults, and the fault makes the call and returns for it.
//! It can't be read, which Linux' `emulate` would allow. Without the option there is no such page, as with Debian's kernel.
//!
//! Specification: Linux' Documentation/admin-guide/kernel-parameters.rst (`vsyscall=`), the x86-64 psABI's appendix on vsyscalls.
use crate::calls;
use crate::cx::Cx;
use core::sync::atomic::{AtomicBool, Ordering};
use hal::addr::UserAddr;
use mm::{VmFlags, VmaInfo};

const PAGE: usize = 0xffff_ffff_ff60_0000;
/// gettimeofday(2), time(2), getcpu(2): an entry each 1024 bytes.
const CALLS: [u64; 3] = [96, 201, 309];
const STRIDE: usize = 1024;

static THERE: AtomicBool = AtomicBool::new(false);

/// Takes an option of the command line, if it is `vsyscall=`.
pub fn boot_option(key: &str, value: Option<&str>) -> bool {
    match (key, value) {
        ("vsyscall", Some("xonly" | "emulate")) => THERE.store(true, Ordering::Relaxed),
        ("vsyscall", Some("none")) => THERE.store(false, Ordering::Relaxed),
        ("vsyscall", _) => trace::pr_warn!("vsyscall= is xonly, emulate or none"),
        _ => return false,
    }
    true
}

/// The page as an area behind all others, if there is one.
pub fn area() -> Option<VmaInfo<'static>> {
    THERE.load(Ordering::Relaxed).then_some(VmaInfo {
        start: PAGE,
        end: PAGE + abi::PAGE_SIZE,
        flags: VmFlags::EXEC,
        offset: 0,
        object: None,
        has_anon: false,
        name: Some("[vsyscall]"),
    })
}

/// Makes the call of an entry and returns to who called it, if user mode went on at `addr` and that is an entry; else, or if
/// there is no stack to return by or no memory for the result, false: the fault is one.
pub(crate) fn emulate(cx: &mut Cx, addr: u64) -> bool {
    if !THERE.load(Ordering::Relaxed) || addr != cx.regs.rip {
        return false;
    }
    let Some(offset) = (addr as usize).checked_sub(PAGE) else {
        return false;
    };
    let Some(&number) = CALLS.get(offset / STRIDE) else {
        return false;
    };
    if offset % STRIDE != 0 {
        return false;
    }
    let Ok(caller) = kmem::user::read::<u64>(UserAddr(cx.regs.rsp as usize)) else {
        return false;
    };
    cx.regs.orig_rax = number;
    let result = calls::call(cx.calls, cx);
    cx.regs.orig_rax = u64::MAX; // nothing is made again by the way back
    if result == abi::Errno::EFAULT.as_ret() as u64 {
        return false;
    }
    cx.regs.rax = result;
    cx.regs.rip = caller;
    cx.regs.rsp += 8;
    true
}
