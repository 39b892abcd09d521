//! Host and domain name (uname(2), sethostname(2)), and the namespaces that have them (uts_namespaces(7)).
use crate::ns::{AnyNs, Namespace, Namespaces, NsKind, NsSlot};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use cred::{Charge, Counted, Cred, UserNamespace, number};
use sync::{LockClass, Once, SpinLock, rank};

static NAMES: LockClass = LockClass::new("uts", rank::TASK_LEAF);

/// `version` of uname(2).
pub const VERSION: &str = concat!("#1 SMP PREEMPT Gaon ", env!("CARGO_PKG_VERSION"));

/// A name of up to 64 bytes, NUL-padded.
pub type Name = [u8; 65];

/// The two names that can be set.
#[derive(Clone, Copy)]
pub struct Uts {
    /// `nodename`.
    pub host: Name,
    /// `domainname`.
    pub domain: Name,
}

impl Uts {
    /// With the names that nobody sets, as `struct new_utsname` has them: system, host, release, version, machine, domain.
    pub fn fields(&self, machine: &str) -> [Name; 6] {
        [
            pad(b"Linux"),
            self.host,
            pad(abi::RELEASE.as_bytes()),
            pad(VERSION.as_bytes()),
            pad(machine.as_bytes()),
            self.domain,
        ]
    }
}

/// A namespace of such names.
pub struct UtsNs {
    number: u32,
    owner: Arc<UserNamespace>,
    /// What it counts as among them.
    _counted: Option<Charge>,
    names: SpinLock<Uts>,
}

struct Kind;
static SLOT: Once<NsSlot<UtsNs>> = Once::new();
static FIRST: Once<Arc<UtsNs>> = Once::new();

impl Namespace for UtsNs {
    fn number(&self) -> u32 {
        self.number
    }
    fn owner(&self) -> &Arc<UserNamespace> {
        &self.owner
    }
}

impl NsKind for Kind {
    fn name(&self) -> &'static str {
        "uts"
    }
    fn flag(&self) -> u32 {
        abi::raw::CLONE_NEWUTS
    }
    /// It starts with the names of the one it comes from.
    fn create(&self, cred: &Cred, from: &AnyNs) -> Result<AnyNs> {
        let from = (&**from as &dyn Any).downcast_ref::<UtsNs>();
        let names = from.map_or(NONE, UtsNs::get);
        Ok(kmem::try_arc(UtsNs {
            number: number::next()?,
            owner: cred.user_ns.clone(),
            _counted: Some(Charge::of(cred, Counted::UtsNamespaces)?),
            names: SpinLock::new(&NAMES, names),
        })?)
    }
}

const NONE: Uts = Uts {
    host: pad(b"(none)"),
    domain: pad(b"(none)"),
};

/// Makes the first namespace; at boot. `ENOMEM`.
pub fn init() -> Result<()> {
    let first = kmem::try_arc(UtsNs {
        number: number::first::UTS,
        owner: UserNamespace::init()?,
        _counted: None,
        names: SpinLock::new(&NAMES, NONE),
    })?;
    let _ = FIRST.set(first.clone()); // once, and so below
    let _ = SLOT.set(NsSlot::register(&Kind, first)?);
    Ok(())
}

/// The names of the first namespace.
pub fn of_machine() -> Uts {
    FIRST.get().map_or(NONE, |first| first.get())
}

/// The one that a set of namespaces has. `EINVAL` before [`init`].
pub fn of(set: &Namespaces) -> Result<&UtsNs> {
    SLOT.get()
        .and_then(|slot| slot.of(set))
        .ok_or(Errno::EINVAL)
}

const fn pad(text: &[u8]) -> Name {
    let mut name = [0; 65];
    let mut i = 0;
    while i < text.len() && i < 64 {
        name[i] = text[i];
        i += 1;
    }
    name
}

impl UtsNs {
    /// Both names.
    pub fn get(&self) -> Uts {
        *self.names.lock_irq()
    }

    /// Sets the host name. `EINVAL`: longer than 64 bytes.
    pub fn set_host(&self, name: &[u8]) -> Result<()> {
        self.set(name, |uts| &mut uts.host)
    }

    /// Sets the domain name. `EINVAL`: longer than 64 bytes.
    pub fn set_domain(&self, name: &[u8]) -> Result<()> {
        self.set(name, |uts| &mut uts.domain)
    }

    fn set(&self, name: &[u8], field: impl FnOnce(&mut Uts) -> &mut Name) -> Result<()> {
        if name.len() > 64 {
            return Err(Errno::EINVAL);
        }
        *field(&mut self.names.lock_irq()) = pad(name);
        Ok(())
    }
}
