//! Returns of probed functions: at the beginning of one its return address is replaced by that of a breakpoint, and kept.
//!
//! What is kept is found again by the place on the stack that the address stood at. A call that ends otherwise (its module
//! crashed, its thread ended) leaves its line behind; it goes when another one is kept at or above that place of the same stack.
//!
//! Lock order: the lines of a stack, then a probe's free instances. Both are leaves.
use crate::foreign;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use kmem::{Reserved, TryVec, try_arc};
use sync::{LockClass, SpinLock, rank};

static KEPT_CLASS: LockClass = LockClass::new("capi.kretprobe-kept", rank::NONE);
static FREE_CLASS: LockClass = LockClass::new("capi.kretprobe-free", rank::NONE);

const SHARDS: usize = 16;
static KEPT: [SpinLock<Vec<Kept>>; SHARDS] =
    [const { SpinLock::new(&KEPT_CLASS, Vec::new()) }; SHARDS];
/// Instances of all probes: so many lines each shard has room for.
static INSTANCES: AtomicUsize = AtomicUsize::new(0);

/// Stacks are of this size and aligned to it.
const STACK: usize = 2 * hal::landing::UPPER_HALF;
/// Words of `struct kretprobe_instance` before its data: the probe, the return address, where that stood.
const HEAD: usize = 3;

/// Where probed functions return to.
#[unsafe(naked)]
unsafe extern "C" fn returned() {
    core::arch::naked_asm!("int3", "ud2");
}

/// Its address.
pub(crate) fn address() -> usize {
    returned as *const () as usize
}

/// What a `struct kretprobe` asks for.
pub(crate) struct Returns {
    /// The module, by the address of its object.
    pub(crate) module: usize,
    /// Handlers, 0 for none: at the return, at the beginning.
    pub(crate) handler: usize,
    pub(crate) entry: usize,
    /// It is not to be told any more.
    pub(crate) dead: AtomicBool,
    /// Words of an instance.
    stride: usize,
    memory: Vec<AtomicU64>,
    free: SpinLock<Vec<u32>>,
}

impl Returns {
    /// With `count` instances that have `data` bytes for the handlers. ENOMEM.
    pub(crate) fn new(
        module: usize,
        [handler, entry]: [usize; 2],
        record: usize,
        (count, data): (usize, usize),
    ) -> Result<Arc<Self>> {
        let stride = HEAD + data.div_ceil(8);
        let words = stride.checked_mul(count).ok_or(Errno::ENOMEM)?;
        let word = |n: usize| {
            AtomicU64::new(if n.is_multiple_of(stride) {
                record as u64
            } else {
                0
            })
        };
        let memory = Vec::try_collect_from((0..words).map(word))?;
        let free = Vec::try_collect_from(0..count as u32)?;
        let this = try_arc(Self {
            module,
            handler,
            entry,
            dead: AtomicBool::new(false),
            stride,
            memory,
            free: SpinLock::new(&FREE_CLASS, free),
        })?;
        let all = INSTANCES.fetch_add(count, Ordering::Relaxed) + count;
        for shard in &KEPT {
            // On failure the drop takes the count back.
            widen(shard, all)?;
        }
        Ok(this)
    }

    fn instance(&self, index: u32) -> &[AtomicU64] {
        &self.memory[index as usize * self.stride..][..self.stride]
    }

    /// An instance that nobody has.
    pub(crate) fn take(&self) -> Option<u32> {
        self.free.lock_irq().pop()
    }

    pub(crate) fn put(&self, index: u32) {
        self.free.lock_irq().push_reserved(index);
    }

    /// Where handlers find an instance.
    pub(crate) fn pointer(&self, index: u32) -> u64 {
        self.instance(index).as_ptr() as u64
    }
}

impl Drop for Returns {
    fn drop(&mut self) {
        let count = self.memory.len() / self.stride;
        if INSTANCES.fetch_sub(count, Ordering::Relaxed) == count {
            for shard in &KEPT {
                let mut kept = shard.lock_irq();
                if kept.is_empty() {
                    drop(core::mem::take(&mut *kept));
                }
            }
        }
    }
}

/// Makes room for so many lines. ENOMEM.
fn widen(shard: &SpinLock<Vec<Kept>>, lines: usize) -> Result<()> {
    let mut room = Vec::new();
    room.try_reserve(lines).map_err(|_| Errno::ENOMEM)?;
    let mut kept = shard.lock_irq();
    if kept.capacity() < lines {
        room.append_reserved(&mut kept);
        core::mem::swap(&mut *kept, &mut room);
    }
    drop(kept);
    Ok(())
}

/// A return address that was replaced.
pub(crate) struct Kept {
    place: usize,
    pub(crate) goes_to: usize,
    pub(crate) returns: Arc<Returns>,
    pub(crate) index: u32,
}

fn shard(place: usize) -> &'static SpinLock<Vec<Kept>> {
    &KEPT[place / STACK % SHARDS]
}

/// Replaces the return address at `place`. False: nothing is there, or there is no room.
pub(crate) fn replace(place: usize, returns: &Arc<Returns>, index: u32) -> bool {
    let Ok(goes_to) = foreign::read_u64(place) else {
        return false;
    };
    // What was kept below, or here by a call before, never returned. (Here by another probe of this call: it goes on there.)
    let hooked = goes_to as usize == address();
    let is_past = |line: &Kept| {
        let here = line.place == place && !hooked;
        line.place / STACK == place / STACK && (line.place < place || here)
    };
    while let Some(line) = take_where(place, is_past) {
        line.returns.put(line.index);
    }
    let mut kept = shard(place).lock_irq();
    if kept.len() == kept.capacity() || foreign::write(place, address()).is_err() {
        return false;
    }
    let words = returns.instance(index);
    words[1].store(goes_to, Ordering::Relaxed);
    words[2].store(place as u64, Ordering::Relaxed);
    let line = Kept {
        place,
        goes_to: goes_to as usize,
        returns: returns.clone(),
        index,
    };
    kept.push_reserved(line);
    true
}

/// The last line that was kept for a place.
pub(crate) fn last(place: usize) -> Option<Kept> {
    take_where(place, |line| line.place == place)
}

/// Takes out the last line that `wanted` is true of.
fn take_where(place: usize, wanted: impl Fn(&Kept) -> bool) -> Option<Kept> {
    let mut kept = shard(place).lock_irq();
    let at = kept.iter().rposition(wanted)?;
    Some(kept.remove(at))
}
