//! What modules took from the kernel and have not given back. A handle that a module passes is looked up here before
//! anything is done with it: what is not in the ledger does not exist.
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use core::fmt::Write;
use hal::paging::MODULES;
use hashbrown::HashMap;
use module::Module;
use sync::{LockClass, SpinLock, rank};
use trace::symbols::Named;

static CLASS: LockClass = LockClass::new("capi.ledger", rank::NONE);

/// The name of the kind that blocks of memory are of.
pub(crate) const MEMORY: &str = "memory";

/// What sort of thing is taken: its name in reports, and how it is given back when the module does not.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) give_back: fn(handle: usize, resource: Resource),
}

/// Something taken.
pub(crate) struct Resource {
    pub(crate) kind: &'static Kind,
    /// What the kind keeps of it.
    pub(crate) words: [usize; 2],
    /// The kernel's object behind it, if it has one.
    pub(crate) object: Option<Arc<dyn Any + Send + Sync>>,
}

impl Resource {
    /// The object, as what it is.
    pub(crate) fn object<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.object.clone()?.downcast().ok()
    }
}

/// A line of the ledger.
struct Taken {
    /// The module, by the address of its object.
    owner: usize,
    resource: Resource,
    by: Trace,
}

/// Where in modules something was done: the return addresses on the stack that lie in them, the innermost first, as
/// offsets in their window; 0 ends it.
#[derive(Clone, Copy)]
pub(crate) struct Trace([u32; 6]);

impl Trace {
    /// From where the caller stands.
    #[inline(always)]
    pub(crate) fn here() -> Self {
        let found = hal::backtrace::callers_in(&MODULES);
        Self(found.map(|address: usize| address.saturating_sub(MODULES.start) as u32))
    }

    /// Shows it, indented.
    pub(crate) fn show(&self) {
        for offset in self.0.into_iter().take_while(|offset| *offset != 0) {
            let address = (MODULES.start + offset as usize) as u64;
            trace::pr_warn!("  {}", Named::return_address(address));
        }
    }
}

const SHARDS: usize = 64;
/// Lines of a report of what a module left behind.
const MOST_TOLD: usize = 16;
/// A structure may begin where the block that it lies in begins, so what is taken tells lines of a handle apart.
type Line = (usize, usize);
type Shard = HashMap<Line, Taken, Mixer>;

/// Addresses are spread by a multiplication; nobody outside chooses them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mixer;
pub(crate) struct Mix(u64);
impl core::hash::BuildHasher for Mixer {
    type Hasher = Mix;
    fn build_hasher(&self) -> Mix {
        Mix(0)
    }
}
impl core::hash::Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }
    fn write_usize(&mut self, n: usize) {
        self.0 = (self.0 ^ n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

static LEDGER: [SpinLock<Shard>; SHARDS] =
    [const { SpinLock::new(&CLASS, HashMap::with_hasher(Mixer)) }; SHARDS];

fn line(handle: usize, kind: &'static Kind) -> Line {
    (handle, core::ptr::from_ref(kind) as usize)
}

fn shard(handle: usize) -> &'static SpinLock<Shard> {
    &LEDGER[handle / 16 % SHARDS]
}

/// Who runs: the module whose code was entered last.
pub(crate) fn current_owner() -> usize {
    hal::landing::owner().unwrap_or(0)
}

/// Notes that the running module has `resource` under `handle`. `ENOMEM`; the resource comes back with it.
#[cfg_attr(
    target_os = "none",
    expect(clippy::disallowed_methods, reason = "room is made before")
)]
pub(crate) fn enter(
    handle: usize,
    resource: Resource,
) -> core::result::Result<(), (Errno, Resource)> {
    let owner = current_owner();
    let by = Trace::here();
    let mut shard = shard(handle).lock_irq();
    if shard.try_reserve(1).is_err() {
        return Err((Errno::ENOMEM, resource));
    }
    let line = line(handle, resource.kind);
    let taken = Taken {
        owner,
        resource,
        by,
    };
    shard.insert(line, taken);
    Ok(())
}

/// Takes a line out if it is there and of that kind.
pub(crate) fn take(handle: usize, kind: &'static Kind) -> Option<Resource> {
    take_traced(handle, kind).map(|(resource, _)| resource)
}

/// As [`take`], with where it was taken.
pub(crate) fn take_traced(handle: usize, kind: &'static Kind) -> Option<(Resource, Trace)> {
    let mut shard = shard(handle).lock_irq();
    shard
        .remove(&line(handle, kind))
        .map(|taken| (taken.resource, taken.by))
}

/// Looks at a line of that kind.
pub(crate) fn with<R>(
    handle: usize,
    kind: &'static Kind,
    look: impl FnOnce(&Resource) -> R,
) -> Option<R> {
    let shard = shard(handle).lock_irq();
    shard
        .get(&line(handle, kind))
        .map(|taken| look(&taken.resource))
}

/// The object of that kind at `handle`.
pub(crate) fn object<T: Any + Send + Sync>(handle: usize, kind: &'static Kind) -> Option<Arc<T>> {
    with(handle, kind, Resource::object).flatten()
}

/// How many lines there are.
pub(crate) fn count() -> usize {
    LEDGER.iter().map(|shard| shard.lock_irq().len()).sum()
}

/// Writes all lines: whose, what, its handle.
pub(crate) fn show(out: &mut dyn Write) -> Result<()> {
    for shard in &LEDGER {
        // A copy at a time, since text is not written with a lock held.
        let mut after = None;
        while let Some((line, owner, kind)) = next_line(shard, after) {
            after = Some(line);
            let module = module::by_object(owner);
            let name = module.as_ref().map_or("-", |module| module.name());
            let kind = if kind.is_empty() { "object" } else { kind };
            writeln!(out, "{name} {kind} {:#x}", line.0).map_err(|_| Errno::ENOMEM)?;
        }
    }
    Ok(())
}

/// The line that follows `after` in the order of handles: itself, its owner, its kind's name.
fn next_line(shard: &SpinLock<Shard>, after: Option<Line>) -> Option<(Line, usize, &'static str)> {
    let shard = shard.lock_irq();
    let (line, taken) = shard
        .iter()
        .filter(|(line, _)| after.is_none_or(|after| **line > after))
        .min_by_key(|(line, _)| **line)?;
    Some((*line, taken.owner, taken.resource.kind.name))
}

/// Looks at all lines of one kind that `module` has. `each` must not sleep, nor call the ledger.
pub(crate) fn for_each(module: &Module, kind: &'static Kind, mut each: impl FnMut(&Resource)) {
    let owner = core::ptr::from_ref(module) as usize;
    for shard in &LEDGER {
        let shard = shard.lock_irq();
        let of_module =
            |taken: &&Taken| taken.owner == owner && core::ptr::eq(taken.resource.kind, kind);
        for taken in shard.values().filter(of_module) {
            each(&taken.resource);
        }
    }
}

/// Takes out any line of that kind which `wanted` is true of. It must not sleep, nor call the ledger.
pub(crate) fn take_where(
    kind: &'static Kind,
    wanted: impl Fn(&Resource) -> bool,
) -> Option<(usize, Resource)> {
    LEDGER.iter().find_map(|shard| {
        let mut shard = shard.lock_irq();
        let fits =
            |taken: &Taken| core::ptr::eq(taken.resource.kind, kind) && wanted(&taken.resource);
        let line = *shard.iter().find(|(_, taken)| fits(taken))?.0;
        let taken = shard.remove(&line)?;
        Some((line.0, taken.resource))
    })
}

/// Takes out any line of `module`, with its handle.
fn take_any(module: &Module) -> Option<(usize, Taken)> {
    let owner = core::ptr::from_ref(module) as usize;
    LEDGER.iter().find_map(|shard| {
        let mut shard = shard.lock_irq();
        let line = *shard.iter().find(|(_, taken)| taken.owner == owner)?.0;
        let taken = shard.remove(&line)?;
        Some((line.0, taken))
    })
}

/// Gives back all that a module still has.
pub(crate) fn disown(module: &Module) {
    let mut left = 0;
    while let Some((handle, Taken { resource, by, .. })) = take_any(module) {
        if !resource.kind.name.is_empty() {
            left += 1;
            if left <= MOST_TOLD {
                report(module, handle, &resource, &by);
            }
        }
        (resource.kind.give_back)(handle, resource);
    }
    if left > MOST_TOLD {
        let (name, more) = (module.name(), left - MOST_TOLD);
        trace::pr_warn!("{name}: and {more} more");
    }
    LEDGER.iter().for_each(fit);
}

/// Gives a shard the room that it needs: what it had for modules that are gone goes with them.
#[cfg_attr(
    target_os = "none",
    expect(clippy::disallowed_methods, reason = "room is made before")
)]
fn fit(shard: &SpinLock<Shard>) {
    let mut fresh = HashMap::with_hasher(Mixer);
    let mut shard = shard.lock_irq();
    if fresh.try_reserve(shard.len()).is_ok() {
        for (line, taken) in shard.drain() {
            fresh.insert(line, taken);
        }
        core::mem::swap(&mut *shard, &mut fresh);
    }
    drop(shard);
    drop(fresh);
}

/// Says what a module left behind, and where it took it.
fn report(module: &Module, handle: usize, resource: &Resource, by: &Trace) {
    let (name, kind) = (module.name(), resource.kind.name);
    trace::pr_warn!("{name}: {kind} {handle:#x} was not given back");
    match (&resource.object, resource.words[0]) {
        // Memory: its size stands first.
        (object, bytes) if bytes != 0 && (object.is_none() || kind == MEMORY) => {
            trace::pr_warn!("  {bytes} bytes, taken by");
        }
        _ => trace::pr_warn!("  taken by"),
    }
    by.show();
}

/// Enters a resource, or gives it back.
///
/// # Errors
/// `ENOMEM`.
pub(crate) fn enter_or_undo(handle: usize, resource: Resource) -> Result<()> {
    enter(handle, resource).map_err(|(e, resource)| {
        (resource.kind.give_back)(handle, resource);
        e
    })
}
