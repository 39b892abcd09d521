//! Namespaces (namespaces(7)): what a group of tasks has under names of its own. Each kind belongs to a crate (host names
//! to this one, networks and System V objects to services above); a task has one of each kind.
//!
//! A crate registers its kind at boot and gets an [`NsSlot`], its typed place in every task's set. clone(2) and unshare(2)
//! with the kind's flag ask the kind for a new one; it ends when the last set that holds it does, which is its exit hook
//! (`Drop`). Sets are shared by tasks that have the same ones and never changed.
use crate::clone_flags::NAMESPACES;
use abi::raw::{CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering};
use cred::{Cred, UserNamespace};
use pid::PidNs;
use sync::Once;
use vfs::{FsStruct, MountNs};

/// How many kinds there can be.
const KINDS: usize = 4;

/// A namespace of a registered kind.
pub trait Namespace: Any + Send + Sync {
    /// The number of its file.
    fn number(&self) -> u32;
    /// The user namespace whose capabilities count for it.
    fn owner(&self) -> &Arc<UserNamespace>;
}

/// A namespace, whatever its kind.
pub type AnyNs = Arc<dyn Namespace>;

/// A kind of namespace.
pub trait NsKind: Sync {
    /// Its name in `/proc/PID/ns`.
    fn name(&self) -> &'static str;
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

impl<T: Namespace> NsSlot<T> {
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
        let ns = set.kinds[self.index].as_deref()?;
        (ns as &dyn Any).downcast_ref()
    }
}

/// The namespaces that a task is in, one of each kind; that of users is its credentials', that of numbers its own number's.
pub struct Namespaces {
    kinds: [Option<AnyNs>; KINDS],
    mnt: Arc<MountNs>,
    /// Where its children are made; its own numbers stay those of its birth.
    pids: PidNs,
}

fn registered() -> impl Iterator<Item = (usize, &'static Registered)> {
    let known = TABLE.iter().enumerate();
    known.filter_map(|(index, place)| place.get().map(|kind| (index, kind)))
}

/// The flags of all kinds of which there can be more than one.
pub fn flags() -> u32 {
    registered().fold(FIXED, |flags, (_, known)| flags | known.kind.flag())
}

impl Namespaces {
    /// What the first process starts with, which sees `mnt`. `ENOMEM`.
    pub(crate) fn first(mnt: Arc<MountNs>) -> Result<Arc<Self>> {
        let mut kinds = [const { None }; KINDS];
        for (index, known) in registered() {
            kinds[index] = Some(known.first.clone());
        }
        kmem::try_arc(Self {
            kinds,
            mnt,
            pids: PidNs::FIRST,
        })
    }

    fn try_clone(&self) -> Self {
        Self {
            kinds: self.kinds.clone(),
            mnt: self.mnt.clone(),
            pids: self.pids.clone(),
        }
    }
}

/// The flags of the kinds that are not registered.
const FIXED: u32 = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER;

/// The set for the caller's child, or for the caller itself: `own`, with new namespaces of the kinds that `flags` ask for.
/// The caller's own numbers are of `numbered`; `fs` is its own, and stands in a new namespace of mounts then.
///
/// # Errors
/// `ENOMEM`, or what a kind says; `EINVAL`: its children have other numbers already.
pub fn beside(
    own: &Arc<Namespaces>,
    numbered: &PidNs,
    cred: &Cred,
    fs: &FsStruct,
    flags: u64,
) -> Result<Arc<Namespaces>> {
    if flags & u64::from(NAMESPACES & !CLONE_NEWUSER) == 0 {
        return Ok(own.clone());
    }
    let wanted = |known: &Registered| flags & u64::from(known.kind.flag()) != 0;
    let mut set = own.try_clone();
    for (index, known) in registered().filter(|(_, known)| wanted(known)) {
        if let Some(from) = &own.kinds[index] {
            set.kinds[index] = Some(known.kind.create(cred, from)?);
        }
    }
    if flags & u64::from(CLONE_NEWNS) != 0 {
        set.mnt = own.mnt.copy(cred, fs)?;
    }
    if flags & u64::from(CLONE_NEWPID) != 0 {
        if !own.pids.is(numbered) {
            return Err(Errno::EINVAL);
        }
        set.pids = own.pids.create(cred)?;
    }
    kmem::try_arc(set)
}

/// One namespace, as a file in `/proc/PID/ns` stands for it.
#[derive(Clone)]
pub enum NsRef {
    /// Of a registered kind: its place, and the namespace.
    Registered(usize, AnyNs),
    /// What is mounted.
    Mnt(Arc<MountNs>),
    /// Process numbers.
    Pid(PidNs),
    /// Users.
    User(Arc<UserNamespace>),
}

impl NsRef {
    /// Its kind, as the link reads: `uts` of `uts:[4026531838]`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Registered(index, _) => TABLE[*index].get().map_or("", |known| known.kind.name()),
            Self::Mnt(_) => "mnt",
            Self::Pid(_) => "pid",
            Self::User(_) => "user",
        }
    }

    /// Its kind as the flag of clone(2).
    pub fn flag(&self) -> u32 {
        match self {
            Self::Registered(index, _) => TABLE[*index].get().map_or(0, |known| known.kind.flag()),
            Self::Mnt(_) => CLONE_NEWNS,
            Self::Pid(_) => CLONE_NEWPID,
            Self::User(_) => CLONE_NEWUSER,
        }
    }

    /// The number of its file.
    pub fn number(&self) -> u32 {
        match self {
            Self::Registered(_, ns) => ns.number(),
            Self::Mnt(ns) => ns.number(),
            Self::Pid(ns) => ns.number(),
            Self::User(ns) => ns.number(),
        }
    }

    /// The user namespace whose capabilities count for it; of one of users the one around it, and none of the first.
    /// `ENOMEM`.
    pub fn owner(&self) -> Result<Option<Arc<UserNamespace>>> {
        Ok(match self {
            Self::Registered(_, ns) => Some(ns.owner().clone()),
            Self::Mnt(ns) => Some(ns.owner().clone()),
            Self::Pid(ns) => Some(ns.owner()?),
            Self::User(ns) => ns.parent().cloned(),
        })
    }
}

/// The names of the registered kinds.
pub(crate) fn kind_names() -> impl Iterator<Item = &'static str> {
    registered().map(|(_, known)| known.kind.name())
}

impl Namespaces {
    /// Its namespace of the registered kind of that name. `ENOENT`: there is no such kind.
    pub(crate) fn of_kind(&self, name: &str) -> Result<NsRef> {
        let mut kinds = registered().filter(|(_, known)| known.kind.name() == name);
        let (index, _) = kinds.next().ok_or(Errno::ENOENT)?;
        let ns = self.kinds[index].clone().ok_or(Errno::ENOENT)?;
        Ok(NsRef::Registered(index, ns))
    }

    /// What it has mounted.
    pub fn mnt(&self) -> &Arc<MountNs> {
        &self.mnt
    }

    /// Where children are made.
    pub fn pids(&self) -> &PidNs {
        &self.pids
    }
}

/// `set` with the namespace `ns` in place of its own of that kind. `EINVAL`: a set has none of that kind; `ENOMEM`.
pub(crate) fn with(set: &Namespaces, ns: &NsRef) -> Result<Arc<Namespaces>> {
    let mut set = set.try_clone();
    match ns {
        NsRef::Registered(index, ns) => set.kinds[*index] = Some(ns.clone()),
        NsRef::Mnt(ns) => set.mnt = ns.clone(),
        NsRef::Pid(ns) => set.pids = ns.clone(),
        NsRef::User(_) => return Err(Errno::EINVAL),
    }
    kmem::try_arc(set)
}
