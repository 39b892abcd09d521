//! `struct user_regs_struct` (sys/user.h): registers by place, and what a tracer may put into each; FPU images as others see
//! them. For ptrace(2) and core images.
use abi::{Errno, Result};
use hal::fpu::{self, LEGACY_SIZE};
use hal::user::UserRegs;

/// Where an FPU image has the features of the machine for user space, where it has those in use.
pub const SOFTWARE: usize = 464;
pub const FEATURES: usize = LEGACY_SIZE;
pub const MXCSR: usize = 24;

/// Words, and bytes.
pub const WORDS: usize = 27;
pub const SIZE: usize = WORDS * 8;

/// Places of those with rules of their own.
const CS: usize = 17;
const FLAGS: usize = 18;
const SS: usize = 20;
pub const FS_BASE: usize = 21;
pub const GS_BASE: usize = 22;

/// General registers, and the bases of FS and GS, which are not among them in the kernel.
#[derive(Clone, Copy)]
pub struct Registers {
    pub regs: UserRegs,
    pub fs_base: u64,
    pub gs_base: u64,
}

/// The register at a place; none for segments that are always zero in 64-bit mode.
fn place(r: &mut UserRegs, at: usize) -> Option<&mut u64> {
    Some(match at {
        0 => &mut r.r15,
        1 => &mut r.r14,
        2 => &mut r.r13,
        3 => &mut r.r12,
        4 => &mut r.rbp,
        5 => &mut r.rbx,
        6 => &mut r.r11,
        7 => &mut r.r10,
        8 => &mut r.r9,
        9 => &mut r.r8,
        10 => &mut r.rax,
        11 => &mut r.rcx,
        12 => &mut r.rdx,
        13 => &mut r.rsi,
        14 => &mut r.rdi,
        15 => &mut r.orig_rax,
        16 => &mut r.rip,
        FLAGS => &mut r.rflags,
        19 => &mut r.rsp,
        _ => return None,
    })
}

impl Registers {
    /// All of them as they lie in memory.
    pub fn bytes(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        for at in 0..WORDS {
            bytes[at * 8..at * 8 + 8].copy_from_slice(&self.get(at).to_le_bytes());
        }
        bytes
    }

    pub fn get(&self, at: usize) -> u64 {
        let mut regs = self.regs;
        match at {
            CS => UserRegs::USER_CS,
            SS => UserRegs::USER_SS,
            FS_BASE => self.fs_base,
            GS_BASE => self.gs_base,
            _ => place(&mut regs, at).map_or(0, |register| *register),
        }
    }

    /// Sets one. Flags that a program could not set itself stay as they are.
    ///
    /// # Errors
    /// `EIO`: a base outside user space; another segment than the ones that 64-bit programs have.
    pub fn set(&mut self, at: usize, value: u64) -> Result<()> {
        const FREE: u64 = UserRegs::CHANGEABLE_FLAGS;
        match at {
            FLAGS => self.regs.rflags = self.regs.rflags & !FREE | value & FREE,
            FS_BASE | GS_BASE => {
                if value >= abi::USER_END as u64 {
                    return Err(Errno::EIO);
                }
                if at == FS_BASE {
                    self.fs_base = value;
                } else {
                    self.gs_base = value;
                }
            }
            _ => {
                let before = self.get(at);
                match place(&mut self.regs, at) {
                    Some(register) => *register = value,
                    // Selectors are 16 bits.
                    None if u64::from(value as u16) == before => {}
                    None => return Err(Errno::EIO),
                }
            }
        }
        Ok(())
    }
}

/// Puts into a whole FPU image what the CPU left out for being in its initial state, and which features there are.
pub fn complete_fpu(image: &mut [u8]) {
    let Some(features) = fpu::xfeatures() else {
        return;
    };
    let mut in_use = [0; 8];
    in_use.copy_from_slice(&image[FEATURES..FEATURES + 8]);
    let in_use = u64::from_le_bytes(in_use);
    if in_use & 1 == 0 {
        image[..MXCSR].fill(0);
        image[..2].copy_from_slice(&0x37fu16.to_le_bytes());
        image[32..160].fill(0);
    }
    if in_use & 2 == 0 {
        image[160..416].fill(0);
    }
    image[SOFTWARE..LEGACY_SIZE].fill(0);
    image[SOFTWARE..SOFTWARE + 8].copy_from_slice(&features.to_le_bytes());
}
