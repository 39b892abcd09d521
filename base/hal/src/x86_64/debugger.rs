//! A place where a debugger outside of the machine stops (`gaon debug`), as programs' debuggers do in `_dl_debug_state` of the
//! dynamic linker: what it wants to know is in the registers.

use core::arch::global_asm;

// rdi: where the module stands; rsi, rdx: its name and the name's length.
global_asm!(
    ".section .text.debugger, \"ax\", @progbits",
    ".global gaon_module_placed",
    ".type gaon_module_placed, @function",
    "gaon_module_placed: ret",
    ".size gaon_module_placed, . - gaon_module_placed",
    ".text",
);

unsafe extern "C" {
    safe fn gaon_module_placed(base: usize, name: *const u8, length: usize);
}

/// A module is whole in memory, at `base`, and nothing of it has run.
pub fn module_placed(base: usize, name: &str) {
    gaon_module_placed(base, name.as_ptr(), name.len());
}
