//! The registers at a trap, from user mode or the kernel: what `entry.s` builds and unwinds.

use core::mem::{offset_of, size_of};

use super::descriptors::{USER_CS, USER_SS};
use super::paging::USER_END;

/// The registers of a thread in user mode. From `r15` to `ss` it has the layout of Linux' `struct pt_regs`
/// ([`UserRegs::AS_PT_REGS`]).
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the registers' own names")]
pub struct UserRegs {
    /// Scratch for the entry code: the last trap's vector.
    pub vector: u64,
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    /// The system call's number; -1 after any other trap.
    pub orig_rax: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

const _: () = assert!(size_of::<UserRegs>() == FRAME_SIZE && FRAME_SIZE.is_multiple_of(16));
pub(crate) const FRAME_SIZE: usize = 176;

/// Flags that user mode may have set: CF PF AF ZF SF TF DF OF RF AC ID (and the always-on bit 1).
const USER_FLAGS: u64 = 0x0025_0dd5;
const INTERRUPT_FLAG: u64 = 1 << 9;
/// Flags that decide whether sysret may be used: all but those that it sets as iret would.
pub(crate) const SYSRET_FLAGS_MASK: u32 = !0x0024_0cd7;

impl UserRegs {
    /// Offset and length in bytes of the part that is laid out like `struct pt_regs`.
    pub const AS_PT_REGS: (usize, usize) = (offset_of!(UserRegs, r15), 21 * 8);
    /// `cs` in 64-bit user mode.
    pub const USER_CS: u64 = USER_CS as u64;
    /// `ss` in user mode.
    pub const USER_SS: u64 = USER_SS as u64;

    /// Flags that a program may set with `popf`, and its tracer for it: CF PF AF ZF SF TF DF OF RF AC.
    pub const CHANGEABLE_FLAGS: u64 = 0x0005_0dd5;
    /// The trap flag: a trap after each instruction.
    pub const TRAP_FLAG: u64 = 1 << 8;
    /// The resume flag: no trap on the address of the next instruction.
    pub const RESUME_FLAG: u64 = 1 << 16;

    /// The registers with which a program starts.
    #[must_use]
    pub fn start(rip: u64, rsp: u64) -> Self {
        Self {
            rip,
            rsp,
            cs: Self::USER_CS,
            ss: Self::USER_SS,
            rflags: INTERRUPT_FLAG,
            orig_rax: u64::MAX,
            ..Self::default()
        }
    }
}

/// Makes `regs` such that iret can't fault. Zero when `rip` isn't one that user mode can have.
pub(crate) extern "C" fn prepare_iret(regs: &mut UserRegs) -> u32 {
    regs.cs = UserRegs::USER_CS;
    regs.ss = UserRegs::USER_SS;
    regs.rflags = regs.rflags & USER_FLAGS | INTERRUPT_FLAG | 2;
    u32::from(regs.rip < USER_END as u64)
}
