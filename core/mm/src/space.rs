//! The address space of a process. (First cut of the interface; bodies follow.)
use crate::types::{
    Access, AreaPages, Counters, FaultError, FutexKey, Layout, Limits, MmapRequest, VmaInfo,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use hal::addr::UserAddr;

/// The address space of a process; shared by its threads (`CLONE_VM`) through an `Arc`. The last reference tears it
/// down, in one pass over its page tables.
pub struct Mm {
    id: u64,
}

impl Mm {
    /// An empty space. `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        Err(Errno::ENOSYS)
    }
    /// A copy for fork(2): areas copied, pages shared copy-on-write. `ENOMEM`.
    pub fn fork(&self) -> Result<Arc<Self>> {
        Err(Errno::ENOSYS)
    }
    /// Makes it the space of this CPU: called at every switch to a thread of it (cheap when it is it already).
    pub fn activate(&self) {}
    /// Unique number, never reused.
    pub fn id(&self) -> u64 {
        self.id
    }
    /// Resolves a fault (of user mode, or of the kernel on user memory). May sleep.
    pub fn handle_fault(&self, addr: UserAddr, access: Access) -> Result<(), FaultError> {
        let _ = (addr, access);
        Err(FaultError::SegvMapErr)
    }
    /// mmap(2).
    pub fn mmap(&self, request: MmapRequest) -> Result<usize> {
        let _ = request;
        Err(Errno::ENOSYS)
    }
    /// munmap(2).
    pub fn munmap(&self, addr: usize, len: usize) -> Result<()> {
        let _ = (addr, len);
        Err(Errno::ENOSYS)
    }
    /// mprotect(2).
    pub fn mprotect(&self, addr: usize, len: usize, prot: u32) -> Result<()> {
        let _ = (addr, len, prot);
        Err(Errno::ENOSYS)
    }
    /// mremap(2).
    pub fn mremap(
        &self,
        old: usize,
        old_len: usize,
        new_len: usize,
        flags: u32,
        new_addr: usize,
    ) -> Result<usize> {
        let _ = (old, old_len, new_len, flags, new_addr);
        Err(Errno::ENOSYS)
    }
    /// brk(2): the new break, or the old one when it cannot be had.
    pub fn brk(&self, to: usize) -> usize {
        to
    }
    /// madvise(2).
    pub fn madvise(&self, addr: usize, len: usize, advice: u32) -> Result<()> {
        let _ = (addr, len, advice);
        Err(Errno::ENOSYS)
    }
    /// The limits in force.
    pub fn limits(&self) -> Limits {
        Limits::default()
    }
    /// Sets them (exec, prlimit(2), and whoever changes the process' limits).
    pub fn set_limits(&self, limits: Limits) {
        let _ = limits;
    }
    /// Addresses of the program's parts.
    pub fn layout(&self) -> Layout {
        Layout::default()
    }
    /// Changes them.
    pub fn set_layout(&self, change: impl FnOnce(&mut Layout)) {
        change(&mut Layout::default());
    }
    /// The executable (a `vfs::File` behind `Any`), for `/proc/PID/exe`.
    pub fn exe(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
    /// Sets it.
    pub fn set_exe(&self, exe: Option<Arc<dyn Any + Send + Sync>>) {
        drop(exe);
    }
    /// Calls `f` for each area, lowest first, until it answers false. The areas are locked for reading meanwhile: `f`
    /// must not touch user memory.
    pub fn for_each_vma(&self, from: usize, f: &mut dyn FnMut(&VmaInfo<'_>) -> bool) {
        let _ = (from, f);
    }
    /// Page counts of `start..end` for `smaps`.
    pub fn area_pages(&self, start: usize, end: usize) -> AreaPages {
        let _ = (start, end);
        AreaPages::default()
    }
    /// Counters for `status`, `statm`, `stat`.
    pub fn counters(&self) -> Counters {
        Counters::default()
    }
    /// Reads memory of this space from any task, faulting pages in: bytes read (short at the first bad page); `EFAULT`
    /// when not even the first byte is there.
    pub fn read_remote(&self, addr: UserAddr, buf: &mut [u8]) -> Result<usize> {
        let _ = (addr, buf);
        Err(Errno::EFAULT)
    }
    /// Writes it; `force` goes through protections as ptrace(2) does (copy-on-write, private areas only).
    pub fn write_remote(&self, addr: UserAddr, bytes: &[u8], force: bool) -> Result<usize> {
        let _ = (addr, bytes, force);
        Err(Errno::EFAULT)
    }
    /// The key of a futex word; `shared` is false with `FUTEX_PRIVATE_FLAG`. `EFAULT`; `EINVAL` if not 4-aligned.
    pub fn futex_key(&self, addr: UserAddr, shared: bool) -> Result<FutexKey> {
        let _ = shared;
        Ok(FutexKey {
            object: self.id,
            offset: addr.0 as u64,
            shared: false,
        })
    }
}
