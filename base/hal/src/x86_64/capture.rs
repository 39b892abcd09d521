//! The registers where a bug was noticed by software: a panic of Rust code has no trap whose frame would hold them.

use core::arch::global_asm;
use core::mem::offset_of;

use super::backtrace;
use super::frame::{FRAME_SIZE, UserRegs};
use super::patch;
use super::traps::TrapFrame;

// registers_call(given, shim): calls shim(frame, given) with all registers as the caller left them in the frame.
global_asm!(
    ".text",
    ".balign 16",
    ".global registers_call",
    "registers_call:",
    "pushfq",
    "sub rsp, {size}",
    "mov [rsp + {r15}], r15",
    "mov [rsp + {r14}], r14",
    "mov [rsp + {r13}], r13",
    "mov [rsp + {r12}], r12",
    "mov [rsp + {rbp}], rbp",
    "mov [rsp + {rbx}], rbx",
    "mov [rsp + {r11}], r11",
    "mov [rsp + {r10}], r10",
    "mov [rsp + {r9}], r9",
    "mov [rsp + {r8}], r8",
    "mov [rsp + {rax}], rax",
    "mov [rsp + {rcx}], rcx",
    "mov [rsp + {rdx}], rdx",
    "mov [rsp + {rsi}], rsi",
    "mov [rsp + {rdi}], rdi",
    "mov qword ptr [rsp + {orig_rax}], -1",
    "mov qword ptr [rsp + {vector}], 0",
    "mov rax, [rsp + {size}]", // the flags
    "mov [rsp + {rflags}], rax",
    "mov rax, [rsp + {size} + 8]", // the return address
    "mov [rsp + {rip}], rax",
    "lea rax, [rsp + {size} + 16]",
    "mov [rsp + {rsp}], rax",
    "mov eax, cs",
    "mov [rsp + {cs}], rax",
    "mov eax, ss",
    "mov [rsp + {ss}], rax",
    "mov rax, rsi",
    "mov rsi, rdi",
    "mov rdi, rsp",
    "call rax",
    "ud2",
    size = const FRAME_SIZE,
    vector = const offset_of!(UserRegs, vector),
    r15 = const offset_of!(UserRegs, r15),
    r14 = const offset_of!(UserRegs, r14),
    r13 = const offset_of!(UserRegs, r13),
    r12 = const offset_of!(UserRegs, r12),
    rbp = const offset_of!(UserRegs, rbp),
    rbx = const offset_of!(UserRegs, rbx),
    r11 = const offset_of!(UserRegs, r11),
    r10 = const offset_of!(UserRegs, r10),
    r9 = const offset_of!(UserRegs, r9),
    r8 = const offset_of!(UserRegs, r8),
    rax = const offset_of!(UserRegs, rax),
    rcx = const offset_of!(UserRegs, rcx),
    rdx = const offset_of!(UserRegs, rdx),
    rsi = const offset_of!(UserRegs, rsi),
    rdi = const offset_of!(UserRegs, rdi),
    orig_rax = const offset_of!(UserRegs, orig_rax),
    rip = const offset_of!(UserRegs, rip),
    cs = const offset_of!(UserRegs, cs),
    rflags = const offset_of!(UserRegs, rflags),
    rsp = const offset_of!(UserRegs, rsp),
    ss = const offset_of!(UserRegs, ss),
);

unsafe extern "C" {
    fn registers_call(
        given: *const (),
        shim: unsafe extern "C" fn(&mut TrapFrame, *const ()) -> !,
    ) -> !;
}

struct Given<'a, T> {
    to: fn(&mut TrapFrame, &T) -> !,
    data: &'a T,
}

unsafe extern "C" fn shim<T>(frame: &mut TrapFrame, given: *const ()) -> ! {
    // SAFETY: `with_registers` passes its own, which lives as long as the call does.
    let given = unsafe { &*given.cast::<Given<'_, T>>() };
    (given.to)(frame, given.data)
}

/// Calls `to` with the registers as they are here. Those that a call preserves are still what the callers left in them;
/// the others hold what they happen to hold.
#[inline(always)]
pub fn with_registers<T>(data: &T, to: fn(&mut TrapFrame, &T) -> !) -> ! {
    let given = Given { to, data };
    // SAFETY: the assembly keeps the ABI and does not return.
    unsafe { registers_call((&raw const given).cast(), shim::<T>) }
}

/// Makes the frame that of the first caller up the stack whose return address is `wanted`: where it stands, its stack and frame
/// pointer. The frame stays as it is if there is none.
pub fn unwind_to(frame: &mut TrapFrame, mut wanted: impl FnMut(usize) -> bool) {
    let mut found = None;
    backtrace::walk_frames(frame.rbp as usize, |caller| {
        if found.is_none() && wanted(caller.address) {
            found = Some(*caller);
        }
    });
    if let Some(caller) = found {
        frame.rip = call_before(caller.address) as u64;
        frame.rsp = caller.stack_pointer as u64;
        frame.rbp = caller.frame_pointer as u64;
    }
}

/// The call that returns to `address`, where it is one of the usual form; else some byte inside of it.
fn call_before(address: usize) -> usize {
    const CALL: u8 = 0xe8;
    const CALL_LEN: usize = 5;
    match patch::read_text(address - CALL_LEN) {
        Some(CALL) => address - CALL_LEN,
        _ => address - 1,
    }
}
