//! The structures of `linux/kprobes.h` and `asm/ptrace.h`.
use hal::traps::TrapFrame;

/// `struct kprobe`.
#[repr(C)]
pub(crate) struct CKprobe {
    pub(crate) hlist: [usize; 2],
    pub(crate) list: [usize; 2],
    pub(crate) nmissed: u64,
    pub(crate) addr: usize,
    pub(crate) symbol_name: usize,
    pub(crate) offset: u32,
    pub(crate) pre_handler: usize,
    pub(crate) post_handler: usize,
    pub(crate) opcode: u8,
    pub(crate) flags: u32,
}

/// `struct kretprobe`.
#[repr(C)]
pub(crate) struct CKretprobe {
    pub(crate) kp: CKprobe,
    pub(crate) handler: usize,
    pub(crate) entry_handler: usize,
    pub(crate) maxactive: i32,
    pub(crate) nmissed: i32,
    pub(crate) data_size: usize,
}

/// `KPROBE_FLAG_*`.
pub(crate) const GONE: u32 = 1;
pub(crate) const DISABLED: u32 = 2;

/// `struct pt_regs`: a copy that a handler may change.
#[repr(C)]
pub(crate) struct PtRegs {
    general: [u64; 15],
    orig_ax: u64,
    pub(crate) ip: u64,
    pub(crate) cs: u64,
    pub(crate) flags: u64,
    pub(crate) sp: u64,
    ss: u64,
}

impl PtRegs {
    pub(crate) fn of(f: &TrapFrame) -> Self {
        Self {
            general: [
                f.r15, f.r14, f.r13, f.r12, f.rbp, f.rbx, f.r11, f.r10, f.r9, f.r8, f.rax, f.rcx,
                f.rdx, f.rsi, f.rdi,
            ],
            orig_ax: f.orig_rax,
            ip: f.rip,
            cs: f.cs,
            flags: f.rflags,
            sp: f.rsp,
            ss: f.ss,
        }
    }

    /// The first argument of a function.
    pub(crate) fn di(&self) -> u64 {
        self.general[14]
    }

    pub(crate) fn set_di(&mut self, value: u64) {
        self.general[14] = value;
    }

    /// Puts the general registers back.
    pub(crate) fn give(&self, f: &mut TrapFrame) {
        [
            f.r15, f.r14, f.r13, f.r12, f.rbp, f.rbx, f.r11, f.r10, f.r9, f.r8, f.rax, f.rcx,
            f.rdx, f.rsi, f.rdi,
        ] = self.general;
    }
}
