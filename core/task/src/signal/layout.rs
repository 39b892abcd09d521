//! The signal frame of x86-64 (Linux' asm/sigcontext.h, asm/ucontext.h) and where it goes on the stack. Pure.
use abi::zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `stack_t`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct StackT {
    pub sp: usize,
    pub flags: u32,
    pub pad: u32,
    pub size: usize,
}

/// `struct sigcontext`: the registers.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SigContext {
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub rdx: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rsp: u64,
    pub rip: u64,
    pub rflags: u64,
    pub cs: u16,
    pub gs: u16,
    pub fs: u16,
    pub ss: u16,
    pub err: u64,
    pub trapno: u64,
    pub oldmask: u64,
    pub cr2: u64,
    /// Address of the FPU image; 0 for none.
    pub fpstate: u64,
    pub reserved: [u64; 8],
}
const _: () = assert!(size_of::<SigContext>() == 256);

/// `struct ucontext`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct UContext {
    pub flags: u64,
    pub link: u64,
    pub stack: StackT,
    pub mcontext: SigContext,
    pub sigmask: u64,
}
const _: () = assert!(size_of::<UContext>() == 304);

/// The FPU image is in XSAVE format.
pub const UC_FP_XSTATE: u64 = 1;
/// `ss` is saved.
pub const UC_SIGCONTEXT_SS: u64 = 2;
/// `ss` is to be restored as it stands.
pub const UC_STRICT_RESTORE_SS: u64 = 4;

/// `struct rt_sigframe`: what the handler finds at its stack pointer.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Frame {
    /// The return address: the restorer.
    pub restorer: u64,
    pub uc: UContext,
    pub info: [u8; 128],
}
const _: () = assert!(size_of::<Frame>() == 440);
/// Offset of the ucontext in the frame.
pub const UC_OFFSET: usize = 8;
/// Offset of the siginfo in the frame.
pub const INFO_OFFSET: usize = 312;

/// Where the pieces go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The frame: the handler's stack pointer, 8 less than a multiple of 16 as after a call.
    pub frame: usize,
    /// The FPU image, 64-byte aligned.
    pub fpstate: usize,
}

/// Places a frame below `top` with an FPU image of `fpu_size` bytes. `None`: the address space ends first.
pub fn place(top: usize, fpu_size: usize) -> Option<Place> {
    let fpstate = top.checked_sub(fpu_size)? & !63;
    let frame = (fpstate.checked_sub(size_of::<Frame>())? & !15).checked_sub(8)?;
    Some(Place { frame, fpstate })
}

/// Bytes below the stack pointer that the ABI lets a function use without moving it.
pub const RED_ZONE: usize = 128;

/// Offset in the FXSAVE area of the words that the hardware leaves to software.
pub const SW_RESERVED: usize = 464;
/// Marks that the image goes on beyond FXSAVE; `FP_XSTATE_MAGIC1`.
pub const MAGIC1: u32 = 0x4650_5853;
/// Stands behind the image; `FP_XSTATE_MAGIC2`.
pub const MAGIC2: u32 = 0x4650_5845;

/// `struct _fpx_sw_bytes`, the start of it: what follows is zero.
pub fn software_bytes(xstate_size: usize, features: u64) -> [u8; 48] {
    let mut bytes = [0; 48];
    bytes[0..4].copy_from_slice(&MAGIC1.to_le_bytes());
    bytes[4..8].copy_from_slice(&(xstate_size as u32 + 4).to_le_bytes());
    bytes[8..16].copy_from_slice(&features.to_le_bytes());
    bytes[16..20].copy_from_slice(&(xstate_size as u32).to_le_bytes());
    bytes
}

/// How many bytes of an image in user memory may be loaded: all `xstate_size` if its software bytes say so, else the
/// FXSAVE part alone. The caller then checks [`MAGIC2`] behind the longer one.
pub fn claimed_size(legacy: &[u8], xstate_size: usize) -> usize {
    let word = |at: usize| {
        let mut four = [0; 4];
        four.copy_from_slice(&legacy[at..at + 4]);
        u32::from_le_bytes(four)
    };
    let size = word(SW_RESERVED + 16) as usize;
    let whole = word(SW_RESERVED) == MAGIC1
        && size == xstate_size
        && word(SW_RESERVED + 4) as usize > size
        && size > 512;
    if whole { size } else { 512 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets() {
        assert_eq!(core::mem::offset_of!(Frame, uc), UC_OFFSET);
        assert_eq!(core::mem::offset_of!(Frame, info), INFO_OFFSET);
        assert_eq!(core::mem::offset_of!(UContext, sigmask), 296);
        assert_eq!(core::mem::offset_of!(SigContext, fpstate), 184);
    }

    #[test]
    fn alignment() {
        for top in 0x7000..0x7080 {
            let place = place(top, 836).unwrap();
            assert_eq!(place.fpstate % 64, 0);
            assert_eq!(place.frame % 16, 8);
            assert!(place.fpstate + 836 <= top);
            assert!(place.frame + size_of::<Frame>() <= place.fpstate);
        }
        assert_eq!(place(600, 512), None);
    }

    #[test]
    fn sizes_are_believed_only_whole() {
        let mut image = [0u8; 512];
        assert_eq!(claimed_size(&image, 832), 512);
        image[SW_RESERVED..].copy_from_slice(&software_bytes(832, 7));
        assert_eq!(claimed_size(&image, 832), 832);
        assert_eq!(claimed_size(&image, 2696), 512);
    }
}
