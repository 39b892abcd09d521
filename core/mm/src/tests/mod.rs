//! On simulated page tables: what the CPU would do on an access, the tests do through faults and page-table look-ups.
mod calls;
mod faults;
mod files;
mod huge;

use crate::*;
use abi::raw::{MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE};
use abi::{Errno, PAGE_SIZE, Result};
use core::fmt;
use hal::addr::UserAddr;
use kmem::frame::Frame;
use kmem::space::Prot;
use pagecache::{MapToken, MapUser, PageCache, PageSource};
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub(super) const RW: u32 = PROT_READ | PROT_WRITE;
pub(super) const PRIVATE: u32 = MAP_PRIVATE | MAP_ANONYMOUS;
pub(super) const BASE: usize = 0x10_0000_0000;

/// A file: page n is filled with byte n + 1.
pub(super) struct File {
    pub(super) cache: PageCache,
    pub(super) size: AtomicU64,
    pub(super) writable: bool,
    pub(super) users: AtomicUsize,
    pub(super) written: Mutex<std::vec::Vec<u64>>,
}

struct Numbered;
impl PageSource for Numbered {
    fn fill(&self, index: u64, page: &Frame) -> Result<()> {
        page.write(0, &[index as u8 + 1; PAGE_SIZE]);
        Ok(())
    }
}

impl File {
    pub(super) fn new(pages: usize, writable: bool) -> Arc<Self> {
        Arc::new(Self {
            cache: PageCache::new(Arc::new(Numbered)),
            size: AtomicU64::new((pages * PAGE_SIZE) as u64),
            writable,
            users: AtomicUsize::new(0),
            written: Mutex::default(),
        })
    }
    pub(super) fn truncate(&self, size: u64) {
        self.size.store(size, Ordering::SeqCst);
        self.cache.truncate(size);
    }
}

impl MapObject for File {
    fn page(&self, index: u64, access: MapAccess) -> Result<Frame> {
        if index * PAGE_SIZE as u64 >= self.size.load(Ordering::SeqCst) {
            return Err(Errno::EFAULT);
        }
        if access == MapAccess::Write {
            self.written.lock().unwrap().push(index);
        }
        self.cache.get_page(index)
    }
    fn cached(&self, index: u64) -> Option<Frame> {
        self.cache.lookup(index)
    }
    fn identity(&self) -> u64 {
        self.cache.identity()
    }
    fn size(&self) -> u64 {
        self.size.load(Ordering::SeqCst)
    }
    fn dev_ino(&self) -> (u64, u64) {
        (1, 2)
    }
    fn write_path(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str("/file")
    }
    fn may_write(&self) -> bool {
        self.writable
    }
    fn attach(&self, user: Weak<dyn MapUser>) -> Result<MapToken> {
        self.users.fetch_add(1, Ordering::Relaxed);
        self.cache.attach(user)
    }
    fn detach(&self, token: MapToken) {
        self.users.fetch_sub(1, Ordering::Relaxed);
        self.cache.detach(token);
    }
}

/// A CPU that runs a thread of the space.
pub(super) trait Cpu {
    fn map_at(&self, addr: usize, pages: usize, prot: u32) -> usize;
    fn map_file(
        &self,
        addr: usize,
        pages: usize,
        prot: u32,
        flags: u32,
        file: &Arc<File>,
        first: u64,
    ) -> Result<usize>;
    fn store(&self, addr: usize, byte: u8) -> Result<(), FaultError>;
    fn load(&self, addr: usize) -> Result<u8, FaultError>;
    fn areas(&self) -> std::vec::Vec<(usize, usize, VmFlags)>;
    fn is_present(&self, addr: usize) -> bool;
}

impl Cpu for Arc<Mm> {
    fn map_at(&self, addr: usize, pages: usize, prot: u32) -> usize {
        let flags = PRIVATE | if addr == 0 { 0 } else { MAP_FIXED };
        self.mmap(request(addr, pages * PAGE_SIZE, prot, flags))
            .unwrap()
    }
    fn map_file(
        &self,
        addr: usize,
        pages: usize,
        prot: u32,
        flags: u32,
        file: &Arc<File>,
        first: u64,
    ) -> Result<usize> {
        let backing: Backing = file.clone();
        self.mmap(MmapRequest {
            backing: Some(backing),
            offset: first * PAGE_SIZE as u64,
            ..request(addr, pages * PAGE_SIZE, prot, flags)
        })
    }
    fn store(&self, addr: usize, byte: u8) -> Result<(), FaultError> {
        for _ in 0..4 {
            if let Some(m) = self.space.get(UserAddr(addr))
                && m.prot.contains(Prot::WRITE)
            {
                m.frame.write(addr % PAGE_SIZE, &[byte]);
                return Ok(());
            }
            self.handle_fault(UserAddr(addr), Access::Write)?;
        }
        panic!("a store at {addr:#x} faults for ever");
    }
    fn load(&self, addr: usize) -> Result<u8, FaultError> {
        for _ in 0..4 {
            if let Some(m) = self.space.get(UserAddr(addr))
                && m.prot.intersects(Prot::READ | Prot::WRITE | Prot::EXEC)
            {
                let mut byte = [0];
                m.frame.read(addr % PAGE_SIZE, &mut byte);
                return Ok(byte[0]);
            }
            self.handle_fault(UserAddr(addr), Access::Read)?;
        }
        panic!("a load at {addr:#x} faults for ever");
    }
    fn areas(&self) -> std::vec::Vec<(usize, usize, VmFlags)> {
        let mut areas = std::vec::Vec::new();
        self.for_each_vma(0, &mut |a| {
            areas.push((a.start, a.end, a.flags));
            true
        });
        areas
    }
    fn is_present(&self, addr: usize) -> bool {
        self.space.prot(UserAddr(addr)).is_some()
    }
}

pub(super) fn request(addr: usize, len: usize, prot: u32, flags: u32) -> MmapRequest {
    MmapRequest {
        addr,
        len,
        prot,
        flags,
        backing: None,
        offset: 0,
        low_allowed: false,
    }
}
