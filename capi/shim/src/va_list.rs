//! Functions with variable arguments. Stable Rust can't define one, so each has a few instructions in front that lay the
//! registers out as the ABI's `va_list` wants them and pass a pointer to it.
//!
//! Specification: System V ABI, AMD64 supplement, 3.5.7. Floating-point registers are never used: callers are compiled
//! without them and don't set AL.
use crate::foreign;

/// `va_list`'s element.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct VaList {
    gp_offset: u32,
    fp_offset: u32,
    overflow: usize,
    registers: usize,
}

/// Bytes of the six registers in the save area.
const REGISTERS: u32 = 48;

impl VaList {
    /// The next argument; 0 when the list lies where nothing is.
    pub(crate) fn next(&mut self) -> u64 {
        let at = if self.gp_offset < REGISTERS {
            self.gp_offset += 8;
            self.registers.wrapping_add(self.gp_offset as usize - 8)
        } else {
            self.overflow += 8;
            self.overflow - 8
        };
        foreign::read_u64(at).unwrap_or(0)
    }
}

/// Defines exported functions with variable arguments: `name(fixed) => target`. `target` gets the `fixed` first
/// arguments and, after them, a pointer to the [`VaList`] of the others.
macro_rules! variadic {
    ($($(#[$doc:meta])* $name:ident($fixed:literal, $list:literal) => $target:ident;)*) => {$(
        $(#[$doc])*
        #[unsafe(naked)]
        pub(crate) unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                "push rbp",
                "mov rbp, rsp",
                "sub rsp, 80",
                "and rsp, -16",
                "mov [rsp], rdi",
                "mov [rsp + 8], rsi",
                "mov [rsp + 16], rdx",
                "mov [rsp + 24], rcx",
                "mov [rsp + 32], r8",
                "mov [rsp + 40], r9",
                "mov dword ptr [rsp + 48], {gp}",
                "mov dword ptr [rsp + 52], 48",
                "lea rax, [rbp + 16]",
                "mov [rsp + 56], rax",
                "mov [rsp + 64], rsp",
                concat!("lea ", $list, ", [rsp + 48]"),
                "call {target}",
                "leave",
                "ret",
                gp = const $fixed * 8,
                target = sym $target,
            );
        }
    )*};
}
pub(crate) use variadic;
