//! The modules there are.
use crate::lines::LineTable;
use crate::taint::Taints;
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicUsize, Ordering};
use kernfs::Node;
use kmem::Reserved;
use kmem::modspace::ModArea;
use kmod::{PARTS, Part};
use sync::{LockClass, Mutex, MutexGuard, Once, RwSpinLock, WaitMode, WaitQueue, rank};

static LIST: LockClass = LockClass::new("module.list", rank::MODULE_LIST);
static AREA: LockClass = LockClass::new("module.area", rank::MODULE);
/// All of them, the oldest first. Written with interrupts off, since a fault anywhere may ask whose code it is in.
static ALL: RwSpinLock<Vec<Arc<Module>>> = RwSpinLock::new(&LIST, Vec::new());
/// Woken when a module's init is over.
static SETTLED: WaitQueue = WaitQueue::new();

/// A symbol that modules may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its address.
    pub address: u64,
    /// For modules with a GPL-compatible licence only (`EXPORT_SYMBOL_GPL`).
    pub gpl_only: bool,
}

/// How long a module that goes may keep calls inside.
const PATIENCE_NS: u64 = 10_000_000_000;

/// How far a module is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Its init has not returned.
    Coming,
    /// In use.
    Live,
    /// Its exit runs.
    Going,
    /// It crashed: nothing enters it any more.
    Quarantined,
    /// What it took is taken back, and its memory goes.
    Gone,
}

/// A section in memory, for /sys/module/M/sections.
#[derive(Debug)]
pub struct Loaded {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub range: Range<usize>,
}

/// A symbol of a module, for kallsyms.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) address: u64,
    pub(crate) size: u64,
    /// The letter of nm(1).
    pub(crate) letter: u8,
}

/// What loading found out about a module; nothing of it changes any more.
#[derive(Debug, Default)]
pub struct Facts {
    /// `version` of `.modinfo`.
    pub version: Option<String>,
    /// `srcversion` of `.modinfo`.
    pub srcversion: Option<String>,
    /// What it tells of the kernel.
    pub taints: Taints,
    /// Address and functions of its record.
    pub record_at: usize,
    /// Address of the init function, 0 for none.
    pub init: usize,
    /// Address of the exit function, 0 for none.
    pub exit: usize,
    /// Its sections.
    pub sections: Vec<Loaded>,
    /// Its named symbols, by address.
    pub(crate) symbols: Vec<Named>,
    /// What it exports, by name.
    pub(crate) exports: Vec<(String, Export)>,
    /// The source lines of its text.
    pub(crate) lines: LineTable,
    /// Its variables of each CPU.
    pub(crate) _per_cpu: Option<kmem::modspace::percpu::Room>,
    /// Addresses of its parts.
    pub(crate) parts: [Range<usize>; PARTS.len()],
}

impl Facts {
    /// The addresses of a section; empty when it has none of that name.
    #[must_use]
    pub fn section(&self, name: &str) -> Range<usize> {
        let found = self.sections.iter().find(|section| section.name == name);
        found.map_or(0..0, |section| section.range.clone())
    }

    /// The addresses of a part of its memory.
    #[must_use]
    pub fn part(&self, part: Part) -> Range<usize> {
        self.parts[part as usize].clone()
    }
}

/// A module.
pub struct Module {
    name: String,
    facts: Facts,
    state: AtomicU8,
    /// Uses of it that keep it from going: open files and the like, one for each module that uses its symbols.
    users: AtomicI32,
    /// The modules whose symbols it uses.
    providers: Vec<Arc<Module>>,
    area: Mutex<Option<ModArea>>,
    /// /sys/module/NAME.
    directory: Once<Arc<Node>>,
    /// Calls into it that have not returned.
    inside: AtomicUsize,
    left: WaitQueue,
    /// User space was told that it is there.
    told: AtomicBool,
}

/// A call into a module; while it lasts the module's memory stays.
pub struct Visit<'a>(&'a Module);

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if self.0.inside.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.left.wake_all();
        }
    }
}

impl Module {
    pub(crate) fn new(
        name: String,
        facts: Facts,
        providers: Vec<Arc<Module>>,
        area: ModArea,
    ) -> Self {
        Self {
            name,
            facts,
            state: AtomicU8::new(State::Coming as u8),
            users: AtomicI32::new(0),
            providers,
            area: Mutex::new(&AREA, Some(area)),
            directory: Once::new(),
            inside: AtomicUsize::new(0),
            left: WaitQueue::new(),
            told: AtomicBool::new(false),
        }
    }

    /// Its name, with underscores.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What loading found out.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> State {
        match self.state.load(Ordering::SeqCst) {
            0 => State::Coming,
            1 => State::Live,
            2 => State::Going,
            3 => State::Quarantined,
            _ => State::Gone,
        }
    }

    pub(crate) fn set_state(&self, state: State) {
        // Nothing leads out of quarantine but the end.
        let _ = self
            .state
            .fetch_update(Ordering::SeqCst, Ordering::Acquire, |old| {
                (old < State::Quarantined as u8 || state == State::Gone).then_some(state as u8)
            });
        SETTLED.wake_all();
    }

    /// Whether code of it may be entered. Asked inside of a [visit](Self::visit), so that the answer holds.
    #[must_use]
    pub fn may_enter(&self) -> bool {
        !matches!(self.state(), State::Quarantined | State::Gone)
    }

    /// One use more; false when it is on its way out.
    pub fn get(&self) -> bool {
        if !matches!(self.state(), State::Coming | State::Live) {
            return false;
        }
        let counted = |n: i32| (n >= 0).then_some(n + 1);
        self.users
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, counted)
            .is_ok()
    }

    /// One use less.
    pub fn put(&self) {
        self.users.fetch_sub(1, Ordering::AcqRel);
    }

    /// A call into it begins.
    pub fn visit(&self) -> Visit<'_> {
        self.inside.fetch_add(1, Ordering::SeqCst);
        Visit(self)
    }

    /// Waits until no call is inside, but not for ever: false when one stayed.
    pub(crate) fn wait_empty(&self) -> bool {
        let until = hal::clock::now_ns().saturating_add(PATIENCE_NS);
        let empty = || (self.inside.load(Ordering::SeqCst) == 0).then_some(());
        self.left
            .wait(WaitMode::Uninterruptible, Some(until), empty)
            .is_ok()
    }

    /// How many uses there are.
    #[must_use]
    pub fn users(&self) -> i32 {
        self.users.load(Ordering::Acquire).max(0)
    }

    /// From now on [`get`](Self::get) fails. False: it is in use.
    pub(crate) fn close(&self) -> bool {
        self.users
            .compare_exchange(0, i32::MIN, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// The modules whose symbols it uses.
    #[must_use]
    pub fn providers(&self) -> &[Arc<Module>] {
        &self.providers
    }

    /// Bytes of memory that stay after init.
    #[must_use]
    pub fn size(&self) -> usize {
        [Part::Text, Part::Rodata, Part::Data]
            .map(|part| self.facts.part(part).len())
            .iter()
            .sum()
    }

    /// Its directory in sysfs, from before init until after exit.
    #[must_use]
    pub fn directory(&self) -> Option<&Arc<Node>> {
        self.directory.get()
    }

    pub(crate) fn set_directory(&self, directory: Arc<Node>) {
        let _ = self.directory.set(directory);
    }

    /// Notes that user space is told that it is there, or that it goes: whether it was told that it is there.
    pub(crate) fn set_told(&self, there: bool) -> bool {
        self.told.swap(there, Ordering::Relaxed)
    }

    /// Its memory, to change or to take.
    pub(crate) fn area(&self) -> MutexGuard<'_, Option<ModArea>> {
        self.area.lock()
    }
}

/// A name as the kernel writes it: a dash means an underscore.
pub(crate) fn same_name(a: &[u8], b: &[u8]) -> bool {
    let plain = |byte: &u8| if *byte == b'-' { b'_' } else { *byte };
    a.iter().map(plain).eq(b.iter().map(plain))
}

/// The module of that name.
#[must_use]
pub fn find(name: &[u8]) -> Option<Arc<Module>> {
    search(|module| same_name(module.name.as_bytes(), name).then(|| module.clone()))
}

/// All modules, the oldest first, as they are now. `ENOMEM`.
pub fn all() -> Result<Vec<Arc<Module>>> {
    let mut copy = Vec::new();
    loop {
        let missing = {
            let all = ALL.read_irq();
            if all.len() <= copy.capacity() {
                copy.extend_reserved(&all);
                return Ok(copy);
            }
            all.len()
        };
        copy.try_reserve(missing).map_err(|_| Errno::ENOMEM)?;
    }
}

/// Calls `each` with every module until it gives something. It must not sleep.
pub(crate) fn search<T>(mut each: impl FnMut(&Arc<Module>) -> Option<T>) -> Option<T> {
    ALL.read_irq().iter().find_map(&mut each)
}

/// [`search`], for who may have interrupted a change of the list: nothing is found then.
pub(crate) fn search_now<T>(mut each: impl FnMut(&Arc<Module>) -> Option<T>) -> Option<T> {
    ALL.try_read_irq()?.iter().find_map(&mut each)
}

/// Waits while a module of that name is coming or going. EEXIST: there is one that lives; ERESTARTSYS.
pub(crate) fn wait_free(name: &str) -> Result<()> {
    while let Some(twin) = search(|other| (other.name == name).then(|| other.clone())) {
        wait_for_twin(&twin)?;
    }
    Ok(())
}

/// Waits while a module of the name that is wanted is coming or going. EEXIST: it lives; ERESTARTSYS.
fn wait_for_twin(twin: &Arc<Module>) -> Result<()> {
    if matches!(twin.state(), State::Live | State::Quarantined) {
        return Err(Errno::EEXIST);
    }
    SETTLED.wait(WaitMode::Interruptible, None, || {
        let there = search(|other| Arc::ptr_eq(other, twin).then_some(()));
        let settled = there.is_none() || twin.state() == State::Live;
        settled.then_some(())
    })?;
    Ok(())
}

/// Waits until a module's init is over, but no longer than `patience_ns`. ETIMEDOUT; ERESTARTSYS.
pub(crate) fn wait_settled(module: &Arc<Module>, patience_ns: u64) -> Result<()> {
    let until = hal::clock::now_ns().saturating_add(patience_ns);
    SETTLED.wait(WaitMode::Interruptible, Some(until), || {
        (module.state() != State::Coming).then_some(())
    })?;
    Ok(())
}

/// Adds a module. Waits while one of that name is coming or going. EEXIST: there is one that lives; ENOMEM.
pub(crate) fn add(module: &Arc<Module>) -> Result<()> {
    let mut room = Vec::new();
    loop {
        let twin = {
            let mut all = ALL.write_irq();
            match all.iter().find(|other| other.name == module.name) {
                Some(twin) => Some(twin.clone()),
                None if room.capacity() > all.len() => {
                    // Nothing is allocated under the lock: the list moves to where there is room.
                    room.append_reserved(&mut all);
                    room.extend_reserved(core::slice::from_ref(module));
                    core::mem::swap(&mut *all, &mut room);
                    None
                }
                None => {
                    let wanted = all.len() + 8;
                    drop(all);
                    room.try_reserve(wanted).map_err(|_| Errno::ENOMEM)?;
                    continue;
                }
            }
        };
        match twin {
            None => return Ok(()),
            Some(twin) => wait_for_twin(&twin)?,
        }
    }
}

/// Takes a module off the list.
pub(crate) fn remove(module: &Arc<Module>) {
    ALL.write_irq().retain(|other| !Arc::ptr_eq(other, module));
    SETTLED.wake_all();
}

/// Whether another module uses symbols of this one.
pub(crate) fn is_used(module: &Arc<Module>) -> bool {
    let uses = |other: &Arc<Module>| other.providers.iter().any(|p| Arc::ptr_eq(p, module));
    search(|other| uses(other).then_some(())).is_some()
}

/// Whether there is no other module.
#[must_use]
pub fn is_alone(module: &Arc<Module>) -> bool {
    search(|other| (!Arc::ptr_eq(other, module)).then_some(())).is_none()
}

/// Notes that a module crashed: nothing enters it any more.
pub fn quarantine(module: &Module) {
    module.set_state(State::Quarantined);
}
