//! Classes of modules' locks, in debug builds: made when one of a class is taken first, forgotten with the module. What tells
//! them apart is an address in the module's memory: a static lock's own, or the key that its initialiser left in it.
use crate::class::{LockClass, NAME_MAX};
use crate::lockdep::order::{self, FIRST_ID, ROOM};
use core::fmt::{self, Write};
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

static CLASSES: [LockClass; ROOM] = [const { LockClass::new("", 0) }; ROOM];
/// Most classes that are watched at a time.
pub const MOST: usize = lockgraph::CLASSES;
/// By what each is known; 0 for a free place.
static KEYS: [AtomicUsize; ROOM] = [const { AtomicUsize::new(0) }; ROOM];
/// Somebody changes the table.
static BUSY: AtomicBool = AtomicBool::new(false);

/// Writes a name into its place. Who reads it at that moment sees a strange one.
struct Writer<'a> {
    name: &'a [AtomicU8; NAME_MAX],
    at: usize,
}

impl Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes().filter(|byte| matches!(byte, b' '..=b'~')) {
            // The last byte stays 0.
            if self.at < NAME_MAX - 1 {
                self.name[self.at].store(byte, Ordering::Relaxed);
                self.at += 1;
            }
        }
        Ok(())
    }
}

fn find(key: usize) -> Option<&'static LockClass> {
    let at = KEYS
        .iter()
        .position(|at| at.load(Ordering::Acquire) == key)?;
    Some(&CLASSES[at])
}

/// The class that is known by `key`, which is not 0; a new one is named by `name`, which may say that there is to be none.
/// Any context. `None`: there is no room, or somebody else just changes the table.
pub fn class_of(
    key: usize,
    name: impl FnOnce(&mut dyn Write) -> bool,
) -> Option<&'static LockClass> {
    if let Some(class) = find(key) {
        return Some(class);
    }
    if BUSY.swap(true, Ordering::Acquire) {
        return None;
    }
    let class = find(key).or_else(|| add(key, name));
    BUSY.store(false, Ordering::Release);
    class
}

fn add(key: usize, name: impl FnOnce(&mut dyn Write) -> bool) -> Option<&'static LockClass> {
    let at = KEYS.iter().position(|at| at.load(Ordering::Relaxed) == 0)?;
    let class = &CLASSES[at];
    let name_of = &class.text;
    name_of
        .iter()
        .for_each(|byte| byte.store(0, Ordering::Relaxed));
    let mut writer = Writer {
        name: name_of,
        at: 0,
    };
    if !name(&mut writer) {
        return None;
    }
    class.usage.store(0, Ordering::Relaxed);
    class.id.store((FIRST_ID + at) as u16, Ordering::Relaxed);
    KEYS[at].store(key, Ordering::Release);
    Some(class)
}

/// Forgets the classes whose keys lie in `memory`: a module goes, and nobody holds a lock of it.
pub fn forget(memory: &Range<usize>) {
    for (at, key) in KEYS.iter().enumerate() {
        if memory.contains(&key.load(Ordering::Relaxed)) {
            order::forget(FIRST_ID + at);
            key.store(0, Ordering::Release);
        }
    }
}

/// A class, for a table of all (`/proc/lockdep`).
pub struct Known {
    /// The class.
    pub class: &'static LockClass,
    /// In interrupts, with interrupts on, in softirqs, with softirqs on: how it was used.
    pub uses: [bool; 4],
}

impl Known {
    /// How many classes were taken with this one held, by whatever way, itself among them.
    #[must_use]
    pub fn after(&self) -> usize {
        order::reached(self.class)
    }

    /// The other way round.
    #[must_use]
    pub fn before(&self) -> usize {
        all()
            .filter(|other| order::reaches(other.class, self.class))
            .count()
    }

    /// Whether a lock of `other` was taken while one of this class was held.
    #[must_use]
    pub fn is_held_for(&self, other: &Self) -> bool {
        order::follows(self.class, other.class)
    }
}

/// All classes of which a lock was taken, the kernel's own first.
pub fn all() -> impl Iterator<Item = Known> {
    let there = |at: &usize| KEYS[*at].load(Ordering::Acquire) != 0;
    let modules = (0..ROOM).filter(there).map(|at| &CLASSES[at]);
    order::classes().chain(modules).map(|class| Known {
        class,
        uses: order::uses(class),
    })
}
