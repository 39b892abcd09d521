//! IPC namespaces (ipc_namespaces(7)): System V objects and POSIX message queues, and the limits on them.
//!
//! What a namespace has belongs to services above, each of which registers a part at boot and gets an [`IpcSlot`], its
//! typed place in every namespace. The namespace ends with its last task (or file of it); then its parts are dropped.
use crate::ns::{AnyNs, Namespace, Namespaces, NsKind, NsSlot};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering};
use cred::{Charge, Counted, Cred, UserNamespace, number};
use sync::Once;

/// How many parts there can be.
const PARTS: usize = 2;

/// A part of a namespace.
pub type AnyPart = Arc<dyn Any + Send + Sync>;

/// A kind of part.
pub trait IpcPart: Sync {
    /// An empty one with the usual limits, for a new namespace; `owner` is the user namespace whose capabilities count for it.
    ///
    /// # Errors
    /// `ENOMEM`; `ENOSPC`: there are too many.
    fn create(&self, owner: &Arc<UserNamespace>) -> Result<AnyPart>;
}

static KINDS: [Once<&'static dyn IpcPart>; PARTS] = [const { Once::new() }; PARTS];
static USED: AtomicUsize = AtomicUsize::new(0);

/// The typed place of a part in every namespace.
pub struct IpcSlot<T> {
    index: usize,
    _type: PhantomData<fn() -> T>,
}

impl<T: Any + Send + Sync> IpcSlot<T> {
    /// A new kind of part; at boot, before [`init`]. `ENFILE`: all places are taken.
    pub fn register(kind: &'static dyn IpcPart) -> Result<Self> {
        let index = USED.fetch_add(1, Ordering::Relaxed);
        let place = KINDS.get(index).ok_or(Errno::ENFILE)?;
        let _ = place.set(kind); // the index is ours alone
        Ok(Self {
            index,
            _type: PhantomData,
        })
    }

    /// The part that a namespace has.
    #[inline]
    pub fn of<'a>(&self, ns: &'a IpcNs) -> Option<&'a T> {
        ns.parts[self.index].as_deref()?.downcast_ref()
    }

    /// The same, to be kept: it then outlives the namespace.
    pub fn kept(&self, ns: &IpcNs) -> Option<Arc<T>> {
        ns.parts[self.index].clone()?.downcast().ok()
    }
}

/// A namespace of such objects.
pub struct IpcNs {
    number: u32,
    owner: Arc<UserNamespace>,
    parts: [Option<AnyPart>; PARTS],
    /// What it counts as among its users.
    _counted: Option<Charge>,
}

impl Namespace for IpcNs {
    fn number(&self) -> u32 {
        self.number
    }
    fn owner(&self) -> &Arc<UserNamespace> {
        &self.owner
    }
}

impl IpcNs {
    fn new(
        number: u32,
        owner: Arc<UserNamespace>,
        counted: Option<Charge>,
    ) -> Result<Arc<Self>> {
        let mut parts = [const { None }; PARTS];
        for (part, kind) in parts.iter_mut().zip(&KINDS) {
            if let Some(kind) = kind.get() {
                *part = Some(kind.create(&owner)?);
            }
        }
        kmem::try_arc(Self {
            number,
            owner,
            parts,
            _counted: counted,
        })
    }
}

struct Kind;
static SLOT: Once<NsSlot<IpcNs>> = Once::new();

impl NsKind for Kind {
    fn name(&self) -> &'static str {
        "ipc"
    }
    fn flag(&self) -> u32 {
        abi::raw::CLONE_NEWIPC
    }
    /// It starts empty, with the usual limits.
    fn create(&self, cred: &Cred, _from: &AnyNs) -> Result<AnyNs> {
        let counted = Charge::of(cred, Counted::IpcNamespaces)?;
        let owner = cred.user_ns.clone();
        Ok(IpcNs::new(number::next()?, owner, Some(counted))?)
    }
}

/// Makes the first namespace; at boot, when all parts are registered. `ENOMEM`.
pub fn init() -> Result<()> {
    let first = IpcNs::new(number::first::IPC, UserNamespace::init()?, None)?;
    let _ = SLOT.set(NsSlot::register(&Kind, first)?); // once
    Ok(())
}

/// The one that a set of namespaces has. `EINVAL` before [`init`].
#[inline]
pub fn of(set: &Namespaces) -> Result<&IpcNs> {
    SLOT.get()
        .and_then(|slot| slot.of(set))
        .ok_or(Errno::EINVAL)
}
