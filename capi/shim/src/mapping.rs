//! What files of modules show in memory: `mmap` of their operations, and the areas of address spaces that came of it.
//!
//! Each area has a `struct vm_area_struct` of its own, which its module sees and which is brought up to date when the area
//! changes. What the module put in by `remap_pfn_range` and its kin is kept here page by page and goes into the page tables
//! when it is touched; so all of it holds a reference, and nothing that a process sees is freed under it.
//!
//! Lock order: the address space's areas, held by who calls → the lists here, which are leaves.
//!
//! Specification: mmap(2); Documentation/mm; "Memory Mapping and DMA" of Linux Device Drivers.
use crate::enter;
use crate::foreign::word;
use crate::layout::{CArea, CAreaOps, CFault};
use crate::ledger::{self, Kind, Resource};
use crate::page_refs;
use crate::rows::{Memory, Row, Rows};
use crate::vm_flags;
use abi::{Errno, PAGE_SHIFT, Result};
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use core::fmt;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use kernfs::{Gate, Pass};
use kmem::frame::{Block, Frame};
use kmem::{try_arc, try_box};
use module::Module;
use pagecache::{MapAccess, MapObject, MapPlace, MapToken, MapUser, PerArea, Unmapped};
use sync::{LockClass, Once, SpinLock, rank};
use trace::pr_warn;
use vfs::File;
use workqueue::Work;

static PAGES: LockClass = LockClass::new("capi.mapping", rank::NONE);

/// What `vm_ops->fault` answers.
pub(crate) mod answer {
    pub(crate) const OOM: u32 = 1;
    pub(crate) const BUS: u32 = 2;
    pub(crate) const SEGV: u32 = 0x40;
    /// With poisoned memory of two kinds, and no fallback.
    pub(crate) const ERROR: u32 = OOM | BUS | 0x10 | 0x20 | SEGV | 0x800;
    pub(crate) const NO_PAGE: u32 = 0x100;
    pub(crate) const RETRY: u32 = 0x400;
}

/// Whose file it is.
pub(crate) struct Owner {
    pub(crate) module: Arc<Module>,
    pub(crate) gate: Option<Arc<Gate>>,
    /// Address of the `struct file`, which lasts as long as the file.
    pub(crate) at_file: usize,
    /// `mmap` of the operations.
    pub(crate) function: usize,
}

/// What all areas of one mapping, and those that were copied from them, have in common.
struct Common {
    owner: Owner,
    file: Arc<File>,
    rows: Rows,
}

/// What one area shows.
pub(crate) struct Mapping {
    common: Arc<Common>,
    area: Box<CArea>,
    place: SpinLock<MapPlace>,
    user: SpinLock<Option<Weak<dyn MapUser>>>,
    /// The module knows of the area.
    begun: AtomicBool,
    /// It shows nothing any more.
    dead: AtomicBool,
}

/// Areas, by the address of their `struct vm_area_struct`; the object is a [`Weak`] of the [`Mapping`], the words are the
/// module and the gate.
static MAPPING: Kind = Kind {
    name: "mapping",
    give_back: |_, resource| {
        let mapping = resource.object::<Weak<Mapping>>();
        if let Some(mapping) = mapping.and_then(|weak| weak.upgrade()) {
            mapping.revoke();
        }
    },
};
/// How many there are.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// What mmap(2) of a module's file is to show: asked when the place is known. ENOMEM.
pub(crate) fn new(file: &Arc<File>, owner: Owner) -> Result<Arc<dyn MapObject>> {
    let common = try_arc(Common {
        owner,
        file: file.clone(),
        rows: Rows::new(),
    })?;
    let place = MapPlace {
        start: 0,
        end: 0,
        first: 0,
        flags: 0,
    };
    let mapping: Arc<dyn MapObject> = Mapping::new(common, CArea::default(), place)?;
    Ok(mapping)
}

/// The area of a `struct vm_area_struct`.
pub(crate) fn of(area: usize) -> Option<Arc<Mapping>> {
    ledger::object::<Weak<Mapping>>(area, &MAPPING)?.upgrade()
}

/// Takes back what files behind a closed gate show.
pub(crate) fn revoke_behind(gate: &Arc<Gate>) {
    revoke_where(|words| words[1] == Arc::as_ptr(gate) as usize);
}

/// Takes back what a module's files show.
pub(crate) fn revoke_of(module: &Arc<Module>) {
    revoke_where(|words| words[0] == Arc::as_ptr(module) as usize);
}

fn revoke_where(wanted: impl Fn(&[usize; 2]) -> bool) {
    while ALIVE.load(Ordering::Acquire) != 0
        && let Some((handle, resource)) = ledger::take_where(&MAPPING, |line| wanted(&line.words))
    {
        (MAPPING.give_back)(handle, resource);
    }
}

/// Takes back what modules in quarantine show.
static REVOKE: Once<Arc<Work>> = Once::new();

/// Makes the work that [`revoke_soon`] queues. ENOMEM.
pub(crate) fn init() -> Result<()> {
    let work = Work::new(|| {
        let modules = module::all().unwrap_or_default();
        modules
            .iter()
            .filter(|module| !module.may_enter())
            .for_each(revoke_of);
    })?;
    let _ = REVOKE.set(work);
    enter::on_quarantine(revoke_soon);
    Ok(())
}

/// A module came into quarantine: what its files show goes, from a thread that may sleep.
fn revoke_soon() {
    if ALIVE.load(Ordering::Acquire) != 0
        && let Some(work) = REVOKE.get()
    {
        workqueue::queue_work(work);
    }
}

impl Mapping {
    fn new(common: Arc<Common>, area: CArea, place: MapPlace) -> Result<Arc<Self>> {
        let area = try_box(area)?;
        ALIVE.fetch_add(1, Ordering::AcqRel);
        let mapping = try_arc(Self {
            area,
            common,
            place: SpinLock::new(&PAGES, place),
            user: SpinLock::new(&PAGES, None),
            begun: AtomicBool::new(false),
            dead: AtomicBool::new(false),
        })?;
        mapping.refresh(place);
        let owner = &mapping.common.owner;
        let gate = owner
            .gate
            .as_ref()
            .map_or(0, |gate| Arc::as_ptr(gate) as usize);
        let resource = Resource {
            kind: &MAPPING,
            words: [Arc::as_ptr(&owner.module) as usize, gate],
            object: Some(try_arc(Arc::downgrade(&mapping))?),
        };
        ledger::enter_or_undo(mapping.at_area(), resource)?;
        Ok(mapping)
    }

    fn at_area(&self) -> usize {
        &raw const *self.area as usize
    }

    /// Brings what the module sees up to date.
    fn refresh(&self, place: MapPlace) {
        let area = &self.area;
        area.start.store(place.start, Ordering::Relaxed);
        area.end.store(place.end, Ordering::Relaxed);
        area.first.store(place.first, Ordering::Relaxed);
        area.flags
            .store(vm_flags::shown(place.flags), Ordering::Relaxed);
        area.file
            .store(self.common.owner.at_file, Ordering::Relaxed);
    }

    fn pass(&self) -> Result<Option<Pass<'_>>> {
        match &self.common.owner.gate {
            None => Ok(None),
            Some(gate) => gate.pass().map(Some).ok_or(Errno::EIO),
        }
    }

    /// One of the functions in `vm_ops`; 0: it is missing.
    fn function(&self, offset: usize) -> Result<usize> {
        match self.area.ops.load(Ordering::Relaxed) {
            0 => Ok(0),
            ops => word(ops + offset),
        }
    }

    /// Tells the module of the area: `open` or `close`.
    fn tell(&self, offset: usize) -> Result<()> {
        let function = self.function(offset)?;
        if function != 0 {
            let _pass = self.pass()?;
            let arguments = [self.at_area() as u64, 0, 0, 0, 0, 0];
            enter::call(&self.common.owner.module, function, &arguments)?;
        }
        Ok(())
    }

    /// Asks the module for a page.
    fn ask(&self, index: u64, address: usize, access: MapAccess) -> Result<Frame> {
        let function = self.function(offset_of!(CAreaOps, fault))?;
        if function == 0 {
            return Err(Errno::EFAULT);
        }
        let _pass = self.pass()?;
        let fault = CFault {
            area: self.at_area(),
            // GFP_KERNEL
            gfp_mask: 0xcc0,
            first: index,
            address,
            real_address: address,
            flags: (access == MapAccess::Write).into(),
            page: AtomicUsize::new(0),
        };
        let arguments = [&raw const fault as u64, 0, 0, 0, 0, 0];
        let said = enter::call(&self.common.owner.module, function, &arguments)? as u32;
        match said {
            _ if said & answer::OOM != 0 => Err(Errno::ENOMEM),
            _ if said & answer::SEGV != 0 => Err(Errno::EACCES),
            _ if said & answer::ERROR != 0 => Err(Errno::EFAULT),
            _ if said & (answer::NO_PAGE | answer::RETRY) != 0 => {
                self.common.rows.page(index).ok_or(Errno::EAGAIN)
            }
            _ => self.accept(fault.page.load(Ordering::Relaxed)),
        }
    }

    /// Takes a page over, with one reference to it, that the module names.
    fn accept(&self, page: usize) -> Result<Frame> {
        let taken = page_refs::hand_over(page);
        let name = self.common.owner.module.name();
        match taken {
            Some((frame, true)) => Ok(frame),
            Some((frame, false)) => {
                pr_warn!("{name}: fault gave a page that it has no reference to");
                Ok(frame)
            }
            None => {
                pr_warn!("{name}: fault gave what is no page");
                Err(Errno::EFAULT)
            }
        }
    }

    /// Takes all pages back: who touches them gets SIGBUS.
    fn revoke(&self) {
        self.dead.store(true, Ordering::Release);
        let user = self.user.lock().clone();
        if let Some(user) = user.and_then(|user| user.upgrade()) {
            user.unmap_pages(self.identity(), 0, u64::MAX, Unmapped::Truncated);
        }
    }

    /// Where it lies, and its flags as the module left them.
    pub(crate) fn place(&self) -> MapPlace {
        *self.place.lock()
    }

    /// The flags that the module sees.
    pub(crate) fn flags(&self) -> u64 {
        self.area.flags.load(Ordering::Relaxed)
    }

    /// Adds flags.
    pub(crate) fn set_flags(&self, flags: u64) {
        self.area.flags.fetch_or(flags, Ordering::Relaxed);
    }

    /// The number of the page at an address. EFAULT: it lies elsewhere.
    pub(crate) fn index(&self, address: usize) -> Result<u64> {
        let place = self.place();
        let inside = (place.start..place.end).contains(&address);
        let page = inside.then(|| place.first + ((address - place.start) >> PAGE_SHIFT) as u64);
        page.ok_or(Errno::EFAULT)
    }

    /// Puts one page in at an address. EFAULT: it lies elsewhere; EBUSY: a page is there; ENOMEM.
    pub(crate) fn insert(&self, address: usize, frame: Frame) -> Result<()> {
        self.common.rows.add(Row {
            first: self.index(address)?,
            count: 1,
            memory: Memory::One(frame),
        })
    }

    /// Puts pages of a block in, from its page `first` on. As [`insert`](Self::insert).
    pub(crate) fn insert_row(
        &self,
        address: usize,
        block: Arc<Block>,
        first: usize,
        count: usize,
    ) -> Result<()> {
        self.common.rows.add(Row {
            first: self.index(address)?,
            count: count as u64,
            memory: Memory::Row(block, first),
        })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.begun.load(Ordering::Acquire) {
            let _ = self.tell(offset_of!(CAreaOps, close));
        }
        // Whoever takes the line away first revokes what is not there any more: nothing.
        drop(ledger::take(self.at_area(), &MAPPING));
        ALIVE.fetch_sub(1, Ordering::AcqRel);
    }
}

impl PerArea for Mapping {
    fn begin(&self, place: MapPlace) -> Result<u32> {
        *self.place.lock() = place;
        self.refresh(place);
        let owner = &self.common.owner;
        let _pass = self.pass()?;
        let arguments = [owner.at_file as u64, self.at_area() as u64, 0, 0, 0, 0];
        enter::call_int(&owner.module, owner.function, &arguments)?;
        self.begun.store(true, Ordering::Release);
        let flags = vm_flags::taken(place.flags, self.flags());
        *self.place.lock() = MapPlace { flags, ..place };
        Ok(flags)
    }

    fn again(&self, place: MapPlace) -> Result<Arc<dyn MapObject>> {
        let area = CArea {
            ops: AtomicUsize::new(self.area.ops.load(Ordering::Relaxed)),
            private_data: AtomicUsize::new(self.area.private_data.load(Ordering::Relaxed)),
            ..CArea::default()
        };
        let other = Self::new(self.common.clone(), area, place)?;
        *other.user.lock() = self.user.lock().clone();
        other
            .dead
            .store(self.dead.load(Ordering::Acquire), Ordering::Release);
        // A module that is in quarantine does not hear of it.
        let told = other.tell(offset_of!(CAreaOps, open));
        other.begun.store(told.is_ok(), Ordering::Release);
        Ok(other)
    }

    fn placed(&self, place: MapPlace) {
        *self.place.lock() = place;
        self.refresh(place);
    }
}

impl MapObject for Mapping {
    fn page(&self, index: u64, access: MapAccess) -> Result<Frame> {
        if self.dead.load(Ordering::Acquire) {
            return Err(Errno::EFAULT);
        }
        if let Some(frame) = self.common.rows.page(index) {
            return Ok(frame);
        }
        let place = self.place();
        let offset = index.wrapping_sub(place.first) << PAGE_SHIFT;
        self.ask(index, place.start.wrapping_add(offset as usize), access)
    }

    fn identity(&self) -> u64 {
        Arc::as_ptr(&self.common) as u64
    }

    fn size(&self) -> u64 {
        i64::MAX as u64
    }

    fn dev_ino(&self) -> (u64, u64) {
        self.common.file.dev_ino()
    }

    fn write_path(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.common.file.write_path(out)
    }

    fn may_write(&self) -> bool {
        self.common.file.may_write()
    }

    fn may_exec(&self) -> bool {
        self.common.file.may_exec()
    }

    fn attach(&self, user: Weak<dyn MapUser>) -> Result<MapToken> {
        *self.user.lock() = Some(user);
        Ok(MapToken::NONE)
    }

    fn per_area(&self) -> Option<&dyn PerArea> {
        Some(self)
    }
}
