//! Which functions a module has for a file: `struct file_operations` and `struct proc_ops`.
use crate::foreign::word;
use crate::layout::{FileOperations, ProcOps};
use abi::{Errno, Result};
use core::mem::offset_of;

/// The functions of a `struct file_operations` or a `struct proc_ops`; 0 for those that are missing.
#[derive(Clone, Copy)]
pub(crate) struct Calls {
    pub(crate) open: usize,
    pub(crate) read: usize,
    pub(crate) write: usize,
    pub(crate) read_iter: usize,
    pub(crate) write_iter: usize,
    pub(crate) llseek: usize,
    pub(crate) poll: usize,
    pub(crate) ioctl: usize,
    pub(crate) mmap: usize,
    pub(crate) flush: usize,
    pub(crate) release: usize,
    pub(crate) fsync: usize,
    pub(crate) fasync: usize,
    /// What reading answers where nothing reads.
    pub(crate) cannot: Errno,
    /// What mapping answers where nothing maps.
    pub(crate) cannot_map: Errno,
}

impl Calls {
    /// Reads a `struct file_operations`.
    pub(crate) fn of_file(ops: usize) -> Result<Self> {
        Ok(Self {
            open: word(ops + offset_of!(FileOperations, open))?,
            read: word(ops + offset_of!(FileOperations, read))?,
            write: word(ops + offset_of!(FileOperations, write))?,
            read_iter: word(ops + offset_of!(FileOperations, read_iter))?,
            write_iter: word(ops + offset_of!(FileOperations, write_iter))?,
            llseek: word(ops + offset_of!(FileOperations, llseek))?,
            poll: word(ops + offset_of!(FileOperations, poll))?,
            ioctl: word(ops + offset_of!(FileOperations, unlocked_ioctl))?,
            mmap: word(ops + offset_of!(FileOperations, mmap))?,
            flush: word(ops + offset_of!(FileOperations, flush))?,
            release: word(ops + offset_of!(FileOperations, release))?,
            fsync: word(ops + offset_of!(FileOperations, fsync))?,
            fasync: word(ops + offset_of!(FileOperations, fasync))?,
            cannot: Errno::EINVAL,
            cannot_map: Errno::ENODEV,
        })
    }

    /// Reads a `struct proc_ops`.
    pub(crate) fn of_proc(ops: usize) -> Result<Self> {
        Ok(Self {
            open: word(ops + offset_of!(ProcOps, open))?,
            read: word(ops + offset_of!(ProcOps, read))?,
            write: word(ops + offset_of!(ProcOps, write))?,
            read_iter: word(ops + offset_of!(ProcOps, read_iter))?,
            write_iter: 0,
            llseek: word(ops + offset_of!(ProcOps, lseek))?,
            poll: word(ops + offset_of!(ProcOps, poll))?,
            ioctl: word(ops + offset_of!(ProcOps, ioctl))?,
            mmap: word(ops + offset_of!(ProcOps, mmap))?,
            flush: 0,
            release: word(ops + offset_of!(ProcOps, release))?,
            fsync: 0,
            fasync: 0,
            cannot: Errno::EIO,
            cannot_map: Errno::EIO,
        })
    }
}
