//! Open files.
use crate::bindings::CFile;
use core::marker::PhantomData;

/// A file that a program has open.
pub struct File<'a> {
    at: *mut CFile,
    life: PhantomData<&'a CFile>,
}

/// `O_NONBLOCK`.
const NONBLOCK: u32 = 0o4000;

impl File<'_> {
    /// # Safety
    /// `at` is a `struct file` that outlives this.
    pub(crate) unsafe fn new(at: *mut CFile) -> Self {
        Self {
            at,
            life: PhantomData,
        }
    }

    /// The flags that it was opened with.
    #[must_use]
    pub fn flags(&self) -> u32 {
        // SAFETY: it is there; the kernel may change the word at any time.
        unsafe { (&raw const (*self.at).flags).read_volatile() }
    }

    /// Whether who reads or writes is not to wait.
    #[must_use]
    pub fn is_nonblocking(&self) -> bool {
        self.flags() & NONBLOCK != 0
    }
}
