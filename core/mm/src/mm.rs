//! The address space of a process.
use crate::areas::{Areas, pages};
use crate::types::{Layout, Limits};
use crate::vma::{Attachment, Vma};
use crate::{VmFlags, commit};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::ops::{Deref, DerefMut, Range};
use core::sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering};
use hal::addr::UserAddr;
use kmem::space::{CowMode, UserSpace};
use pagecache::MapUser;
use sync::{LockClass, RwLock, SpinLock, WriteGuard, rank};

static AREAS: LockClass = LockClass::new("mm.areas", rank::MMAP);
static EXE: LockClass = LockClass::new("mm.exe", rank::NONE);
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Words of the saved auxiliary vector.
pub const AUXV_WORDS: usize = 48;

/// The address space of a process; shared by its threads (`CLONE_VM`) through an `Arc`. The last reference tears it
/// down, in one pass over its page tables.
pub struct Mm {
    pub(crate) space: UserSpace,
    pub(crate) areas: RwLock<Areas>,
    /// The size in pages when the areas were last changed, for those who cannot wait for them.
    pub(crate) shown_total: AtomicUsize,
    pub(crate) rss: Rss,
    id: u64,
    more: SpinLock<More>,
}

/// What few ask for.
#[derive(Default)]
struct More {
    exe: Option<Arc<dyn Any + Send + Sync>>,
    auxv: Option<Arc<[usize; AUXV_WORDS]>>,
    /// Contexts of asynchronous I/O, which end with the space.
    contexts: Option<Arc<dyn Any + Send + Sync>>,
    /// Barriers that membarrier(2) was told of.
    barriers: u32,
}

impl More {
    fn for_child(&self) -> Self {
        Self {
            exe: self.exe.clone(),
            auxv: self.auxv.clone(),
            contexts: None,
            barriers: self.barriers,
        }
    }
}

/// Private pages that are the parent's own.
fn ranges_to_copy(parent: &Areas) -> impl Iterator<Item = (Range<UserAddr>, CowMode)> {
    let skip = VmFlags::SHARED | VmFlags::DONT_FORK | VmFlags::WIPE_ON_FORK;
    parent
        .map
        .iter()
        .filter(move |a| a.data.has_anon() && !a.data.flags.intersects(skip))
        .map(|a| (UserAddr(a.start)..UserAddr(a.end), CowMode::AnonOnly))
}

/// The child's areas, with notes for `user` at the objects they map. `ENOMEM`.
fn copy_areas(parent: &Areas, user: &Weak<dyn MapUser>) -> Result<Areas> {
    let mut child = Areas {
        layout: parent.layout,
        limits: parent.limits,
        mmap_base: parent.mmap_base,
        bottom_up: parent.bottom_up,
        per_area: parent.per_area,
        has_huge: parent.has_huge,
        ..Areas::new()
    };
    let mut failed = None;
    // Areas cut from one mapping follow each other: they share one note in the child as well.
    let mut last: Option<(&Arc<Attachment>, Arc<Attachment>)> = None;
    let mut sums = Areas::new();
    child.map = parent
        .map
        .try_map(|area| {
            let vma = &area.data;
            if vma.flags.contains(VmFlags::DONT_FORK) || failed.is_some() {
                return None;
            }
            let flags = vma.flags - (VmFlags::LOCKED | VmFlags::LOCK_ON_FAULT);
            let backing = match &vma.backing {
                None => None,
                Some(old) => match &last {
                    Some((of, new)) if Arc::ptr_eq(of, old) => Some(new.clone()),
                    _ => match old.for_child(user.clone(), vma.place(area.start, area.end)) {
                        Ok(new) => {
                            last = Some((old, new.clone()));
                            Some(new)
                        }
                        Err(e) => {
                            failed = Some(e);
                            return None;
                        }
                    },
                },
            };
            sums.account(flags, pages(area.len()), true);
            let copy = vma.duplicate(flags, backing);
            if flags.contains(VmFlags::WIPE_ON_FORK) {
                copy.forget_anon();
            }
            Some(copy)
        })
        .map_err(|_| Errno::ENOMEM)?;
    if let Some(e) = failed {
        return Err(e);
    }
    child.peak = sums.peak;
    (child.total, child.data, child.stack) = (sums.total, sums.data, sums.stack);
    (child.exec, child.committed) = (sums.exec, sums.committed);
    Ok(child)
}

/// Resident pages by kind; changed by faults without the areas' lock held for writing.
#[derive(Default)]
pub(crate) struct Rss {
    pub(crate) anon: AtomicIsize,
    pub(crate) file: AtomicIsize,
    pub(crate) shmem: AtomicIsize,
    /// Pages of 2 MiB, which are not counted as resident.
    pub(crate) huge: AtomicIsize,
    peak: AtomicUsize,
}

impl Rss {
    pub(crate) fn total(&self) -> usize {
        let sum = [&self.anon, &self.file, &self.shmem]
            .map(|c| c.load(Ordering::Relaxed))
            .iter()
            .sum::<isize>();
        sum.max(0) as usize
    }
    /// The most there ever was; only looked at when it is about to shrink or is shown.
    pub(crate) fn note_peak(&self) -> usize {
        let now = self.total();
        self.peak.fetch_max(now, Ordering::Relaxed).max(now)
    }
    /// The counter of an object's pages, or of private memory.
    #[inline]
    pub(crate) fn of(&self, vma: &Vma) -> &AtomicIsize {
        if vma.is_anon() {
            &self.anon
        } else if vma.flags.contains(VmFlags::SHMEM) {
            &self.shmem
        } else {
            &self.file
        }
    }
}

impl Mm {
    /// An empty space. `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        let space = UserSpace::new()?;
        kmem::try_arc(Self {
            space,
            areas: RwLock::new(&AREAS, Areas::new()),
            shown_total: AtomicUsize::new(0),
            rss: Rss::default(),
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            more: SpinLock::new(&EXE, More::default()),
        })
    }

    /// A copy for fork(2): areas copied, private pages shared copy-on-write, everything that a fault can rebuild left
    /// out. `ENOMEM`.
    pub fn fork(&self) -> Result<Arc<Self>> {
        let child = Self::new()?;
        let user: Weak<dyn MapUser> = Arc::<Self>::downgrade(&child);
        let copy = {
            // Not for reading only: see `fork_ranges`.
            let parent = self.areas.write();
            let copy = copy_areas(&parent, &user)?;
            commit::charge(copy.committed)?;
            let copied = self
                .space
                .fork_ranges(&child.space, ranges_to_copy(&parent))
                .inspect_err(|_| commit::uncharge(copy.committed))?;
            child.rss.anon.store(copied as isize, Ordering::Relaxed);
            if parent.has_huge {
                self.fork_huge(&parent, &child)
                    .inspect_err(|_| commit::uncharge(copy.committed))?;
            }
            copy
        };
        // The child's drop gives the promise back from here on.
        *child.write_areas() = copy;
        let more = self.more.lock().for_child();
        *child.more.lock() = more;
        Ok(child)
    }

    /// Locks the areas for changes.
    pub(crate) fn write_areas(&self) -> Writing<'_> {
        Writing {
            mm: self,
            areas: self.areas.write(),
            late: Vec::new(),
        }
    }

    /// Makes it the space of this CPU: called at every switch to a thread of it (cheap when it is it already). With
    /// preemption off.
    #[inline]
    pub fn activate(&self) {
        self.space.activate();
    }

    /// Unique number, never reused.
    #[inline]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// All threads that run in this space pass a full memory barrier before this returns; with `serialise` they have
    /// executed a serialising instruction, too, before their next one of their own.
    pub fn barrier(&self, serialise: bool) {
        self.space.barrier(serialise);
    }
    /// What was registered for membarrier(2): bits that the caller chooses. A fork inherits them.
    pub fn barriers(&self) -> u32 {
        self.more.lock().barriers
    }
    /// Registers more.
    pub fn add_barriers(&self, bits: u32) {
        self.more.lock().barriers |= bits;
    }

    /// What was kept for asynchronous I/O. A fork inherits nothing of it.
    pub fn contexts(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.more.lock().contexts.clone()
    }
    /// Keeps that, unless another thread was first; what is kept now.
    pub fn keep_contexts(
        &self,
        contexts: Arc<dyn Any + Send + Sync>,
    ) -> Arc<dyn Any + Send + Sync> {
        let mut more = self.more.lock();
        more.contexts.get_or_insert(contexts).clone()
    }

    /// The resource limits in force.
    pub fn limits(&self) -> Limits {
        self.areas.read().limits
    }
    /// Sets them: exec, and whoever changes the process' limits.
    pub fn set_limits(&self, limits: Limits) {
        self.write_areas().limits = limits;
    }
    /// Addresses of the program's parts.
    pub fn layout(&self) -> Layout {
        self.areas.read().layout
    }
    /// Changes them.
    pub fn set_layout(&self, change: impl FnOnce(&mut Layout)) {
        change(&mut self.write_areas().layout);
    }
    /// The executable (a `vfs::File` behind `Any`), for `/proc/PID/exe`.
    pub fn exe(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.more.lock().exe.clone()
    }
    /// Sets it.
    pub fn set_exe(&self, exe: Option<Arc<dyn Any + Send + Sync>>) {
        let old = core::mem::replace(&mut self.more.lock().exe, exe);
        drop(old);
    }
    /// The auxiliary vector that the program was started with, for `/proc/PID/auxv`; ends with two zero words.
    pub fn auxv(&self) -> Option<Arc<[usize; AUXV_WORDS]>> {
        self.more.lock().auxv.clone()
    }
    /// Saves it; what does not fit is cut off. `ENOMEM`.
    pub fn set_auxv(&self, words: &[usize]) -> Result<()> {
        let mut auxv = [0; AUXV_WORDS];
        let n = words.len().min(AUXV_WORDS - 2);
        auxv[..n].copy_from_slice(&words[..n]);
        self.more.lock().auxv = Some(kmem::try_arc(auxv)?);
        Ok(())
    }

    /// Takes an area's pages out of the page tables and the counters; the area is gone from the map, or its pages are
    /// to be forgotten. The areas are locked.
    pub(crate) fn zap(&self, start: usize, end: usize, vma: &Vma) {
        if vma.flags.contains(VmFlags::HUGETLB) {
            return self.zap_huge(start, end);
        }
        self.rss.note_peak();
        let gone = self.space.discard(UserAddr(start)..UserAddr(end));
        let (anon, other) = (gone.anon as isize, gone.other as isize);
        if anon != 0 {
            self.rss.anon.fetch_sub(anon, Ordering::Relaxed);
        }
        // In private anonymous memory what is not the space's own is the page of zeros, which does not count.
        if other != 0 && !vma.is_anon() {
            self.rss.of(vma).fetch_sub(other, Ordering::Relaxed);
        }
    }
}

/// The areas, locked for changes.
pub(crate) struct Writing<'a> {
    mm: &'a Mm,
    areas: WriteGuard<'a, Areas>,
    /// What ends after the areas are unlocked.
    late: Vec<Arc<Attachment>>,
}

impl Deref for Writing<'_> {
    type Target = Areas;
    #[inline]
    fn deref(&self) -> &Areas {
        &self.areas
    }
}

impl DerefMut for Writing<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Areas {
        &mut self.areas
    }
}

impl Drop for Writing<'_> {
    #[inline]
    fn drop(&mut self) {
        self.mm
            .shown_total
            .store(self.areas.total, Ordering::Relaxed);
        if self.areas.per_area {
            self.late = core::mem::take(&mut self.areas.late);
        }
    }
}

impl Drop for Mm {
    fn drop(&mut self) {
        commit::uncharge(self.areas.get_mut().committed);
        // The page tables go first, in one pass (the order of the fields), then the areas with their notes at objects.
    }
}
