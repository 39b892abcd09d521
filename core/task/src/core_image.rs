//! What is kept of a process that ends with a core image, until it is written (`coredump`).
use crate::registers::Registers;
use crate::usage::Usage;
use alloc::boxed::Box;
use alloc::vec::Vec;
use pid::{SigInfo, SigSet};

/// What a new process' filter is: private and shared anonymous memory, ELF headers, private huge pages.
pub(crate) const FILTER_USUAL: u32 = 0x33;
/// Bits that there are.
pub(crate) const FILTER_ALL: u32 = 0x1ff;

/// One thread as it was.
pub struct ThreadImage {
    pub tid: i32,
    pub registers: Registers,
    /// The whole FPU image.
    pub fpu: Vec<u8>,
    pub blocked: SigSet,
    pub pending: SigSet,
    pub usage: Usage,
    /// Those that ended before it.
    pub next: Option<Box<ThreadImage>>,
}

impl Drop for ThreadImage {
    /// One after the other: there may be more than the stack could hold.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut image) = next {
            next = image.next.take();
        }
    }
}

/// A process that is ending with an image.
pub(crate) struct Core {
    /// The thread that dumps.
    pub(crate) by: i32,
    pub(crate) info: SigInfo,
    /// The other threads.
    pub(crate) images: Option<Box<ThreadImage>>,
}
