//! A segment: its memory, who has it.
use crate::caller::{caller, now};
use crate::perm::Perm;
use crate::table::{Head, IPC_PRIVATE, Object};
use crate::who::Who;
use abi::{Errno, PAGE_SHIFT, Result};
use alloc::sync::{Arc, Weak};
use cred::Kuid;
use pagecache::{HugeCache, MapToken, MapUser, PER_HUGE, PageCache, PageSource};
use pid::Pid;
use sync::{LockClass, SpinLock, rank};

static STATE: LockClass = LockClass::new("sysvipc.shm", rank::SYSV_OBJECT);

/// Bits of a mode: it goes with the last who has it; it is locked in memory.
pub(crate) const SHM_DEST: u32 = 0o1000;
pub(crate) const SHM_LOCKED: u32 = 0o2000;

struct Source;
impl PageSource for Source {
    fn is_memory(&self) -> bool {
        true
    }
}

/// What a segment is made of.
pub(crate) enum Store {
    Small(PageCache),
    Huge(HugeCache),
}

/// The pages of a segment; live as long as it is there or somebody has it mapped.
pub(crate) struct Memory {
    pub(crate) store: Store,
    pub(crate) pages: u64,
    /// Promised for it, given back at the end.
    committed: usize,
}

impl Memory {
    /// `ENOMEM`: also when so much is not to be promised.
    pub(crate) fn new(pages: u64, no_reserve: bool) -> Result<Arc<Self>> {
        let reserves = !no_reserve || mm::commit::mode() == mm::commit::Mode::Never;
        let committed = if reserves { pages as usize } else { 0 };
        mm::commit::charge(committed)?;
        let source = kmem::try_arc(Source).inspect_err(|_| mm::commit::uncharge(committed))?;
        kmem::try_arc(Self {
            store: Store::Small(PageCache::new(source)),
            pages,
            committed,
        })
    }

    /// Of huge pages, promised unless `no_reserve`. `ENOMEM`: so many can't be had.
    pub(crate) fn huge(pages: u64, no_reserve: bool) -> Result<Arc<Self>> {
        let huge = pages.div_ceil(PER_HUGE);
        let bytes = (huge * PER_HUGE) << PAGE_SHIFT;
        let cache = HugeCache::new(None, bytes);
        if !no_reserve {
            cache.reserve(0, huge)?;
        }
        kmem::try_arc(Self {
            store: Store::Huge(cache),
            pages: huge * PER_HUGE,
            committed: 0,
        })
    }

    pub(crate) fn identity(&self) -> u64 {
        match &self.store {
            Store::Small(cache) => cache.identity(),
            Store::Huge(cache) => cache.identity(),
        }
    }

    pub(crate) fn attach(&self, user: Weak<dyn MapUser>) -> Result<MapToken> {
        match &self.store {
            Store::Small(cache) => cache.attach(user),
            Store::Huge(cache) => cache.attach(user),
        }
    }

    pub(crate) fn detach(&self, token: MapToken) {
        match &self.store {
            Store::Small(cache) => cache.detach(token),
            Store::Huge(cache) => cache.detach(token),
        }
    }

    fn in_memory(&self) -> u64 {
        match &self.store {
            Store::Small(cache) => cache.nr_pages(),
            Store::Huge(cache) => cache.nr_pages() * PER_HUGE,
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        mm::commit::uncharge(self.committed);
    }
}

/// What a segment's lock protects.
pub(crate) struct State {
    pub(crate) perm: Perm,
    /// `None` when the segment is gone.
    pub(crate) memory: Option<Arc<Memory>>,
    pub(crate) gone: bool,
    /// How many areas map it.
    pub(crate) attached: u64,
    /// Its maker has ended.
    pub(crate) orphan: bool,
    /// Who locked it in memory.
    pub(crate) locker: Option<Kuid>,
    pub(crate) maker: Who,
    pub(crate) last: Who,
    pub(crate) attach_time: u64,
    pub(crate) detach_time: u64,
    pub(crate) change_time: u64,
}

/// A segment.
pub(crate) struct Segment {
    head: Head,
    /// The key that it was made with: its name for who looks at maps.
    pub(crate) key: i32,
    /// Bytes, as asked for.
    pub(crate) size: u64,
    pub(crate) state: SpinLock<State>,
    /// Where it is listed; gone when the namespace is.
    home: Weak<dyn Home>,
}

/// Where segments are listed.
pub(crate) trait Home: Send + Sync {
    /// Whether a segment goes when nobody has it and its maker is gone.
    fn removes_orphans(&self) -> bool;
    /// Nobody is to find it by its key.
    fn forget_key(&self, segment: &Segment, key: i32);
    /// It is gone.
    fn remove(&self, segment: &Segment, key: i32);
}

impl Object for Segment {
    fn head(&self) -> &Head {
        &self.head
    }
}

impl Segment {
    pub(crate) fn new(
        head: Head,
        perm: Perm,
        size: u64,
        memory: Arc<Memory>,
        home: Weak<dyn Home>,
        process: &Arc<Pid>,
    ) -> Self {
        let key = perm.key;
        let mut maker = Who::NOBODY;
        maker.note(process);
        let state = State {
            perm,
            memory: Some(memory),
            gone: false,
            attached: 0,
            orphan: false,
            locker: None,
            maker,
            last: Who::NOBODY,
            attach_time: 0,
            detach_time: 0,
            change_time: now(),
        };
        Self {
            head,
            key,
            size,
            state: SpinLock::new(&STATE, state),
            home,
        }
    }

    pub(crate) fn id(&self) -> i32 {
        self.head.id()
    }

    pub(crate) fn pages(&self) -> u64 {
        self.size.div_ceil(1 << PAGE_SHIFT)
    }

    /// One more area maps it. `EIDRM`: it is gone.
    pub(crate) fn open(&self) -> Result<()> {
        let (now, caller) = (now(), caller());
        let mut state = self.state.lock();
        if state.gone {
            return Err(Errno::EIDRM);
        }
        state.attached += 1;
        state.attach_time = now;
        if let Some(caller) = &caller {
            state.last.note(caller);
        }
        Ok(())
    }

    /// One area less does.
    pub(crate) fn close(&self) {
        let (now, caller) = (now(), caller());
        let mut state = self.state.lock();
        state.attached -= 1;
        state.detach_time = now;
        if let Some(caller) = &caller {
            state.last.note(caller);
        }
        drop(state);
        self.remove_unused();
    }

    /// It goes if nobody has it and it is to go then.
    pub(crate) fn remove_unused(&self) {
        let home = self.home.upgrade();
        let forced = home.as_ref().is_some_and(|home| home.removes_orphans());
        let mut state = self.state.lock();
        let unused = state.attached == 0 && !state.gone;
        if !unused || state.perm.mode & SHM_DEST == 0 && !(forced && state.orphan) {
            return;
        }
        state.gone = true;
        let (memory, key) = (state.memory.take(), state.perm.key);
        drop(state);
        if let Some(home) = home {
            home.remove(self, key);
        }
        drop(memory);
    }

    /// `IPC_RMID`: it goes as soon as nobody has it, and is not found by its key any more.
    pub(crate) fn remove(&self, home: &dyn Home) {
        let key = {
            let mut state = self.state.lock();
            state.perm.mode |= SHM_DEST;
            core::mem::replace(&mut state.perm.key, IPC_PRIVATE)
        };
        home.forget_key(self, key);
        self.remove_unused();
    }

    /// Its pages in memory; asked without its lock, below which those of its pages must not be taken.
    pub(crate) fn pages_in_memory(&self) -> u64 {
        let memory = self.state.lock().memory.clone();
        memory.map_or(0, |memory| memory.in_memory())
    }

    /// The process that made it has ended.
    pub(crate) fn orphan(&self) {
        self.state.lock().orphan = true;
        self.remove_unused();
    }
}

