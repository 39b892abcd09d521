//! Filter programs as user space hands them over: `struct sock_fprog`, for sockets and for seccomp(2).
use abi::{Errno, Result};
use alloc::vec::Vec;
use cbpf::{Instruction, Program, Reject};
use kmem::TryVec;
use kmem::user::{self, UserAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct sock_fprog`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FilterProgram {
    len: u16,
    pad: [u16; 3],
    at: usize,
}

/// `struct sock_filter`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Filter {
    pub(crate) code: u16,
    pub(crate) jt: u8,
    pub(crate) jf: u8,
    pub(crate) k: u32,
}

impl FilterProgram {
    /// How many instructions it has. EINVAL: none, or too many.
    pub fn instructions(&self) -> Result<usize> {
        match usize::from(self.len) {
            len @ 1..=cbpf::MOST => Ok(len),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Whether it says where its instructions are.
    pub const fn has_place(&self) -> bool {
        self.at != 0
    }

    /// Fetches and checks it. EINVAL, EFAULT, ENOMEM.
    pub fn fetch(&self) -> Result<Program> {
        let len = self.instructions()?;
        let mut words = Vec::try_filled(Filter::default(), len)?;
        user::copy_from_user(words.as_mut_bytes(), UserAddr(self.at))?;
        let mut code = Vec::try_with_capacity(len)?;
        for word in words {
            code.try_push(Instruction {
                code: word.code,
                jt: word.jt,
                jf: word.jf,
                k: word.k,
            })?;
        }
        Program::new(code).map_err(|reject| match reject {
            Reject::NoMemory => Errno::ENOMEM,
            _ => Errno::EINVAL,
        })
    }
}
