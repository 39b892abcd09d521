//! Structures that modules look into; the same as in `include/linux/*.h`.

/// `struct file`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CFile {
    pub(crate) mode: u32,
    pub(crate) flags: u32,
    pub(crate) pos: i64,
    pub(crate) private_data: usize,
    pub(crate) ops: usize,
    pub(crate) inode: usize,
    /// What the kernel knows it by.
    pub(crate) handle: usize,
}

/// `struct inode`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CInode {
    pub(crate) mode: u16,
    pub(crate) pad: [u16; 3],
    pub(crate) number: u64,
    pub(crate) rdev: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) pad2: u32,
    pub(crate) size: i64,
    pub(crate) cdev: usize,
    pub(crate) private: usize,
}

/// `struct proc_ops`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProcOps {
    pub(crate) flags: u32,
    pub(crate) open: usize,
    pub(crate) read: usize,
    pub(crate) read_iter: usize,
    pub(crate) write: usize,
    pub(crate) lseek: usize,
    pub(crate) release: usize,
    pub(crate) poll: usize,
    pub(crate) ioctl: usize,
    pub(crate) compat_ioctl: usize,
    pub(crate) mmap: usize,
    pub(crate) get_unmapped_area: usize,
}
