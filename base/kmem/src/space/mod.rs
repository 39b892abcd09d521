//! Page tables of user address spaces. What the ranges mean (vmas, files, swap) is mm's business: a [`UserSpace`] maps
//! [`Frame`]s at page addresses, holds one reference to each, and keeps the TLBs of all CPUs in step.
use crate::frame::Frame;
use abi::{Errno, Result};
use core::ops::Range;
use hal::addr::{PAGE_SIZE, PhysAddr, UserAddr};
use std::collections::BTreeMap;
use std::sync::Mutex;

bitflags::bitflags! {
    /// What a page may be used for. Empty: kept but not accessible (PROT_NONE).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Prot: u8 {
        /// Loads. On x86-64 implied by the others.
        const READ = 1;
        /// Stores.
        const WRITE = 2;
        /// Instruction fetches.
        const EXEC = 4;
        /// A mark for mm's use that travels with the entry: the page is the space's own (anonymous or copied), so no
        /// fault could rebuild it. [`CowMode::AnonOnly`] copies only these.
        const ANON = 8;
    }
}

/// What is mapped at an address.
#[derive(Debug)]
pub struct Mapping {
    /// The page; this handle is one more reference.
    pub frame: Frame,
    /// Its protection.
    pub prot: Prot,
    /// Stored to since mapped or last cleaned.
    pub dirty: bool,
    /// Used since mapped or last aged.
    pub accessed: bool,
}

/// What [`UserSpace::unmap`] took out; the reference that the entry held comes with it.
#[derive(Debug)]
pub struct Unmapped {
    /// Where it was.
    pub va: UserAddr,
    /// The page.
    pub frame: Frame,
    /// Its protection.
    pub prot: Prot,
    /// Stored to since mapped or last cleaned.
    pub dirty: bool,
}

/// Why a page was not mapped; the frame is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// Something is mapped there (another thread was faster) or, for a replacement, not what was expected.
    Exists,
    /// No memory for a page table.
    NoMem,
}

impl From<MapError> for Errno {
    fn from(e: MapError) -> Self {
        match e {
            MapError::Exists => Errno::EEXIST,
            MapError::NoMem => Errno::ENOMEM,
        }
    }
}

/// What [`UserSpace::fork_range`] does to each present page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CowMode {
    /// Both spaces map it as the first did (shared mappings).
    Share,
    /// Both map it read-only; a write fault copies.
    CopyOnWrite,
    /// As `CopyOnWrite` for entries marked [`Prot::ANON`]; all others stay out, a fault in the child rebuilds them.
    AnonOnly,
}

#[derive(Debug)]
struct Entry {
    frame: Frame,
    prot: Prot,
    dirty: bool,
    accessed: bool,
}

/// The user half of an address space.
#[derive(Debug)]
pub struct UserSpace {
    map: Mutex<BTreeMap<usize, Entry>>,
}

impl UserSpace {
    /// An empty one. ENOMEM.
    pub fn new() -> Result<Self> {
        Ok(Self {
            map: Mutex::new(BTreeMap::new()),
        })
    }

    /// Maps a page where nothing is.
    pub fn map(&self, va: UserAddr, frame: Frame, prot: Prot) -> Result<(), MapError> {
        let mut map = self.map.lock().unwrap();
        if map.contains_key(&va.0) {
            return Err(MapError::Exists);
        }
        map.insert(
            va.0,
            Entry {
                frame,
                prot,
                dirty: false,
                accessed: false,
            },
        );
        Ok(())
    }

    /// What is mapped at the page of `va`.
    pub fn get(&self, va: UserAddr) -> Option<Mapping> {
        let map = self.map.lock().unwrap();
        map.get(&va.page_floor().0).map(|e| Mapping {
            frame: e.frame.clone(),
            prot: e.prot,
            dirty: e.dirty,
            accessed: e.accessed,
        })
    }

    /// Protection of what is mapped at the page of `va`, without touching its count.
    pub fn prot(&self, va: UserAddr) -> Option<Prot> {
        self.map
            .lock()
            .unwrap()
            .get(&va.page_floor().0)
            .map(|e| e.prot)
    }

    /// Maps `frame` instead of what is there, provided that this is `expect` (`None`: nothing). Returns the page that
    /// was there, after the TLBs have forgotten it.
    pub fn replace(
        &self,
        va: UserAddr,
        frame: Frame,
        prot: Prot,
        expect: Option<PhysAddr>,
    ) -> Result<Option<Frame>, MapError> {
        let mut map = self.map.lock().unwrap();
        if map.get(&va.0).map(|e| e.frame.paddr()) != expect {
            return Err(MapError::Exists);
        }
        Ok(map
            .insert(
                va.0,
                Entry {
                    frame,
                    prot,
                    dirty: false,
                    accessed: false,
                },
            )
            .map(|e| e.frame))
    }

    /// Gives the page at `va` the protection `prot` if the entry is the only reference to the page: the write fault on
    /// a copy-on-write page that nobody else holds any more. `false`: nothing there, or somebody holds it.
    pub fn try_reuse(&self, va: UserAddr, prot: Prot) -> bool {
        let mut map = self.map.lock().unwrap();
        match map.get_mut(&va.page_floor().0) {
            Some(e) if e.frame.refs() == 1 => {
                e.prot = prot;
                true
            }
            _ => false,
        }
    }

    /// Sets the protection of one present page (a write fault on a shared page that may now be written), if `expect`
    /// is still mapped there.
    pub fn set_prot(&self, va: UserAddr, prot: Prot, expect: PhysAddr) -> bool {
        let mut map = self.map.lock().unwrap();
        match map.get_mut(&va.page_floor().0) {
            Some(e) if e.frame.paddr() == expect => {
                e.prot = prot;
                true
            }
            _ => false,
        }
    }

    /// Changes the protection of all present pages of a range. `WRITE` is taken away where `prot` lacks it but never
    /// added: the next write fault decides (the page may be shared after a fork, or clean). `ANON` marks stay.
    pub fn protect(&self, range: Range<UserAddr>, prot: Prot) {
        let mut map = self.map.lock().unwrap();
        for (_, e) in map.range_mut(range.start.0..range.end.0) {
            let keep = e.prot & (Prot::WRITE | Prot::ANON);
            e.prot = (prot - Prot::WRITE - Prot::ANON) | (keep & (prot | Prot::ANON));
        }
    }

    /// Takes all pages of a range out. `each` gets them after every CPU has forgotten them.
    pub fn unmap(&self, range: Range<UserAddr>, mut each: impl FnMut(Unmapped)) {
        let taken = {
            let mut map = self.map.lock().unwrap();
            let mut taken = map.split_off(&range.start.0);
            map.append(&mut taken.split_off(&range.end.0));
            taken
        };
        for (va, e) in taken {
            each(Unmapped {
                va: UserAddr(va),
                frame: e.frame,
                prot: e.prot,
                dirty: e.dirty,
            });
        }
    }

    /// Calls `each` for every present page of a range: address, page, protection, dirty, accessed.
    pub fn for_each(&self, range: Range<UserAddr>, mut each: impl FnMut(UserAddr, &Mapping)) {
        let map = self.map.lock().unwrap();
        for (&va, e) in map.range(range.start.0..range.end.0) {
            let m = Mapping {
                frame: e.frame.clone(),
                prot: e.prot,
                dirty: e.dirty,
                accessed: e.accessed,
            };
            each(UserAddr(va), &m);
        }
    }

    /// Makes the pages of a range clean and read-only; `each` sees those that were dirty (msync(2), writeback).
    pub fn clean(&self, range: Range<UserAddr>, mut each: impl FnMut(UserAddr, &Frame)) {
        let mut map = self.map.lock().unwrap();
        for (&va, e) in map.range_mut(range.start.0..range.end.0) {
            e.prot.remove(Prot::WRITE);
            if core::mem::take(&mut e.dirty) {
                each(UserAddr(va), &e.frame);
            }
        }
    }

    /// Moves all pages of `[from, from + len)` to `to` (mremap(2)); nothing is mapped at the target. ENOMEM: what was
    /// moved so far is moved back.
    pub fn move_range(&self, from: UserAddr, to: UserAddr, len: usize) -> Result<()> {
        let mut map = self.map.lock().unwrap();
        let mut taken = map.split_off(&from.0);
        map.append(&mut taken.split_off(&(from.0 + len)));
        for (va, e) in taken {
            map.insert(va - from.0 + to.0, e);
        }
        Ok(())
    }

    /// Maps in `dst`, where nothing is mapped, what a range of this space has present, and returns how many pages.
    /// ENOMEM: `dst` then has part of it; drop it.
    pub fn fork_range(
        &self,
        dst: &UserSpace,
        range: Range<UserAddr>,
        mode: CowMode,
    ) -> Result<usize> {
        self.fork_ranges(dst, [(range, mode)])
    }

    /// [`fork_range`](Self::fork_range) for many ranges with one TLB flush at the end.
    pub fn fork_ranges(
        &self,
        dst: &UserSpace,
        ranges: impl IntoIterator<Item = (Range<UserAddr>, CowMode)>,
    ) -> Result<usize> {
        let mut map = self.map.lock().unwrap();
        let mut to = dst.map.lock().unwrap();
        let mut count = 0;
        for (range, mode) in ranges {
            for (&va, e) in map.range_mut(range.start.0..range.end.0) {
                if mode == CowMode::AnonOnly && !e.prot.contains(Prot::ANON) {
                    continue;
                }
                if mode != CowMode::Share {
                    e.prot.remove(Prot::WRITE);
                }
                let copy = Entry {
                    frame: e.frame.clone(),
                    prot: e.prot,
                    dirty: false,
                    accessed: false,
                };
                to.insert(va, copy);
                count += 1;
            }
        }
        Ok(count)
    }

    /// Makes this the address space of the calling CPU. Call with preemption off; the space must outlive its use, or be
    /// dropped (which takes it off all CPUs).
    pub fn activate(&self) {}

    /// How many page-table pages it has.
    pub fn table_pages(&self) -> usize {
        self.map.lock().unwrap().len().div_ceil(PAGE_SIZE / 8)
    }
}

/// Leaves user address spaces: the calling CPU then runs on the kernel's tables. Not needed for kernel threads (they
/// borrow whatever is active) but before a CPU goes offline.
pub fn deactivate() {}
