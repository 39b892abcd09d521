//! Namespaces (namespaces(7)): what a group of tasks has under names of its own. Each kind belongs to a crate (host names
//! to this one, networks and System V objects to services above); a task has one of each kind.
//!
//! A crate registers its kind at boot and gets an [`NsSlot`], its typed place in every task's set. clone(2) and unshare(2)
//! with the kind's flag ask the kind for a new one; it ends when the last set that holds it does, which is its exit hook
//! (`Drop`). Sets are shared by tasks that have the same ones and never changed.
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering};
use cred::Cred;
use sync::Once;

/// How many kinds there can be.
const KINDS: usize = 4;

/// A namespace, whatever its kind.
pub type AnyNs = Arc<dyn Any + Send + Sync>;

/// A kind of namespace.
pub trait NsKind: Sync {
    /// Its flag of clone(2) and unshare(2), a `CLONE_NEW...`.
    fn flag(&self) -> u32;
    /// A new one for the caller's child (clone) or for the caller itself (unshare), beside `from`, the one that the caller
    /// is in. It has the credentials `cred`, with `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// `ENOMEM`; `ENOSPC`: there are too many.
    fn create(&self, cred: &Cred, from: &AnyNs) -> Result<AnyNs>;
}

struct Registered {
    kind: &'static dyn NsKind,
    /// What the first process is in.
    first: AnyNs,
}

static TABLE: [Once<Registered>; KINDS] = [const { Once::new() }; KINDS];
static USED: AtomicUsize = AtomicUsize::new(0);

/// The typed place of a kind in every task's set.
pub struct NsSlot<T> {
    index: usize,
    _type: PhantomData<fn() -> T>,
}

impl<T: Any + Send + Sync> NsSlot<T> {
    /// A new kind, with the namespace that the first process is in; at boot, before that is made. `ENFILE`: all places are
    /// taken.
    pub fn register(kind: &'static dyn NsKind, first: Arc<T>) -> Result<Self> {
        let index = USED.fetch_add(1, Ordering::Relaxed);
        let place = TABLE.get(index).ok_or(Errno::ENFILE)?;
        let _ = place.set(Registered { kind, first }); // the index is ours alone
        Ok(Self {
            index,
            _type: PhantomData,
        })
    }

    /// The one that a set has.
    pub fn of<'a>(&self, set: &'a Namespaces) -> Option<&'a T> {
        set.0[self.index].as_ref()?.downcast_ref()
    }
}

/// The namespaces that a task is in, one of each kind.
pub struct Namespaces([Option<AnyNs>; KINDS]);

fn registered() -> impl Iterator<Item = (usize, &'static Registered)> {
    let known = TABLE.iter().enumerate();
    known.filter_map(|(index, place)| place.get().map(|kind| (index, kind)))
}

/// The flags of all kinds that there are.
pub fn flags() -> u32 {
    registered().fold(0, |flags, (_, known)| flags | known.kind.flag())
}

impl Namespaces {
    /// What the first process starts with. `ENOMEM`.
    pub(crate) fn first() -> Result<Arc<Self>> {
        let mut set = Self([const { None }; KINDS]);
        for (index, known) in registered() {
            set.0[index] = Some(known.first.clone());
        }
        kmem::try_arc(set)
    }
}

/// The set for the caller's child, or for the caller itself: `own`, with new namespaces of the kinds that `flags` ask for.
///
/// # Errors
/// `ENOMEM`, or what a kind says.
pub fn beside(own: &Arc<Namespaces>, cred: &Cred, flags: u64) -> Result<Arc<Namespaces>> {
    let wanted = |known: &Registered| flags & u64::from(known.kind.flag()) != 0;
    if flags == 0 || !registered().any(|(_, known)| wanted(known)) {
        return Ok(own.clone());
    }
    let mut set = Namespaces(own.0.clone());
    for (index, known) in registered().filter(|(_, known)| wanted(known)) {
        if let Some(from) = &own.0[index] {
            set.0[index] = Some(known.kind.create(cred, from)?);
        }
    }
    kmem::try_arc(set)
}
